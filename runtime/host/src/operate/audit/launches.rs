//! Processes that are certain to start, and launches that wait: each has a row until it starts, and none has one
//! afterwards. The message of one that waits has not taken effect.

use super::{
    Auditor, Presence, Repair,
    instances::{Keyed, Processes},
};
use crate::plan::decided::{KeyClaim, LaunchRow};
use bureaucrat_store::{StoreError, Table, keys, records};

impl Auditor<'_> {
    pub(super) fn launches(&mut self, processes: &mut Processes) -> Result<(), StoreError> {
        let table = Table::Launches;
        self.each(table, |auditor, key, value| {
            let findings = &mut auditor.findings;
            let Ok(process) = keys::instance_of(&key) else {
                let what = "its key does not have the form of its table".into();
                findings.damaged(table, &key, None, what, Repair::None);
                return Ok(());
            };
            if processes.presence(process) == Presence::Here {
                let what = "the process has started".into();
                findings.orphan(table, &key, Some(process), what);
                return Ok(());
            }
            match records::decode::<LaunchRow>(table, &key, &value) {
                Ok(LaunchRow::Waiting(record)) => {
                    let seen = record.seen.map(|hash| keys::seen(&hash));
                    let seen = seen.map(|seen| auditor.store.get(Table::Seen, &seen));
                    // What can't be read is a finding of its own table.
                    if matches!(seen, Some(Ok(Some(_)))) {
                        let what = "its message has taken effect".into();
                        findings.orphan(table, &key, Some(process), what);
                    }
                }
                Ok(LaunchRow::Decided(record)) => {
                    let key = record.key.filter(|_| record.claim == KeyClaim::Held);
                    let keyed = key.map(|key| Keyed {
                        user: record.user,
                        name: record.name,
                        key,
                        found: false,
                    });
                    processes.decided.insert(process, keyed);
                }
                Err(error) => {
                    let what = error.to_string();
                    findings.damaged(table, &key, Some(process), what, Repair::None);
                }
            }
            Ok(())
        })
        .map(drop)
    }
}
