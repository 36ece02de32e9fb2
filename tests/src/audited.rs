//! Entries of the audit log, as many as wanted.

use crate::population::BEGAN;
use anyhow::Result;
use bureaucrat_host::audit_log::{About, AuditEntry, AuditRecord, Verb};
use bureaucrat_model::{Initiator, Millis, Operator, ProcessId, Version};
use bureaucrat_store::{Group, Store, Table, Unit, Write, keys, records};
use std::ops::Range;

/// Entries of a commit.
const TOGETHER: usize = 1_000;

/// Adds the entries with these numbers: a second after one another, by ten operators, about a hundred definitions.
///
/// # Errors
/// If the store fails.
pub fn fill(store: &dyn Store, numbers: Range<u64>) -> Result<()> {
    let writes = numbers.map(|number| {
        let record = AuditRecord {
            number,
            at: BEGAN.after(Millis(number * 1_000)),
            entry: AuditEntry {
                by: Initiator::Operator(Operator::named(&format!("operator {}", number % 10))),
                verb: Verb::ALL[number as usize % 9],
                about: About::Process {
                    process: ProcessId::from_bytes((u128::from(number) << 64 | 8).to_be_bytes()),
                    definition: format!("d{}", number % 100),
                    version: Version::new(1),
                    user: None,
                    part: None,
                    fields: Vec::new(),
                    to: None,
                },
                reason: format!("for the reason {number}"),
            },
        };
        Ok(Write::Put {
            table: Table::AuditLog,
            key: keys::audit_entry(number),
            value: records::encode(&record)?,
        })
    });
    let writes: Vec<Write> = writes.collect::<Result<_>>()?;
    for portion in writes.chunks(TOGETHER) {
        let units = vec![Unit::of(portion.to_vec())];
        store.commit(&Group { units })?;
    }
    Ok(())
}
