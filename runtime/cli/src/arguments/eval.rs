//! The options of `bureaucrat eval`.

use clap::Args;

/// `eval`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat eval 'context[\"x\"] < 4' --field x=3
  bureaucrat eval 'context[\"x\"] < 4' --fields '{\"x\": 3}'
  bureaucrat eval --stdin < expressions.jsonl

With --stdin, each line is {\"expression\": TEXT, \"fields\": {…}}, and is answered by a line: \
{\"value\": …}, {\"error\": CODE, \"message\": …} or {\"refused\": REASON, \"line\": …, \
\"column\": …}.")]
pub struct Eval {
    /// The expression
    #[arg(required_unless_present = "stdin", conflicts_with = "stdin")]
    pub expression: Option<String>,
    /// The fields, as a JSON object, or @FILE or - (standard input) with one
    #[arg(long, value_name = "JSON", conflicts_with = "stdin")]
    pub fields: Option<String>,
    /// A field, parsed as JSON if valid, otherwise taken as text
    #[arg(long = "field", value_name = "NAME=VALUE", conflicts_with = "stdin")]
    pub field: Vec<String>,
    /// A field whose value is text, whatever it looks like
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "stdin")]
    pub text: Vec<String>,
    /// Read JSON lines
    #[arg(long)]
    pub stdin: bool,
    /// Print {"value", "fuel"} and the like; --stdin always prints JSON
    #[arg(long, conflicts_with = "stdin")]
    pub json: bool,
}
