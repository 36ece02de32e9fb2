//! The commands for operators: what they can do about a process, and about a storage.

use bureaucrat_model::{IdPrefix, NO_REASON};
use clap::{Args, ValueEnum};
use std::{path::PathBuf, time::Duration};

/// The process that an order is for, and how its outcome is printed.
#[derive(Debug, Args)]
pub struct Target {
    /// The process: its id, or the first 4 or more digits of it
    pub process: IdPrefix,
    /// Print {"process", "outcome"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `cancel`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat cancel 0c4b8a0e --reason 'ordered twice'
  bureaucrat cancel 0c4b8a0e-1111-8222-9333-444455556666 --broker    elsewhere

The process fails with the code Cancelled, and so does every process that it called. The exit \
code is 0 once that is durable, and 1 if there is no such process or it has already ended.")]
pub struct Cancel {
    /// Why; shown in its history and its fault
    #[arg(long, value_name = "TEXT", default_value = NO_REASON)]
    pub reason: String,
    /// Ask over the broker, as `launch` does, instead of the engine on this machine; the policy says
    /// whom the broker's user may cancel
    #[arg(long)]
    pub broker: bool,
    /// How long to wait for the broker and the engine, with --broker: 90 (seconds), 15m, 24h
    /// [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = super::duration, requires = "broker")]
    pub timeout: Option<Duration>,
    #[command(flatten)]
    pub target: Target,
}

/// `suspend`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat suspend 0c4b8a0e --reason 'the bank asks to wait'
  bureaucrat list --state suspended
  bureaucrat resume 0c4b8a0e

Answers, events and timers that come meanwhile are kept, and count when the process is resumed; a \
deadline then passes at once. Up to 1,000 answers and events are kept (`incident_inputs`). Tasks that \
were sent stay with their workers. Processes that it called continue. The exit code is 0 once that \
is durable, and 1 if there is no such process, or it has ended or is suspended already.")]
pub struct Suspend {
    /// Why; shown in lists and in its history
    #[arg(long, value_name = "TEXT", default_value = NO_REASON)]
    pub reason: String,
    #[command(flatten)]
    pub target: Target,
}

/// `resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat list --state suspended
  bureaucrat resume 0c4b8a0e --reason 'the bank has called back'

The exit code is 0 once that is durable, and 1 if there is no such process or it is not suspended.")]
pub struct Resume {
    /// Why; shown in its history
    #[arg(long, value_name = "TEXT", default_value = NO_REASON)]
    pub reason: String,
    #[command(flatten)]
    pub target: Target,
}

/// `terminate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat terminate 0c4b8a0e --reason 'its finally never ends'

The process fails with the code Terminated, or Cancelled if it was cancelled before. Unlike after `cancel`, none of its handlers, `finally` \
and compensations run; its tasks are withdrawn. Processes that it called are cancelled, so theirs do \
run. The exit code is 0 once that is durable, and 1 if there is no such process or it has already \
ended.")]
pub struct Terminate {
    /// Why; shown in its history and its fault
    #[arg(long, value_name = "TEXT", default_value = NO_REASON)]
    pub reason: String,
    #[command(flatten)]
    pub target: Target,
}

/// `fsck`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat fsck
  bureaucrat fsck /var/lib/bureaucrat --json
  bureaucrat fsck /var/lib/bureaucrat --repair

Stop the engine first. Each finding has a table, a key (hexadecimal), a \
process, what is wrong, and what --repair would do: `rebuild` what follows from other records, \
`remove` what nothing needs, or `none`. If parts of a table can't be read, --repair copies \
everything else into a new `state`, and keeps the damaged one beside it. It first writes what it \
removes or overwrites to a file in the storage, one JSON object per line.

Exit codes: 0 if nothing is wrong (any more), 1 if there are findings (left), 2 if the storage \
can't be read.")]
pub struct Fsck {
    /// The storage [default: the configured one]
    pub folder: Option<PathBuf>,
    /// Print {"records", "findings", "left_out"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
    /// Repair what can be repaired
    #[arg(long)]
    pub repair: bool,
    /// Open a storage that lost the end of its log, or a database that was restored from a backup, and accept what is
    /// left
    #[arg(long)]
    pub accept_lost_tail: bool,
}

/// `backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat backup /backups/monday
  bureaucrat restore /backups/monday --storage /var/lib/bureaucrat

The engine keeps running. If the folder is on the file system of the storage, the files are \
linked, not copied, which is quick; then copy the folder elsewhere. A backup holds the secret of \
the storage: keep it as safe as the storage.")]
pub struct Backup {
    /// The folder for the backup; it must not exist
    pub folder: PathBuf,
    /// Print {"folder", "files", "bytes", "millis"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat restore /backups/monday --storage /var/lib/bureaucrat

Every file is checked against the manifest before anything is written. Processes resume where \
they were at the time of the backup: tasks that were answered since are sent again, under the \
same message ids. Never run the original and a restored storage on the same queues.")]
pub struct Restore {
    /// The backup
    pub backup: PathBuf,
    /// Print {"storage", "bytes"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// The states of a process, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateName {
    /// It runs or waits
    Running,
    /// It is parked: the engine could not continue it, or a fault waits for an operator
    Incident,
    /// An operator suspended it
    Suspended,
    /// It ran to its end
    Completed,
    /// It failed
    Failed,
}
