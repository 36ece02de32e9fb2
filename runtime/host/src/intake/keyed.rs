//! Launches with a business key: started if no other process has the key, otherwise refused, or
//! started in its place.

use super::{
    launching::LaunchInHand,
    refusal::{KeyTaken, Refusal},
};
use crate::{
    definitions::Loaded,
    operate::commands::{Command, Order},
    plan::{
        Planner,
        business::{Holder, KeyHash},
    },
};
use bureaucrat_model::ProcessId;
use bureaucrat_store::StoreError;
use bureaucrat_wire::Duplicate;

impl Planner {
    /// The key of a launch, as the index has it.
    pub(super) fn key_of(
        &self,
        in_hand: &LaunchInHand,
        loaded: &Loaded,
    ) -> Option<(KeyHash, Duplicate)> {
        let (key, duplicate) = in_hand.key()?;
        let first = in_hand.deliveries.first()?;
        let user = first.properties.user_id.as_ref();
        Some((self.key_hash(user, &loaded.program.name, key), duplicate))
    }

    /// Returns a launch that may start now. Another one is refused, or waits until the process that
    /// has its key has ended.
    pub(super) fn look_at_key(
        &mut self,
        process: ProcessId,
        in_hand: LaunchInHand,
        loaded: &Loaded,
    ) -> Result<Option<LaunchInHand>, StoreError> {
        let Some((hash, duplicate)) = self.key_of(&in_hand, loaded) else {
            return Ok(Some(in_hand));
        };
        let name = loaded.program.name.clone();
        let key = in_hand
            .key()
            .map_or_else(String::new, |(key, _)| key.to_owned());
        let refusal = match (self.key_holder(&hash)?, duplicate) {
            (Holder::Nobody, _) => return Ok(Some(in_hand)),
            (Holder::Process(holder), Duplicate::Replace) if !self.is_hidden(holder) => {
                self.replace(process, in_hand, hash, (&name, &key, holder))?;
                return Ok(None);
            }
            (Holder::Process(holder), Duplicate::Refuse | Duplicate::Replace) => {
                Refusal::Key(KeyTaken::Held { name, key, holder })
            }
            (Holder::Unknown, _) => Refusal::Environment(format!(
                "the record of the key `{key}` of `{name}` is damaged"
            )),
        };
        self.refuse_launch(process, in_hand, &refusal)?;
        Ok(None)
    }

    /// Cancels the process that has the key; the launch begins again when that has ended. One that
    /// waited for the same is refused.
    fn replace(
        &mut self,
        process: ProcessId,
        in_hand: LaunchInHand,
        hash: KeyHash,
        (name, key, holder): (&str, &str, ProcessId),
    ) -> Result<(), StoreError> {
        self.launching.put_back(process, in_hand);
        if let Some(earlier) = self.business.wait(hash, process) {
            // The process is being cancelled for the earlier one.
            let Some(in_hand) = self.launching.take(earlier) else {
                return Ok(());
            };
            let refusal = Refusal::Key(KeyTaken::Superseded {
                name: name.to_owned(),
                key: key.to_owned(),
                holder,
                by: process,
            });
            return self.refuse_launch(earlier, in_hand, &refusal);
        }
        let reason = format!("process {process} replaces it under the key `{key}`");
        // Nobody waits for the outcome: the freed key says that it has ended.
        let (command, _outcome) = Command::new(holder, Order::Cancel { reason });
        self.ordered(command)
    }
}
