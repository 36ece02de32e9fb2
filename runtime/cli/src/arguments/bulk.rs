//! `bulk …`: an order for each process that a search finds.

use super::{GivenFields, Search};
use bureaucrat_model::DefinitionRef;
use clap::{Args, Subcommand};

/// `bulk …`.
#[derive(Debug, Subcommand)]
pub enum Bulk {
    /// Retry incidents, or the activities at which processes wait
    Retry(BulkOrder),
    /// End processes
    Cancel(BulkOrder),
    /// Let processes do nothing until they are resumed
    Suspend(BulkOrder),
    /// Continue suspended processes
    Resume(BulkOrder),
    /// End processes at once, without what they would run at their end
    Terminate(BulkOrder),
    /// End the activity at which each process waits, with fields that are given
    Skip(BulkSkip),
    /// Set fields of processes
    Set(BulkSet),
    /// Have processes continue at another activity
    Move(BulkMove),
    /// Have processes continue as another version of their definition
    Migrate(BulkMigrate),
    /// List bulk jobs
    List(BulkList),
    /// Show what a bulk job did, and what became of each process
    Show(BulkShow),
    /// Stop a bulk job
    Stop(BulkStop),
}

/// How a bulk job is given.
#[derive(Debug, Args)]
pub struct Given {
    /// Do it. Without this, only say how many processes it would be, and show some of them
    #[arg(long)]
    pub yes: bool,
    /// Don't wait for the end of the job
    #[arg(long, requires = "yes")]
    pub detach: bool,
    /// Why; shown in the history of each process
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    pub reason: String,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `bulk retry` and others.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat bulk retry --definition order --fault CardDeclined
  bureaucrat bulk retry --definition order --fault CardDeclined --yes
  bureaucrat bulk retry --state running --participant ship --yes
  bureaucrat bulk cancel --definition order@3 --launched-before 7d --yes

The first form only says what it would do. Without --state, `retry` is about incidents, `resume` \
about suspended processes, and everything else about all that have not ended. Each process is \
looked at again when its turn comes, and left alone if it is not as the search wants any more. The \
job continues if the engine is restarted. The exit code is 0 if each process obeyed, and 1 if one was \
refused; `bulk show` says which, and why.")]
pub struct BulkOrder {
    #[command(flatten)]
    pub search: Search,
    #[command(flatten)]
    pub given: Given,
}

/// `bulk skip`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat bulk skip --definition order --activity pay --field paid=true
  bureaucrat bulk skip --definition order --activity pay --field paid=true --yes

As `skip`, for the activity that --activity names, or the only one at which a process waits. The \
first form only says what it would do.")]
pub struct BulkSkip {
    #[command(flatten)]
    pub search: Search,
    #[command(flatten)]
    pub fields: GivenFields,
    #[command(flatten)]
    pub given: Given,
}

/// `bulk set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat bulk set --definition order --fault NoZip --text zip=none --yes
  bureaucrat bulk set --definition order --activity pay --remove voucher --yes

As `set`, for the activity that --activity names, or the only one at which a process waits.")]
pub struct BulkSet {
    #[command(flatten)]
    pub search: Search,
    #[command(flatten)]
    pub fields: GivenFields,
    /// A field that is removed
    #[arg(long, value_name = "NAME")]
    pub remove: Vec<String>,
    #[command(flatten)]
    pub given: Given,
}

/// `bulk move`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat bulk move --definition order --activity ship --to pack --yes

As `move`, from the activity that --activity names, or the only one at which a process waits.")]
pub struct BulkMove {
    #[command(flatten)]
    pub search: Search,
    /// Where it continues: the `id` or the path of an activity
    #[arg(long, value_name = "ID or PATH")]
    pub to: String,
    #[command(flatten)]
    pub given: Given,
}

/// `bulk migrate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat migrate 0c4b8a0e --to order@4 --dry-run    where one would be
  bureaucrat bulk migrate --definition order@3 --to order@4 --yes

As `migrate`. A process with a part that has no place in the version is refused, and stays as it is.")]
pub struct BulkMigrate {
    #[command(flatten)]
    pub search: Search,
    /// The version: NAME@VERSION
    #[arg(long, value_name = "NAME@VERSION")]
    pub to: DefinitionRef,
    #[command(flatten)]
    pub given: Given,
}

/// `bulk list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat bulk list

The newest come first. A job stays for --retention after its end.")]
pub struct BulkList {
    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `bulk show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat bulk show 1000042
  bureaucrat bulk show 1000042 --refused
  bureaucrat bulk show 1000042 --outcomes --json")]
pub struct BulkShow {
    /// The number of the job
    pub job: u64,
    /// Also print what became of each process
    #[arg(long)]
    pub outcomes: bool,
    /// Also print the processes that were refused, and why
    #[arg(long, conflicts_with = "outcomes")]
    pub refused: bool,
    /// Print JSON objects, one per line
    #[arg(long)]
    pub json: bool,
}

/// `bulk stop`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat bulk stop 1000042

What was done stays done; no further process gets the order.")]
pub struct BulkStop {
    /// The number of the job
    pub job: u64,
}
