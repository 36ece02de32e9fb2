//! The list of processes: each process is in it once, in the group that its status says.

use super::{
    Auditor, Presence,
    instances::{InList, Processes},
};
use bureaucrat_store::{StoreError, Table, Write, keys};

impl Auditor<'_> {
    pub(super) fn listed(&mut self, processes: &mut Processes) -> Result<(), StoreError> {
        self.each(Table::Recent, |auditor, key, _| {
            let (phase, place) = match keys::recent_of(&key) {
                Ok(read) => read,
                Err(error) => {
                    auditor.stranger(Table::Recent, &key, &error.to_string());
                    return Ok(());
                }
            };
            let process = place.process;
            if processes.presence(process) == Presence::Hidden {
                return Ok(());
            }
            match processes.known.get_mut(&process) {
                Some(known) if (known.list.phase, known.list.place) == (phase, place) => {
                    known.list.found = true;
                }
                _ => auditor.findings.orphan(
                    Table::Recent,
                    &key,
                    Some(process),
                    "no process belongs at this place of the list".into(),
                ),
            }
            Ok(())
        })?;
        for (process, known) in &processes.known {
            let InList {
                phase,
                place,
                found,
            } = known.list;
            if !found {
                let write = Write::Put {
                    table: Table::Recent,
                    key: keys::recent(phase, place),
                    value: Vec::new(),
                };
                let what = "the process is not in the list".into();
                self.findings.missing(write, Some(*process), what);
            }
        }
        Ok(())
    }
}
