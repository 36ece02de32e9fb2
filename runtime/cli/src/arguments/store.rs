//! `store …`: what can be done with an engine's records while no engine uses them.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `store …`.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Copy the records to another folder or database, to continue there
    Copy(StoreCopy),
    /// Bring the records to the format of this engine
    Migrate(StoreMigrate),
    /// Have records that were copied continue where they are
    Reopen(StoreReopen),
}

/// `store copy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat store copy /var/lib/bureaucrat postgres://flows@db/flows
  bureaucrat store copy --from-password-file secret \\
      postgres://flows@db/flows /var/lib/bureaucrat-2

Stop the engine first. A place is a storage folder, or a database as in the \
setting `store`. TO must be empty. Everything that was written is read again and \
compared. Then FROM is marked as copied, so that no engine starts with it: two \
engines with the same records would give the same tasks twice.

What is interrupted is not used by any engine: begin again with --again.

Exit codes: 0 if everything is there, 1 if it could not be copied, 2 if FROM or \
TO can't be used.")]
pub struct StoreCopy {
    /// The records: a storage folder, or postgres://USER@HOST/DATABASE
    pub from: String,
    /// Where they will be: another one of the two
    pub to: String,
    /// A file with the password of the database FROM
    #[arg(long, value_name = "FILE")]
    pub from_password_file: Option<PathBuf>,
    /// A file with the password of the database TO
    #[arg(long, value_name = "FILE")]
    pub to_password_file: Option<PathBuf>,
    /// Remove an unfinished copy in TO first, and begin again
    #[arg(long)]
    pub again: bool,
    /// Print {"from", "to", "records", "bytes", "tables", "millis"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `store migrate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat store migrate --dry-run
  bureaucrat store migrate /var/lib/bureaucrat
  bureaucrat store migrate --online

Stop the engine and make a backup first: an older engine can't read the records \
afterwards. A migration that is interrupted continues where it was when it is run \
again; until it is finished no engine starts with the records.

With --online, engines of this version that share a database continue: they open the \
records again within a second, and write the new format from then on. Engines of the \
version before end. Only formats that differ in nothing but records can be changed so.

Exit codes: 0 if the records have the format of this engine, 1 if they could not \
be migrated, 2 if they can't be used.")]
pub struct StoreMigrate {
    /// The records: a storage folder, or postgres://USER@HOST/DATABASE
    /// [default: the configured one]
    pub place: Option<String>,
    /// A file with the password of the database
    #[arg(long, value_name = "FILE", requires = "place")]
    pub password_file: Option<PathBuf>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// While engines work, once all of them have this version
    #[arg(long, conflicts_with = "dry_run")]
    pub online: bool,
    /// Print {"place", "steps", "format", "dry_run"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `store reopen`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat store reopen /var/lib/bureaucrat

Only if no engine ever runs on the copy again, since both would give the same \
tasks. The processes resume where they were when they were copied: tasks that were \
answered since are sent again, under the same message ids.

Exit codes: 0 if an engine can use the records again, 1 if they were not copied, 2 \
if they can't be used.")]
pub struct StoreReopen {
    /// The records: a storage folder, or postgres://USER@HOST/DATABASE
    pub place: String,
    /// A file with the password of the database
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Print {"place"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
}
