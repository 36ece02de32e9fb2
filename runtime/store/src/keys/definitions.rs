//! Keys of [`crate::Table::Definitions`] and [`crate::Table::Sources`]: a version of a deployed
//! definition.

use super::{KeyError, prefix_end};
use bureaucrat_model::{DefinitionName, ShardId, Version};

/// What such a key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionKey {
    /// The shard that the name determines.
    pub shard: ShardId,
    pub name: DefinitionName,
    pub version: Version,
}

/// The key of a version: the shard of its name (1 byte), the length of the name (1 byte), the name,
/// the version (4 bytes).
pub fn definition(shard: ShardId, name: &DefinitionName, version: Version) -> Vec<u8> {
    let mut key = prefix(shard, name);
    key.extend_from_slice(&version.number().to_be_bytes());
    key
}

/// The first key of a name's versions, and the first key after them.
pub fn definitions_of(shard: ShardId, name: &DefinitionName) -> (Vec<u8>, Vec<u8>) {
    let from = prefix(shard, name);
    let to = prefix_end(&from);
    (from, to)
}

fn prefix(shard: ShardId, name: &DefinitionName) -> Vec<u8> {
    // A name has at most 128 bytes.
    let length = u8::try_from(name.as_str().len()).unwrap_or(u8::MAX);
    let mut key = vec![shard.0, length];
    key.extend_from_slice(name.as_str().as_bytes());
    key
}

/// The key of a name's schedule: the shard of the name (1 byte), the length of the name (1 byte), the
/// name.
pub fn schedule(shard: ShardId, name: &DefinitionName) -> Vec<u8> {
    prefix(shard, name)
}

/// The shard and the name in the key of a schedule.
///
/// # Errors
/// If the key has another form.
pub fn schedule_of(key: &[u8]) -> Result<(ShardId, DefinitionName), KeyError> {
    let (&shard, rest) = key.split_first().ok_or(KeyError)?;
    let (&length, name) = rest.split_first().ok_or(KeyError)?;
    if name.len() != usize::from(length) {
        return Err(KeyError);
    }
    let name = std::str::from_utf8(name).map_err(|_| KeyError)?;
    Ok((ShardId(shard), name.parse().map_err(|_| KeyError)?))
}

/// The version in a key.
///
/// # Errors
/// If the key has another form.
pub fn definition_of(key: &[u8]) -> Result<DefinitionKey, KeyError> {
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
            let (from, to) = definitions_of(shard, &name);
            let mut last = from.clone();
            for version in [1, 2, 255, 256, u32::MAX].map(|number| Version::new(number).unwrap()) {
                let key = definition(shard, &name, version);
                assert!(key > last && key < to, "{name}@{version}");
                let read = definition_of(&key).unwrap();
                assert_eq!(
                    (read.shard, &read.name, read.version),
                    (shard, &name, version)
                );
                last = key;
            }
            for other in names.iter().filter(|other| **other != name.as_str()) {
                let key = definition(shard, &other.parse().unwrap(), Version::FIRST);
                assert!(key < from || key >= to, "{name} {other}");
            }
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let key = definition(ShardId(1), &"order".parse().unwrap(), Version::FIRST);
        assert_eq!(definition_of(&key[..key.len() - 1]), Err(KeyError));
        assert_eq!(definition_of(&[1, 5]), Err(KeyError));
        assert_eq!(definition_of(&[]), Err(KeyError));
        let zero = [&key[..key.len() - 1], &[0]].concat();
        assert_eq!(definition_of(&zero), Err(KeyError));
    }
}
