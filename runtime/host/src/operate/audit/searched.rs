//! The index of attributes: it has what each process's records say, and nothing else.

use super::{Auditor, Presence, instances::Processes};
use bureaucrat_store::{StoreError, Table, Write, keys};

impl Auditor<'_> {
    pub(super) fn searched(&mut self, processes: &mut Processes) -> Result<(), StoreError> {
        let table = Table::Searched;
        let gaps = self.each(table, |auditor, key, _| {
            let place = match keys::searched_of(&key) {
                Ok((_, place)) => place,
                Err(error) => {
                    auditor.stranger(table, &key, &error.to_string());
                    return Ok(());
                }
            };
            let process = place.process;
            if processes.presence(process) == Presence::Hidden {
                return Ok(());
            }
            let known = processes.known.get_mut(&process);
            if !known.is_some_and(|known| known.searched.remove(&key)) {
                let what = "the process does not have this attribute".to_owned();
                let findings = &mut auditor.findings;
                findings.orphan(table, &key, Some(process), what);
            }
            Ok(())
        })?;
        if !gaps.is_empty() {
            return Ok(());
        }
        for (process, known) in &processes.known {
            for key in &known.searched {
                let write = Write::Put {
                    table,
                    key: key.clone(),
                    value: Vec::new(),
                };
                let what = "lists do not find the process by one of its attributes".to_owned();
                self.findings.missing(write, Some(*process), what);
            }
        }
        Ok(())
    }
}
