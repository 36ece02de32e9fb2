//! The binary: passes the command line to [`bureaucrat_cli::run`] and exits with its result.
#![forbid(unsafe_code)]

/// glibc's allocator keeps hundreds of MiB after large messages; this one returns them to the
/// system.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    bureaucrat_cli::run()
}
