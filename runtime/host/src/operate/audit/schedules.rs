//! Schedules: each is of a version that is deployed and not retired.

use super::{Auditor, Repair};
use crate::{catalog::DefinitionRecord, plan::schedules::ScheduleRecord};
use bureaucrat_store::{StoreError, Table, keys, records};

impl Auditor<'_> {
    pub(super) fn schedules(&mut self) -> Result<(), StoreError> {
        let table = Table::Schedules;
        let store = self.store;
        self.each(table, |auditor, key, value| {
            let findings = &mut auditor.findings;
            let Ok((shard, name)) = keys::name_of(&key) else {
                let what = "its key does not have the form of its table".into();
                findings.damaged(table, &key, None, what, Repair::Remove);
                return Ok(());
            };
            let record = match records::decode::<ScheduleRecord>(table, &key, &value) {
                Ok(record) => record,
                Err(error) => {
                    findings.damaged(table, &key, None, error.to_string(), Repair::Remove);
                    return Ok(());
                }
            };
            let version = keys::version(shard, &name, record.version);
            let read = records::read::<DefinitionRecord>(store, Table::Definitions, &version);
            // A damaged version is a finding of its own.
            let is_offered = !matches!(&read, Ok(None)) && !read.is_ok_and(is_retired);
            if !is_offered {
                let what = format!("`{name}@{}` is retired, or does not exist", record.version);
                findings.orphan(table, &key, None, what);
            }
            Ok(())
        })
        .map(drop)
    }
}

fn is_retired(record: Option<DefinitionRecord>) -> bool {
    record.is_some_and(|record| record.retired.is_some())
}
