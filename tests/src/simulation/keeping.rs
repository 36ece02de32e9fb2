//! Kept events among the facts: each goes when its time is over, and a process takes each once.

use super::{definitions::NEVER, facts::Known};
use bureaucrat_host::kept::KeptRecord;
use bureaucrat_model::{Subscription, Wait};
use bureaucrat_store::{Table, keys, records};

/// Whether one of these events ended a wait, each of which people publish with a number of its own.
pub(super) fn are_published(subscriptions: &[Subscription], wait: &Wait) -> bool {
    let mut subscriptions = subscriptions.iter();
    wait.timer.is_none() && subscriptions.all(|one| !one.event.starts_with(NEVER))
}

impl Known {
    pub(super) fn kept_written(&mut self, key: &[u8], value: Option<&Vec<u8>>) {
        if keys::kept_until_of(key).is_some() || value.is_some_and(Vec::is_empty) {
            return;
        }
        let Ok(sequence) = keys::kept_of(key) else {
            return self.violate(format!("a kept event has the key {key:02x?}"));
        };
        match value {
            Some(value) => match records::decode::<KeptRecord>(Table::Kept, key, value) {
                Ok(record) => {
                    *self.counts.entry("events kept").or_default() += 1;
                    self.kept_until.insert(sequence, record.until);
                }
                Err(error) => self.violate(error.to_string()),
            },
            None => {
                let until = self.kept_until.remove(&sequence);
                if until.is_some_and(|until| self.now < until) {
                    self.violate(format!("the kept event {sequence} went before its time"));
                }
            }
        }
    }

    pub(super) fn taken_written(&mut self, key: &[u8], is_put: bool) {
        let is_new = match is_put {
            true => self.taken_kept.insert(key.to_vec()),
            false => return,
        };
        *self.counts.entry("kept events taken").or_default() += 1;
        if !is_new {
            self.violate(format!("a process took a kept event twice: {key:02x?}"));
        }
    }
}
