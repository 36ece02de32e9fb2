//! Operators' questions and orders about deployed definitions. The answers to questions are read
//! from the committed store.

pub use crate::intake::deploying::{DefinitionCommand, DefinitionOrder};

use crate::{
    catalog::{DefinitionRecord, Deployer},
    damage::Damages,
    plan::schedules::ScheduleRecord,
};
use bureaucrat_model::{
    DefinitionName, DefinitionRef, ProgramHash, ShardId, SourceHash, Timestamp, Version,
};
use bureaucrat_store::{Store, StoreError, Table, keys, reading::scan_all, records};
use bureaucrat_wire::{DefinitionDeployed, Novelty};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// After every key of a definition.
const END: [u8; 160] = [u8::MAX; 160];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum DefinitionQuery {
    Deploy {
        /// The XML.
        source: String,
    },
    /// All names.
    List,
    /// The versions of a name; with a version, that one and its text.
    Show {
        name: DefinitionName,
        version: Option<Version>,
    },
    /// Launch a version, or all versions of a name, no more.
    Retire {
        name: DefinitionName,
        version: Option<Version>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum DefinitionAnswer {
    /// It is stored, and durable.
    Deployed(DeployedView),
    Refused {
        reasons: Vec<String>,
    },
    Listed {
        definitions: Vec<NameView>,
    },
    Shown {
        name: DefinitionName,
        /// Oldest first.
        versions: Vec<VersionView>,
        /// The text, if a version was asked for.
        source: Option<String>,
        /// When it launches itself, if it does.
        schedule: Option<ScheduleView>,
    },
    Retired {
        name: DefinitionName,
        versions: Vec<Version>,
        /// What the name launches from now on.
        newest: Option<Version>,
    },
    /// There is no such definition.
    Unknown {
        reason: String,
    },
}

/// What a deployment came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedView {
    pub name: DefinitionName,
    pub version: Version,
    pub hash: SourceHash,
    pub made: Made,
    /// The version that a launch by the name alone starts.
    pub newest: Version,
}

/// Whether a deployment made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    New,
    /// The version had this text before.
    Unchanged,
}

impl DeployedView {
    pub(crate) fn of(deployed: &DefinitionDeployed, newest: Version) -> Self {
        Self {
            name: deployed.name.clone(),
            version: deployed.version,
            hash: deployed.hash,
            made: match deployed.novelty {
                Novelty::New => Made::New,
                Novelty::Unchanged => Made::Unchanged,
            },
            newest,
        }
    }
}

/// Who deployed a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum ByView {
    Operator,
    /// A publisher without `user_id`.
    Anonymous,
    User {
        user: String,
    },
}

impl ByView {
    pub(crate) fn of(deployer: &Deployer) -> Self {
        match deployer {
            Deployer::Operator => Self::Operator,
            Deployer::Anonymous => Self::Anonymous,
            Deployer::User(user) => Self::User { user: user.clone() },
        }
    }
}

/// A name in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameView {
    pub name: DefinitionName,
    /// The version that a launch by the name alone starts; `None` if all are retired.
    pub newest: Option<Version>,
    pub versions: u64,
    pub retired: u64,
    /// When the last version was deployed, milliseconds since the Unix epoch.
    pub deployed_at: Timestamp,
    /// Whose name it is.
    #[serde(flatten)]
    pub owner: ByView,
}

/// When a definition launches itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleView {
    /// What is launched.
    pub version: Version,
    pub cron: String,
    pub zone: String,
    pub next: Timestamp,
}

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    pub version: Version,
    /// The hash of its text.
    pub hash: SourceHash,
    pub program: ProgramHash,
    /// Bytes of its text.
    pub bytes: u64,
    pub deployed_at: Timestamp,
    #[serde(flatten)]
    pub by: ByView,
    /// When it was retired, if it was.
    pub retired_at: Option<Timestamp>,
}

impl VersionView {
    fn of(version: Version, record: &DefinitionRecord) -> Self {
        Self {
            version,
            hash: record.source,
            program: record.program,
            bytes: record.bytes,
            deployed_at: record.at,
            by: ByView::of(&record.by),
            retired_at: record.retired,
        }
    }
}

/// All names, in their order. Versions that cannot be read are left out.
///
/// # Errors
/// If the store cannot be read for reasons other than damage.
pub(crate) fn list(store: &dyn Store, damages: &Damages) -> Result<DefinitionAnswer, StoreError> {
    let mut names: BTreeMap<DefinitionName, NameView> = BTreeMap::new();
    read(store, damages, (&[], &END), |name, version, record| {
        let view = names.entry(name.clone()).or_insert_with(|| NameView {
            name,
            newest: None,
            versions: 0,
            retired: 0,
            deployed_at: record.at,
            owner: ByView::of(&record.by),
        });
        view.versions += 1;
        view.deployed_at = record.at;
        match record.retired {
            Some(_) => view.retired += 1,
            None => view.newest = Some(version),
        }
    })?;
    Ok(DefinitionAnswer::Listed {
        definitions: names.into_values().collect(),
    })
}

/// The versions of a name, or one version and its text.
///
/// # Errors
/// If the store cannot be read for reasons other than damage.
pub(crate) fn show(
    store: &dyn Store,
    damages: &Damages,
    shard: ShardId,
    wanted: &DefinitionRef,
) -> Result<DefinitionAnswer, StoreError> {
    let name = &wanted.name;
    let (from, to) = keys::versions_of(shard, name);
    let mut versions = Vec::new();
    read(store, damages, (&from, &to), |_, version, record| {
        versions.push(VersionView::of(version, record));
    })?;
    if versions.is_empty() {
        let reason = format!("no definition `{name}` is deployed here");
        return Ok(DefinitionAnswer::Unknown { reason });
    }
    let mut source = None;
    if let Some(version) = wanted.version {
        let newest = versions.last().map(|view| view.version);
        versions.retain(|view| view.version == version);
        if versions.is_empty() {
            let newest =
                newest.map_or_else(String::new, |newest| format!("; its newest is {newest}"));
            let reason = format!("`{name}` has no version {version}{newest}");
            return Ok(DefinitionAnswer::Unknown { reason });
        }
        let key = keys::version(shard, name, version);
        let text = damages.around(None, store.get(Table::Sources, &key))?;
        let text = text.flatten();
        source = text.map(|text| String::from_utf8_lossy(&text).into_owned());
    }
    let key = keys::name(shard, name);
    let scheduled = records::read::<ScheduleRecord>(store, Table::Schedules, &key);
    let scheduled = damages.around(None, scheduled)?.flatten();
    let schedule = scheduled.map(|record| ScheduleView {
        version: record.version,
        cron: record.schedule.cron,
        zone: record.schedule.zone,
        next: record.next,
    });
    Ok(DefinitionAnswer::Shown {
        name: name.clone(),
        versions,
        source,
        schedule,
    })
}

fn read(
    store: &dyn Store,
    damages: &Damages,
    (from, to): (&[u8], &[u8]),
    mut see: impl FnMut(DefinitionName, Version, &DefinitionRecord),
) -> Result<(), StoreError> {
    let table = Table::Definitions;
    let gaps = scan_all(store, table, from, to, |key, value| {
        let Ok(place) = keys::version_of(&key) else {
            damages.note_key(table, &key);
            return Ok(());
        };
        let record = records::decode::<DefinitionRecord>(table, &key, &value);
        if let Some(record) = damages.around(None, record)? {
            see(place.name, place.version, &record);
        }
        Ok(())
    })?;
    damages.note_gaps(table, &gaps);
    Ok(())
}
