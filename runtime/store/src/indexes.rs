//! What lists find processes by: their place among all processes, and their attributes. Rows are written with the
//! records that they follow from.

use crate::{
    attributes::{self, Attribute},
    keys::{self, Phase, Place},
    table::{Table, Write},
};
use bureaucrat_model::{Head, Instance, Searched, Version};
use std::collections::BTreeMap;

/// The place of a process in the list.
pub const fn place_of(head: &Head) -> Place {
    Place {
        launched_at: head.launched_at,
        process: head.process,
    }
}

/// What the indexes have of a process; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Indexed {
    /// The group of the list that it is in; none while it is new.
    listed: Option<Phase>,
    /// What of the head its attributes were taken from.
    version: Option<Version>,
    searched: Vec<Searched>,
    of_head: Vec<Attribute>,
    /// How many records have an attribute. Each attribute has one row.
    counts: BTreeMap<Attribute, u32>,
}

/// The attributes that changed hands within one write, and whether each had a row before.
#[derive(Debug, Default)]
pub(crate) struct Touched(BTreeMap<Attribute, bool>);

impl Indexed {
    /// What is stored of an instance whose fibers have these attributes.
    pub(crate) fn stored(head: &Head, waits: &[Attribute]) -> Self {
        let mut indexed = Self {
            listed: Some(Phase::of(head)),
            version: head.version,
            searched: head.searched.clone(),
            of_head: attributes::of_head(head),
            counts: BTreeMap::new(),
        };
        for attribute in indexed.of_head.iter().chain(waits) {
            *indexed.counts.entry(attribute.clone()).or_default() += 1;
        }
        indexed
    }

    /// Some of its records have the attributes `after` now, in place of `before`.
    pub(crate) fn replace(
        &mut self,
        before: &[Attribute],
        after: &[Attribute],
        touched: &mut Touched,
    ) {
        if before == after {
            return;
        }
        for attribute in before {
            self.touch(attribute, touched);
            if let Some(count) = self.counts.get_mut(attribute) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(attribute);
                }
            }
        }
        for attribute in after {
            self.touch(attribute, touched);
            *self.counts.entry(attribute.clone()).or_default() += 1;
        }
    }

    fn touch(&self, attribute: &Attribute, touched: &mut Touched) {
        if !touched.0.contains_key(attribute) {
            let had = self.counts.contains_key(attribute);
            touched.0.insert(attribute.clone(), had);
        }
    }

    /// Adds the writes that bring the indexes to what the head says and its fibers said.
    pub(crate) fn write(&mut self, head: &Head, mut touched: Touched, writes: &mut Vec<Write>) {
        let (phase, place) = (Phase::of(head), place_of(head));
        let is_as_before = self.listed == Some(phase)
            && self.version == head.version
            && self.searched == head.searched;
        if !is_as_before {
            let after = attributes::of_head(head);
            let before = std::mem::replace(&mut self.of_head, after.clone());
            self.replace(&before, &after, &mut touched);
            self.version = head.version;
            self.searched.clone_from(&head.searched);
            self.list(phase, place, writes);
        }
        let table = Table::Searched;
        for (attribute, had) in touched.0 {
            let has = self.counts.contains_key(&attribute);
            if had == has {
                continue;
            }
            let key = keys::searched(&attribute, place);
            writes.push(match has {
                true => Write::Put {
                    table,
                    key,
                    value: Vec::new(),
                },
                false => Write::Delete { table, key },
            });
        }
    }

    /// Brings the process into its group of the list.
    fn list(&mut self, phase: Phase, place: Place, writes: &mut Vec<Write>) {
        let table = Table::Recent;
        let before = self.listed.replace(phase);
        if before == Some(phase) {
            return;
        }
        if let Some(before) = before {
            let key = keys::recent(before, place);
            writes.push(Write::Delete { table, key });
        }
        let (key, value) = (keys::recent(phase, place), Vec::new());
        writes.push(Write::Put { table, key, value });
    }
}

/// The keys of a process in the index of attributes.
pub fn searched_keys(instance: &Instance) -> impl Iterator<Item = Vec<u8>> {
    let place = place_of(instance);
    let attributes = attributes::of_instance(instance).into_iter();
    attributes.map(move |attribute| keys::searched(&attribute, place))
}
