//! The router: gives what the broker delivers to the shard that it belongs to.
//!
//! A process's shard follows from the first two bytes of its id, so that a tree of calls stays together. A launch with
//! a message id has an id derived from it, so that a repeat comes to the shard that remembers the first.

use crate::{
    broker::{BrokerEvent, BrokerEvents, Delivery, PublishOutcome, Source, Ticket},
    commands::Command,
    compute::{JobId, JobOutcome},
    config::HostConfig,
    events::Handout,
};
use bureaucrat_model::ProcessId;
use bureaucrat_store::records;
use bureaucrat_wire::{
    AnswerMessage, EventMessage, Unreadable, UnreadableAnswer, decode_answer, decode_event,
};
use crossbeam_channel::{Receiver, Sender};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// What a delivery is for.
#[derive(Debug)]
pub enum Arrival {
    /// A definition; the id that its process gets, and the hash to remember it by when it came with a message id.
    Launch {
        process: ProcessId,
        /// The hash of publisher, queue, message id and body.
        seen: Option<[u8; 32]>,
    },
    Answer(Result<AnswerMessage, UnreadableAnswer>),
    /// An event; the hash to remember it by when it came with a message id.
    Event {
        event: Result<EventMessage, Unreadable>,
        /// The hash of publisher, queue, message id and body.
        seen: Option<[u8; 32]>,
    },
}

/// One input of a shard.
#[expect(
    clippy::large_enum_variant,
    reason = "most inputs are deliveries, moved once or twice each"
)]
pub enum ShardInput {
    Arrived {
        delivery: Delivery,
        arrival: Arrival,
    },
    /// A generation of consuming connections ended: what was not acknowledged of it comes again.
    ConsumingDown {
        generation: u64,
    },
    /// A publish has its outcome.
    Published {
        ticket: Ticket,
        outcome: PublishOutcome,
    },
    PublishingUp,
    /// Publishing does not work.
    PublishingDown,
    Done {
        job: JobId,
        outcome: JobOutcome,
    },
    /// An event is durable and is to be handed out to this shard's subscribers.
    HandOut(Handout),
    Ordered(Command),
    /// Finish what is in hand, then end.
    Stop,
}

pub struct Router {
    config: Arc<HostConfig>,
    secret: [u8; 32],
    /// How often the store was opened; keeps the ids of launches without message id apart between runs.
    run: u64,
    launches: AtomicU64,
    senders: Vec<Sender<ShardInput>>,
}

impl Router {
    /// A router for `shards` shards, and the end that each shard reads from. The channels have no bound of their own:
    /// prefetch bounds deliveries, the window of publishes their outcomes.
    pub fn new(
        config: Arc<HostConfig>,
        shards: u16,
        secret: [u8; 32],
        run: u64,
    ) -> (Self, Vec<Receiver<ShardInput>>) {
        let (senders, receivers) = (0..shards.max(1))
            .map(|_| crossbeam_channel::unbounded())
            .unzip();
        (
            Self {
                config,
                secret,
                run,
                launches: AtomicU64::new(0),
                senders,
            },
            receivers,
        )
    }

    /// How many shards there are.
    pub fn shards(&self) -> u16 {
        u16::try_from(self.senders.len()).unwrap_or(u16::MAX)
    }

    /// The shard that a process lives on.
    pub fn shard_of(&self, process: ProcessId) -> u16 {
        shard_of(process, self.shards())
    }

    /// Gives one input to a shard. An input for a shard that has ended is dropped: nothing of it was acknowledged.
    pub fn send(&self, shard: u16, input: ShardInput) {
        if let Some(sender) = self.senders.get(usize::from(shard)) {
            let _ = sender.send(input);
        }
    }

    /// Gives an event to every shard.
    pub fn hand_out(&self, handout: &Handout) {
        for shard in 0..self.shards() {
            self.send(shard, ShardInput::HandOut(handout.clone()));
        }
    }

    /// Gives an order to the shard of its process.
    pub fn order(&self, command: Command) {
        self.send(self.shard_of(command.process), ShardInput::Ordered(command));
    }

    /// Tells every shard to end.
    pub fn stop(&self) {
        for shard in 0..self.shards() {
            self.send(shard, ShardInput::Stop);
        }
    }

    fn keyed(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of any length; the fallback keeps this path free of panics.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            return [0; 32];
        };
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// What tells this storage from others, without its secret; the same for a storage that was
    /// restored from its backup.
    pub fn storage_id(&self) -> String {
        records::hexadecimal(&self.keyed("storage", &[])[..16])
    }

    /// The hash that a message with an id is remembered by.
    fn seen(&self, delivery: &Delivery) -> Option<[u8; 32]> {
        let id = delivery.properties.message_id.as_deref()?;
        let queue = match delivery.handle.source {
            Source::Launches => "launches",
            Source::Answers => "answers",
            Source::Events => "events",
        };
        let user = delivery.properties.user_id.as_deref().unwrap_or_default();
        let body = Sha256::digest(&delivery.body);
        Some(self.keyed(
            "seen",
            &[user.as_bytes(), queue.as_bytes(), id.as_bytes(), &body],
        ))
    }

    fn arrival(&self, delivery: &Delivery) -> (u16, Arrival) {
        if let Some(unreadable) = delivery.properties.unreadable() {
            // Whatever it was for, it goes the way of an event that can't be read: whole, to the dead letters.
            let event = Err(unreadable);
            return (0, Arrival::Event { event, seen: None });
        }
        match delivery.handle.source {
            Source::Launches => {
                let seen = self.seen(delivery);
                let process = match &seen {
                    Some(hash) => id_from(self.keyed("launch", &[hash])),
                    None => {
                        let count = self.launches.fetch_add(1, Ordering::Relaxed);
                        id_from(
                            self.keyed("launch", &[&self.run.to_be_bytes(), &count.to_be_bytes()]),
                        )
                    }
                };
                (self.shard_of(process), Arrival::Launch { process, seen })
            }
            Source::Answers => {
                let answer = decode_answer(&delivery.body, &self.config.wire_limits);
                let process = match &answer {
                    Ok(answer) => Some(answer.target.process),
                    Err(unreadable) => unreadable
                        .waiting
                        .as_ref()
                        .map(|(activity, _)| activity.process),
                };
                (
                    process.map_or(0, |process| self.shard_of(process)),
                    Arrival::Answer(answer),
                )
            }
            Source::Events => {
                let seen = self.seen(delivery);
                let event = decode_event(&delivery.body, &self.config.wire_limits);
                let home = match (&seen, &event) {
                    (Some(hash), _) => shard_of(id_from(*hash), self.shards()),
                    // Events of one name keep their order when no ids scatter them.
                    (None, Ok(event)) => shard_of(
                        id_from(self.keyed("event", &[event.name.as_bytes()])),
                        self.shards(),
                    ),
                    (None, Err(_)) => 0,
                };
                (home, Arrival::Event { event, seen })
            }
        }
    }
}

impl BrokerEvents for Router {
    fn receive(&self, event: BrokerEvent) {
        match event {
            BrokerEvent::Delivered(delivery) => {
                let (shard, arrival) = self.arrival(&delivery);
                self.send(shard, ShardInput::Arrived { delivery, arrival });
            }
            BrokerEvent::ConsumingDown { generation } => {
                for shard in 0..self.shards() {
                    self.send(shard, ShardInput::ConsumingDown { generation });
                }
            }
            BrokerEvent::Published { ticket, outcome } => {
                self.send(
                    ticket_shard(ticket),
                    ShardInput::Published { ticket, outcome },
                );
            }
            BrokerEvent::PublishingUp => {
                (0..self.shards()).for_each(|shard| self.send(shard, ShardInput::PublishingUp));
            }
            BrokerEvent::PublishingDown => {
                (0..self.shards()).for_each(|shard| self.send(shard, ShardInput::PublishingDown));
            }
        }
    }
}

fn id_from(hash: [u8; 32]) -> ProcessId {
    let mut seed = [0; 16];
    seed.copy_from_slice(&hash[..16]);
    ProcessId::from_seed(seed)
}

/// The shard of a process among `shards`: each has an equal, contiguous range of the ids' first two bytes.
pub fn shard_of(process: ProcessId, shards: u16) -> u16 {
    let place = u32::from(process.shard_key()) * u32::from(shards) / 0x1_0000;
    u16::try_from(place).unwrap_or(0)
}

/// The first two bytes that a shard's ids begin with, and the first ones after; 0x1_0000 stands for the end.
pub fn shard_range(shard: u16, shards: u16) -> (u32, u32) {
    let bound = |shard: u32| (shard * 0x1_0000).div_ceil(u32::from(shards.max(1)));
    (bound(u32::from(shard)), bound(u32::from(shard) + 1))
}

/// The ticket of a shard's `count`th publish.
pub const fn ticket(shard: u16, count: u64) -> Ticket {
    Ticket((shard as u64) << 48 | count & 0xffff_ffff_ffff)
}

const fn ticket_shard(ticket: Ticket) -> u16 {
    (ticket.0 >> 48) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_in_the_range_of_its_shard() {
        for shards in [1, 2, 3, 4, 7, 16, 255, 256] {
            for key in (0..=0xffff_u32).step_by(13).chain([0xffff]) {
                let mut bytes = [0; 16];
                bytes[0] = (key >> 8) as u8;
                bytes[1] = key as u8;
                let shard = shard_of(ProcessId::from_bytes(bytes), shards);
                let (from, to) = shard_range(shard, shards);
                assert!(
                    from <= key && key < to,
                    "{key} is not in shard {shard} of {shards}"
                );
            }
        }
    }
}
