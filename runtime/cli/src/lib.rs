//! The command line of bureaucrat: the daemon and its tools.
//!
//! It promises: `bureaucrat` alone runs the engine, subcommands talk to it or to the compiler.
//! Settings come from flags, environment, INI file and defaults, in this order. Results go to
//! standard output, everything else to standard error. Exit codes are those of [`Exit`]. The crates
//! that it connects define what processes, messages and records mean. Their errors are types; here
//! they become sentences through `anyhow`.
#![forbid(unsafe_code)]

pub mod arguments;
mod backup;
mod broker;
mod commands;
pub mod configuration;
mod control;
mod daemon;
mod engine;
mod failure;
mod files;
mod handles;
mod lapses;
mod logging;
mod memory;
mod output;
mod password;
pub mod pid_file;
mod places;
mod program;
mod progress;
mod rebuild;
mod records;
mod screen;
mod slips;
mod title;

use arguments::{Arguments, Command};
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use configuration::Configuration;
use failure::Form;
use std::process::ExitCode;

/// The exit codes; the help names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything went well.
    Done,
    /// 1: an error, diagnostics, or a process that failed or was rejected.
    Failed,
    /// 2: the command line can't be understood, or the storage can't be read.
    Unusable,
    /// 3: the time of `--timeout`, or of its default, passed before what was waited for came.
    TimedOut,
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Unusable => 2,
            Self::TimedOut => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let command = plain_usage(configuration::show_where_used(Arguments::command()));
    let matches = match command.try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return title::tell(&error).into(),
    };
    let form = form(&matches);
    // A mistake in the derived types alone could make this fail, and clap then says so.
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    title::hide_password(&arguments.options);
    if let Err(unfit) = Configuration::check_flags(&arguments.options) {
        return failure::tell_usage(&unfit.to_string(), form).into();
    }
    match dispatch(arguments) {
        Ok(exit) => exit.into(),
        // The reader has closed the pipe and read enough: `bureaucrat list | head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failure::tell(&error, form).into(),
    }
}

/// Whether the command was asked for JSON.
fn form(matches: &ArgMatches) -> Form {
    let mut command = matches;
    while let Some((_, inner)) = command.subcommand() {
        command = inner;
    }
    // `eval --stdin` always prints JSON. Commands without the flag don't know its name.
    let is_given = |flag| matches!(command.try_get_one::<bool>(flag), Ok(Some(true)));
    match is_given("json") || is_given("stdin") {
        true => Form::Json,
        false => Form::Words,
    }
}

fn dispatch(arguments: Arguments) -> anyhow::Result<Exit> {
    let options = &arguments.options;
    match &arguments.command {
        None => daemon::run(options, &arguments.daemon),
        Some(Command::Launch(launch)) => commands::launch::run(options, launch),
        Some(Command::Event(event)) => commands::event::run(options, event),
        Some(Command::Check(check)) => commands::check::run(options, check),
        Some(Command::Compile(compile)) => commands::compile::run(options, compile),
        Some(Command::Graph(graph)) => commands::graph::run(graph),
        Some(Command::Deploy(deploy)) => commands::definitions::deploy(options, deploy),
        Some(Command::Definitions(definitions)) => commands::definitions::run(options, definitions),
        Some(Command::List(list)) => commands::list::run(options, list),
        Some(Command::Verify(verify)) => commands::verify::run(options, verify),
        Some(Command::Show(show)) => commands::show::run(options, show),
        Some(Command::Why(why)) => commands::why::run(options, why),
        Some(Command::Cancel(cancel)) => commands::cancel::run(options, cancel),
        Some(Command::Retry(retry)) => commands::modifying::retry(options, retry),
        Some(Command::Suspend(suspend)) => commands::suspend::run(options, suspend),
        Some(Command::Resume(resume)) => commands::suspend::resume(options, resume),
        Some(Command::Skip(skip)) => commands::modifying::skip(options, skip),
        Some(Command::Set(set)) => commands::modifying::set(options, set),
        Some(Command::Bulk(bulk)) => commands::bulk::run(options, bulk),
        Some(Command::Move(relocate)) => commands::modifying::relocate(options, relocate),
        Some(Command::Migrate(migrate)) => commands::migrating::run(options, migrate),
        Some(Command::Terminate(terminate)) => commands::cancel::terminate(options, terminate),
        Some(Command::Audit(audit)) => commands::audit::run(options, audit),
        Some(Command::Incident(incident)) => commands::incident::run(options, incident),
        Some(Command::Replay(replay)) => commands::replay::run(replay),
        Some(Command::Backup(backup)) => commands::backup::run(options, backup),
        Some(Command::Restore(restore)) => commands::restore::run(options, restore),
        Some(Command::Fsck(fsck)) => commands::fsck::run(options, fsck),
        Some(Command::Store(store)) => commands::store::run(options, store),
        Some(Command::Eval(eval)) => commands::eval::run(options, eval),
        Some(Command::Dead(dead)) => commands::dead::run(options, dead),
        Some(Command::Module(module)) => commands::module::run(options, module),
        #[cfg(feature = "http")]
        Some(Command::Token(token)) => commands::token::run(options, token),
        Some(Command::Policy(policy)) => commands::policy::run(policy),
        Some(Command::Config(config)) => commands::config::run(options, config),
        Some(Command::CompileWorker) => {
            // The compile worker has its own protocol on standard input and output, and its own
            // exit codes.
            std::process::exit(bureaucrat_sandbox::compile_worker_main())
        }
    }
}

/// Usage lines as `--help` has them. Without this, those of errors name every option that a variable
/// gives as if it were required.
fn plain_usage(mut command: clap::Command) -> clap::Command {
    command.build();
    let names: Vec<String> = command
        .get_subcommands()
        .map(|inner| inner.get_name().to_owned())
        .collect();
    for name in names {
        command = command.mut_subcommand(name, plain_usage);
    }
    let usage = command.render_usage().to_string();
    match usage.strip_prefix("Usage: ") {
        Some(usage) => {
            let usage = usage.to_owned();
            command.override_usage(usage)
        }
        None => command,
    }
}

/// Whether the reader of standard output has left.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<screen::ReaderLeft>())
}
