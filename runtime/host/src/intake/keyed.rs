//! Launches with a business key: started if no other process has the key, otherwise refused, or
//! started in its place.

use super::{
    launching::LaunchInHand,
    refusal::{KeyTaken, Refusal},
};
use crate::{
    definitions::Loaded,
    plan::{
        Planner,
        business::{Holder, KeyHash},
        launch_keys::NoKey,
    },
    sharing::Sharing,
};
use bureaucrat_model::{Launch, ProcessId, ShardId};
use bureaucrat_store::StoreError;
use bureaucrat_wire::Duplicate;

impl Planner {
    /// Decides which key a launch has: the one that it comes with, or the one that its definition
    /// gives. Two that differ are a mistake of somebody.
    pub(super) fn settle_key(
        &self,
        process: ProcessId,
        in_hand: &mut LaunchInHand,
        loaded: &Loaded,
    ) -> Result<(), Refusal> {
        let Some(first) = in_hand.deliveries.first().filter(|_| in_hand.key.is_none()) else {
            return Ok(());
        };
        let chosen = in_hand.chosen();
        let launch = Launch {
            user: first.properties.user_id.clone(),
            fields: chosen
                .map(|chosen| chosen.fields.clone())
                .unwrap_or_default(),
            version: chosen.map(|chosen| chosen.version),
            ..Launch::new(process, loaded.hash)
        };
        let own = match self.key_at_launch(&launch, loaded) {
            Ok(own) => own,
            Err(NoKey::Environment(reason)) => return Err(Refusal::Environment(reason)),
            Err(refused @ NoKey::Refused { .. }) => return Err(bad_key(refused.to_string())),
        };
        in_hand.key = match (in_hand.given_key(), own) {
            (given, None) => given,
            (None, own) => own,
            (Some(given), Some(own)) if given.text == own.text => Some(match given.duplicate {
                Duplicate::Refuse => own,
                Duplicate::Replace => given,
            }),
            (Some(given), Some(own)) => {
                let (name, given, own) = (&loaded.program.name, given.text, own.text);
                return Err(bad_key(format!(
                    "the launch has the key `{given}`, but `{name}` computes its own, `{own}`; \
                     omit the key"
                )));
            }
        };
        Ok(())
    }

    /// The key of a launch, as the index has it.
    pub(super) fn key_of(
        &self,
        in_hand: &LaunchInHand,
        loaded: &Loaded,
    ) -> Option<(KeyHash, Duplicate)> {
        let key = in_hand.key.as_ref()?;
        let first = in_hand.deliveries.first()?;
        let user = first.properties.user_id.as_ref();
        let hash = self.key_hash(user, &loaded.program.name, &key.text);
        Some((hash, key.duplicate))
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
        if let Some(shard) = self.shard_of_key(&hash, process) {
            return self.forward_launch(process, &in_hand, shard).map(|()| None);
        }
        let name = loaded.program.name.clone();
        let key = in_hand.key.as_ref();
        let key = key.map_or_else(String::new, |key| key.text.clone());
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

    /// The shard that a process with this key must be in, where it is not: in a shared store one engine decides about a
    /// key, the one that has the key's shard.
    fn shard_of_key(&self, hash: &KeyHash, process: ProcessId) -> Option<ShardId> {
        let shard = ShardId(hash[0]);
        match self.shared.config.sharing {
            Sharing::Shared(_) if process.shard() != shard => Some(shard),
            Sharing::Shared(_) | Sharing::Alone => None,
        }
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
            let named = (name.to_owned(), key.to_owned());
            return self.supersede(earlier, named, (holder, process));
        }
        // Cancelled once more it would end at once. It was for this launch in an earlier run, or for somebody else.
        let held = self.peek(holder)?;
        if held.is_some_and(|held| held.instance.cancelled.is_some()) {
            return Ok(());
        }
        self.cancel_replaced(process, holder, key)
    }
}

fn bad_key(reason: String) -> Refusal {
    Refusal::Definition {
        code: "launch",
        reasons: vec![reason],
    }
}
