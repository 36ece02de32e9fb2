//! The options of `bureaucrat verify`.

use bureaucrat_model::IdPrefix;
use clap::Args;
use std::path::PathBuf;

/// `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat verify 0c4b8a0e
  bureaucrat verify --notices notices.jsonl
  bureaucrat verify 0c4b8a0e --notices notices.jsonl

Each row of a history holds the hash of the row before it, so a change of one row shows in all that \
follow. Someone who can write to the storage can also write all of them again. But the notice of a process's \
end says the hash of its history then: keep these notices elsewhere, one JSON text a line, and --notices \
finds such a change, too. `bureaucrat fsck` checks all histories while no engine runs.

Exit codes:
  0  every history that is there is the one that was written
  1  a history is not; or there is no such process, and no notice to go by
  2  the file of notices can't be read")]
pub struct Verify {
    /// The process: its id, or the first 4 or more digits of it. Without it, every
    /// process that the notices are about
    #[arg(required_unless_present = "notices")]
    pub process: Option<IdPrefix>,
    /// Notices of ends, one JSON text a line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub notices: Option<PathBuf>,
    /// Print one JSON object for each history (docs/json.md)
    #[arg(long)]
    pub json: bool,
}
