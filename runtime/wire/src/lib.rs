//! (laid out, to be filled in)
#![forbid(unsafe_code)]
