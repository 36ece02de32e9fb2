//! `migrate`: a process continues as another version of its definition.

use super::operating::Target;
use bureaucrat_model::{DefinitionRef, NO_REASON};
use clap::Args;

/// `migrate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat migrate 0c4b8a0e --to order@4 --dry-run
  bureaucrat migrate 0c4b8a0e --to order@4 --reason 'the carrier has changed'

Each part continues at the activity with the same `id`, or at the same path; it keeps what it waits \
for, and everything after that is as in the new version. --dry-run prints where each part would be. \
The exit code is 0 once the migration is durable, and 1 if a part has no place in the new version, \
or it is refused otherwise; the reasons are printed.")]
pub struct Migrate {
    /// The version: NAME@VERSION, or NAME for the newest
    #[arg(long, value_name = "NAME@VERSION")]
    pub to: DefinitionRef,
    /// Only print where each part would be
    #[arg(long)]
    pub dry_run: bool,
    /// Why; shown in its history
    #[arg(long, value_name = "TEXT", default_value = NO_REASON)]
    pub reason: String,
    #[command(flatten)]
    pub target: Target,
}
