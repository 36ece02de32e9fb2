//! Events that are being handed out: a body, and a cursor for each shard that has not finished.

use super::{Auditor, Finding, Kind, Repair};
use crate::events::{EventProgress, EventRecord};
use bureaucrat_store::{StoreError, Table, Write, keys, records};
use std::collections::BTreeSet;

impl Auditor<'_> {
    pub(super) fn events(&mut self) -> Result<(), StoreError> {
        let mut bodies = BTreeSet::new();
        let gaps = self.each(Table::Events, |auditor, key, value| {
            let Ok((sequence, shard)) = keys::event_of(&key) else {
                auditor.stranger(Table::Events, &key, "its key is not of its table's form");
                return Ok(());
            };
            auditor.drawn(sequence);
            let Some(shard) = shard else {
                // An event without cursors is finished; it goes with the next start.
                bodies.insert(sequence);
                if let Err(error) = records::decode::<EventRecord>(Table::Events, &key, &value) {
                    let what = error.to_string();
                    auditor
                        .findings
                        .damaged(Table::Events, &key, None, what, Repair::None);
                }
                return Ok(());
            };
            if let Err(error) = records::decode::<EventProgress>(Table::Events, &key, &value) {
                // From the beginning: who was served has another subscription by now, or left the event.
                let start = records::encode(&EventProgress { from: Vec::new() })?;
                let repair = Repair::Rebuild(vec![Write::Put {
                    table: Table::Events,
                    key: key.clone(),
                    value: start,
                }]);
                auditor
                    .findings
                    .damaged(Table::Events, &key, None, error.to_string(), repair);
            }
            let what = if auditor.shards.is_some_and(|shards| shard >= shards) {
                "there is no such shard"
            } else if bodies.contains(&sequence) {
                return Ok(());
            } else {
                "its event is not there"
            };
            auditor.findings.push(Finding {
                table: Table::Events,
                key,
                process: None,
                kind: Kind::Orphan,
                what: what.into(),
                repair: Repair::Remove,
            });
            Ok(())
        })?;
        drop(gaps);
        Ok(())
    }
}
