//! Events that are being handed out, and copies of dead letters: each is whole.

use super::{Auditor, Repair};
use crate::{operate::letters::LetterRecord, plan::events::EventRecord};
use bureaucrat_store::{StoreError, Table, keys, records};

impl Auditor<'_> {
    pub(super) fn events(&mut self) -> Result<(), StoreError> {
        self.each(Table::Events, |auditor, key, value| {
            let Ok((_, sequence)) = keys::event_of(&key) else {
                auditor.stranger(
                    Table::Events,
                    &key,
                    "its key does not have the form of its table",
                );
                return Ok(());
            };
            auditor.drawn(sequence);
            if let Err(error) = records::decode::<EventRecord>(Table::Events, &key, &value) {
                let what = error.to_string();
                auditor
                    .findings
                    .damaged(Table::Events, &key, None, what, Repair::None);
            }
            Ok(())
        })?;
        Ok(())
    }

    pub(super) fn letters(&mut self) -> Result<(), StoreError> {
        self.each(Table::Letters, |auditor, key, value| {
            let Ok((_, number)) = keys::letter_of(&key) else {
                auditor.stranger(
                    Table::Letters,
                    &key,
                    "its key does not have the form of its table",
                );
                return Ok(());
            };
            auditor.drawn(number);
            if let Err(error) = records::decode::<LetterRecord>(Table::Letters, &key, &value) {
                let what = error.to_string();
                // The letter itself is in its queue.
                let findings = &mut auditor.findings;
                findings.damaged(Table::Letters, &key, None, what, Repair::Remove);
            }
            Ok(())
        })?;
        Ok(())
    }
}
