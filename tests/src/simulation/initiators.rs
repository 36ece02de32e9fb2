//! Who gave the orders that histories name.

use super::{bulk, engine::operator_of, facts::Known};
use bureaucrat_model::{HistoryEntry, Initiator, ProcessId};
use bureaucrat_store::{Table, Unit, Write, records};

impl Known {
    /// An entry about an operator's order names the one who gave it.
    pub(super) fn names_operators(&mut self, unit: &Unit) {
        for write in &unit.writes {
            let Write::Put {
                table: Table::History,
                key,
                value,
            } = write
            else {
                continue;
            };
            let entry: Option<HistoryEntry> = records::decode(Table::History, key, value).ok();
            let process = key.first_chunk::<16>().copied().map(ProcessId::from_bytes);
            if let Some((entry, process)) = entry.zip(process)
                && let Some(Initiator::Operator(by)) = entry.event.initiator()
                && *by != operator_of(process)
                && !(*by == bulk::operator() && bulk::has_outcome(unit, process))
            {
                self.violate(format!(
                    "{process}: {} gave no such order: {}",
                    by, entry.event
                ));
            }
        }
    }
}
