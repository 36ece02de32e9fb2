//! The root of each copy, which its build script wrote. The sources are checked where they were written, so that no lint
//! is asked here.
#![allow(warnings, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/copy/root.rs"));
