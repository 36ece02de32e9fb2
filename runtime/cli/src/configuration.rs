//! Settings: what flags, environment, INI file and defaults say together, in this order.

mod address;
mod ini;
mod participants;

pub use address::without_password;
pub use ini::IniFile;

use ini::LIMITS;

use crate::{
    arguments::{self, DaemonOptions, LogFormat, Options, QueueKind, RuntimeGuests},
    files, places,
};
use anyhow::{Context, anyhow};
use bureaucrat_broker_amqp::QueueType;
use bureaucrat_sandbox::{SandboxLimits, Setting};
use bureaucrat_wire::{Dialect, Routes, TaskQueue, Via};
use clap::ValueEnum;
use std::{
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// The variable that holds the password itself; there is no flag for it, since everybody on the machine sees those.
const PASSWORD_VARIABLE: &str = "BUREAUCRAT_AMQP_PASSWORD";

/// The longest password file, in bytes.
const PASSWORD_BYTES_MAX: usize = 64 << 10;

/// Everything that can be set. Paths are absolute.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The INI file that was read, if any.
    pub source: Option<PathBuf>,
    /// The broker's address, with its password.
    pub amqp: String,
    /// The folder of the engine.
    pub storage: PathBuf,
    /// The pid file.
    pub pid_file: PathBuf,
    /// The dialect of tasks.
    pub dialect: Dialect,
    /// The kind of workers.
    pub task_queue: TaskQueue,
    /// Which way tasks go.
    pub routes: Routes,
    /// The queue of launches.
    pub launch_queue: String,
    /// The queue of answers.
    pub message_queue: String,
    /// The queue of events.
    pub event_queue: String,
    /// The queue of messages that can't be used.
    pub dead_letter_queue: String,
    /// What kind of queues the engine makes for itself.
    pub queue_type: Option<QueueType>,
    /// The exchange of launches and ends.
    pub notice_exchange: String,
    /// Messages of a queue in hand at once.
    pub prefetch: u16,
    /// Whether guests with a language runtime inside are taken.
    pub runtime_guests: RuntimeGuests,
    /// How long ended processes stay.
    pub retention: Duration,
    /// The policy file.
    pub policy: Option<PathBuf>,
    /// The bounds of conditions and modules.
    pub limits: SandboxLimits,
    /// What is logged.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// What is to be said in the log once there is one.
    pub remarks: Vec<String>,
}

impl Configuration {
    /// Brings everything together.
    ///
    /// # Errors
    /// When a file can't be read or a value is not of its kind; the message names which.
    pub fn load(options: &Options, daemon: &DaemonOptions) -> anyhow::Result<Self> {
        let (source, ini) = Self::file(options)?;
        let password = std::env::var(PASSWORD_VARIABLE)
            .ok()
            .filter(|password| !password.is_empty());
        let mut configuration = Self::combine(options, daemon, &ini, password)
            .with_context(|| named(source.as_deref()))?;
        configuration.source = source;
        Ok(configuration)
    }

    /// The limits of conditions and modules alone, for who needs no engine.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_limits(options: &Options) -> anyhow::Result<SandboxLimits> {
        let (source, ini) = Self::file(options)?;
        limits(&ini).with_context(|| named(source.as_deref()))
    }

    /// The INI file that is to be read, if there is one.
    fn file(options: &Options) -> anyhow::Result<(Option<PathBuf>, IniFile)> {
        let source = match &options.config {
            Some(path) => Some(path.clone()),
            None => places::configurations()
                .into_iter()
                .find(|path| path.is_file()),
        };
        let ini = match &source {
            Some(path) => IniFile::load(path)?,
            None => IniFile::default(),
        };
        Ok((source, ini))
    }

    fn combine(
        options: &Options,
        daemon: &DaemonOptions,
        ini: &IniFile,
        password: Option<String>,
    ) -> anyhow::Result<Self> {
        let own = |key: &str| ini.get("bureaucrat", key);
        let text = |flag: &Option<String>, key: &str, default: &str| {
            flag.clone()
                .filter(|text| !text.is_empty())
                .or_else(|| own(key))
                .unwrap_or_else(|| default.to_owned())
        };
        let (storage, pid_file) = places(options, daemon, ini)?;
        let log = options
            .log
            .clone()
            .filter(|text| !text.is_empty())
            .or_else(|| own("log"));
        let celery_queue = Some(text(&daemon.celery_queue, "celery_queue", ""));
        let mut configuration = Self {
            source: None,
            amqp: broker(options, ini, password)?,
            pid_file,
            dialect: choice(daemon.dialect, own("dialect"), "dialect")?
                .unwrap_or(Dialect::Workitem),
            task_queue: choice(
                daemon.taskqueue_type,
                own("taskqueue_type"),
                "taskqueue_type",
            )?
            .unwrap_or(TaskQueue::Taskqueue),
            launch_queue: text(&daemon.launch_queue, "launch_queue", "bureaucrat"),
            message_queue: text(&daemon.message_queue, "message_queue", "bureaucrat_msgs"),
            event_queue: text(&daemon.event_queue, "event_queue", "bureaucrat_events"),
            dead_letter_queue: text(
                &daemon.dead_letter_queue,
                "dead_letter_queue",
                "bureaucrat_dead",
            ),
            queue_type: parsed(daemon.queue_type, own("queue_type"), "queue_type", |text| {
                QueueKind::from_str(text, true)
            })?
            .map(|kind| match kind {
                QueueKind::Classic => QueueType::Classic,
                QueueKind::Quorum => QueueType::Quorum,
            }),
            notice_exchange: text(
                &daemon.notice_exchange,
                "notice_exchange",
                "bureaucrat.processes",
            ),
            prefetch: choice(daemon.prefetch, own("prefetch"), "prefetch")?.unwrap_or(500),
            runtime_guests: parsed(
                daemon.runtime_guests,
                own("runtime_guests"),
                "runtime_guests",
                |text| RuntimeGuests::from_str(text, true),
            )?
            .unwrap_or(RuntimeGuests::Refused),
            retention: parsed(
                daemon.retention,
                own("retention"),
                "retention",
                arguments::duration,
            )?
            .unwrap_or(Duration::from_secs(24 * 3_600)),
            policy: path(&daemon.policy, ini, "policy")
                .map(|path| absolute(&path))
                .transpose()?,
            limits: limits(ini)?,
            log: log.unwrap_or_else(|| ini.python_level().unwrap_or("info").to_owned()),
            log_format: parsed(
                options.log_format,
                own("log_format"),
                "log_format",
                |text| LogFormat::from_str(text, true),
            )?
            .unwrap_or(LogFormat::Human),
            remarks: ini.remarks(),
            storage,
            routes: Routes::new(Via::Taskqueue, Vec::new()),
        };
        let celery_queue = celery_queue.filter(|queue| !queue.is_empty());
        configuration.routes = participants::routes_of(&configuration, ini, celery_queue)?;
        Ok(configuration)
    }
}

/// Where settings stand, for errors.
fn named(source: Option<&Path>) -> String {
    source.map_or(String::from("settings"), |path| path.display().to_string())
}

/// The bounds that the section `[limits]` sets; the others have their defaults.
fn limits(ini: &IniFile) -> anyhow::Result<SandboxLimits> {
    let mut limits = SandboxLimits::default();
    for setting in Setting::all() {
        if let Some(text) = ini.get(LIMITS, setting.name) {
            setting
                .set(&mut limits, &text)
                .with_context(|| format!("`{} = {text}` in [{LIMITS}]", setting.name))?;
        }
    }
    Ok(limits)
}

fn path(flag: &Option<PathBuf>, ini: &IniFile, key: &str) -> Option<PathBuf> {
    flag.clone()
        .filter(|path| !path.as_os_str().is_empty())
        .or_else(|| ini.get("bureaucrat", key).map(PathBuf::from))
}

/// The storage and the pid file.
fn places(
    options: &Options,
    daemon: &DaemonOptions,
    ini: &IniFile,
) -> anyhow::Result<(PathBuf, PathBuf)> {
    let storage = path(&options.storage, ini, "storage_dir")
        .or_else(places::storage)
        .context("no home for the storage: give one with --storage")?;
    let storage = absolute(&storage)?;
    let pid_file = match path(&daemon.pid_file, ini, "pid_file") {
        Some(path) => absolute(&path)?,
        None => places::pid_file(&storage),
    };
    Ok((storage, pid_file))
}

/// The broker's address: the one that was given, or the INI file's parts; a password from file or environment goes into
/// an address without one, and over the INI file's.
fn broker(options: &Options, ini: &IniFile, password: Option<String>) -> anyhow::Result<String> {
    let part =
        |key: &str, default: &str| ini.get("amqp", key).unwrap_or_else(|| default.to_owned());
    let file = options.amqp_password_file.clone();
    let password = match (password, file) {
        (Some(password), _) => Some(password),
        (None, Some(file)) => Some(password_in(&file)?),
        (None, None) => match (ini.get("amqp", "passwd"), ini.get("amqp", "passwd_file")) {
            (Some(password), _) => Some(password),
            (None, Some(file)) => Some(password_in(Path::new(&file))?),
            (None, None) => None,
        },
    };
    let password = password.unwrap_or_else(|| "guest".to_owned());
    let user = part("user", "guest");
    Ok(
        match options.amqp.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => address::with_credentials(url, &user, &password),
            None => {
                let port = ini.get("amqp", "port");
                address::assemble(
                    &part("host", "localhost"),
                    port.as_deref(),
                    &user,
                    &password,
                    &part("vhost", "/"),
                )
            }
        },
    )
}

/// The password in a file, without the line break at its end.
fn password_in(file: &Path) -> anyhow::Result<String> {
    let text = files::read_text(file).context("the password file")?;
    if text.len() > PASSWORD_BYTES_MAX {
        return Err(anyhow!("the password file {} is too large", file.display()));
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A flag's value, else the INI file's, which is read as the flag's would be.
fn choice<T>(flag: Option<T>, text: Option<String>, key: &str) -> anyhow::Result<Option<T>>
where
    T: FromStr,
    T::Err: Display,
{
    parsed(flag, text, key, str::parse)
}

fn parsed<T, E: Display>(
    flag: Option<T>,
    text: Option<String>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> anyhow::Result<Option<T>> {
    match (flag, text) {
        (Some(flag), _) => Ok(Some(flag)),
        (None, Some(text)) => parse(&text)
            .map(Some)
            .map_err(|reason| wrong(key, &text, reason)),
        (None, None) => Ok(None),
    }
}

fn wrong(key: &str, text: &str, reason: impl Display) -> anyhow::Error {
    anyhow!("`{key} = {text}` in [bureaucrat]: {reason}")
}

/// The daemon leaves the folder that it was started in, so that relative paths have to be made absolute before.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}
