//! The commands for policies.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `policy …`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Print what is wrong with a policy
    Check(PolicyCheck),
    /// Print the rules that a policy has for a user
    Show(PolicyShow),
}

/// `policy check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat policy check policy.toml && kill -HUP $(cat engine.pid)

Prints FILE:LINE:COLUMN: MESSAGE for each problem. The exit code is 1 if there are any.")]
pub struct PolicyCheck {
    /// The policy
    pub file: PathBuf,
    /// Print a JSON array of {"file", "line", "column", "message"}
    #[arg(long)]
    pub json: bool,
}

/// `policy show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat policy show policy.toml --user alice
  bureaucrat policy show policy.toml    the rules for messages without user_id")]
pub struct PolicyShow {
    /// The policy
    pub file: PathBuf,
    /// The user's name in RabbitMQ [default: messages without user_id]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}
