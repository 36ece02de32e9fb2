//! The commands that change where a process stands.

use super::Target;
use bureaucrat_model::NO_REASON;
use clap::Args;

/// The part of the process that is meant, and why it is changed.
#[derive(Debug, Args)]
pub struct Meant {
    /// The part that waits at this activity: its `id`, or its path as `show` prints it [default: the
    /// only part that waits]
    #[arg(long, value_name = "ID or PATH")]
    pub activity: Option<String>,
    /// The part with this number, where several wait at one activity
    #[arg(long, value_name = "NUMBER", conflicts_with = "activity")]
    pub part: Option<u32>,
    /// Why; shown in its history
    #[arg(long, value_name = "TEXT", default_value = NO_REASON)]
    pub reason: String,
}

/// The fields that a part gets.
#[derive(Debug, Args)]
pub struct GivenFields {
    /// A field, parsed as JSON if valid, otherwise taken as text
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub field: Vec<String>,
    /// A field whose value is text, whatever it looks like: --text zip=01234
    #[arg(long, value_name = "NAME=VALUE")]
    pub text: Vec<String>,
    /// Fields as a JSON object, or @FILE or - (standard input) with one; --field and --text override them
    #[arg(long, value_name = "JSON")]
    pub fields: Option<String>,
}

/// `retry`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat retry 0c4b8a0e
  bureaucrat retry 0c4b8a0e --activity pay    sends its task again
  bureaucrat list --state incident            what can be retried

The engine retries a process that it could not continue every 30 seconds; this does it now. What \
waits for an operator after a fault (on-fault=\"incident\") runs the failed activity again. An \
action that waits for an answer sends its task again, under the same message id, and its time \
begins again: for a task that its queue has lost. Between two attempts, the next one begins now. \
The exit code is 0 once that is durable (a process may park again), and 1 if there is no such \
process or nothing of it can be retried.")]
pub struct Retry {
    #[command(flatten)]
    pub meant: Meant,
    #[command(flatten)]
    pub target: Target,
}

/// `skip`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat skip 0c4b8a0e --activity pay --field paid=true
  bureaucrat skip 0c4b8a0e                    the only activity that waits

The activity ends now, as if it had given these fields: a task or a subscription is withdrawn, a \
called process is cancelled, and so are the branches of an `all` or a `race`. The process continues \
after it. The exit code is 0 once that is durable, and 1 if it is refused; the reason is printed.")]
pub struct Skip {
    #[command(flatten)]
    pub given: GivenFields,
    /// Only say which part is meant, or why it is refused
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub meant: Meant,
    #[command(flatten)]
    pub target: Target,
}

/// `set`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat set 0c4b8a0e --text zip=12345 --reason 'she called'
  bureaucrat set 0c4b8a0e --activity pay --remove voucher
  bureaucrat retry 0c4b8a0e         what failed runs with the new fields

The fields are those that the part sees; a branch of an `all` has its own until it ends. A task \
that was sent keeps the fields that it has, and its answer changes only what it returns in another \
way. The exit code is 0 once that is durable, and 1 if it is refused; the reason is printed.")]
pub struct Set {
    #[command(flatten)]
    pub given: GivenFields,
    /// A field that is removed
    #[arg(long, value_name = "NAME")]
    pub remove: Vec<String>,
    /// Only say which part is meant, or why it is refused
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub meant: Meant,
    #[command(flatten)]
    pub target: Target,
}

/// `move`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat move 0c4b8a0e --to pack --reason 'the parcel came back'
  bureaucrat move 0c4b8a0e --activity ship --to pack
  bureaucrat compile --disassemble order.xml   the path of each activity

The part leaves its activity as with `skip`, and continues at the beginning of the other one. Both \
must be in the same scope and the same branch: the elements around them with handlers, `finally`, \
events or fields of their own, and around branches, must be the same. The exit code is 0 once that \
is durable, and 1 if it is refused; the reason is printed.")]
pub struct Move {
    /// Where it continues: the `id` or the path of an activity
    #[arg(long, value_name = "ID or PATH")]
    pub to: String,
    /// Only say which part would move, or why it is refused
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub meant: Meant,
    #[command(flatten)]
    pub target: Target,
}
