//! Settings: what flags, variables, the INI file and defaults say together, in this order.
//!
//! `table` has a row for each. A configuration has everything that was set in the form that the
//! engine uses, absolute paths and the broker's address in one piece, and remembers where each
//! value came from.

mod broker;
mod docs;
mod draft;
mod flags;
mod http;
mod ini;
mod lines;
pub(crate) mod near;
mod participants;
mod resolve;
mod row;
mod size;
mod store;
mod table;
mod value;

pub use docs::markdown;
pub use draft::Draft;
pub use flags::{AMQP_FLAG_VARIABLE, Flags, show_where_used};
pub use http::HttpSettings;
pub use ini::IniFile;
pub use resolve::{Mistakes, Origin, Resolved, Unfit};
pub use row::{Kind, Unit};
pub use size::size;
pub use value::span;

use crate::{
    arguments::{LogFormat, QueueKind, RuntimeGuests, StoreSharing},
    memory::Memory,
    places,
};
use anyhow::{Context, anyhow};
use bureaucrat_broker_amqp::QueueType;
use bureaucrat_connect::Addresses;
use bureaucrat_host::CeleryEvents;
use bureaucrat_model::Unhandled;
use bureaucrat_sandbox::{SandboxLimits, Setting};
use bureaucrat_wire::{Dialect, Results, Routes, TaskQueue, Via};
use ini::LIMITS;
use resolve::{Environment, environment};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// All settings. Paths are absolute.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The INI file, if one was read.
    pub source: Option<PathBuf>,
    pub amqp: Addresses,
    pub storage: PathBuf,
    /// Where the records are instead of in the storage.
    pub store: Option<bureaucrat_store_postgres::Address>,
    /// How long an engine with a database may be silent.
    pub store_lease: Duration,
    pub store_sharing: StoreSharing,
    pub pid_file: PathBuf,
    pub dialect: Dialect,
    pub task_queue: TaskQueue,
    /// In which format tasks go, and where.
    pub routes: Routes,
    pub launch_queue: String,
    pub message_queue: String,
    pub event_queue: String,
    /// Where results of calls come back.
    pub results: Results,
    pub dead_letter_queue: String,
    pub queue_type: Option<QueueType>,
    pub notice_exchange: String,
    pub cancel_exchange: String,
    pub prefetch: u16,
    pub memory: Memory,
    /// What becomes of a fault that nothing handles.
    pub on_fault: Unhandled,
    pub runtime_guests: RuntimeGuests,
    pub celery_events: CeleryEvents,
    pub retention: Duration,
    /// How long orders stay in the audit log.
    pub audit_retention: Duration,
    pub policy: Option<PathBuf>,
    pub limits: SandboxLimits,
    /// How the HTTP API is served, if it is.
    pub http: Option<HttpSettings>,
    /// What the engine logs.
    pub log: String,
    pub log_format: LogFormat,
    /// Remarks for the log, once it is set up.
    pub remarks: Vec<String>,
    resolved: Vec<Resolved>,
}

/// The environment variables that set something.
pub fn variables() -> impl Iterator<Item = String> {
    table::rows().filter_map(|row| row.variable().map(str::to_owned))
}

impl Configuration {
    /// What the names of the queues begin with that groups of shards have while engines share.
    pub fn shard_queues(&self) -> String {
        format!("{}.shards", self.launch_queue)
    }

    /// Where engines that share send each other what belongs to another.
    pub fn meeting_place(&self) -> String {
        format!("{} in {}", self.shard_queues(), self.amqp.virtual_host())
    }

    /// Brings everything together.
    ///
    /// # Errors
    /// When a file can't be read or a value is not of its kind; the message says which, and where.
    pub fn load(flags: &Flags) -> anyhow::Result<Self> {
        let ini = Self::file(flags, &environment)?;
        let names = std::env::vars_os().map(|(name, _)| name);
        let mut configuration = Self::combine(flags, &environment, &ini)?;
        configuration.remarks.extend(resolve::remarks(names));
        Ok(configuration)
    }

    /// The limits of conditions and modules alone, for commands that need no engine.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_limits(flags: &Flags) -> anyhow::Result<SandboxLimits> {
        Ok(limits(&Self::file(flags, &environment)?)?.0)
    }

    /// Checks the flags alone: a command that has no use for a setting doesn't take a wrong one.
    ///
    /// # Errors
    /// With every flag that is wrong.
    pub fn check_flags(flags: &Flags) -> Result<(), Mistakes> {
        resolve::all(flags, &|_| None, &IniFile::default()).map(drop)
    }

    /// What a command logs, which is less than what an engine does unless somebody asks for it.
    pub fn command_log(&self) -> &str {
        match self.origin("log") {
            Some(Origin::Flag(_) | Origin::Variable(_)) => &self.log,
            Some(Origin::File { .. } | Origin::Default) | None => "warn",
        }
    }

    /// Every setting in the order of the table, with where it came from.
    pub fn resolved(&self) -> &[Resolved] {
        &self.resolved
    }

    fn origin(&self, name: &str) -> Option<&Origin> {
        let mut resolved = self.resolved.iter();
        let resolved = resolved.find(|resolved| resolved.name == name)?;
        Some(&resolved.origin)
    }

    /// The INI file that is to be read; an empty one if there is none.
    fn file(flags: &Flags, environment: Environment<'_>) -> anyhow::Result<IniFile> {
        let given = resolve::path(&table::CONFIG, flags, environment)?;
        let source = given.or_else(|| {
            let mut usual = places::configurations().into_iter();
            usual.find(|path| path.is_file())
        });
        source.map_or_else(|| Ok(IniFile::default()), |path| IniFile::load(&path))
    }

    fn combine(flags: &Flags, environment: Environment<'_>, ini: &IniFile) -> anyhow::Result<Self> {
        let settings = resolve::all(flags, environment, ini);
        let ((draft, mut resolved), (limits, bounds)) = match (settings, limits(ini)) {
            (Ok(settings), Ok(limits)) => (settings, limits),
            (Err(one), Err(other)) => return Err(one.and(other).with(ini.remarks()).into()),
            (Err(one), Ok(_)) | (Ok(_), Err(one)) => return Err(one.with(ini.remarks()).into()),
        };
        let source = (!ini.path().as_os_str().is_empty()).then(|| ini.path().to_owned());
        let amqp = broker::addresses(&draft, &resolved)
            .map_err(|unfit| Mistakes::from(unfit).with(ini.remarks()))?;
        let http = http::settings(&draft, &resolved)
            .map_err(|unfit| Mistakes::from(unfit).with(ini.remarks()))?;
        let database = store::address(&draft, &resolved)
            .map_err(|unfit| Mistakes::from(unfit).with(ini.remarks()))?;
        let storage = match draft.storage {
            Some(path) => path,
            None => places::storage().context(
                "there is no home folder for the storage; name a folder \
                                           with --storage",
            )?,
        };
        let pid_file = draft.pid_file.unwrap_or_else(|| places::pid_file(&storage));
        let log = match (draft.log.is_empty(), ini.python_level()) {
            (false, _) => draft.log,
            (true, None) => "info".to_owned(),
            (true, Some((level, line))) => {
                let path = ini.path().to_owned();
                let origin = Origin::File { path, line };
                let mut rows = resolved.iter_mut();
                if let Some(row) = rows.find(|resolved| resolved.name == "log") {
                    row.origin = origin;
                }
                level.to_owned()
            }
        };
        let memory = draft.memory.map_or_else(Memory::usual, Memory::of_bytes);
        let limits = SandboxLimits {
            loaded_bytes: memory.machine_code(),
            ..limits
        };
        let mut remarks = ini.remarks();
        remarks.extend(memory.remark());
        if database.is_none() && draft.store_sharing == StoreSharing::On {
            remarks.push("`store_sharing` has no effect without `store`: the records in a folder are one engine's".into());
        }
        remarks.extend(broker::remarks(&amqp, &resolved));
        remarks.extend(http::remarks(http.as_ref(), &resolved));
        let of_parts = resolved.iter().find(|row| row.name == "amqp_host");
        let of_parts = of_parts.map(|row| row.origin.clone());
        let mut rows = resolved.iter_mut();
        if let Some(row) = rows.find(|row| row.name == "amqp")
            && row.origin == Origin::Default
            && let Some(origin) = of_parts
        {
            row.origin = origin;
        }
        let shown = |path: &Path| json!(path.display().to_string());
        for (name, value) in [
            ("config", source.as_deref().map_or(Value::Null, shown)),
            ("amqp", json!(amqp.to_string())),
            ("storage", shown(&storage)),
            ("pid_file", shown(&pid_file)),
            ("memory", json!(memory.bytes())),
            ("log", json!(log)),
        ] {
            let mut rows = resolved.iter_mut();
            if let Some(row) = rows.find(|resolved| resolved.name == name) {
                row.value = value;
            }
        }
        resolved.extend(bounds);
        let mut configuration = Self {
            source,
            amqp,
            storage,
            store: database,
            store_lease: draft.store_lease,
            store_sharing: draft.store_sharing,
            pid_file,
            dialect: draft.dialect,
            task_queue: draft.task_queue,
            launch_queue: draft.launch_queue,
            message_queue: draft.message_queue,
            event_queue: draft.event_queue,
            results: Results {
                queue: draft.result_queue,
                exchange: draft.result_exchange,
            },
            dead_letter_queue: draft.dead_letter_queue,
            queue_type: draft.queue_type.map(|kind| match kind {
                QueueKind::Classic => QueueType::Classic,
                QueueKind::Quorum => QueueType::Quorum,
            }),
            notice_exchange: draft.notice_exchange,
            cancel_exchange: draft.cancel_exchange,
            prefetch: draft.prefetch,
            memory,
            on_fault: draft.on_fault,
            runtime_guests: draft.runtime_guests,
            celery_events: draft.celery_events,
            retention: draft.retention,
            audit_retention: draft.audit_retention,
            policy: draft.policy,
            limits,
            http,
            log,
            log_format: draft.log_format,
            remarks,
            routes: Routes::new(Via::Taskqueue, Vec::new()),
            resolved,
        };
        let celery_queue = Some(draft.celery_queue).filter(|queue| !queue.is_empty());
        let routed = participants::routes_of(&configuration, ini, celery_queue);
        let (routes, lines) = routed.map_err(|error| {
            let said = std::iter::once(format!("{error:#}")).chain(ini.remarks());
            anyhow!(said.collect::<Vec<_>>().join("; "))
        })?;
        configuration.routes = routes;
        configuration.resolved.extend(lines);
        Ok(configuration)
    }
}

/// The limits from the section `[limits]`, with defaults for the others.
fn limits(ini: &IniFile) -> Result<(SandboxLimits, Vec<Resolved>), Mistakes> {
    let mut limits = SandboxLimits::default();
    let mut resolved = Vec::new();
    let mut wrong = Mistakes::default();
    for setting in Setting::all() {
        let mut origin = Origin::Default;
        if let Some(found) = ini.get(LIMITS, setting.name) {
            let path = ini.path().to_owned();
            let line = found.line;
            origin = Origin::File { path, line };
            if let Err(error) = setting.set(&mut limits, &found.text) {
                let (name, origin) = (setting.name, origin.clone());
                wrong.add([Unfit::of_key(name, origin, error.to_string())]);
            }
        }
        resolved.push(Resolved {
            name: format!("{LIMITS}.{}", setting.name),
            value: json!(setting.get(&limits)),
            unit: None,
            origin,
        });
    }
    match wrong.is_empty() {
        true => Ok((limits, resolved)),
        false => Err(wrong),
    }
}
