//! `dead …`: what operators can say about dead letters.

use clap::{Args, Subcommand};

/// `dead …`.
#[derive(Debug, Subcommand)]
pub enum Dead {
    /// List the last dead letters, newest first
    List(DeadList),
    /// Show a dead letter: why it is one, its properties, its body
    Show(DeadShow),
    /// Send the message of a dead letter again, to the queue that it came from
    Resend(DeadResend),
    /// Forget the engine's copy of a dead letter
    Discard(DeadDiscard),
}

/// `dead list`.
#[derive(Debug, Args)]
#[command(after_help = "\
The engine keeps copies of the last 1,000 letters that it put into its dead-letter queue, of at most 16 MiB together.
Looking at them takes nothing off that queue.")]
pub struct DeadList {
    /// Print a JSON object a line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `dead show`.
#[derive(Debug, Args)]
pub struct DeadShow {
    /// The letter's number, as `dead list` prints it
    pub letter: u64,
    /// Print a JSON object (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `dead resend`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat dead resend 17 18

The message is sent as a new one, by the engine: without its message id, its user and its expiration. The engine's copy is
gone then. The letter in the dead-letter queue stays there; its header bureaucrat-letter has the same number.")]
pub struct DeadResend {
    /// The letters' numbers
    #[arg(required = true)]
    pub letters: Vec<u64>,
    /// Print a JSON object a line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `dead discard`.
#[derive(Debug, Args)]
#[command(after_help = "\
The letter in the dead-letter queue stays there; its header bureaucrat-letter has the same number.")]
pub struct DeadDiscard {
    /// The letters' numbers
    #[arg(required = true)]
    pub letters: Vec<u64>,
    /// Print a JSON object a line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}
