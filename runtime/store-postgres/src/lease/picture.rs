//! Who has which group at one moment, and what follows for an engine: what it takes, and what it gives back.
//!
//! Every engine works out the same shares from the same rows: those that have most keep a group more if the groups can't
//! be divided evenly, and free groups are meant for one engine each. So no two of them want the same group, and who has
//! its share never moves.

use super::holder::Wish;
use bureaucrat_store::{ShardGroup, ShardGroups};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// With leases that are not over.
    held: BTreeMap<String, ShardGroups>,
    /// The others, and who had them last; nobody if they were given back.
    free: BTreeMap<ShardGroup, Option<String>>,
    /// The engines that share.
    pub engines: BTreeSet<String>,
}

/// What an engine takes and gives back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wants {
    pub groups: ShardGroups,
    pub given: ShardGroups,
    /// With fewer of the groups it takes none.
    pub least: usize,
    /// Who had some of them until their leases were over.
    pub silent: Vec<String>,
}

impl Wants {
    pub const fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.given.is_empty()
    }
}

impl Picture {
    pub fn hold(&mut self, holder: String, group: ShardGroup) {
        let held = self.held.entry(holder).or_default();
        *held = held.with(group);
    }

    pub fn free(&mut self, group: ShardGroup, last: String) {
        let last = Some(last).filter(|last| !last.is_empty());
        self.free.insert(group, last);
    }

    pub fn held_by(&self, holder: &str) -> ShardGroups {
        self.held.get(holder).copied().unwrap_or_default()
    }

    pub fn holders(&self) -> impl Iterator<Item = &String> {
        self.held.keys()
    }

    /// The engines whose leases are over.
    pub fn silent(&self) -> Vec<String> {
        let silent: BTreeSet<&String> = self.free.values().flatten().collect();
        silent.into_iter().cloned().collect()
    }

    /// What an engine wants: all or nothing, or its share. What it has and keeps is part of it.
    pub fn wants(&self, engine: &str, wish: Wish) -> Wants {
        let ours = self.held_by(engine);
        let (keeps, takes, given, least) = match wish {
            Wish::All if ours.len() + self.free.len() < ShardGroup::COUNT => {
                return Wants::default();
            }
            Wish::All => (
                ours,
                self.free.keys().copied().collect(),
                ShardGroups::NONE,
                ShardGroup::COUNT,
            ),
            Wish::Share => {
                let (share, takes) = self.share(engine);
                let keeps: ShardGroups = ours.iter().take(share).collect();
                (keeps, takes, less(ours, keeps), 1)
            }
        };
        let last: BTreeSet<&String> = takes
            .iter()
            .filter_map(|group| self.free.get(&group)?.as_ref())
            .filter(|last| *last != engine)
            .collect();
        Wants {
            groups: keeps.iter().chain(takes.iter()).collect(),
            given,
            least,
            silent: last.into_iter().cloned().collect(),
        }
    }

    /// Whether an engine that shares should have other groups than it has.
    pub fn imbalance(&self, engine: &str) -> Imbalance {
        let (share, takes) = self.share(engine);
        Imbalance {
            takes: !takes.is_empty(),
            gives: self.held_by(engine).len() > share,
        }
    }

    /// How many groups an engine should have, and which of the free ones are meant for it.
    fn share(&self, engine: &str) -> (usize, ShardGroups) {
        let mut engines: BTreeSet<&str> = self.engines.iter().map(String::as_str).collect();
        engines.insert(engine);
        let (least, more) = (
            ShardGroup::COUNT / engines.len(),
            ShardGroup::COUNT % engines.len(),
        );
        let most = ShardGroup::COUNT.div_ceil(engines.len());
        // What is more than the largest share has no say, so that one that gives groups back keeps its place.
        let mut ranked: Vec<(Reverse<usize>, &str)> = engines
            .into_iter()
            .map(|name| (Reverse(self.held_by(name).len().min(most)), name))
            .collect();
        ranked.sort_unstable();
        let mut free = self.free.keys().copied();
        for (rank, (_, name)) in ranked.into_iter().enumerate() {
            let share = least + usize::from(rank < more);
            let missing = share.saturating_sub(self.held_by(name).len());
            let takes = free.by_ref().take(missing).collect();
            if name == engine {
                return (share, takes);
            }
        }
        (0, ShardGroups::NONE)
    }
}

/// Why an engine should open its records again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imbalance {
    /// There are groups of nobody that are meant for it.
    pub takes: bool,
    /// It has groups that are meant for another one.
    pub gives: bool,
}

/// What is in one set and not in another.
pub fn less(groups: ShardGroups, others: ShardGroups) -> ShardGroups {
    groups
        .iter()
        .filter(|group| !others.contains(*group))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Engines that open and close in some order, each over the picture of its moment.
    #[derive(Debug, Default)]
    struct Table {
        holders: BTreeMap<ShardGroup, String>,
        engines: BTreeSet<String>,
    }

    impl Table {
        fn picture(&self) -> Picture {
            let mut picture = Picture {
                engines: self.engines.clone(),
                ..Picture::default()
            };
            for group in ShardGroup::all() {
                match self.holders.get(&group) {
                    Some(holder) if self.engines.contains(holder) => {
                        picture.hold(holder.clone(), group);
                    }
                    Some(holder) => picture.free(group, holder.clone()),
                    None => picture.free(group, String::new()),
                }
            }
            picture
        }

        fn open(&mut self, engine: &str) {
            self.engines.insert(engine.to_owned());
            let wants = self.picture().wants(engine, Wish::Share);
            for group in wants.given.iter() {
                self.holders.remove(&group);
            }
            for group in wants.groups.iter() {
                self.holders.insert(group, engine.to_owned());
            }
        }

        fn sizes(&self) -> Vec<usize> {
            let picture = self.picture();
            let sizes = self.engines.iter().map(|name| picture.held_by(name).len());
            sizes.collect()
        }

        fn uneven(&self) -> Vec<String> {
            let picture = self.picture();
            let is_uneven = |name: &&String| picture.imbalance(name) != Imbalance::default();
            self.engines.iter().filter(is_uneven).cloned().collect()
        }
    }

    #[test]
    fn shares_are_even_and_move_no_more_than_they_must() {
        let mut table = Table::default();
        table.open("b");
        assert_eq!(table.sizes(), [16]);
        table.open("a");
        assert_eq!(table.sizes(), [0, 16]);
        assert_eq!(table.uneven(), ["b"]);
        table.open("b");
        table.open("a");
        assert_eq!((table.sizes(), table.uneven()), (vec![8, 8], vec![]));
        table.open("c");
        for engine in ["b", "a", "c"] {
            table.open(engine);
        }
        assert_eq!((table.sizes(), table.uneven()), (vec![6, 5, 5], vec![]));
        // One that dies: each of the others has a part of what it had.
        table.engines.remove("a");
        assert_eq!(table.uneven(), ["b", "c"]);
        let picture = table.picture();
        let [b, c] = ["b", "c"].map(|name| picture.wants(name, Wish::Share));
        assert_eq!((b.groups.len(), c.groups.len()), (8, 8));
        assert!(b.groups.iter().all(|group| !c.groups.contains(group)));
        assert_eq!(b.silent, ["a"]);
        assert!(b.given.is_empty());
    }

    #[test]
    fn who_wants_all_waits_until_all_are_free() {
        let mut table = Table::default();
        table.open("a");
        let all = |table: &Table, name| table.picture().wants(name, Wish::All);
        assert!(all(&table, "b").is_empty());
        assert_eq!(all(&table, "a").groups, ShardGroups::ALL);
        table.engines.clear();
        let wants = all(&table, "b");
        assert_eq!((wants.groups, wants.least), (ShardGroups::ALL, 16));
        assert_eq!(wants.silent, ["a"]);
    }

    proptest! {
        /// Whatever they did before, and in whichever order they open: soon all have their share, and then all stay.
        #[test]
        fn shares_become_even_in_any_order(
            steps in prop::collection::vec((0_u8..20, any::<bool>()), 0..60),
            order in prop::collection::vec(any::<prop::sample::Index>(), 80),
        ) {
            let mut table = Table::default();
            for (engine, opens) in steps {
                let name = format!("engine {engine}");
                match opens {
                    true => table.open(&name),
                    false => drop(table.engines.remove(&name)),
                }
            }
            let mut opened = 0;
            for index in order {
                let uneven = table.uneven();
                let Some(name) = uneven.get(index.index(uneven.len().max(1))) else {
                    break;
                };
                table.open(name);
                opened += 1;
            }
            prop_assert!(table.uneven().is_empty());
            // Each group is given back once and taken once, at most.
            prop_assert!(opened <= 2 * ShardGroup::COUNT, "{opened}");
            let count = table.engines.len();
            if let Some(least) = 16_usize.checked_div(count) {
                let most = 16_usize.div_ceil(count);
                for size in table.sizes() {
                    prop_assert!((least..=most).contains(&size));
                }
                prop_assert_eq!(table.sizes().iter().sum::<usize>(), 16);
            }
        }
    }
}
