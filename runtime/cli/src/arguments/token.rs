//! `token …`: tokens for the HTTP API.

use clap::{Args, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use std::time::Duration;

/// `token …`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token, and print it this once
    Create(TokenCreate),
    /// List the tokens, without themselves
    List(TokenList),
    /// Make a token count no more
    Revoke(TokenRevoke),
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Look
    Read,
    /// Also launch, send events and give orders
    Operate,
    /// Also deploy definitions and modules
    Deploy,
}

/// `token create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat token create grafana --role read
  bureaucrat token create shop --role operate --user shop --expires 90d
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8017/api/v1/processes

The token is printed, and stored nowhere: the engine keeps its hash in the storage. With --user it \
is for the processes of that user alone, under the rules that the policy has for the user. A \
running engine knows the token at once. Clients of this machine can use the token in the file \
`http-token` of the storage, which allows everything.")]
pub struct TokenCreate {
    /// What it is called: letters, digits, `-`, `_` and `.`; orders are recorded with it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it allows
    #[arg(long)]
    pub role: RoleName,
    /// The user of the policy whose processes alone it is for
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub user: Option<String>,
    /// After how long it counts no more: 12h, 90d
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    pub expires: Option<Duration>,
    /// Print a JSON object (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `token list`.
#[derive(Debug, Args)]
pub struct TokenList {
    /// Print one JSON object per line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `token revoke`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat token revoke grafana

A running engine refuses the token, and its sessions, from the next request on.")]
pub struct TokenRevoke {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Print a JSON object (docs/json.md)
    #[arg(long)]
    pub json: bool,
}
