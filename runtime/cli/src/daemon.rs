//! Daemonizing: the engine runs in a process with its own session, and the original process exits
//! with the outcome of the start.
//!
//! The daemon is the same program, started again with `--daemon-child` before anything else
//! happened, so that no threads and no half-open files survive a fork. It reports on a pipe: one
//! byte before the end means that it runs, a text means that it does not.

use crate::{
    Exit,
    arguments::{DaemonOptions, Options},
    configuration::Configuration,
    control::Control,
    engine,
    logging::{self, Destination},
    pid_file::PidFile,
    program::own_program,
    progress::Progress,
    screen,
};
use anyhow::{Context, anyhow, bail};
use bureaucrat_host::query::{BrokerState, Query, QueryAnswer, Wanted};
use bureaucrat_views::waits::BROKER_AWAY;
use nix::unistd;
use std::{
    fs::{DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The log's name in the storage.
const LOG: &str = "bureaucrat.log";
/// How long a daemon may take to connect before a person is told, and how often it is asked.
const CONNECTING: Duration = Duration::from_millis(900);
const PAUSE: Duration = Duration::from_millis(30);
/// The daemon writes this when it runs.
const READY: u8 = b'+';
/// The longest report of a daemon that does not run.
const REPORT_BYTES_MAX: u64 = 64 << 10;

/// Runs the engine in this process or as a daemon.
pub fn run(options: &Options, daemon: &DaemonOptions) -> anyhow::Result<Exit> {
    if daemon.daemon_child {
        return Ok(child(options));
    }
    let configuration = Configuration::load(options)?;
    if !daemon.foreground {
        return parent(&configuration);
    }
    let pid_file = claim(&configuration)?;
    logging::start(
        &configuration.log,
        configuration.log_format,
        Destination::StandardError,
    )?;
    engine::run(&configuration, || Ok(()))?;
    drop(pid_file);
    Ok(Exit::Done)
}

/// Makes the storage, for this user only, and locks the pid file.
fn claim(configuration: &Configuration) -> anyhow::Result<PidFile> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&configuration.storage)
        .map_err(|error| not_created(&configuration.storage, &error))?;
    PidFile::lock(&configuration.pid_file)
}

fn not_created(storage: &Path, error: &io::Error) -> anyhow::Error {
    let storage = storage.display();
    let in_its_place = "there is a file in its place";
    let known = [
        (io::ErrorKind::AlreadyExists, in_its_place),
        (io::ErrorKind::NotADirectory, in_its_place),
        (
            io::ErrorKind::PermissionDenied,
            "no permission; name another folder with --storage",
        ),
    ];
    let why = known.iter().find(|(kind, _)| *kind == error.kind());
    let why = why.map_or_else(|| error.to_string(), |(_, words)| (*words).to_owned());
    anyhow!("cannot create the storage {storage}: {why}")
}

/// Starts the daemon and waits until it runs.
fn parent(configuration: &Configuration) -> anyhow::Result<Exit> {
    let progress = Progress::start("starting the engine");
    let mut child = Command::new(own_program()?)
        .arg("--daemon-child")
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .context("cannot start the daemon")?;
    let mut report = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        pipe.take(REPORT_BYTES_MAX)
            .read_to_end(&mut report)
            .context("cannot read the daemon's report")?;
    }
    drop(progress);
    if report == [READY] {
        println!(
            "bureaucrat is running as process {} (log: {})",
            child.id(),
            configuration.storage.join(LOG).display()
        );
        tell_if_away(&configuration.storage);
        return Ok(Exit::Done);
    }
    let status = child.wait().context("the daemon is gone")?;
    match String::from_utf8_lossy(&report).trim() {
        "" => bail!(
            "the daemon ended while it started ({status}); see {}",
            configuration.storage.join(LOG).display()
        ),
        report => bail!("{report}"),
    }
}

/// Says that a daemon which was just started has not reached the broker. It still runs, and tries again.
fn tell_if_away(storage: &Path) {
    let deadline = Instant::now() + CONNECTING;
    let query = Query::List {
        wanted: Wanted::default(),
        after: None,
        limit: 1,
    };
    while Instant::now() < deadline {
        let asked = Control::connect(storage).and_then(|mut control| control.ask(&query));
        if let Ok(QueryAnswer::Processes {
            broker: Some(BrokerState::Connected),
            ..
        }) = asked
        {
            return;
        }
        std::thread::sleep(PAUSE);
    }
    screen::tell(&format!("warning: {BROKER_AWAY}"));
}

/// The daemon: runs the engine, and reports on standard output until it runs.
fn child(options: &Options) -> Exit {
    let mut pid_file = None;
    let outcome = Configuration::load(options).and_then(|configuration| {
        unistd::setsid().context("cannot start a session of its own")?;
        pid_file = Some(claim(&configuration)?);
        std::env::set_current_dir("/").context("cannot change to the folder /")?;
        let log = configuration.storage.join(LOG);
        logging::start(
            &configuration.log,
            configuration.log_format,
            Destination::File(&log),
        )?;
        engine::run(&configuration, || report_ready(&log))
    });
    drop(pid_file);
    match outcome {
        Ok(()) => Exit::Done,
        Err(error) => {
            tracing::error!("{error:#}");
            // This is the parent's pipe until the engine runs, then /dev/null.
            let _ = write!(io::stdout(), "{error:#}");
            Exit::Failed
        }
    }
}

/// Reports to the parent, and detaches from the terminal: what libraries print from now on goes to
/// the log.
fn report_ready(log: &Path) -> anyhow::Result<()> {
    let mut stdout = io::stdout();
    // If the parent was killed meanwhile, run anyway.
    let _ = stdout.write_all(&[READY]).and_then(|()| stdout.flush());
    let null = File::options()
        .write(true)
        .open("/dev/null")
        .context("/dev/null")?;
    unistd::dup2_stdout(&null).context("cannot detach standard output")?;
    let log = File::options()
        .append(true)
        .open(log)
        .context("cannot reopen the log")?;
    unistd::dup2_stderr(&log).context("cannot detach standard error")?;
    Ok(())
}
