//! Logs: through `tracing`, for people or as JSON, to standard error or into a file.

use crate::arguments::LogFormat;
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
    /// Standard error, coloured on a terminal.
    StandardError,
    /// A file that is appended to.
    File(&'a Path),
}

/// Sets the log up for this process, once.
///
/// # Errors
/// When the filter can't be read or the file can't be written.
pub fn start(filter: &str, format: LogFormat, destination: Destination<'_>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(effective(filter))
        .with_context(|| format!("the log filter `{filter}` can't be read"))?;
    match destination {
        Destination::StandardError => {
            install(filter, format, io::stderr, io::stderr().is_terminal())
        }
        Destination::File(path) => {
            let file = File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("the log {} can't be written", path.display()))?;
            install(filter, format, Arc::new(file), false)
        }
    }
}

/// The AMQP library writes a line, or the whole of a message, for what the engine handles and reports in words of its
/// own; it is heard only when a filter names it.
fn effective(filter: &str) -> String {
    if filter.contains("lapin") {
        return filter.to_owned();
    }
    format!("{filter},lapin=off")
}

fn install<W>(filter: EnvFilter, format: LogFormat, writer: W, colours: bool) -> anyhow::Result<()>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A line that can't be written is told on standard error otherwise, and where that can't be written either, which is so
    // on a full disk, telling it would panic.
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .log_internal_errors(false);
    match format {
        LogFormat::Human => builder.with_ansi(colours).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| anyhow!("the log can't be set up: {error}"))
}
