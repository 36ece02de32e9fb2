//! Engines of two neighbouring versions over one store, while all of them are replaced by newer ones, and somebody raises the
//! format of the store.
//!
//! The newer version is made up, see `next_format.rs`. A machine may get it whenever its engine starts, and may get the older
//! one back as long as the store has the older format. The format is raised at any step, also when an older engine works, or
//! sleeps: it must not write anything afterwards, and must not start again.

use super::{Disk, Plan, Random, Trouble, World, next_format::next_program};
use bureaucrat_store::{
    Epoch, Group, Row, ShardGroups, Store, StoreError, Table, Verdict,
    format::{FORMAT, Format},
};
use std::sync::Arc;

/// Which version a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    #[default]
    Present,
    Next,
}

pub struct Versions {
    dice: Random,
    format: Format,
}

impl Versions {
    pub fn new(plan: &Plan) -> Option<Self> {
        plan.has(Trouble::Versions).then(|| Self {
            dice: Random::new(plan.seed ^ 0x7665_7273_696f_6e73),
            format: Format::whole(FORMAT),
        })
    }

    fn is_raised(&self) -> bool {
        self.format != Format::whole(FORMAT)
    }

    /// The version that a machine starts its engine with.
    pub fn installed(&mut self, before: Version, is_calm: bool) -> Version {
        match before {
            // Somebody sees to it that everything is replaced in the end.
            Version::Present if is_calm && self.is_raised() => Version::Next,
            Version::Present if self.dice.once_in(3) => Version::Next,
            Version::Next if !self.is_raised() && self.dice.once_in(8) => Version::Present,
            Version::Present | Version::Next => before,
        }
    }

    /// Whether a version can use the store.
    pub fn admits(&self, version: Version) -> bool {
        match version {
            Version::Present => !self.is_raised(),
            Version::Next => true,
        }
    }
}

/// A disk as an engine reads it: in whichever format a record has.
struct Raw(Arc<Disk>);

impl Store for Raw {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.raw_get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.raw_scan(table, from, to, limit)
    }

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        self.0.own(groups)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        self.0.commit(group)
    }

    fn commit_whole(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        self.0.commit_whole(group)
    }
}

impl World {
    /// The store as the present machine's engine uses it.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        let disk = self.disk.clone();
        match (&self.versions, self.version()) {
            (None, _) => disk,
            (Some(_), Version::Present) => Arc::new(Raw(disk)),
            (Some(versions), Version::Next) => Arc::new(next_program(Raw(disk), versions.format)),
        }
    }

    /// Whether the present engine may find records that it does not know.
    pub(super) fn is_out_of_date(&self) -> bool {
        let versions = self.versions.as_ref();
        versions.is_some_and(|versions| !versions.admits(self.version()))
    }

    /// After a step: sometimes somebody raises the format.
    pub(super) fn raises(&mut self) {
        let has_next = self.has_next();
        let Some(versions) = &mut self.versions else {
            return;
        };
        if versions.is_raised() || !has_next || !versions.dice.once_in(150) {
            return;
        }
        if let Some(raised) = versions.format.raised() {
            versions.format = raised;
            self.disk.fence();
            self.note(format_args!(
                "the format of the store is raised to {raised}"
            ));
            self.facts.count("times that the format was raised");
            self.all_are_fenced();
        }
    }

    pub(super) fn version(&self) -> Version {
        let sharers = self.sharers.as_ref();
        sharers
            .map(|sharers| sharers.here.version)
            .unwrap_or_default()
    }

    /// Whether an engine of the next version works.
    pub(super) fn has_next(&self) -> bool {
        let Some(sharers) = &self.sharers else {
            return false;
        };
        let others = sharers.others.iter();
        let mut others = others.map(|seat| (seat.engine.is_some(), seat.part.version));
        (self.engine.is_some() && sharers.here.version == Version::Next)
            || others.any(|other| other == (true, Version::Next))
    }

    /// Nobody has a group any more, and who had some may not know it.
    pub(super) fn all_are_fenced(&mut self) {
        let Some(sharers) = &mut self.sharers else {
            return;
        };
        let here = (&self.engine, self.engines, &mut sharers.here);
        let others = sharers.others.iter_mut();
        let others = others.map(|seat| (&seat.engine, seat.number, &mut seat.part));
        for (engine, number, part) in others.chain([here]) {
            part.groups = ShardGroups::NONE;
            if engine.is_some() {
                part.is_robbed = true;
                self.broker.replaced(number);
            }
        }
    }
}
