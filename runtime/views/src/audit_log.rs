//! The audit log as objects, and in words.

use crate::{bulk, history, text::clean};
use bureaucrat_host::{
    audit_log::{About, AuditEntry, AuditRecord, Part},
    query::Wanted,
};
use bureaucrat_model::{Initiator, Version};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// An order that was carried out. What does not belong to it is left out.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Entry {
    /// Its number; a later order has a higher one.
    pub entry: u64,
    pub at: u64,
    /// Who gave it: `kind` is `operator` with a `name`, or `message` with a `user`.
    #[schemars(with = "Map<String, Value>")]
    pub by: Value,
    /// `cancel`, `retry`, `suspend`, `resume`, `terminate`, `skip`, `set`, `move`, `migrate`, `start_job`, `stop_job`,
    /// `deploy_definition`, `retire_definition`, `deploy_module`, `set_alias`, `remove_module`, `restore_module`,
    /// `resend_letter` or `discard_letter`.
    pub order: &'static str,
    /// Empty if none was given.
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The definition, or that of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The version that the process was of when the order came, or that was deployed; those that were retired, the last 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<Vec<u32>>,
    /// Who launched the process, or whose processes alone a bulk job is about, or whose message deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The activity at which the part waited that was meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<String>,
    /// The number of that part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<u32>,
    /// The names of the fields that were set or removed, the first 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// The activity at which it continues, or the version as which it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The number of the bulk job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<u64>,
    /// What the job orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gives: Option<&'static str>,
    /// Its search, as options of the command line; empty if it is too long for the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Of a job that was stopped: what was counted until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<bulk::Counts>,
    /// The name of a module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The hash of a module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The number of the dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letter: Option<u64>,
    /// The queue that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Why it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Entry {
    pub fn of(record: &AuditRecord) -> Self {
        let entry = &record.entry;
        let told = Self {
            entry: record.number,
            at: record.at.0,
            by: history::initiator(&entry.by),
            order: entry.verb.name(),
            reason: entry.reason.clone(),
            ..Self::default()
        };
        match &entry.about {
            About::Process {
                process,
                definition,
                version,
                user,
                part,
                fields,
                to,
            } => Self {
                process: Some(process.to_string()),
                definition: Some(definition.clone()),
                versions: numbers(version),
                user: user.clone(),
                activity: match part {
                    Some(Part::Activity(activity)) => Some(activity.clone()),
                    Some(Part::Number(_)) | None => None,
                },
                part: match part {
                    Some(Part::Number(number)) => Some(number.0),
                    Some(Part::Activity(_)) | None => None,
                },
                fields: Some(fields.clone()).filter(|fields| !fields.is_empty()),
                to: to.clone(),
                ..told
            },
            About::Job {
                job,
                order,
                search,
                user,
                counts,
            } => Self {
                job: Some(*job),
                gives: Some(order.name()),
                search: Some(self::search(search)),
                user: user.clone(),
                counts: counts.as_ref().map(bulk::Counts::of),
                ..told
            },
            About::Definition {
                name,
                versions,
                user,
            } => Self {
                definition: Some(name.to_string()),
                versions: numbers(versions),
                user: user.clone(),
                ..told
            },
            About::Module {
                name,
                version,
                alias,
                module,
                user,
            } => Self {
                name: name.as_ref().map(ToString::to_string),
                versions: numbers(version),
                alias: alias.as_ref().map(ToString::to_string),
                module: module.as_ref().map(ToString::to_string),
                user: user.clone(),
                ..told
            },
            About::Letter {
                letter,
                queue,
                code,
            } => Self {
                letter: Some(*letter),
                queue: Some(queue.clone()),
                code: Some(code.clone()),
                ..told
            },
        }
    }
}

fn numbers<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Option<Vec<u32>> {
    let versions = versions.into_iter();
    let numbers: Vec<u32> = versions.map(|version| version.number()).collect();
    (!numbers.is_empty()).then_some(numbers)
}

/// A search of a bulk job, as options of the command line; empty for one that was left out.
pub fn search(json: &str) -> String {
    let wanted: Option<Wanted> = serde_json::from_str(json).ok();
    wanted.as_ref().map(bulk::search).unwrap_or_default()
}

/// Who gave an order, in a word or two.
pub fn by(by: &Initiator) -> String {
    clean(&match by {
        Initiator::Operator(operator) => operator.name().to_owned(),
        Initiator::Message { .. } | Initiator::Replacement { .. } => by.to_string(),
    })
}

/// What an order was about besides the thing itself: the part, the fields, where to.
pub fn detail(entry: &AuditEntry) -> String {
    let mut words = Vec::new();
    match &entry.about {
        About::Process {
            part, fields, to, ..
        } => {
            words.extend(part.as_ref().map(|part| match part {
                Part::Activity(activity) => format!("at {activity}"),
                Part::Number(number) => format!("part {}", number.0),
            }));
            if !fields.is_empty() {
                words.push(format!("fields {}", fields.join(", ")));
            }
            words.extend(to.as_ref().map(|to| match entry.versions() {
                Some((Some(version), _)) => format!("from @{version} to {to}"),
                Some((None, _)) | None => format!("to {to}"),
            }));
        }
        About::Job {
            order,
            search,
            counts,
            ..
        } => {
            let search = match search.is_empty() {
                true => "for a search that is too long to be kept".to_owned(),
                false => self::search(search),
            };
            words.push(format!("{order} {search}"));
            words.extend(counts.as_ref().map(|counts| {
                let changed = match counts.changed {
                    0 => String::new(),
                    changed => format!(", {changed} left alone"),
                };
                format!(
                    "{} done, {} refused{changed} until then",
                    counts.done, counts.refused
                )
            }));
        }
        About::Letter { queue, code, .. } => {
            words.extend((!queue.is_empty()).then(|| format!("{code}, of queue {queue}")));
        }
        About::Definition { .. } | About::Module { .. } => {}
    }
    clean(&words.join("; "))
}

/// What an order was about, by its name.
pub fn about(about: &About) -> String {
    clean(&match about {
        About::Process {
            process,
            definition,
            version,
            ..
        } => match (definition.is_empty(), version) {
            (true, _) => format!("process {process}"),
            (false, Some(version)) => format!("process {process} of {definition}@{version}"),
            (false, None) => format!("process {process} of {definition}"),
        },
        About::Job { job, .. } => format!("bulk job {job}"),
        About::Definition { name, versions, .. } => {
            let versions: Vec<_> = versions
                .iter()
                .map(|version| format!("@{version}"))
                .collect();
            format!("definition {name}{}", versions.join(", "))
        }
        About::Module {
            name,
            version,
            alias,
            module,
            ..
        } => match (name, alias, version, module) {
            (Some(name), Some(alias), Some(version), _) => {
                format!("alias {name}@{alias} of version {version}")
            }
            (Some(name), Some(alias), None, _) => format!("alias {name}@{alias}"),
            (Some(name), None, Some(version), _) => format!("module {name}@{version}"),
            (Some(name), None, None, _) => format!("module {name}"),
            (None, _, _, Some(module)) => format!("module {module}"),
            (None, _, _, None) => "a module".to_owned(),
        },
        About::Letter { letter, .. } => format!("dead letter {letter}"),
    })
}
