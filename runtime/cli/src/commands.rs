//! The subcommands, one file each: from arguments to standard output.

pub mod audit;
pub mod backup;
pub mod bulk;
pub mod cancel;
pub mod check;
pub mod compile;
pub mod config;
pub mod dead;
pub mod definitions;
pub mod eval;
pub mod event;
mod finding;
pub mod fsck;
pub mod graph;
mod guests;
pub mod incident;
pub mod launch;
pub mod list;
pub mod migrating;
pub mod modifying;
pub mod module;
mod ordered;
pub mod policy;
mod problem;
pub mod replay;
pub mod restore;
pub mod show;
pub mod store;
pub mod suspend;
#[cfg(feature = "http")]
pub mod token;
pub mod verify;
pub mod why;

pub use crate::screen::print_line;
use crate::{
    arguments::Options,
    configuration::Configuration,
    failure::{Failure, Kind},
    files, logging, places, program,
};
use anyhow::Context;
use bureaucrat_model::{Fields, JsonText, ProcessId, View};
use bureaucrat_sandbox::{
    CacheConfig, Evaluated, Guest, Outcome, RuntimeClass, Sandbox, SandboxConfig, WorkerCommand,
};
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    time::{SystemTime, UNIX_EPOCH},
};

/// The settings for a command that talks to the broker or the engine. Warnings go to standard
/// error.
fn settings(options: &Options) -> anyhow::Result<Configuration> {
    let configuration = Configuration::load(options)?;
    logging::start(
        configuration.command_log(),
        configuration.log_format,
        logging::Destination::StandardError,
    )?;
    Ok(configuration)
}

/// The same for a command that works on records without an engine. What it says about them has the exit code 1, so a
/// wrong setting has that of records that can't be used.
fn settings_of_records(options: &Options) -> anyhow::Result<Configuration> {
    settings(options).map_err(|error| Failure::new(Kind::Unreadable, format!("{error:#}")).into())
}

/// How the sandbox starts its compile worker: this program, with a hidden subcommand.
pub fn worker() -> anyhow::Result<WorkerCommand> {
    Ok(WorkerCommand {
        program: program::own_program()?,
        arguments: vec![OsString::from("compile-worker")],
    })
}

/// A sandbox for one evaluation at a time, with the limits of an engine with these settings.
fn sandbox(options: &Options, runtime_class: RuntimeClass) -> anyhow::Result<Sandbox> {
    Sandbox::new(sandbox_config(options, runtime_class)?).context("cannot set up the sandbox")
}

fn sandbox_config(options: &Options, runtime_class: RuntimeClass) -> anyhow::Result<SandboxConfig> {
    Ok(SandboxConfig {
        threads: 1,
        limits: Configuration::load_limits(options)?,
        cache: None,
        runtime_class,
        worker: worker()?,
    })
}

/// The same with the user's cache of machine code: a module is compiled once, however often it is run.
fn module_sandbox(options: &Options) -> anyhow::Result<Sandbox> {
    let config = SandboxConfig {
        cache: code_cache(),
        ..sandbox_config(options, RuntimeClass::Allowed)?
    };
    Sandbox::new(config).context("cannot set up the sandbox")
}

/// Without a home that can be written to, modules are compiled each time.
fn code_cache() -> Option<CacheConfig> {
    let own = places::cache()?;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&own);
    made.ok()?;
    Some(CacheConfig {
        folder: own.join("machine-code"),
        key: files::secret(&own.join("machine-code.key")).ok()?,
    })
}

/// Evaluates once, on a stack that is large enough for guest and host.
fn evaluate(
    sandbox: &Sandbox,
    guest: &Guest,
    function: &str,
    fields: &Fields,
) -> anyhow::Result<Evaluated> {
    let evaluated = sandbox.evaluate(guest, function, view(fields));
    match evaluated.outcome {
        Outcome::Environmental(reason) => anyhow::bail!("no outcome: {reason}"),
        Outcome::Verdict(_) | Outcome::Value(_) | Outcome::Fault { .. } => Ok(evaluated),
    }
}

/// What an expression or a module sees outside a process: the fields, and what the engine would give, which is
/// the time and whatever is given under a name that begins with `inst:`.
fn view(given: &Fields) -> View {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    let seconds = format!("{}.{:03}", now.as_secs(), now.subsec_millis());
    let mut view = View::default();
    if let Ok(seconds) = JsonText::parse(&seconds) {
        view.reserved.set("inst:now", seconds);
    }
    for (name, value) in given.iter() {
        match name.starts_with(View::RESERVED) {
            true => view.reserved.set(name, value.clone()),
            false => view.fields.set(name, value.clone()),
        }
    }
    view
}

fn fields(text: Option<&str>) -> anyhow::Result<Fields> {
    let given = files::Given {
        object: text,
        ..files::Given::default()
    };
    files::fields(&given)
}

/// A process id in its text form.
fn id(process: ProcessId) -> Value {
    json!(process.to_string())
}
