//! The commands for what goes to the engine over the broker: launches and events.

use super::{Addressed, duration};
use clap::Args;
use std::{path::PathBuf, time::Duration};

/// `launch`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat launch order.xml
  bureaucrat launch order.xml --field amount=7 --wait --timeout 1m
  bureaucrat launch order.xml --field zip=12345   a number, unless declared str
  bureaucrat launch order.xml --text zip=12345    a text, as 'zip=\"12345\"'
  bureaucrat launch order.xml --fields '{\"items\": [1, 2]}'
  make-definition | bureaucrat launch -
  bureaucrat launch order             the newest version that is deployed
  bureaucrat launch order@3 --wait

With --wait, the final fields are printed as JSON. If the process fails or is rejected, the \
reasons go to standard error, and the exit code is 1. If --timeout passes first, the exit code \
is 3, and the process keeps running. A warning names fields that the definition does not \
declare.")]
pub struct Launch {
    /// The definition: a file, `-` for standard input, or the NAME or NAME@VERSION of a deployed one. A file of that name
    /// comes first; what contains a `/` or ends with `.xml` is always a file
    #[arg(value_name = "FILE or NAME")]
    pub definition: PathBuf,
    /// A field. Its value has the type that the definition declares for it. If it declares none, the
    /// value is parsed as JSON if valid, otherwise taken as text
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub field: Vec<String>,
    /// A field whose value is text, whatever it looks like: --text zip=01234
    #[arg(long, value_name = "NAME=VALUE")]
    pub text: Vec<String>,
    /// Fields as a JSON object, or @FILE or - (standard input) with one; --field and --text override them
    #[arg(long, value_name = "JSON")]
    pub fields: Option<String>,
    /// A business key: refused while another process of the same name has it and has not ended
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Cancel the process that has the key, and start when it has ended
    #[arg(long, requires = "key")]
    pub replace: bool,
    /// Wait for the end, and print the final fields
    #[arg(long)]
    pub wait: bool,
    /// How long to wait for the broker and the engine: 90 (seconds), 15m, 24h [default: 30s, and
    /// without limit for the end with --wait]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_negative_numbers = true)]
    pub timeout: Option<Duration>,
    /// Print JSON: a line for the launch, and with --wait one for the end (docs/json.md)
    #[arg(long)]
    pub json: bool,
    /// The exchange to publish to [default: the broker's default exchange]
    #[arg(long, value_name = "EXCHANGE")]
    pub exchange: Option<String>,
    /// The routing key to publish with [default: the launch queue]
    #[arg(long, value_name = "KEY")]
    pub routing_key: Option<String>,
}

/// `event`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat event paid --fields '{\"order\": 7}'
  bureaucrat event paid --key A-17 --keep 2d

Prints how many activities waited for the event and how many took it; if that takes longer \
than 10 seconds, the numbers so far. If nothing waits for the event, it is dropped, which is not \
an error.")]
pub struct Event {
    /// The event's name
    pub name: String,
    /// The event's fields, as a JSON object, or @FILE or - (standard input) with one; --field and --text override them
    #[arg(long, value_name = "JSON")]
    pub fields: Option<String>,
    /// A field, parsed as JSON if valid, otherwise taken as text
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub field: Vec<String>,
    /// A field whose value is text, whatever it looks like: --text zip=01234
    #[arg(long, value_name = "NAME=VALUE")]
    pub text: Vec<String>,
    #[command(flatten)]
    pub addressed: Addressed,
    /// How long to wait for the broker and the engine: 90 (seconds), 15m, 24h [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration, allow_negative_numbers = true)]
    pub timeout: Option<Duration>,
    /// Print JSON: {"status", "event", "waiting", "taken"} (docs/json.md)
    #[arg(long)]
    pub json: bool,
    /// The exchange to publish to [default: the broker's default exchange]
    #[arg(long, value_name = "EXCHANGE")]
    pub exchange: Option<String>,
    /// The routing key to publish with [default: the event queue]
    #[arg(long, value_name = "KEY")]
    pub routing_key: Option<String>,
}
