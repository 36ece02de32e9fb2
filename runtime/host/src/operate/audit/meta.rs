//! What a store says about itself: format, identity, epoch, mark.

use super::{Auditor, Finding, Kind, Repair};
use crate::{
    marks::{self, Mark, SEQUENCE_GAP},
    open::identity::{IDENTITY, IdentityRecord},
    plan::freshness::DEPLOYED,
};
use bureaucrat_model::{ShardGroup, Timestamp};
use bureaucrat_store::{
    EPOCH_KEY, StoreError, Table, Write, format::FORMAT_KEY, holds::HOLD_KEY, owner_of, records,
};

/// A rebuilt epoch begins here: far beyond any that was used, because ids of processes are derived
/// from it.
pub(crate) const EPOCHS_STEP: u64 = 1 << 32;

impl Auditor<'_> {
    pub(super) fn meta(&mut self) -> Result<(), StoreError> {
        let mut damaged_mark = None;
        let mut fired = None;
        let mut seen_identity = false;
        self.each(Table::Meta, |auditor, key, value| {
            match key.as_slice() {
                // An opening has read both.
                FORMAT_KEY | HOLD_KEY => {}
                IDENTITY => {
                    seen_identity = true;
                    auditor.identity(&value);
                }
                EPOCH_KEY => {
                    if let Err(error) = records::decode::<u64>(Table::Meta, &key, &value) {
                        let fresh = records::encode(&EPOCHS_STEP)?;
                        let repair = Repair::Rebuild(vec![put(&key, fresh)]);
                        let what = error.to_string();
                        auditor
                            .findings
                            .damaged(Table::Meta, &key, None, what, repair);
                    }
                }
                key if marks::is_key(key) => {
                    match records::decode::<Mark>(Table::Meta, key, &value) {
                        Ok(mark) => {
                            auditor.now = auditor.now.max(mark.now);
                            auditor.sequence = auditor.sequence.max(mark.sequence);
                            // Timers of other groups are looked for from another time, which says less.
                            fired = Some(
                                fired.map_or(mark.fired, |fired: Timestamp| fired.min(mark.fired)),
                            );
                        }
                        Err(error) => damaged_mark = Some((key.to_vec(), error.to_string())),
                    }
                }
                // Any number will do that differs from the one before.
                DEPLOYED => {}
                key if owner_of(key).is_some() => {
                    // A start writes it again.
                    if let Err(error) = records::decode::<u64>(Table::Meta, key, &value) {
                        let repair = Repair::Remove;
                        let what = error.to_string();
                        auditor
                            .findings
                            .damaged(Table::Meta, key, None, what, repair);
                    }
                }
                key => auditor
                    .findings
                    .orphan(Table::Meta, key, None, "unknown record".into()),
            }
            Ok(())
        })?;
        if !seen_identity {
            self.findings.push(Finding {
                table: Table::Meta,
                key: IDENTITY.to_vec(),
                process: None,
                kind: Kind::Missing,
                what: "the store has no identity: no engine ever ran on it, or the record is lost"
                    .into(),
                repair: Repair::None,
            });
        }
        self.fired = fired.unwrap_or_default();
        self.findings.damaged_mark = damaged_mark;
        Ok(())
    }

    fn identity(&mut self, value: &[u8]) {
        let wrong = match records::decode::<IdentityRecord>(Table::Meta, IDENTITY, value) {
            Ok(identity) if identity.secret.len() != 32 => {
                "the secret is not 32 bytes long".to_owned()
            }
            Ok(_) => return,
            Err(error) => error.to_string(),
        };
        let what = format!("{wrong}; ids are derived from it, and only a backup can restore it");
        self.findings
            .damaged(Table::Meta, IDENTITY, None, what, Repair::None);
    }

    /// A mark after everything that is stored; timers are read from the beginning of time.
    fn mark(&self) -> Result<Write, StoreError> {
        let mark = Mark {
            now: self.now,
            sequence: self.sequence.max(self.findings.highest) + SEQUENCE_GAP,
            fired: Timestamp(0),
            epoch: 0,
        };
        marks::write(ShardGroup::COMMON, &mark)
    }

    /// Whether the mark is intact, and no record has a later sequence number or an earlier time.
    pub(super) fn mark_fits(&mut self) {
        let repair = self
            .mark()
            .map_or(Repair::None, |write| Repair::Rebuild(vec![write]));
        if let Some((key, what)) = self.findings.damaged_mark.take() {
            let repair = match (key == marks::key(ShardGroup::COMMON), repair) {
                (true, repair) => repair,
                // What is left of the others, and this one, say enough together.
                (false, Repair::Rebuild(mut writes)) => {
                    writes.push(Write::Delete {
                        table: Table::Meta,
                        key: key.clone(),
                    });
                    Repair::Rebuild(writes)
                }
                (false, repair @ (Repair::Remove | Repair::None)) => repair,
            };
            self.findings.damaged(Table::Meta, &key, None, what, repair);
            return;
        }
        let what = if self.findings.highest >= self.sequence && self.findings.highest > 0 {
            format!(
                "the sequence is at {}, but a record has {}",
                self.sequence, self.findings.highest
            )
        } else if self.findings.earliest.is_some_and(|due| due < self.fired) {
            "a timer is due before the time from which timers are looked for".into()
        } else {
            return;
        };
        self.findings.push(Finding {
            table: Table::Meta,
            key: marks::key(ShardGroup::COMMON),
            process: None,
            kind: Kind::Inconsistent,
            what,
            repair,
        });
    }
}

fn put(key: &[u8], value: Vec<u8>) -> Write {
    Write::Put {
        table: Table::Meta,
        key: key.to_vec(),
        value,
    }
}
