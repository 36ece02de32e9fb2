//! A map from numbers that is cheap to copy: copies share its parts, and a change copies only the
//! part that contains it.

use std::{collections::BTreeMap, sync::Arc};

/// Consecutive numbers per part.
const PART: u64 = 128;

/// An ordered map. Copying it costs one reference for each 128 numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedMap<V> {
    /// Parts by the first number that may be in them. No part is empty.
    parts: BTreeMap<u64, Arc<BTreeMap<u64, V>>>,
    len: usize,
}

impl<V> Default for SharedMap<V> {
    fn default() -> Self {
        Self {
            parts: BTreeMap::new(),
            len: 0,
        }
    }
}

impl<V: Clone> SharedMap<V> {
    pub fn get(&self, key: u64) -> Option<&V> {
        self.parts.get(&part_of(key))?.get(&key)
    }

    /// The value at `key`, to be changed in place.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let part = self.parts.get_mut(&part_of(key))?;
        // A part that is shared is copied only for a number that it has.
        if Arc::get_mut(part).is_none() && !part.contains_key(&key) {
            return None;
        }
        Arc::make_mut(part).get_mut(&key)
    }

    /// Sets a value; returns the previous one.
    pub fn insert(&mut self, key: u64, value: V) -> Option<V> {
        let part = self.parts.entry(part_of(key)).or_default();
        let before = Arc::make_mut(part).insert(key, value);
        self.len += usize::from(before.is_none());
        before
    }

    pub fn remove(&mut self, key: u64) -> Option<V> {
        let part = self.parts.get_mut(&part_of(key))?;
        if !part.contains_key(&key) {
            return None;
        }
        let part = Arc::make_mut(part);
        let value = part.remove(&key);
        if part.is_empty() {
            self.parts.remove(&part_of(key));
        }
        self.len -= usize::from(value.is_some());
        value
    }

    /// In the order of the numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let parts = self.parts.values();
        parts.flat_map(|part| part.iter().map(|(key, value)| (*key, value)))
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

const fn part_of(key: u64) -> u64 {
    key / PART * PART
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_map_and_copies_stay_as_they_are() {
        let mut map = SharedMap::default();
        let mut plain = BTreeMap::new();
        let mut copies = Vec::new();
        for step in 0..4_000_u64 {
            let key = step.wrapping_mul(2_654_435_761) % 1_000;
            if step % 3 == 0 {
                assert_eq!(map.remove(key), plain.remove(&key));
            } else {
                assert_eq!(map.insert(key, step), plain.insert(key, step));
            }
            assert_eq!(map.get(key), plain.get(&key));
            assert_eq!((map.len(), map.is_empty()), (plain.len(), plain.is_empty()));
            if step % 500 == 0 {
                copies.push((map.clone(), plain.clone()));
            }
        }
        for (map, plain) in copies {
            let all: Vec<(u64, u64)> = map.iter().map(|(key, value)| (key, *value)).collect();
            assert_eq!(all, plain.into_iter().collect::<Vec<_>>());
        }
    }
}
