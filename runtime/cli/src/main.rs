//! The binary: hands the command line to [`bureaucrat_cli::run`] and leaves with what that says.
#![forbid(unsafe_code)]

/// glibc's keeps hundreds of MiB after large messages; this one returns them to the system.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    bureaucrat_cli::run()
}
