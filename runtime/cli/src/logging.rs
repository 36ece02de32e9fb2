//! Logs through `tracing`, for people or as JSON, to standard error or to a file.

use crate::{arguments::LogFormat, screen::Harmless};
use anyhow::{Context, anyhow};
use std::{
    fs::File,
    io::{self, IsTerminal},
    path::Path,
    sync::Arc,
};
use tracing_subscriber::{EnvFilter, fmt, fmt::MakeWriter};

#[derive(Debug, Clone, Copy)]
pub enum Destination<'a> {
    /// Standard error, with colour on a terminal.
    StandardError,
    /// A file to append to.
    File(&'a Path),
}

/// Sets up the log of this process, once.
///
/// # Errors
/// If the filter cannot be parsed or the file cannot be written.
pub fn start(filter: &str, format: LogFormat, destination: Destination<'_>) -> anyhow::Result<()> {
    if let Some(unknown) = unknown_level(filter) {
        return Err(anyhow!(
            "`{unknown}` in the log filter `{filter}` is not a level: use error, warn, info, debug, trace or off, or \
             TARGET=LEVEL"
        ));
    }
    let filter = EnvFilter::try_new(effective(filter))
        .with_context(|| format!("cannot read the log filter `{filter}`"))?;
    match destination {
        Destination::StandardError => {
            install(filter, format, io::stderr, io::stderr().is_terminal())
        }
        Destination::File(path) => {
            let file = File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("cannot write the log {}", path.display()))?;
            install(filter, format, Arc::new(file), false)
        }
    }
}

/// A part of a filter that is meant as a level and is none: as a target alone it would silence everything else.
fn unknown_level(filter: &str) -> Option<&str> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let mut parts = filter.split(',').map(str::trim);
    parts.find(|part| {
        let is_word = !part.is_empty() && part.chars().all(|c| c.is_ascii_alphabetic());
        is_word && !LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level))
    })
}

/// The AMQP library logs lines, or even whole messages, for problems that the engine handles and
/// reports itself. It is silent unless a filter names it.
fn effective(filter: &str) -> String {
    if filter.contains("lapin") {
        return filter.to_owned();
    }
    format!("{filter},lapin=off")
}

/// Texts of messages and definitions get into the log, and people read it on terminals.
struct HarmlessWriters<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for HarmlessWriters<W> {
    type Writer = Harmless<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Harmless(self.0.make_writer())
    }
}

fn install<W>(filter: EnvFilter, format: LogFormat, writer: W, colours: bool) -> anyhow::Result<()>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // By default, a line that cannot be written is reported on standard error; if that cannot be
    // written either, as on a full disk, the report would panic.
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(HarmlessWriters(writer))
        .log_internal_errors(false);
    match format {
        LogFormat::Human => builder.with_ansi(colours).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| anyhow!("cannot set up logging: {error}"))
}
