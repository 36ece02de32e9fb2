//! A compile worker by itself: what tests and examples of this crate start. The product starts `bureaucrat compile-worker`,
//! which does the same.
#![forbid(unsafe_code)]

fn main() {
    std::process::exit(bureaucrat_sandbox::compile_worker_main());
}
