//! Keys of what is deployed under a name: a version of a definition in [`crate::Table::Definitions`]
//! and [`crate::Table::Sources`], a name in [`crate::Table::Schedules`] and
//! [`crate::Table::ModuleNames`].

use super::{KeyError, prefix_end};
use bureaucrat_model::{DefinitionName, Name, ShardId, Version};

/// What the key of a version says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionKey {
    /// The shard that the name determines.
    pub shard: ShardId,
    pub name: DefinitionName,
    pub version: Version,
}

/// The key of a version: the shard of its name (1 byte), the length of the name (1 byte), the name,
/// the version (4 bytes).
pub fn version(shard: ShardId, name: &DefinitionName, version: Version) -> Vec<u8> {
    let mut key = prefix(shard, name);
    key.extend_from_slice(&version.number().to_be_bytes());
    key
}

/// The first key of a name's versions, and the first key after them.
pub fn versions_of(shard: ShardId, name: &DefinitionName) -> (Vec<u8>, Vec<u8>) {
    let from = prefix(shard, name);
    let to = prefix_end(&from);
    (from, to)
}

fn prefix<K>(shard: ShardId, name: &Name<K>) -> Vec<u8> {
    // A name has at most 128 bytes.
    let length = u8::try_from(name.as_str().len()).unwrap_or(u8::MAX);
    let mut key = vec![shard.0, length];
    key.extend_from_slice(name.as_str().as_bytes());
    key
}

/// The key of a name: its shard (1 byte), its length (1 byte), the name.
pub fn name<K>(shard: ShardId, name: &Name<K>) -> Vec<u8> {
    prefix(shard, name)
}

/// The shard and the name in the key of a name.
///
/// # Errors
/// If the key has another form.
pub fn name_of<K>(key: &[u8]) -> Result<(ShardId, Name<K>), KeyError> {
    let (&shard, rest) = key.split_first().ok_or(KeyError)?;
    let (&length, name) = rest.split_first().ok_or(KeyError)?;
    if name.len() != usize::from(length) {
        return Err(KeyError);
    }
    let name = std::str::from_utf8(name).map_err(|_| KeyError)?;
    Ok((ShardId(shard), name.parse().map_err(|_| KeyError)?))
}

/// The version in the key of one.
///
/// # Errors
/// If the key has another form.
pub fn version_of(key: &[u8]) -> Result<DefinitionKey, KeyError> {
    let (&shard, rest) = key.split_first().ok_or(KeyError)?;
    let (&length, rest) = rest.split_first().ok_or(KeyError)?;
    let (name, version) = rest.split_at_checked(usize::from(length)).ok_or(KeyError)?;
    let name = std::str::from_utf8(name).map_err(|_| KeyError)?;
    let version = u32::from_be_bytes(version.try_into().map_err(|_| KeyError)?);
    Ok(DefinitionKey {
        shard: ShardId(shard),
        name: name.parse().map_err(|_| KeyError)?,
        version: Version::new(version).ok_or(KeyError)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_read_back_and_sort_by_version_within_a_name() {
        let shard = ShardId(7);
        let names = ["a", "ab", "order", "a-very.long_Name"];
        for name in names {
            let name: DefinitionName = name.parse().unwrap();
            let (from, to) = versions_of(shard, &name);
            let mut last = from.clone();
            for number in [1, 2, 255, 256, u32::MAX].map(|number| Version::new(number).unwrap()) {
                let key = version(shard, &name, number);
                assert!(key > last && key < to, "{name}@{number}");
                let read = version_of(&key).unwrap();
                assert_eq!(
                    (read.shard, &read.name, read.version),
                    (shard, &name, number)
                );
                last = key;
            }
            for other in names.iter().filter(|other| **other != name.as_str()) {
                let key = version(shard, &other.parse().unwrap(), Version::FIRST);
                assert!(key < from || key >= to, "{name} {other}");
            }
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let key = version(ShardId(1), &"order".parse().unwrap(), Version::FIRST);
        assert_eq!(version_of(&key[..key.len() - 1]), Err(KeyError));
        assert_eq!(version_of(&[1, 5]), Err(KeyError));
        assert_eq!(version_of(&[]), Err(KeyError));
        let zero = [&key[..key.len() - 1], &[0]].concat();
        assert_eq!(version_of(&zero), Err(KeyError));
    }
}
