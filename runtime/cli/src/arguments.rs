//! What can be said on the command line, and what `--help` says about it.

mod audit;
mod bulk;
mod dead;
mod definitions;
mod eval;
mod graph;
mod incidents;
mod looking;
mod migrating;
mod modifying;
mod module;
mod operating;
mod policy;
mod publishing;
mod searching;
mod store;
#[cfg(feature = "http")]
mod token;
mod verifying;

pub use audit::Audit;
pub use bulk::{
    Bulk, BulkList, BulkMigrate, BulkMove, BulkOrder, BulkResume, BulkSet, BulkShow, BulkSkip,
    BulkStop, Given, Why as BulkWhy,
};
pub use dead::{Dead, DeadList, LetterEnd};
pub use definitions::{Definitions, DefinitionsList, DefinitionsRetire, DefinitionsShow, Deploy};
pub use eval::Eval;
pub use graph::{Graph, GraphFormat};
pub use incidents::{Incident, IncidentExport, Replay};
pub use looking::{Addressed, Show, Why};
pub use migrating::Migrate;
pub use modifying::{GivenFields, Meant, Move, Retry, Set, Skip};
pub use module::{
    Module, ModuleAlias, ModuleBench, ModuleBuild, ModuleCheck, ModuleDeploy, ModuleDiff,
    ModuleList, ModuleRemove, ModuleRun, ModuleShow, ModuleSign, ModuleTest,
};
pub use operating::{Backup, Cancel, Fsck, Restore, Resume, StateName, Suspend, Target, Terminate};
pub use policy::{Policy, PolicyCheck, PolicyShow};
pub use publishing::{Event, Launch};
pub use searching::{CountedBy, Search};
pub use store::{Store, StoreCopy, StoreMigrate, StoreReopen};
#[cfg(feature = "http")]
pub use token::{RoleName, Token, TokenCreate, TokenList};
pub use verifying::Verify;

/// The settings that were given as flags.
pub use crate::configuration::Flags as Options;

use crate::places;
use bureaucrat_model::IdPrefix;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, time::Duration};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  an error, a wrong definition, or a process that failed or was rejected
  2  the command line can't be understood, or a storage can't be read
  3  the time of --timeout passed first

A flag wins over its variable, the variable over the INI file, the INI file over the default. \
An empty value counts as not set. `bureaucrat config` prints what is in force and where it \
came from. BUREAUCRAT_AMQP_PASSWORD holds the password if the address has none.

Errors begin with `error:`. With --json, a command that fails prints one line to standard \
error: {\"failure\", \"message\", \"exit_code\"} (docs/json.md).";

const EXAMPLES: &str = "\
Examples:
  bureaucrat                                        run the engine as a daemon
  bureaucrat -f --amqp amqp://guest:guest@mq/%2f    run it in the foreground
  bureaucrat launch order.xml --field amount=7 --wait
  bureaucrat list --state running
  bureaucrat eval 'context[\"x\"] * 2' --fields '{\"x\": 21}'";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "bureaucrat",
    version,
    about = "Runs durable processes, defined in XML, over RabbitMQ",
    after_help = format!("{EXAMPLES}\n\n{}\n\n{EXIT_CODES}", places::help()),
    max_term_width = 110
)]
pub struct Arguments {
    #[command(flatten)]
    pub options: Options,
    #[command(flatten)]
    pub daemon: DaemonOptions,
    /// What to do. Without a command, the engine runs.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How the engine is started.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Engine")]
pub struct DaemonOptions {
    /// Don't daemonize: stay in the foreground and log to standard error
    #[arg(short, long)]
    pub foreground: bool,
    /// Set by the daemon for the process that it becomes.
    #[arg(long, hide = true)]
    pub daemon_child: bool,
}

/// What kind of queues the engine makes for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueueKind {
    Classic,
    /// Replicated; needs RabbitMQ 3.10.
    Quorum,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object per line.
    Json,
}

/// Whether engines with the same database share its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreSharing {
    On,
    /// One has all of them, and the others stand by.
    Off,
}

/// Whether guests with a language runtime inside are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RuntimeGuests {
    /// Their instances get up to 64 MiB, and an evaluation takes tenths of milliseconds.
    Allowed,
    /// They are refused when they are deployed or come in a definition.
    Refused,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Launch a process and print its id
    Launch(Launch),
    /// Publish an event
    Event(Event),
    /// Report errors and warnings in definitions
    Check(Check),
    /// Compile a definition and print a summary
    Compile(Compile),
    /// Draw a definition, or what is different between two versions
    Graph(Graph),
    /// Store a definition in the running engine, to be launched by its name
    Deploy(Deploy),
    /// List, show and retire deployed definitions
    #[command(subcommand)]
    Definitions(Definitions),
    /// List the processes of the running engine
    List(List),
    /// Show one process of the running engine
    Show(Show),
    /// Say why a process does not continue, and what to do about it
    Why(Why),
    /// End a process of the running engine
    Cancel(Cancel),
    /// Retry a parked process now
    Retry(Retry),
    /// Let a process do nothing until it is resumed
    Suspend(Suspend),
    /// Continue a suspended process
    Resume(Resume),
    /// End the activity at which a process waits, with fields that are given
    Skip(Skip),
    /// Set fields of a process
    Set(Set),
    /// Have a process continue at another activity
    Move(Move),
    /// Have a process continue as another version of its definition
    Migrate(Migrate),
    /// End a process at once, without what it would run at its end
    Terminate(Terminate),
    /// Give an order to each process that a search finds
    #[command(subcommand)]
    Bulk(Bulk),
    /// List the orders that were carried out, and who gave them
    Audit(Audit),
    /// Take an incident to another machine
    #[command(subcommand)]
    Incident(Incident),
    /// Replay an incident from a file
    Replay(Replay),
    /// Check that histories are the ones that were written
    Verify(Verify),
    /// Back up the running engine's storage
    Backup(Backup),
    /// Restore a storage from a backup
    Restore(Restore),
    /// Check a storage while no engine uses it, and repair it
    Fsck(Fsck),
    /// Copy an engine's records to another place, or bring them to another format
    #[command(subcommand)]
    Store(Store),
    /// Evaluate an expression as the engine does
    Eval(Eval),
    /// Show dead letters, resend or discard them
    #[command(subcommand)]
    Dead(Dead),
    /// Make, check, run and deploy modules
    #[command(subcommand)]
    Module(Module),
    /// Make, list and revoke tokens for the HTTP API
    #[cfg(feature = "http")]
    #[command(subcommand)]
    Token(Token),
    /// Check policies, and show the rules for a user
    #[command(subcommand)]
    Policy(Policy),
    /// Print the settings that are in force, without passwords
    Config(Config),
    /// Compile an uploaded module; the sandbox starts this
    #[command(hide = true)]
    CompileWorker,
}

/// `check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat check definitions/*.xml
  bureaucrat check --deny-warnings order.xml

Prints FILE:LINE:COLUMN: error or warning: MESSAGE, with the line and a caret below it. A \
definition with warnings can be launched; one with errors cannot. The exit code is 1 if there \
are errors.")]
pub struct Check {
    /// The definitions, `-` for standard input
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Print a JSON array of {"file", "line", "column", "severity", "message", "suggestion"}
    #[arg(long)]
    pub json: bool,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    pub deny_warnings: bool,
}

/// `compile`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat compile order.xml
  bureaucrat compile --disassemble order.xml")]
pub struct Compile {
    /// The definition, `-` for standard input
    pub file: PathBuf,
    /// Print the bytecode, one instruction per line, with the lines of the definition
    #[arg(long)]
    pub disassemble: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "disassemble")]
    pub json: bool,
    /// Write the program as the engine stores it
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat list --state running
  bureaucrat list --where customer=Ada --where total=99.5
  bureaucrat list --state incident --definition order --fault CardDeclined
  bureaucrat list --participant charge --launched-before 2h
  bureaucrat list --state running --count-by participant
  bureaucrat list --limit 0 --json    all of them, one JSON object per line

Only processes that have everything that is asked for are listed. The newest come first. On a terminal ids are short; every command accepts the first digits of \
an id, at least four.")]
pub struct List {
    #[command(flatten)]
    pub search: Search,
    /// Only say how many there are
    #[arg(long, conflicts_with_all = ["limit", "after"])]
    pub count: bool,
    /// Only say how many there are by state, definition, version, key, user,
    /// fault, participant, event, or field.NAME (a searchable field)
    #[arg(long, value_name = "WHAT", value_parser = searching::counted_by, conflicts_with_all = ["limit", "after", "count"])]
    pub count_by: Option<CountedBy>,
    /// At most this many; 0 for all
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = count, allow_negative_numbers = true)]
    pub limit: usize,
    /// Only processes that were launched before this one
    #[arg(long, value_name = "PROCESS")]
    pub after: Option<IdPrefix>,
    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `config`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat config
  bureaucrat --prefetch 50 config --json

Each line has a setting, where its value came from (a flag, a variable, FILE:LINE, or the \
default), and the value, as it can be set. Passwords are not shown.")]
pub struct Config {
    /// Print a JSON object: {"NAME": {"value", "from": flag, variable, file or default, "place"}}
    #[arg(long)]
    pub json: bool,
}

/// How many; 0 is all.
///
/// # Errors
/// When it is not a whole number.
pub fn count(text: &str) -> Result<usize, &'static str> {
    text.parse()
        .map_err(|_| "it must be a whole number; 0 means all")
}

/// A span of time: a whole number and `s` (or nothing), `m`, `h` or `d`.
///
/// # Errors
/// When it is not of this form, or longer than 100 years.
pub fn duration(text: &str) -> Result<Duration, String> {
    const LONGEST_SECONDS: u64 = 100 * 366 * 86_400;
    const FORM: &str = "it must be a whole number, alone or with s, m, h or d, such as 90 or 15m";
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(FORM.to_owned()),
    };
    let count: u64 = digits.parse().map_err(|_| FORM.to_owned())?;
    count
        .checked_mul(unit)
        .filter(|seconds| *seconds <= LONGEST_SECONDS)
        .map(Duration::from_secs)
        .ok_or_else(|| "it must be at most 100 years".to_owned())
}
