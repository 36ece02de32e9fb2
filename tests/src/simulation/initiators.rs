//! Who gave the orders that histories name.

use super::{bulk, engine::operator_of, facts::Known, histories::happened};
use bureaucrat_model::{HistoryEntry, Initiator, ProcessId};
use bureaucrat_store::{Table, Unit, Write};

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
            let Some(process) = key.first_chunk().copied().map(ProcessId::from_bytes) else {
                continue;
            };
            for HistoryEntry { event, .. } in happened(key, value) {
                if let Some(Initiator::Operator(by)) = event.initiator()
                    && *by != operator_of(process)
                    && !(*by == bulk::operator() && bulk::has_outcome(unit, process))
                {
                    self.violate(format!("{process}: {by} gave no such order: {event}"));
                }
            }
        }
    }
}
