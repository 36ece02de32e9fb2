//! `module …`: the commands for authors of condition modules, and for operators.

use bureaucrat_host::modules::Pointed;
use bureaucrat_model::{ModuleName, ModuleRef};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `module …`.
#[derive(Debug, Subcommand)]
pub enum Module {
    /// Make a component from a core module
    Build(ModuleBuild),
    /// Check a module as the engine would, and print its imports and exports
    Check(ModuleCheck),
    /// Run a function of a module on fields, as the engine would
    Run(ModuleRun),
    /// Run a module on a table of cases, and print which fail and what they cost
    Test(ModuleTest),
    /// Measure a function of a module on this machine
    Bench(ModuleBench),
    /// Compare two versions of a module: exports, and outcomes of cases
    Diff(ModuleDiff),
    /// Store a module in the running engine, and print its hash
    Deploy(ModuleDeploy),
    /// List the modules that the running engine has stored
    List(ModuleList),
    /// Show one of them: its versions, who uses it, what it costs
    Show(ModuleShow),
    /// Let an alias of a module stand for a version
    Alias(ModuleAlias),
    /// Sign a module with a key of your own
    Sign(ModuleSign),
    /// Remove a version, an alias or a module; refused while something needs it
    #[command(name = "rm")]
    Remove(ModuleRemove),
}

/// `module build`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat module build risk.wasm -o risk.component.wasm
  bureaucrat module build risk.wat --world condition -o out.wasm
  bureaucrat module build risk.wat --wit risk.wit --world risk -o out.wasm

Exported functions without parameters that return an i32 become functions of the module. An \
export named `verdict:NAME` or `value:NAME` says what it returns; --world says it for the others.")]
pub struct ModuleBuild {
    /// The core module, binary or text
    pub file: PathBuf,
    /// Where the component goes
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// What functions return: `condition` (verdicts) or `expression` (values); or a world of --wit
    #[arg(long)]
    pub world: Option<String>,
    /// WIT source with a world of your own
    #[arg(long, value_name = "FILE")]
    pub wit: Option<PathBuf>,
}

/// `module check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat module check risk.component.wasm
  bureaucrat module check --json risk.component.wasm

Prints hash, class, sizes, compile time, imports and exports. If the engine would refuse the \
module, it prints why, and the exit code is 1. Only an engine with --runtime-guests allowed \
accepts modules of the class `runtime`.")]
pub struct ModuleCheck {
    /// The component
    pub file: PathBuf,
    /// Print JSON: hash, class, sizes, imports and exports, or "refused" (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `module run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat module run risk.wasm is-high --fields '{\"order\": {\"amount\": 7}}'
  bureaucrat module run --json risk.component.wasm

The result goes to standard output, fuel and memory to standard error. The exit code is 1 if \
the function ends with an error.")]
pub struct ModuleRun {
    /// The component
    pub file: PathBuf,
    /// The function, by its WIT name
    #[arg(value_name = "FUNCTION", default_value = "evaluate")]
    pub function: String,
    /// The fields, as a JSON object, or @FILE or - (standard input) with one
    #[arg(long, value_name = "JSON")]
    pub fields: Option<String>,
    /// Print JSON: {"value", "fuel", "memory_bytes"}, or "error" and "message" in place of "value"
    #[arg(long)]
    pub json: bool,
}

/// `module test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat module test risk.component.wasm cases.json
  bureaucrat module test risk.component.wasm cases.json --junit report.xml

CASES is a JSON array, or one JSON object after the other:
  {\"name\": \"a large order\", \"function\": \"is-high\",
   \"fields\": {\"order\": {\"amount\": 20000}}, \"verdict\": true}
Each has `verdict` (true or false), `value` (any JSON) or `error` (a code, perhaps with `message`). \
The exit code is 1 if a case fails (docs/modules.md).")]
pub struct ModuleTest {
    /// The component
    pub file: PathBuf,
    /// The table of cases, `-` for standard input
    pub cases: PathBuf,
    /// Also write a report as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Print one JSON document: cases, and costs by function (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `module bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat module bench risk.component.wasm is-high --fields @order.json

Each evaluation has a new instance, as in the engine. Fuel is the same on every machine, time is not.")]
pub struct ModuleBench {
    /// The component
    pub file: PathBuf,
    /// The function, by its WIT name
    #[arg(value_name = "FUNCTION", default_value = "evaluate")]
    pub function: String,
    /// The fields, as a JSON object, or @FILE or - (standard input) with one
    #[arg(long, value_name = "JSON")]
    pub fields: Option<String>,
    /// How many evaluations are measured
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub count: u32,
    /// Print JSON: fuel, memory, and times in nanoseconds (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `module diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat module diff risk-3.wasm risk-4.wasm cases.json

Prints exports that were added, removed or changed, and cases whose outcome differs. The exit code \
is 1 if there are any.")]
pub struct ModuleDiff {
    /// The earlier component
    pub before: PathBuf,
    /// The later component
    pub after: PathBuf,
    /// A table of cases, as for `module test`; what it expects does not matter here
    pub cases: Option<PathBuf>,
    /// Print JSON: {"before", "after", "exports", "outcomes"}
    #[arg(long)]
    pub json: bool,
}

/// `module deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat module deploy risk.component.wasm
  bureaucrat module deploy risk.component.wasm --name risk
  bureaucrat module deploy risk.component.wasm --name risk --signature risk.sig

With --name it becomes the next version of that name, which is printed: <module name=\"r\" \
use=\"risk@4\"/>. Without, a definition names it by the hash that is printed: <module name=\"r\" \
hash=\"sha256:…\"/>. A message of the content type application/wasm on the launch queue does the same.")]
pub struct ModuleDeploy {
    /// The component, `-` for standard input
    pub file: PathBuf,
    /// Make it the next version of this name
    #[arg(long)]
    pub name: Option<ModuleName>,
    /// The file with its signature, as `module sign` prints it
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// Print JSON: {"hash", "bytes", "class", "exports", "name", "version"}, or {"refused"}
    #[arg(long)]
    pub json: bool,
}

/// `module list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat module list")]
pub struct ModuleList {
    /// Print one JSON object per line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `module show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat module show risk
  bureaucrat module show risk@4
  bureaucrat module show sha256:0c4b…

Costs are those of evaluations since the engine started.")]
pub struct ModuleShow {
    /// NAME (its newest version), NAME@VERSION, NAME@ALIAS, or a hash
    pub module: Pointed,
    /// Print one JSON document (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `module alias`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat module alias risk@live 4
  bureaucrat module alias risk@live newest

From then on <module use=\"risk@live\"/> means that version. Definitions that are deployed already, and processes that run, keep the version that they have. \
`bureaucrat module rm risk@live` removes the alias.")]
pub struct ModuleAlias {
    /// The name and the alias, as NAME@ALIAS
    pub alias: ModuleRef,
    /// The version that it stands for, another alias, or `newest`
    pub version: String,
    /// Print JSON: {"name", "alias", "version", "hash", "before"}
    #[arg(long)]
    pub json: bool,
}

/// `module rm`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat module rm risk@3
  bureaucrat module rm risk@live
  bureaucrat module rm sha256:0c4b…

A version leaves its name; its component is removed too, unless it is still needed. The exit code is 1 \
if there is no such module, or if stored programs or names use it; at most 100 programs are listed. A \
program is removed some time after the last of its processes.")]
pub struct ModuleRemove {
    /// NAME@VERSION, NAME@ALIAS, or a hash
    pub module: Pointed,
    /// Print JSON: {"module", "outcome": "removed", "unknown", "in_use", "named" or "aliased"}
    #[arg(long)]
    pub json: bool,
}

/// `module sign`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  openssl genpkey -algorithm ed25519 -out key.pem
  bureaucrat module sign risk.component.wasm --key key.pem > risk.sig
  bureaucrat module deploy risk.component.wasm --name risk --signature risk.sig

The signature begins with the public key, `ed25519:…`, up to the next colon. A policy that lists it \
under module_signers accepts modules that this key signed (docs/policy.md).")]
pub struct ModuleSign {
    /// The component, `-` for standard input
    pub file: PathBuf,
    /// The private key: Ed25519, PKCS #8, in PEM
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Print JSON: {"hash", "key", "signature"}
    #[arg(long)]
    pub json: bool,
}
