//! `bulk …`: an order for each process that a search finds.

use super::{GivenFields, Search};
use bureaucrat_model::{DefinitionRef, NO_REASON};
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
    Resume(BulkResume),
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
    /// Print JSON (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// Why an order is given.
#[derive(Debug, Args)]
pub struct Why {
    /// Why; shown in the history of each process
    #[arg(long, value_name = "TEXT", default_value = NO_REASON)]
    pub reason: String,
}

/// `bulk retry` and others.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat bulk retry --definition order --fault CardDeclined
  bureaucrat bulk retry --definition order --fault CardDeclined --yes
  bureaucrat bulk retry --state running --participant ship --yes
  bureaucrat bulk cancel --definition order@3 --launched-before 7d --yes

The first form only says what it would do. Without --state, `retry` is about incidents, and \
everything else about all processes that have not ended. Each process is \
looked at again when its turn comes, and left alone if it is not as the search wants any more. The \
job continues if the engine is restarted. The exit code is 0 if each process obeyed, and 1 if one was \
refused; `bulk show` says which, and why.")]
pub struct BulkOrder {
    #[command(flatten)]
    pub search: Search,
    #[command(flatten)]
    pub why: Why,
    #[command(flatten)]
    pub given: Given,
}

/// `bulk resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat bulk resume --definition order
  bureaucrat bulk resume --definition order --yes

The first form only says how many processes it would be, among those that are suspended.")]
pub struct BulkResume {
    #[command(flatten)]
    pub search: Search,
    #[command(flatten)]
    pub why: Why,
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
    pub why: Why,
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
    pub why: Why,
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
    pub why: Why,
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
    pub why: Why,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use clap::{CommandFactory, Parser};
    use std::collections::BTreeSet;

    /// Options with one name would take each other's values.
    fn has_each_option_once(command: &clap::Command) {
        let mut names = BTreeSet::new();
        for argument in command.get_arguments() {
            let name = argument.get_id();
            assert!(names.insert(name), "{}: {name} twice", command.get_name());
        }
        command.get_subcommands().for_each(has_each_option_once);
    }

    #[test]
    fn no_command_has_an_option_twice() {
        has_each_option_once(&Arguments::command());
    }

    #[test]
    fn given_fields_are_no_search() {
        let line = "bureaucrat bulk set --definition order --fields {} --where a=b";
        let parsed = Arguments::try_parse_from(line.split(' '));
        let Ok(Some(Command::Bulk(Bulk::Set(set)))) = parsed.map(|parsed| parsed.command) else {
            panic!("{line} is not understood");
        };
        assert_eq!(set.fields.fields.as_deref(), Some("{}"));
        assert_eq!(set.search.having.len(), 1);
    }
}
