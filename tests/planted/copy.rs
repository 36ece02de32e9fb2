//! The root of each copy, written by its build script. The sources are linted where they were
//! written, so no lint runs here.
#![allow(warnings, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/copy/root.rs"));
