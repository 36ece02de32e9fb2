//! What a store says of itself: format, identity, runs, marks.

use super::{Auditor, Finding, Kind, Repair};
use crate::{
    config::SHARDS_MAX,
    opened::{IDENTITY, Identity, MARK, Mark, RUNS, SEQUENCE_GAP, mark_key},
};
use bureaucrat_store::{StoreError, Table, Write, records};

/// Runs that a rebuilt count is set past: more than any engine has started, so that ids stay apart.
pub(crate) const RUNS_STEP: u64 = 1 << 32;

/// The key of the format of the whole store.
const FORMAT: &[u8] = b"format";

impl Auditor<'_> {
    pub(super) fn meta(&mut self) -> Result<(), StoreError> {
        let mut damaged_marks = Vec::new();
        let mut seen_identity = false;
        self.each(Table::Meta, |auditor, key, value| {
            match key.as_slice() {
                FORMAT => {}
                IDENTITY => {
                    seen_identity = true;
                    auditor.identity(&value);
                }
                RUNS => {
                    if let Err(error) = records::decode::<u64>(Table::Meta, &key, &value) {
                        let fresh = records::encode(&RUNS_STEP)?;
                        let repair = Repair::Rebuild(vec![put(&key, fresh)]);
                        let what = error.to_string();
                        auditor
                            .findings
                            .damaged(Table::Meta, &key, None, what, repair);
                    }
                }
                key if key.starts_with(MARK) => {
                    match records::decode::<Mark>(Table::Meta, key, &value) {
                        Ok(mark) => {
                            auditor.now = auditor.now.max(mark.now);
                            auditor.sequence = auditor.sequence.max(mark.sequence);
                        }
                        Err(error) => damaged_marks.push((key.to_vec(), error.to_string())),
                    }
                }
                key => auditor.findings.orphan(
                    Table::Meta,
                    key,
                    None,
                    "no engine knows this record".into(),
                ),
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
        for (key, what) in damaged_marks {
            // Time and sequence of the other shards are as good: the highest of all counts.
            let repair = Repair::Rebuild(vec![self.mark(&key)?]);
            self.findings.damaged(Table::Meta, &key, None, what, repair);
        }
        Ok(())
    }

    fn identity(&mut self, value: &[u8]) {
        let wrong = match records::decode::<Identity>(Table::Meta, IDENTITY, value) {
            Ok(identity) if identity.secret.len() != 32 => {
                "the secret is not 32 bytes long".to_owned()
            }
            Ok(identity) if identity.shards == 0 || identity.shards > SHARDS_MAX => {
                format!("{} is no number of shards", identity.shards)
            }
            Ok(identity) => {
                self.shards = Some(identity.shards);
                return;
            }
            Err(error) => error.to_string(),
        };
        let what = format!("{wrong}; ids are derived from it, only a backup brings it back");
        self.findings
            .damaged(Table::Meta, IDENTITY, None, what, Repair::None);
    }

    fn mark(&self, key: &[u8]) -> Result<Write, StoreError> {
        let mark = Mark {
            now: self.now,
            sequence: self.sequence.max(self.findings.highest) + SEQUENCE_GAP,
        };
        Ok(put(key, records::encode(&mark)?))
    }

    /// Whether the marks are past every number that was drawn; otherwise an event could reach who waits since after it.
    pub(super) fn sequence_fits(&mut self) {
        if self.findings.highest < self.sequence || self.findings.highest == 0 {
            return;
        }
        let key = mark_key(0);
        let what = format!(
            "the sequence stands at {}, but a record carries {}",
            self.sequence, self.findings.highest
        );
        let repair = self
            .mark(&key)
            .map_or(Repair::None, |write| Repair::Rebuild(vec![write]));
        self.findings.push(Finding {
            table: Table::Meta,
            key,
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
