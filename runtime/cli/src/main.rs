//! (laid out, to be filled in)
fn main() {}
