//! The broker's other half: what engines publish, with confirms, returns, refusals, and lost
//! connections.

use super::{DEAD, Random, Sent, SimulatedBroker, broker::State, inbox::group_of, link::Wire};
use bureaucrat_host::broker::{BrokerEvent, PublishOutcome};
use bureaucrat_wire::{Mandatory, Outgoing};

impl SimulatedBroker {
    /// One publish of an engine reaches the broker.
    pub fn route(&self, engine: u64, random: &mut Random, refuses: bool) -> bool {
        let mut state = self.lock();
        if state.blocked {
            return false;
        }
        let Some(wire) = state
            .links
            .get_mut(&engine)
            .and_then(|link| link.wire.pop_front())
        else {
            return false;
        };
        let ticket = wire.ticket;
        let refused = refuses && random.once_in(40);
        let key = &wire.message.routing_key;
        // A task that is never taken fails its process, and the definition must expect that; a dead
        // letter and what is forwarded stay until the next start.
        let may_close = may_be_dropped(key);
        let is_closing = refused && may_close && wire.message.body.len() % 2 == 1;
        let outcome = if key.starts_with("worker_huge") || is_closing {
            PublishOutcome::Unsendable("the simulated broker closes the channel over it".into())
        } else if refused {
            PublishOutcome::Refused("the simulated broker refuses it".into())
        } else {
            self.deposit(&mut state, wire.message.clone())
        };
        self.settled(&wire, &outcome);
        if let Some(link) = state.links.get_mut(&engine) {
            link.confirms.push((ticket, outcome));
        }
        true
    }

    fn settled(&self, wire: &Wire, outcome: &PublishOutcome) {
        let key = &wire.message.routing_key;
        let may_be_dropped = may_be_dropped(key);
        match outcome {
            PublishOutcome::Confirmed => self.facts.settle(wire.row.clone()),
            PublishOutcome::Unroutable
            | PublishOutcome::Refused(_)
            | PublishOutcome::Unsendable(_)
                if may_be_dropped =>
            {
                self.facts.settle(wire.row.clone());
            }
            PublishOutcome::Unsendable(_) if key != DEAD => self.facts.unsendable(&wire.row),
            PublishOutcome::Unroutable
            | PublishOutcome::Refused(_)
            | PublishOutcome::Unsendable(_)
            | PublishOutcome::Lost => {
                self.facts.count("messages returned or refused");
                self.facts.was_returned(&wire.row);
            }
        }
    }

    fn deposit(&self, state: &mut State, message: Outgoing) -> PublishOutcome {
        if let Some(group) = group_of(&message.routing_key) {
            self.forward(state, group, message);
            return PublishOutcome::Confirmed;
        }
        let queue = if message.exchange.is_empty() {
            &message.routing_key
        } else {
            &message.exchange
        };
        if !state.declared.contains(queue) {
            return match (message.exchange.is_empty(), message.mandatory) {
                (false, _) => PublishOutcome::Refused(format!("no exchange `{queue}`")),
                (true, Mandatory::Yes) => PublishOutcome::Unroutable,
                (true, Mandatory::No) => PublishOutcome::Confirmed,
            };
        }
        let sent = Sent {
            properties: message.properties,
            body: message.body,
        };
        state
            .outside
            .entry(queue.clone())
            .or_default()
            .push_back(sent);
        PublishOutcome::Confirmed
    }

    /// One outcome reaches its engine, not necessarily the first.
    pub fn confirm(&self, engine: u64, random: &mut Random) -> Option<BrokerEvent> {
        let mut state = self.lock();
        let link = state.links.get_mut(&engine)?;
        if link.confirms.is_empty() {
            return None;
        }
        let place = random.place(link.confirms.len());
        let (ticket, outcome) = link.confirms.remove(place);
        let task = link.tasks.remove(&ticket);
        if outcome == PublishOutcome::Confirmed {
            link.heard.extend(task.map(|task| (task, ticket)));
        }
        Some(BrokerEvent::Published { ticket, outcome })
    }

    /// An engine's publishing connection is up.
    pub fn publish_up(&self, engine: u64) -> Option<BrokerEvent> {
        let mut state = self.lock();
        let link = state.links.get_mut(&engine)?;
        let was = std::mem::replace(&mut link.publishing, true);
        (!was).then_some(BrokerEvent::PublishingUp)
    }

    /// An engine's publishing connection is lost: what was in transit arrived up to some point, and
    /// nothing is confirmed.
    pub fn lose_publishing(&self, engine: u64, random: &mut Random) -> Vec<BrokerEvent> {
        let mut state = self.lock();
        let Some(link) = state.links.get_mut(&engine) else {
            return Vec::new();
        };
        if !std::mem::replace(&mut link.publishing, false) {
            return Vec::new();
        }
        let mut wire = std::mem::take(&mut link.wire);
        let confirms = std::mem::take(&mut link.confirms);
        let lost = wire
            .iter()
            .map(|wire| wire.ticket)
            .chain(confirms.into_iter().map(|(ticket, _)| ticket));
        let mut events: Vec<_> = lost
            .map(|ticket| BrokerEvent::Published {
                ticket,
                outcome: PublishOutcome::Lost,
            })
            .collect();
        events.push(BrokerEvent::PublishingDown);
        let arrived = random.place(wire.len() + 1);
        for wire in wire.drain(..arrived) {
            let outcome = self.deposit(&mut state, wire.message.clone());
            self.settled(&wire, &outcome);
        }
        events
    }

    /// Takes a message from a queue outside the engine.
    pub fn take(&self, queue: &str) -> Option<Sent> {
        self.lock().outside.get_mut(queue)?.pop_front()
    }

    /// Queues outside the engine that hold messages.
    pub fn waiting(&self) -> Vec<String> {
        let state = self.lock();
        let full = state.outside.iter().filter(|(_, queue)| !queue.is_empty());
        full.map(|(name, _)| name.clone()).collect()
    }

    /// What an engine's link reports immediately.
    pub fn told_at_once(&self, engine: u64) -> Option<BrokerEvent> {
        self.lock().links.get_mut(&engine)?.events.pop_front()
    }

    /// An engine is gone, with its connections; the broker notices later.
    pub fn engine_gone(&self, engine: u64, random: &mut Random) {
        let _ = self.lose_publishing(engine, random);
        self.lock().links.remove(&engine);
    }
}

/// Whether a message is gone if the broker does not take it.
fn may_be_dropped(key: &str) -> bool {
    !key.starts_with("worker_") && key != DEAD && group_of(key).is_none()
}
