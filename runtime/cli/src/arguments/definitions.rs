//! `deploy` and `definitions …`: definitions that the engine stores by name and version.

use bureaucrat_model::DefinitionRef;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat deploy order.xml
  bureaucrat launch order --field amount=7

Stores the definition as the next version of the name in <process name=\"…\">, and prints \
NAME@VERSION. If a version already has this text, no new one is made. The same can be done over \
AMQP: a message of the content type application/x-bureaucrat-definition on the launch queue.")]
pub struct Deploy {
    /// The definition, `-` for standard input
    pub file: PathBuf,
    /// Print JSON: {"name", "version", "hash", "outcome": "new" or "unchanged", "newest"}, or {"refused"} with the reasons
    #[arg(long)]
    pub json: bool,
}

/// `definitions …`.
#[derive(Debug, Subcommand)]
pub enum Definitions {
    /// List the deployed definitions
    List(DefinitionsList),
    /// Show the versions of a definition, or one version with its text
    Show(DefinitionsShow),
    /// Stop launching a version, or all versions of a name
    Retire(DefinitionsRetire),
}

/// `definitions list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat definitions list")]
pub struct DefinitionsList {
    /// Print one JSON object per line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `definitions show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat definitions show order
  bureaucrat definitions show order@3
  bureaucrat definitions show order@3 --source > order.xml")]
pub struct DefinitionsShow {
    /// The name, or NAME@VERSION
    pub definition: DefinitionRef,
    /// Print the text alone, as it was deployed; of a name, that of its newest version
    #[arg(long, conflicts_with = "json")]
    pub source: bool,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `definitions retire`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat definitions retire order@3    launches take an older version again
  bureaucrat definitions retire order      all versions: no more launches

Running processes continue. Deploying the definition again makes a new version.")]
pub struct DefinitionsRetire {
    /// The name, or NAME@VERSION
    pub definition: DefinitionRef,
    /// Print JSON: {"name", "retired": [VERSION…], "newest"}
    #[arg(long)]
    pub json: bool,
}
