//! Ids of processes, activities, fibers, waits, programs and modules.
//!
//! The text forms are those on the wire. Parsing is exact, so that each id has only one text.

use crate::{
    groups::{ShardGroup, ShardId},
    name::DefinitionName,
    time::Timestamp,
    version::Version,
};
use crate::{
    hex::{self, Hex},
    id_bytes,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a lower-case hyphenated UUID.
    #[error("`{0}` is not a process id (a lower-case UUID)")]
    Process(String),
    /// Not a process id followed by `_` and decimal indexes.
    #[error("`{0}` is not an activity id (a process id, then `_` and an index for each level)")]
    Activity(String),
    /// Not `sha256:` and 64 lower-case hexadecimal digits.
    #[error("`{0}` is not a hash (`sha256:` and 64 lower-case hexadecimal digits)")]
    Hash(String),
}

/// The id of a process: a UUID, 16 bytes. A called process has the first two bytes of its caller,
/// so that a whole call tree is on one shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(Uuid);

impl Serialize for ProcessId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        id_bytes::serialize(serializer, self.as_bytes(), self)
    }
}

impl<'de> Deserialize<'de> for ProcessId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        id_bytes::deserialize(deserializer, Self::from_bytes)
    }
}

impl ProcessId {
    /// Makes an id from 16 bytes; sets the version and variant bits of a custom UUID (RFC 9562,
    /// version 8).
    pub fn from_seed(seed: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(seed).into_uuid())
    }

    /// An id that was stored as these 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes of the UUID, big-endian.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The shard that the process belongs to: the first byte of its id.
    pub const fn shard(&self) -> ShardId {
        ShardId(self.0.as_bytes()[0])
    }

    /// The id of the `count`th process that this one calls: SHA-256 over the store's secret, this
    /// id and the count, with this id's first two bytes. It cannot be guessed without the secret.
    pub fn child(&self, secret: &[u8; 32], count: u64) -> Self {
        let digest = Sha256::new()
            .chain_update(secret)
            .chain_update(self.as_bytes())
            .chain_update(count.to_be_bytes())
            .finalize();
        let mut seed = [0; 16];
        seed.copy_from_slice(&digest[..16]);
        seed[..2].copy_from_slice(&self.as_bytes()[..2]);
        Self::from_seed(seed)
    }

    /// The id of the process that a version of a deployed definition launches at some time: of a shard in the group of what
    /// exists once, as the schedule is.
    pub fn scheduled(
        secret: &[u8; 32],
        name: &DefinitionName,
        version: Version,
        at: Timestamp,
    ) -> Self {
        let digest = Sha256::new()
            .chain_update(secret)
            .chain_update(b"scheduled")
            .chain_update(at.0.to_be_bytes())
            .chain_update(version.number().to_be_bytes())
            .chain_update(name.as_str())
            .finalize();
        let mut seed = [0; 16];
        seed.copy_from_slice(&digest[..16]);
        seed[0] = ShardGroup::COMMON.shard_by(seed[0]).0;
        Self::from_seed(seed)
    }

    /// The id of a process that this one starts and does not wait for: of any shard in its group, which has the same owner.
    pub fn detached(&self, secret: &[u8; 32], count: u64) -> Self {
        let digest = Sha256::new()
            .chain_update(secret)
            .chain_update(b"detached")
            .chain_update(self.as_bytes())
            .chain_update(count.to_be_bytes())
            .finalize();
        let mut seed = [0; 16];
        seed.copy_from_slice(&digest[..16]);
        seed[0] = self.shard().group().shard_by(seed[0]).0;
        Self::from_seed(seed)
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ProcessId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::Process(shortened(text));
        if text.len() != 36 {
            return Err(wrong());
        }
        let id = Self(Uuid::try_parse(text).map_err(|_| wrong())?);
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(wrong())
        }
    }
}

/// The index path of an activity below its process; empty for the process itself. `<condition>`,
/// `<context>` and `<module>` elements are not counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActivityPath(pub Vec<u32>);

impl ActivityPath {
    /// The segment of the handlers of a scope, which are next to its activities.
    pub const FAULTS: u32 = u32::MAX;
    /// What runs at the end of a scope; written `finally`.
    pub const FINALLY: u32 = u32::MAX - 1;
    /// What undoes a completed scope; written `compensate`.
    pub const COMPENSATE: u32 = u32::MAX - 2;
    /// What waits for events while a scope is active; written `events`.
    pub const EVENTS: u32 = u32::MAX - 3;
    /// The segments that are written as names.
    const NAMES: [(u32, &'static str); 4] = [
        (Self::FAULTS, "faults"),
        (Self::FINALLY, "finally"),
        (Self::COMPENSATE, "compensate"),
        (Self::EVENTS, "events"),
    ];

    /// Segments from here on are kept for names.
    const FIRST_NAME: u32 = u32::MAX - 15;

    /// The path of this activity's child at `index`.
    #[must_use]
    pub fn child(&self, index: u32) -> Self {
        let mut path = self.0.clone();
        path.push(index);
        Self(path)
    }
}

impl fmt::Display for ActivityPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| {
            match Self::NAMES.into_iter().find(|(named, _)| named == segment) {
                Some((_, name)) => write!(f, "_{name}"),
                None => write!(f, "_{segment}"),
            }
        })
    }
}

/// The id of an activity, as it travels in `target`: the process id, then `_` and an index for each level (`PID_0_1`).
/// `faults` and the number of a case lead to the activities of a handler (`PID_0_faults_1_0`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActivityId {
    pub process: ProcessId,
    /// The path from the process to the activity.
    pub path: ActivityPath,
}

impl fmt::Display for ActivityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.process, self.path)
    }
}

impl FromStr for ActivityId {
    type Err = IdError;

    /// Parses `PID_0_1`; indexes are decimal, without leading zeros, at most 256 of them.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::Activity(shortened(text));
        let mut parts = text.split('_');
        let process = parts
            .next()
            .unwrap_or_default()
            .parse()
            .map_err(|_| wrong())?;
        let mut path = Vec::new();
        for part in parts {
            if path.len() == MAX_PATH_LENGTH {
                return Err(wrong());
            }
            let named = ActivityPath::NAMES
                .into_iter()
                .find(|(_, name)| *name == part);
            if let Some((segment, _)) = named {
                path.push(segment);
                continue;
            }
            let index: u32 = part.parse().map_err(|_| wrong())?;
            if index.to_string() != part || index >= ActivityPath::FIRST_NAME {
                return Err(wrong());
            }
            path.push(index);
        }
        Ok(Self {
            process,
            path: ActivityPath(path),
        })
    }
}

/// The deepest activity that has an id, in levels below its process.
const MAX_PATH_LENGTH: usize = 256;

/// The number of a wait within its instance. Each wait of any fiber gets the next number, so that
/// an answer to an earlier round of a loop can be told from one to this round.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Turn(pub u64);

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The `origin` of a task: the activity id, `~` and the turn. Workers return it. If a worker
/// returns the bare activity id, the answer is matched by that alone, as in the original.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    pub activity: ActivityId,
    /// The wait that the task belongs to, if the worker returned it.
    pub turn: Option<Turn>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.turn {
            Some(turn) => write!(f, "{}~{turn}", self.activity),
            None => write!(f, "{}", self.activity),
        }
    }
}

impl FromStr for Origin {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let Some((activity, turn)) = text.split_once('~') else {
            return Ok(Self {
                activity: text.parse()?,
                turn: None,
            });
        };
        let number: u64 = turn
            .parse()
            .map_err(|_| IdError::Activity(shortened(text)))?;
        if number.to_string() != turn {
            return Err(IdError::Activity(shortened(text)));
        }
        Ok(Self {
            activity: activity.parse()?,
            turn: Some(Turn(number)),
        })
    }
}

/// The number of a fiber within its instance. It is never used again.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct FiberId(pub u32);

impl FiberId {
    /// In the key of the timer of a process's deadline; no fiber has it.
    pub const DEADLINE: Self = Self(u32::MAX - 3);
}

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                id_bytes::serialize(serializer, &self.0, self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                id_bytes::deserialize(deserializer, Self)
            }
        }

        impl $name {
            pub fn of(bytes: &[u8]) -> Self {
                Self(Sha256::digest(bytes).into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sha256:")?;
                fmt::Display::fmt(&Hex(&self.0), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError::Hash(shortened(text));
                let digits = text.strip_prefix("sha256:").ok_or_else(wrong)?;
                hex::read(digits).map(Self).ok_or_else(wrong)
            }
        }
    };
}

hash! {
    /// The hash of a program's stored bytes; an instance refers to its program by this hash.
    ProgramHash
}
hash! {
    /// The hash of a module's bytes as they were uploaded.
    ModuleHash
}
hash! {
    /// The hash of a row of a history. The row holds that of the row before it, so it covers all of them.
    HistoryHash
}

/// The beginning of a stranger's text, for a message.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests;
