//! The router: decodes what the broker delivers, says what it is for and where it belongs, and
//! queues it for the driver.
//!
//! A launch with a message id gets a process id derived from it, in the shard that remembers the
//! message. An event belongs to the shard that its name chooses.

mod receiving;

use super::{
    cancelling::is_cancel,
    definition::DefinitionText,
    deploying::DefinitionCommand,
    forwarded::EventPart,
    modules::{ModuleCommand, is_module},
    named::is_named,
};
use crate::{
    act::standing::Ask,
    broker::{Delivery, PublishOutcome, Source, Ticket},
    commit::CommitOutcome,
    compute::{JobId, JobOutcome},
    config::HostConfig,
    open::identity,
    operate::{asking, bulk::BulkCommand, commands::Command, letters::LetterCommand},
};
use bureaucrat_model::{DefinitionName, Hex, ModuleName, ProcessId, ShardGroup, ShardId};
use bureaucrat_store::Epoch;
use bureaucrat_wire::{
    AnswerMessage, Content, EventMessage, FailureDetail, MessageKind, Packed, Unreadable,
    UnreadableAnswer, content, decode_answer, decode_event, decode_result, unreadable_result,
};
use crossbeam_channel::{Receiver, Sender};
use sha2::{Digest, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// The header of an answer that can't be unpacked as a whole is looked for in so many bytes.
const HEADER_WITHIN: usize = 16 << 10;

/// What a delivery is for.
#[derive(Debug)]
pub enum Arrival {
    /// A definition; the id that its process gets, and the hash to remember it by when it came with
    /// a message id.
    Launch {
        process: ProcessId,
        /// The hash of publisher, queue, message id and body.
        seen: Option<[u8; 32]>,
        text: DefinitionText,
    },
    Answer(Result<AnswerMessage, UnreadableAnswer>),
    /// An event, and the hash under which to remember it if it has a message id.
    Event {
        shard: ShardId,
        event: EventMessage,
        seen: Option<[u8; 32]>,
    },
    /// An event that another engine hands out, for the waits of a group of this one.
    EventPart {
        shard: ShardId,
        part: Box<EventPart>,
        seen: [u8; 32],
    },
    /// What another engine asks or answers.
    Between(Box<asking::Between>),
    /// Something compressed, to be unpacked when there is room for it: see `Router::unpack`.
    Packed(Packed),
    /// Unreadable.
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
    /// Why Celery tasks failed, as their workers' events say.
    Explained(Vec<FailureDetail>),
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
    /// The engine consumes, and so many answers, events and results lie in the queues.
    ConsumingUp {
        generation: u64,
        waiting: u64,
    },
    /// A connection ended: every delivery of it and of earlier ones that was not acknowledged comes
    /// again.
    ConsumingDown {
        generation: u64,
    },
    Ordered(Command),
    OrderedLetter(LetterCommand),
    /// An operator deploys or retires a definition.
    OrderedDefinition(DefinitionCommand),
    OrderedModule(ModuleCommand),
    OrderedBulk(BulkCommand),
    /// Another engine is to be asked, or has asked and gets its answer.
    SentOn {
        /// A group that it has.
        group: ShardGroup,
        asked: Box<asking::Asked>,
    },
    /// An operator asks where tasks are.
    Asked(Ask),
    /// Finish what is in progress, then end.
    Stop,
}

/// Queues inputs for the driver. The queue has no bound of its own: the broker's side bounds
/// deliveries by their bytes, the windows of publishes, jobs and submissions bound their outcomes.
pub struct Router {
    config: Arc<HostConfig>,
    secret: [u8; 32],
    /// Distinguishes the ids of launches without message id between runs.
    epoch: Epoch,
    launches: AtomicU64,
    /// Whether it has consumed from its queues in this run.
    is_active: AtomicBool,
    sender: Sender<Incoming>,
}

impl Router {
    /// A router, and the receiver for the driver.
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
            is_active: AtomicBool::new(false),
            sender,
        };
        (router, receiver)
    }

    /// Queues an input. One that comes after the driver has ended is dropped: nothing of it was
    /// acknowledged.
    pub fn send(&self, input: Incoming) {
        let _ = self.sender.send(input);
    }

    /// Queues an operator's order.
    pub fn order(&self, command: Command) {
        self.send(Incoming::Ordered(command));
    }

    /// Queues an operator's question.
    pub fn ask(&self, ask: Ask) {
        self.send(Incoming::Asked(ask));
    }

    /// Tells the driver to end.
    pub fn stop(&self) {
        self.send(Incoming::Stop);
    }

    fn keyed(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        identity::keyed(&self.secret, purpose, parts)
    }

    /// What only an engine of this storage can say of some content.
    pub(super) fn signature(&self, content: &[u8]) -> [u8; 32] {
        self.keyed("forward", &[content])
    }

    /// Identifies this storage without its secret. A storage that was restored from a backup has
    /// the same id.
    pub fn storage_id(&self) -> String {
        Hex(&self.keyed("storage", &[])[..16]).to_string()
    }

    /// The hash under which a message with an id is remembered.
    fn seen(&self, delivery: &Delivery) -> Option<[u8; 32]> {
        let id = delivery.properties.message_id.as_deref()?;
        let queue = delivery.handle.source.name();
        let user = delivery.properties.user_id.as_deref().unwrap_or_default();
        let body = Sha256::digest(&delivery.body);
        let parts = [user.as_bytes(), queue.as_bytes(), id.as_bytes(), &body];
        let mut hash = self.keyed("seen", &parts);
        if let Some(shard) = delivery.shard {
            hash[0] = shard.0;
        }
        Some(hash)
    }

    pub(crate) fn arrival(&self, delivery: &Delivery) -> Arrival {
        if let Some(unreadable) = delivery.properties.unreadable() {
            return Arrival::Unreadable(unreadable);
        }
        let limit = self.config.wire_limits.body_bytes;
        let bytes = delivery.body.len();
        match content(&delivery.properties, &delivery.body) {
            Ok(Content::Plain(range)) if delivery.handle.source == Source::Launches => {
                let is_text = self.check_launch(delivery, &delivery.body[range.clone()]);
                self.launch(delivery, is_text.map(|()| DefinitionText::part(range)))
            }
            Ok(Content::Plain(range)) => self.message(delivery, &delivery.body[range]),
            Ok(Content::Packed(_)) if bytes > limit => {
                Arrival::Unreadable(Unreadable::TooLarge { bytes, limit })
            }
            Ok(Content::Packed(packed)) => Arrival::Packed(packed),
            Err(unreadable) => self.unreadable(delivery, &delivery.body, unreadable),
        }
    }

    /// Unpacks a delivery that was put aside as [`Arrival::Packed`]: what it is for, and how many
    /// bytes it holds now.
    pub(super) fn unpack(&self, delivery: &Delivery, packed: &Packed) -> (Arrival, usize) {
        let limit = match delivery.handle.source {
            Source::Launches => self.config.definition_limits.bytes,
            Source::Answers | Source::Events | Source::Results => {
                self.config.wire_limits.body_bytes
            }
        };
        let unpacked = match packed.unpack(&delivery.body, limit) {
            Ok(unpacked) => unpacked,
            Err(unreadable) => {
                let start = packed.start(&delivery.body, HEADER_WITHIN);
                // It may have taken as long as the largest, so that it counts as one.
                return (self.unreadable(delivery, &start, unreadable), limit);
            }
        };
        let bytes = unpacked.len();
        let arrival = if delivery.handle.source == Source::Launches {
            let is_text = self.check_launch(delivery, &unpacked);
            let text = is_text.map(|()| DefinitionText::unpacked(unpacked));
            self.launch(delivery, text)
        } else {
            self.message(delivery, &unpacked)
        };
        (arrival, bytes)
    }

    /// What can't be read, with the activity that waits for it where it is an answer whose header can be
    /// read: in most encodings it looks the same.
    fn unreadable(&self, delivery: &Delivery, content: &[u8], reason: Unreadable) -> Arrival {
        match delivery.handle.source {
            Source::Answers => {}
            Source::Results => {
                return Arrival::Answer(unreadable_result(&delivery.properties, reason));
            }
            Source::Launches | Source::Events => return Arrival::Unreadable(reason),
        }
        let waiting = match decode_answer(content, &self.config.wire_limits) {
            Ok(answer) => Some((answer.target, answer.turn)),
            Err(refused) => refused.waiting,
        };
        Arrival::Answer(Err(UnreadableAnswer { reason, waiting }))
    }

    /// An answer, a result or an event.
    fn message(&self, delivery: &Delivery, content: &[u8]) -> Arrival {
        let limits = &self.config.wire_limits;
        let content_type = delivery.properties.content_type.as_deref();
        if delivery.handle.source == Source::Results {
            let result = decode_result(&delivery.properties, content, limits);
            return Arrival::Answer(result.map_err(|refused| UnreadableAnswer {
                reason: refused.reason.by_content_type(content_type, "JSON"),
                waiting: refused.waiting,
            }));
        }
        if delivery.handle.source == Source::Answers {
            return Arrival::Answer(decode_answer(content, limits).map_err(|refused| {
                // One with a header that can be read is an answer, anything else aside.
                let reason = match refused.waiting {
                    Some(_) => refused.reason,
                    None => self.misplaced(content, MessageKind::Answer, refused.reason),
                };
                UnreadableAnswer {
                    reason: reason.by_content_type(content_type, "JSON"),
                    waiting: refused.waiting,
                }
            }));
        }
        match decode_event(content, limits) {
            Ok(event) => self.event(delivery, event),
            Err(reason) => {
                let reason = self.misplaced(content, MessageKind::Event, reason);
                Arrival::Unreadable(reason.by_content_type(content_type, "JSON"))
            }
        }
    }

    /// Whether a launch can be a definition or a module at all; what it is else is said better here
    /// than by a parser of XML.
    fn check_launch(&self, delivery: &Delivery, content: &[u8]) -> Result<(), Unreadable> {
        let start = content.trim_ascii_start().first();
        if is_module(delivery) || is_named(delivery) || is_cancel(delivery) || start == Some(&b'<')
        {
            return Ok(());
        }
        let kind = MessageKind::Definition;
        let as_other = self.misplaced(content, kind, Unreadable::NotUtf8);
        let content_type = delivery.properties.content_type.as_deref();
        let reason = as_other.by_content_type(content_type, "XML");
        if reason != Unreadable::NotUtf8 {
            return Err(reason);
        }
        match start == Some(&b'{') {
            true => Err(Unreadable::JsonLaunch),
            false => Ok(()),
        }
    }

    /// That the content would be read in another queue, if it seems so; the reason itself
    /// otherwise.
    fn misplaced(&self, content: &[u8], wanted: MessageKind, reason: Unreadable) -> Unreadable {
        let config = &self.config;
        match MessageKind::seen(content, &config.wire_limits) {
            Some(seen) if seen != wanted => Unreadable::Misplaced {
                seen,
                belongs: match seen {
                    MessageKind::Definition => config.launch_queue.clone(),
                    MessageKind::Answer => config.message_queue.clone(),
                    MessageKind::Event => config.event_queue.clone(),
                },
                wanted,
            },
            Some(_) | None => reason,
        }
    }

    fn launch(&self, delivery: &Delivery, text: Result<DefinitionText, Unreadable>) -> Arrival {
        let text = match text {
            Ok(text) => text,
            Err(unreadable) => return Arrival::Unreadable(unreadable),
        };
        let seen = self.seen(delivery);
        let mut seed = match &seen {
            Some(hash) => self.keyed("launch", &[hash]),
            None => {
                let count = self.launches.fetch_add(1, Ordering::Relaxed);
                let (run, count) = (self.epoch.0.to_be_bytes(), count.to_be_bytes());
                self.keyed("launch", &[&run, &count])
            }
        };
        seed[0] = match (delivery.shard, &seen) {
            (Some(shard), _) => shard.0,
            (None, Some(hash)) => hash[0],
            (None, None) => self.config.sharing.groups().place(seed[0]).0,
        };
        let process = ProcessId::from_seed(*seed.first_chunk().unwrap_or(&[0; 16]));
        Arrival::Launch {
            process,
            seen,
            text,
        }
    }

    /// The shard that numbers the versions of a definition.
    pub(crate) fn shard_of_definition(&self, name: &DefinitionName) -> ShardId {
        ShardGroup::COMMON.shard_by(self.keyed("definition", &[name.as_str().as_bytes()])[0])
    }

    /// The shard of a module's name.
    pub(crate) fn shard_of_module(&self, name: &ModuleName) -> ShardId {
        ShardGroup::COMMON.shard_by(self.keyed("module", &[name.as_str().as_bytes()])[0])
    }

    /// The hash of a business key, among the processes of a user with a name.
    pub(crate) fn business_key(&self, user: Option<&str>, name: &str, key: &str) -> [u8; 32] {
        identity::business_key(&self.secret, user, name, key)
    }

    fn event(&self, delivery: &Delivery, event: EventMessage) -> Arrival {
        let [first, ..] = self.keyed("event", &[event.name.as_bytes()]);
        let shard = ShardGroup::COMMON.shard_by(first);
        let seen = self.seen(delivery).map(|mut hash| {
            hash[0] = shard.0;
            hash
        });
        Arrival::Event { shard, event, seen }
    }
}
