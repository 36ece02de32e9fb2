//! Processes that are certain to start: each has a row until it starts, and none has one afterwards.

use super::{
    Auditor, Presence, Repair,
    instances::{Keyed, Processes},
};
use crate::plan::decided::{KeyClaim, LaunchRecord};
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
            match records::decode::<LaunchRecord>(table, &key, &value) {
                Ok(record) => {
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
