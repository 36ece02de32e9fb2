//! Entries of the audit log can be read, and are where their numbers say.

use super::{Auditor, Repair};
use crate::operate::audit_log::AuditRecord;
use bureaucrat_store::{StoreError, Table, keys, records};

impl Auditor<'_> {
    pub(super) fn audit_log(&mut self) -> Result<(), StoreError> {
        let table = Table::AuditLog;
        self.each(table, |auditor, key, value| {
            let number = match keys::audit_entry_of(&key) {
                Ok(number) => number,
                Err(error) => {
                    auditor.stranger(table, &key, &error.to_string());
                    return Ok(());
                }
            };
            let problem = match records::decode::<AuditRecord>(table, &key, &value) {
                Ok(record) if record.number == number => return Ok(()),
                Ok(record) => format!(
                    "it is entry {number} by its key, and {} itself",
                    record.number
                ),
                Err(error) => error.to_string(),
            };
            // Nothing says again what it said.
            let findings = &mut auditor.findings;
            findings.damaged(table, &key, None, problem, Repair::Remove);
            Ok(())
        })?;
        Ok(())
    }
}
