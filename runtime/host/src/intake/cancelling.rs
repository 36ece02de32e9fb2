//! Cancelling over AMQP: a message with the content type `application/x-bureaucrat-cancel` on the
//! launch queue.
//!
//! It counts when it comes from the user who launched the process, or from one whom the policy lets.
//! For anybody else the process does not exist. A message with an id that took effect before is only
//! answered again, since a second cancelling would end the process at once.

use super::{definition::DefinitionText, refusal::CANCEL};
use crate::{
    broker::Delivery,
    operate::commands::Command,
    plan::{
        Planner,
        transaction::{Transaction, Work},
    },
};
use bureaucrat_model::Initiator;
use bureaucrat_store::{StoreError, keys::OutboxKind};
use bureaucrat_wire::{CANCEL_TYPE, CancelOutcome, CancelRequest, cancel_reply, decode_cancel};

/// Whether a message on the launch queue asks for it.
pub(super) fn is_cancel(delivery: &Delivery) -> bool {
    delivery.properties.content_type.as_deref() == Some(CANCEL_TYPE)
}

impl Planner {
    pub(super) fn cancel_arrived(
        &mut self,
        delivery: &Delivery,
        seen: Option<[u8; 32]>,
        text: &DefinitionText,
    ) -> Result<(), StoreError> {
        let limits = &self.shared.config.wire_limits;
        let CancelRequest { process, reason } = match decode_cancel(text.of(&delivery.body), limits)
        {
            Ok(request) => request,
            Err(reason) => return self.refuse(delivery, CANCEL, &[reason]),
        };
        let user = delivery.properties.user_id.as_ref();
        let held = self.peek(process)?;
        let held = held.filter(|held| {
            let launcher = held.instance.user.as_ref();
            let rules = self.rules(user);
            let may = rules.cancels.matches(launcher.map_or("", String::as_str));
            may || (user.is_some() && launcher == user)
        });
        let Some(held) = held else {
            let reason = format!("there is no process {process}");
            return self.refuse(delivery, "unknown-process", &[reason]);
        };
        let mut transaction = Transaction::acknowledging(process.shard(), delivery.handle);
        let is_repeat = match &seen {
            Some(hash) => match self.seen_before(hash) {
                Ok(before) => before.is_some(),
                Err(error) => return self.memory_is_damaged(process.shard(), delivery, error),
            },
            None => false,
        };
        let outcome = match held.instance.has_ended() {
            true => CancelOutcome::Ended,
            false => CancelOutcome::Cancelled,
        };
        // An address that may not be given keeps nobody from cancelling.
        if let Ok(Some(reply_to)) = self.reply_to(delivery, &[]) {
            let message = cancel_reply(&reply_to, process, outcome);
            transaction.publish(self.own_key(process.shard(), OutboxKind::Reply), message);
        }
        if is_repeat || outcome == CancelOutcome::Ended {
            return self.begin(process, transaction);
        }
        self.remember(&mut transaction, seen, Some(process))?;
        let by = Initiator::Message {
            user: user.cloned(),
        };
        let command = Command::cancel(process, reason, by);
        let work = Work::Order(Box::new(command));
        self.begin(process, transaction.then(work))
    }
}
