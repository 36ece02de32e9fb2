//! The router: decodes what the broker delivers, says what it is for and where it belongs, and queues it for the driver.
//!
//! A launch with a message id gets a process id derived from it, in the shard that remembers the message. An event belongs
//! to the shard that its name chooses.

use crate::{
    broker::{BrokerEvent, BrokerEvents, Delivery, PublishOutcome, Source, Ticket},
    commit::CommitOutcome,
    compute::{JobId, JobOutcome},
    config::HostConfig,
    operate::commands::Command,
};
use bureaucrat_model::{ProcessId, ShardId};
use bureaucrat_store::{Epoch, records};
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
        shard: ShardId,
        event: EventMessage,
        seen: Option<[u8; 32]>,
    },
    /// Something that can't be read.
    Unreadable(Unreadable),
}

/// One input of the driver.
#[expect(
    clippy::large_enum_variant,
    reason = "most inputs are deliveries, moved once or twice each"
)]
pub enum Incoming {
    Arrived {
        delivery: Delivery,
        arrival: Arrival,
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
    /// A submission is durable, or failed.
    Committed(CommitOutcome),
    /// A connection ended: every delivery of it and of earlier ones that was not acknowledged comes again.
    ConsumingDown {
        generation: u64,
    },
    Ordered(Command),
    /// Finish what is in hand, then end.
    Stop,
}

/// Queues inputs for the driver. The queue has no bound of its own: the broker's side bounds deliveries by their bytes, the
/// windows of publishes, jobs and submissions bound their outcomes.
pub struct Router {
    config: Arc<HostConfig>,
    secret: [u8; 32],
    /// Keeps the ids of launches without message id apart between runs.
    epoch: Epoch,
    launches: AtomicU64,
    sender: Sender<Incoming>,
}

impl Router {
    /// A router, and the end that the driver reads from.
    pub fn new(
        config: Arc<HostConfig>,
        secret: [u8; 32],
        epoch: Epoch,
    ) -> (Self, Receiver<Incoming>) {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let router = Self {
            config,
            secret,
            epoch,
            launches: AtomicU64::new(0),
            sender,
        };
        (router, receiver)
    }

    /// Queues an input. One that comes after the driver has ended is dropped: nothing of it was acknowledged.
    pub fn send(&self, input: Incoming) {
        let _ = self.sender.send(input);
    }

    /// Queues an operator's order.
    pub fn order(&self, command: Command) {
        self.send(Incoming::Ordered(command));
    }

    /// Tells the driver to end.
    pub fn stop(&self) {
        self.send(Incoming::Stop);
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

    fn arrival(&self, delivery: &Delivery) -> Arrival {
        if let Some(unreadable) = delivery.properties.unreadable() {
            return Arrival::Unreadable(unreadable);
        }
        match delivery.handle.source {
            Source::Launches => self.launch(delivery),
            Source::Answers => {
                Arrival::Answer(decode_answer(&delivery.body, &self.config.wire_limits))
            }
            Source::Events => match decode_event(&delivery.body, &self.config.wire_limits) {
                Ok(event) => self.event(delivery, event),
                Err(unreadable) => Arrival::Unreadable(unreadable),
            },
        }
    }

    fn launch(&self, delivery: &Delivery) -> Arrival {
        let seen = self.seen(delivery);
        let mut seed = match &seen {
            Some(hash) => self.keyed("launch", &[hash]),
            None => {
                let count = self.launches.fetch_add(1, Ordering::Relaxed);
                let (run, count) = (self.epoch.0.to_be_bytes(), count.to_be_bytes());
                self.keyed("launch", &[&run, &count])
            }
        };
        if let Some(hash) = &seen {
            seed[0] = hash[0];
        }
        let process = id_from(seed);
        Arrival::Launch { process, seen }
    }

    fn event(&self, delivery: &Delivery, event: EventMessage) -> Arrival {
        let [first, ..] = self.keyed("event", &[event.name.as_bytes()]);
        let shard = ShardId(first);
        let seen = self.seen(delivery).map(|mut hash| {
            hash[0] = shard.0;
            hash
        });
        Arrival::Event { shard, event, seen }
    }
}

impl BrokerEvents for Router {
    fn receive(&self, event: BrokerEvent) {
        self.send(match event {
            BrokerEvent::Delivered(delivery) => {
                let arrival = self.arrival(&delivery);
                Incoming::Arrived { delivery, arrival }
            }
            BrokerEvent::Published { ticket, outcome } => Incoming::Published { ticket, outcome },
            BrokerEvent::PublishingUp => Incoming::PublishingUp,
            BrokerEvent::PublishingDown => Incoming::PublishingDown,
            BrokerEvent::ConsumingDown { generation } => Incoming::ConsumingDown { generation },
        });
    }
}

fn id_from(hash: [u8; 32]) -> ProcessId {
    let mut seed = [0; 16];
    seed.copy_from_slice(&hash[..16]);
    ProcessId::from_seed(seed)
}
