//! Repairs: the writes, and the records that they remove.

use super::{Finding, Repair};
use crate::marks;
use bureaucrat_store::{Row, Store, StoreError, Table, Unit, Write};

/// The writes for some findings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    pub unit: Unit,
    /// Records that are removed or overwritten; save them before the writes.
    pub lost: Vec<(Table, Row)>,
    /// How many of the findings are repaired.
    pub repaired: usize,
}

/// The repair of these findings, as far as the store still knows enough.
///
/// # Errors
/// If reading fails for reasons other than damage.
pub fn plan(store: &dyn Store, findings: &[Finding]) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    let mut adds_timers = false;
    for finding in findings {
        let writes = match &finding.repair {
            Repair::None => continue,
            Repair::Rebuild(writes) => writes.clone(),
            Repair::Remove => vec![Write::Delete {
                table: finding.table,
                key: finding.key.clone(),
            }],
        };
        plan.repaired += 1;
        for write in &writes {
            let (Write::Put { table, key, .. } | Write::Delete { table, key }) = write;
            match store.get(*table, key) {
                Ok(Some(value)) => plan.lost.push((*table, (key.clone(), value))),
                // What cannot be read cannot be saved.
                Ok(None) | Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let is_timer =
            |write: &Write| matches!(write, Write::Put { table, .. } if *table == Table::Timers);
        adds_timers |= writes.iter().any(is_timer);
        plan.unit.writes.extend(writes);
    }
    if adds_timers {
        plan.unit.writes.extend(marks::from_the_beginning(store)?);
    }
    Ok(plan)
}
