//! What an order was given to.

use super::{NAMED_MAX, TEXT_BYTES_MAX, Verb, cut};
use crate::operate::{
    bulk::BulkCounts,
    commands::Order,
    query::{Attribute, Wanted},
};
use bureaucrat_model::{
    Alias, DefinitionName, FiberId, ModuleHash, ModuleName, ProcessId, Version,
};
use serde::{Deserialize, Serialize};

/// A longer search of a bulk job, as JSON, is left out.
const SEARCH_BYTES_MAX: usize = 2_000;

/// What an order was given to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum About {
    #[serde(rename = "1")]
    Process {
        process: ProcessId,
        definition: String,
        /// The version that it was of when the order came.
        version: Option<Version>,
        /// Who launched it.
        user: Option<String>,
        /// The part that was meant, where one was named.
        part: Option<Part>,
        /// The fields that were set or removed.
        fields: Vec<String>,
        /// Where it continues: an activity, or a version.
        to: Option<String>,
    },
    #[serde(rename = "2")]
    Job {
        job: u64,
        /// What the job orders.
        order: Verb,
        /// The search, as JSON; empty if it is too long.
        search: String,
        /// Whose processes alone it finds, if it says so.
        user: Option<String>,
        /// Of one that was stopped: what was counted until then.
        counts: Option<BulkCounts>,
    },
    #[serde(rename = "3")]
    Definition {
        name: DefinitionName,
        /// The last of them, oldest first.
        versions: Vec<Version>,
        /// The user whose message deployed it.
        user: Option<String>,
    },
    #[serde(rename = "4")]
    Module {
        name: Option<ModuleName>,
        version: Option<Version>,
        alias: Option<Alias>,
        module: Option<ModuleHash>,
        /// The user whose message deployed it.
        user: Option<String>,
    },
    #[serde(rename = "5")]
    Letter {
        letter: u64,
        /// The queue that it came from.
        queue: String,
        code: String,
    },
}

/// A part of a process, as it was named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    #[serde(rename = "1")]
    Activity(String),
    #[serde(rename = "2")]
    Number(FiberId),
}

impl About {
    pub(crate) const fn process(process: ProcessId) -> Self {
        Self::Process {
            process,
            definition: String::new(),
            version: None,
            user: None,
            part: None,
            fields: Vec::new(),
            to: None,
        }
    }

    pub(crate) fn job(job: u64, order: &Order, wanted: &Wanted) -> Self {
        let search = serde_json::to_string(wanted).unwrap_or_default();
        let users = wanted.attributes.iter();
        let mut users = users.filter_map(|attribute| match attribute {
            Attribute::User(user) => Some(user.clone()),
            Attribute::Field(..)
            | Attribute::Definition(_)
            | Attribute::Version(..)
            | Attribute::Key(_)
            | Attribute::Fault(_)
            | Attribute::Participant(_)
            | Attribute::Event(_) => None,
        });
        Self::Job {
            job,
            order: Verb::of(order),
            search: match search.len() <= SEARCH_BYTES_MAX {
                true => search,
                false => String::new(),
            },
            // With several it is about nobody's processes.
            user: users
                .next()
                .filter(|user| user.len() <= TEXT_BYTES_MAX && users.next().is_none()),
            counts: None,
        }
    }

    /// The job has come so far.
    pub(crate) fn counted(mut self, so_far: BulkCounts) -> Self {
        if let Self::Job { counts, .. } = &mut self {
            *counts = Some(so_far);
        }
        self
    }

    pub(crate) fn definition(name: &DefinitionName, versions: &[Version]) -> Self {
        let first = versions.len().saturating_sub(NAMED_MAX);
        Self::Definition {
            name: name.clone(),
            versions: versions[first..].to_vec(),
            user: None,
        }
    }

    pub(crate) const fn module(module: Option<ModuleHash>, name: Option<ModuleName>) -> Self {
        Self::Module {
            name,
            version: None,
            alias: None,
            module,
            user: None,
        }
    }

    pub(crate) fn deployed(module: ModuleHash, named: Option<&(ModuleName, Version)>) -> Self {
        let about = Self::module(Some(module), named.map(|(name, _)| name.clone()));
        match named {
            Some((_, version)) => about.at_version(*version),
            None => about,
        }
    }

    pub(crate) fn at_version(mut self, number: Version) -> Self {
        if let Self::Module { version, .. } = &mut self {
            *version = Some(number);
        }
        self
    }

    pub(crate) fn with_alias(mut self, word: &Alias) -> Self {
        if let Self::Module { alias, .. } = &mut self {
            *alias = Some(word.clone());
        }
        self
    }

    /// A user's message deployed it.
    pub(crate) fn of_user(mut self, of: Option<&String>) -> Self {
        match &mut self {
            Self::Process { user, .. }
            | Self::Job { user, .. }
            | Self::Definition { user, .. }
            | Self::Module { user, .. } => *user = of.cloned(),
            Self::Letter { .. } => {}
        }
        self
    }

    pub(crate) fn letter(letter: u64, queue: &str, code: &str) -> Self {
        Self::Letter {
            letter,
            queue: cut(queue, TEXT_BYTES_MAX),
            code: cut(code, TEXT_BYTES_MAX),
        }
    }

    /// The user whom it concerns alone, if it does.
    pub(super) fn user(&self) -> Option<&str> {
        match self {
            Self::Process { user, .. }
            | Self::Job { user, .. }
            | Self::Definition { user, .. }
            | Self::Module { user, .. } => user.as_deref(),
            Self::Letter { .. } => None,
        }
    }
}
