//! The test harness (laid out, to be filled in).
