//! The options of `bureaucrat incident` and `bureaucrat replay`.

use bureaucrat_model::IdPrefix;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `incident`.
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// Write all that is known of an incident to a file, to be replayed elsewhere
    Export(IncidentExport),
}

/// `incident export`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat list --state incident
  bureaucrat incident export 0c4b8a0e
  bureaucrat incident export 0c4b8a0e --output bug.tar --mask card.number
  bureaucrat replay bug.tar                                  elsewhere

The file is a tar archive: incident.json, the program, its guests as .wasm, the definition if it \
is deployed, the process's state, and the messages that led to its failures. It holds the values of \
all fields: --mask replaces those at a path wherever they occur, and leaves the state out. Values in \
expressions and arguments of the definition stay. The exit code is 1 if the process is not an incident, or if \
there is no such process.")]
pub struct IncidentExport {
    /// The process: its id, or the first 4 or more digits of it
    pub process: IdPrefix,
    /// The file, which must not exist; `-` for standard output
    /// [default: incident-ID.tar]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A path whose values are replaced by others of their type, such as `card.number`; in a list,
    /// those of each item
    #[arg(long = "mask", value_name = "PATH")]
    pub masks: Vec<String>,
    /// Print {"process", "file", "bytes", "parts", "masked"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat replay bug.tar
  bureaucrat replay bug.tar --json

No engine, broker or storage is needed. Guests are compiled again and run in the sandbox only, under \
the limits that the file names, as far as those are sensible. Fuel is compared if it is counted as \
it was then.

Exit codes:
  0  what failed fails again in the same way
  1  something has another outcome or another fuel
  2  the file can't be used, or nothing in it can be replayed")]
pub struct Replay {
    /// A file from `bureaucrat incident export`
    pub file: PathBuf,
    /// Print {"process", "name", "same", "parts"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
}
