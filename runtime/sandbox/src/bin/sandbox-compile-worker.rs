//! A separate compile worker, for the tests and examples of this crate. The product starts
//! `bureaucrat compile-worker`, which does the same.
#![forbid(unsafe_code)]

fn main() {
    std::process::exit(bureaucrat_sandbox::compile_worker_main());
}
