//! The catalog: which definitions are deployed, in which versions, and whose they are.
//!
//! It is in memory as a whole, without the texts, and is read from the store at each start. It
//! includes what is planned and not durable yet, so that numbers are given once; a launch of such a
//! version waits until it is durable. It decides what a name refers to, and whether there is room for
//! more. What a user may do is the policy's to say; writing is the planner's.

pub(crate) mod nearest;
mod record;
mod resolving;

pub use record::{DefinitionRecord, Deployed, Deployer};
pub use resolving::{Resolution, Resolved, Unresolved};

use crate::damage::Damages;
use bureaucrat_model::{DefinitionName, ProgramHash, SourceHash, Version};
use bureaucrat_store::{Store, StoreError, Table, keys, reading::scan_all, records};
use std::collections::{BTreeMap, HashMap};

/// Versions of all definitions together; each takes about 200 bytes of memory.
const VERSIONS_MAX: usize = 200_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not durable yet.
    Planned,
    Offered,
    Retired,
}

/// What is known of a version.
#[derive(Debug, Clone)]
enum Known {
    Readable {
        source: SourceHash,
        program: ProgramHash,
        state: State,
    },
    /// Its record cannot be read.
    Damaged,
}

#[derive(Debug)]
struct Named {
    /// Who deployed the first version; unknown if its record is damaged.
    owner: Option<Deployer>,
    versions: BTreeMap<Version, Known>,
}

/// Where a deployed text belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// This version has it.
    Same(Version),
    /// It becomes this version.
    New(Version),
}

/// Why a definition is not stored, for any deployer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSlot {
    #[error(
        "the records of deployed definitions are damaged, so the next version of `{0}` is \
         unknown; `bureaucrat fsck` on the stopped engine says what can be done"
    )]
    Damaged(DefinitionName),
    #[error(
        "the engine already holds {VERSIONS_MAX} versions of definitions, the most that it \
             may"
    )]
    Full,
}

/// What a start found in the store.
pub struct Found {
    pub catalog: Catalog,
    /// The program of each version: it is in use.
    pub programs: Vec<ProgramHash>,
    /// How many records are damaged.
    pub damaged: usize,
}

/// The deployed definitions.
#[derive(Debug, Default)]
pub struct Catalog {
    names: BTreeMap<DefinitionName, Named>,
    deployed: HashMap<Deployer, Deployed>,
    versions: usize,
    /// Part of the table cannot be read, so that there may be names and versions beyond those here.
    has_gaps: bool,
}

impl Catalog {
    /// Reads what is deployed.
    ///
    /// # Errors
    /// If the store cannot be read for reasons other than damage.
    pub fn open(store: &dyn Store, damages: &Damages) -> Result<Found, StoreError> {
        let mut catalog = Self::default();
        let (mut programs, mut damaged) = (Vec::new(), 0);
        let table = Table::Definitions;
        let gaps = scan_all(store, table, &[], &[u8::MAX; 160], |key, value| {
            let Ok(place) = keys::version_of(&key) else {
                damages.note_key(table, &key);
                damaged += 1;
                return Ok(());
            };
            let read = records::decode::<DefinitionRecord>(table, &key, &value);
            match damages.around(None, read)? {
                Some(record) => {
                    programs.push(record.program);
                    let state = match record.retired {
                        Some(_) => State::Retired,
                        None => State::Offered,
                    };
                    catalog.insert(&place.name, place.version, &record, state);
                }
                None => {
                    damaged += 1;
                    catalog.insert_damaged(&place.name, place.version);
                }
            }
            Ok(())
        })?;
        damages.note_gaps(table, &gaps);
        catalog.has_gaps = !gaps.is_empty();
        Ok(Found {
            catalog,
            programs,
            damaged: damaged + gaps.len(),
        })
    }

    /// Who may always use a name: its first deployer. `None` for a name that is free, or whose
    /// owner is unknown because of damage.
    pub fn owner(&self, name: &DefinitionName) -> Option<&Deployer> {
        self.names.get(name)?.owner.as_ref()
    }

    pub fn is_free(&self, name: &DefinitionName) -> bool {
        !self.names.contains_key(name)
    }

    /// What a user has deployed so far.
    pub fn deployed(&self, deployer: &Deployer) -> Deployed {
        self.deployed.get(deployer).copied().unwrap_or_default()
    }

    /// Where a text belongs that was compiled to this program. A version that is retired does not have
    /// it any more, and neither does one that was compiled with other modules under the same names.
    ///
    /// # Errors
    /// If there is no room, or the store does not say.
    pub fn slot(
        &self,
        name: &DefinitionName,
        (source, program): (SourceHash, ProgramHash),
    ) -> Result<Slot, NoSlot> {
        let mut newest = None;
        if let Some(named) = self.names.get(name) {
            let has_it = |known: &Known| match known {
                Known::Readable {
                    source: other,
                    program: its,
                    state,
                } => *other == source && *its == program && *state != State::Retired,
                Known::Damaged => false,
            };
            let same = named.versions.iter().find(|(_, known)| has_it(known));
            if let Some((version, _)) = same {
                return Ok(Slot::Same(*version));
            }
            newest = named.versions.keys().next_back();
        }
        if self.has_gaps {
            return Err(NoSlot::Damaged(name.clone()));
        }
        let next = newest.map_or(Some(Version::FIRST), |newest| newest.next());
        match next.filter(|_| self.versions < VERSIONS_MAX) {
            Some(next) => Ok(Slot::New(next)),
            None => Err(NoSlot::Full),
        }
    }

    /// Whether some version, retired or not, has this text; the newest such.
    pub fn version_with(&self, name: &DefinitionName, source: SourceHash) -> Option<Version> {
        let versions = self.names.get(name)?.versions.iter().rev();
        let mut with = versions.filter_map(|(version, known)| match known {
            Known::Readable { source: other, .. } if *other == source => Some(*version),
            Known::Readable { .. } | Known::Damaged => None,
        });
        with.next()
    }

    /// A version is planned: it counts from now on, and can be launched once it is durable.
    pub fn plan(&mut self, name: &DefinitionName, version: Version, record: &DefinitionRecord) {
        self.insert(name, version, record, State::Planned);
    }

    /// A planned version is durable.
    pub fn durable(&mut self, name: &DefinitionName, version: Version) {
        if let Some(Known::Readable { state, .. }) = self.known(name, version)
            && *state == State::Planned
        {
            *state = State::Offered;
        }
    }

    /// A durable version is not launched any more.
    pub fn retire(&mut self, name: &DefinitionName, version: Version) {
        if let Some(Known::Readable { state, .. }) = self.known(name, version) {
            *state = State::Retired;
        }
    }

    /// The durable versions that are not retired.
    pub fn offered(&self, name: &DefinitionName) -> Vec<Version> {
        let named = self.names.get(name);
        let versions = named.into_iter().flat_map(|named| &named.versions);
        let offered = versions.filter(|(_, known)| is_in(known, State::Offered));
        offered.map(|(version, _)| *version).collect()
    }

    fn known(&mut self, name: &DefinitionName, version: Version) -> Option<&mut Known> {
        self.names.get_mut(name)?.versions.get_mut(&version)
    }

    fn insert(
        &mut self,
        name: &DefinitionName,
        version: Version,
        record: &DefinitionRecord,
        state: State,
    ) {
        let by = &record.by;
        let deployed = self.deployed.entry(by.clone()).or_default();
        deployed.versions += 1;
        deployed.bytes += record.bytes;
        let named = self.names.entry(name.clone()).or_insert_with(|| Named {
            owner: None,
            versions: BTreeMap::new(),
        });
        if named.versions.is_empty() {
            named.owner = Some(by.clone());
            deployed.names += 1;
        }
        let known = Known::Readable {
            source: record.source,
            program: record.program,
            state,
        };
        named.versions.insert(version, known);
        self.versions += 1;
    }

    fn insert_damaged(&mut self, name: &DefinitionName, version: Version) {
        let named = self.names.entry(name.clone()).or_insert_with(|| Named {
            owner: None,
            versions: BTreeMap::new(),
        });
        named.versions.insert(version, Known::Damaged);
        self.versions += 1;
    }
}

fn is_in(known: &Known, wanted: State) -> bool {
    match known {
        Known::Readable { state, .. } => *state == wanted,
        Known::Damaged => false,
    }
}
