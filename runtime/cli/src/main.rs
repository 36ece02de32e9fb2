//! The binary: hands the command line to [`bureaucrat_cli::run`] and leaves with what that says.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    bureaucrat_cli::run()
}
