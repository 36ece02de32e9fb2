//! Shards are owned in groups: 16 groups of 16 shards that follow each other.
//!
//! A group is what has a lease and a queue, so that 256 shards need no more than 16 of each.

use std::fmt;

/// One of the 256 shards of a storage, the unit that an engine owns. The ids of its processes begin
/// with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u8);

impl ShardId {
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }
}

/// The groups of a storage.
const COUNT: u8 = 16;
/// The shards of a group.
const SIZE: u8 = 16;

/// One of the 16 groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardGroup(u8);

impl ShardGroup {
    pub const COUNT: usize = COUNT as usize;
    /// The group of what exists once.
    pub const COMMON: Self = Self(0);

    pub fn all() -> impl Iterator<Item = Self> {
        (0..COUNT).map(Self)
    }

    /// The group with a number, if there is one.
    pub const fn new(number: u8) -> Option<Self> {
        match number < COUNT {
            true => Some(Self(number)),
            false => None,
        }
    }

    pub const fn number(self) -> u8 {
        self.0
    }

    /// One of its shards, chosen by a byte.
    pub const fn shard_by(self, byte: u8) -> ShardId {
        ShardId(self.0 * SIZE + byte % SIZE)
    }

    /// Its first shard.
    pub const fn first(self) -> ShardId {
        ShardId(self.0 * SIZE)
    }
}

impl fmt::Display for ShardGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ShardId {
    /// The group that it is owned with.
    pub const fn group(self) -> ShardGroup {
        ShardGroup(self.0 / SIZE)
    }
}

/// A set of groups.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ShardGroups(u16);

impl ShardGroups {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(u16::MAX);

    #[must_use]
    pub const fn with(self, group: ShardGroup) -> Self {
        Self(self.0 | 1 << group.0)
    }

    #[must_use]
    pub const fn without(self, group: ShardGroup) -> Self {
        Self(self.0 & !(1 << group.0))
    }

    pub const fn contains(self, group: ShardGroup) -> bool {
        self.0 & (1 << group.0) != 0
    }

    /// Whether a shard is in one of them.
    pub const fn has(self, shard: ShardId) -> bool {
        self.contains(shard.group())
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub fn iter(self) -> impl Iterator<Item = ShardGroup> + Clone {
        (0..COUNT)
            .map(ShardGroup)
            .filter(move |group| self.contains(*group))
    }

    /// Their shards.
    pub fn shards(self) -> impl Iterator<Item = ShardId> {
        ShardId::all().filter(move |shard| self.has(*shard))
    }

    /// Ranges of the first bytes of keys: each begins with its first shard, and ends before the shard that follows it,
    /// if there is one.
    pub fn ranges(self) -> Vec<(ShardId, Option<ShardId>)> {
        let mut ranges: Vec<(ShardId, Option<ShardId>)> = Vec::new();
        for group in self.iter() {
            let end = group.first().0.checked_add(SIZE).map(ShardId);
            match ranges.last_mut() {
                Some((_, last)) if *last == Some(group.first()) => *last = end,
                Some(_) | None => ranges.push((group.first(), end)),
            }
        }
        ranges
    }

    /// A shard of these that a byte stands for: its own if it is one of them.
    pub fn place(self, byte: u8) -> ShardId {
        let wanted = ShardId(byte);
        if self.has(wanted) || self.is_empty() {
            return wanted;
        }
        let place = usize::from(byte / SIZE) % self.len();
        let group = self.iter().nth(place).unwrap_or(wanted.group());
        ShardId(group.first().0 + byte % SIZE)
    }
}

impl FromIterator<ShardGroup> for ShardGroups {
    fn from_iter<I: IntoIterator<Item = ShardGroup>>(groups: I) -> Self {
        groups.into_iter().fold(Self::NONE, Self::with)
    }
}

/// The numbers of the groups.
impl fmt::Debug for ShardGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(|group| group.0))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(numbers: &[u8]) -> ShardGroups {
        numbers
            .iter()
            .filter_map(|number| ShardGroup::new(*number))
            .collect()
    }

    #[test]
    fn ranges_cover_the_shards_of_the_groups_and_no_others() {
        for numbers in [&[][..], &[0], &[15], &[0, 1, 2, 7, 14, 15], &[3, 5]] {
            let groups = groups(numbers);
            let covered: Vec<ShardId> = groups
                .ranges()
                .into_iter()
                .flat_map(|(from, to)| (from.0..=to.map_or(u8::MAX, |to| to.0 - 1)).map(ShardId))
                .collect();
            assert_eq!(covered, groups.shards().collect::<Vec<_>>());
            assert_eq!(groups.len(), numbers.len());
        }
        assert_eq!(ShardGroups::ALL.ranges(), [(ShardId(0), None)]);
    }

    #[test]
    fn every_byte_has_a_place_and_shards_have_their_own() {
        for numbers in [&[0][..], &[15], &[1, 2, 14]] {
            let groups = groups(numbers);
            for byte in 0..=u8::MAX {
                let place = groups.place(byte);
                assert!(groups.has(place));
                assert!(!groups.has(ShardId(byte)) || place == ShardId(byte));
            }
        }
    }
}
