//! Messages that were published on one channel and have no outcome yet.
//!
//! Many are in flight at once; no publish waits for an earlier confirm. A return is matched by its
//! content, not by the confirm with which lapin delivers it: a broker confirms many messages in one
//! frame and out of order, so the return of one message can arrive with the confirm of another. All
//! received confirms are examined before any of them counts, and the return of a message comes
//! before its confirm.

use crate::{connection::closed, convert::short, pending::Pending};
use bureaucrat_host::broker::PublishOutcome;
use bureaucrat_model::lock;
use bureaucrat_wire::{Mandatory, Outgoing};
use lapin::{
    BasicProperties, Channel, Confirmation, Error, message::BasicReturnMessage,
    options::BasicPublishOptions, types::ShortString,
};
use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// How long messages of a closed channel wait for the reason.
const WORDS: Duration = Duration::from_secs(1);

/// A message that the broker refused with `basic.nack` is sent again so often, and after this long each time: the queue may
/// have lost the node that led it, and have another leader soon.
const TRIES: u8 = 12;
const PAUSE: Duration = Duration::from_millis(250);
/// More of them than this do not wait: who has a queue that is full must not take all places of those in flight.
const WAITING_MAX: usize = 256;

/// Identifies a message: two with the same key are interchangeable for the code that waits for
/// their outcomes.
pub(crate) type Key = u64;

/// A message to publish, and the receiver of its outcome.
pub(crate) struct Job {
    pub pending: Pending,
    pub message: Arc<Outgoing>,
    /// How often the broker has refused it with `basic.nack`.
    refused: u8,
}

impl Job {
    pub const fn new(pending: Pending, message: Arc<Outgoing>) -> Self {
        Self {
            pending,
            message,
            refused: 0,
        }
    }
}

/// What becomes of messages that the broker refuses with `basic.nack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nacked {
    /// They are told as refused.
    Told,
    /// They wait, and come back from [`Flights::due`] a few times first.
    TriedAgain,
}

/// A message that has its outcome.
pub(crate) struct Settled<'a> {
    pub key: Key,
    pub message: &'a Outgoing,
    pub outcome: &'a PublishOutcome,
}

/// Computes keys of published and returned messages.
#[derive(Default)]
pub(crate) struct Keys(RandomState);

impl Keys {
    pub fn of(&self, message: &Outgoing) -> Key {
        self.key(
            &message.exchange,
            &message.routing_key,
            message.properties.message_id.as_deref(),
            message.properties.correlation_id.as_deref(),
            &message.body,
        )
    }

    fn of_returned(&self, message: &BasicReturnMessage) -> Key {
        self.key(
            message.exchange.as_str(),
            message.routing_key.as_str(),
            message
                .properties
                .message_id()
                .as_ref()
                .map(ShortString::as_str),
            message
                .properties
                .correlation_id()
                .as_ref()
                .map(ShortString::as_str),
            &message.data,
        )
    }

    fn key(
        &self,
        exchange: &str,
        key: &str,
        message_id: Option<&str>,
        correlation_id: Option<&str>,
        body: &[u8],
    ) -> Key {
        self.0
            .hash_one((exchange, key, message_id, correlation_id, body))
    }
}

/// Publishes a converted message and waits for its confirm. After the first poll, the frames are in
/// lapin's queue.
async fn published(
    channel: Channel,
    message: Arc<Outgoing>,
    properties: BasicProperties,
) -> Result<Confirmation, Error> {
    let (Ok(exchange), Ok(routing_key)) = (
        short("", &message.exchange),
        short("", &message.routing_key),
    ) else {
        // `to_lapin` has checked both; a message that is not sent is never confirmed.
        return Ok(Confirmation::NotRequested);
    };
    let options = BasicPublishOptions {
        mandatory: match message.mandatory {
            Mandatory::Yes => true,
            Mandatory::No => false,
        },
        immediate: false,
    };
    let confirm = channel
        .basic_publish(exchange, routing_key, options, &message.body, properties)
        .await?;
    confirm.await
}

/// Says which flights can continue.
#[derive(Default)]
struct Ready {
    slots: Mutex<Vec<u64>>,
    some: Notify,
}

impl Ready {
    fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *lock(&self.slots))
    }
}

struct WakeSlot {
    slot: u64,
    ready: Arc<Ready>,
}

impl Wake for WakeSlot {
    fn wake(self: Arc<Self>) {
        let mut slots = lock(&self.ready.slots);
        slots.push(self.slot);
        drop(slots);
        self.ready.some.notify_one();
    }
}

type Confirm = Pin<Box<dyn Future<Output = Result<Confirmation, Error>> + Send>>;

struct Flight {
    job: Job,
    key: Key,
    waker: Waker,
    /// `None` once it has ended.
    confirm: Option<Confirm>,
    returned: bool,
}

/// The messages in flight on one channel.
pub(crate) struct Flights {
    keys: Arc<Keys>,
    flights: HashMap<u64, Flight>,
    next: u64,
    ready: Arc<Ready>,
    /// Flights that were confirmed or refused but are not settled yet.
    ended: Vec<(u64, PublishOutcome)>,
    nacked: Nacked,
    /// Refused for now, and when they are due again, the earliest first.
    waiting: VecDeque<(Instant, Job)>,
    /// Whether one of them was refused again when it came back.
    is_stubborn: bool,
    /// Why the channel is gone, in the most specific words, and since when.
    error: Option<(Error, Instant)>,
}

impl Flights {
    pub fn new(keys: Arc<Keys>, nacked: Nacked) -> Self {
        Self {
            keys,
            flights: HashMap::new(),
            next: 0,
            ready: Arc::default(),
            ended: Vec::new(),
            nacked,
            waiting: VecDeque::new(),
            is_stubborn: false,
            error: None,
        }
    }

    /// Publishes. The order of calls is the order on the wire.
    pub fn launch(&mut self, channel: &Channel, job: Job, properties: BasicProperties) {
        let slot = self.next;
        self.next += 1;
        let waker = Waker::from(Arc::new(WakeSlot {
            slot,
            ready: Arc::clone(&self.ready),
        }));
        let message = Arc::clone(&job.message);
        let flight = Flight {
            key: self.keys.of(&message),
            job,
            waker,
            confirm: Some(Box::pin(published(channel.clone(), message, properties))),
            returned: false,
        };
        self.flights.insert(slot, flight);
        // The first poll puts the frames into lapin's queue.
        self.poll(slot);
    }

    pub fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// Whether messages wait to be sent again.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a message was refused again when it came back, since this was asked last.
    pub fn take_stubborn(&mut self) -> bool {
        std::mem::take(&mut self.is_stubborn)
    }

    /// Messages that were refused a while ago, to be sent again.
    pub fn due(&mut self) -> Vec<Job> {
        let now = Instant::now();
        let count = self.waiting.partition_point(|(due, _)| *due <= now);
        self.waiting.drain(..count).map(|(_, job)| job).collect()
    }

    /// Waits until [`Self::settle`] may have something to do.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + 'static {
        let ready = Arc::clone(&self.ready);
        async move { ready.some.notified().await }
    }

    /// Settles all that have their outcome, and passes each to `told`. An error means that the
    /// channel is gone; call it again within a second while messages have no outcome.
    pub fn settle(&mut self, mut told: impl FnMut(&Settled<'_>)) -> Result<(), Error> {
        loop {
            let slots = self.ready.take();
            if slots.is_empty() {
                break;
            }
            for slot in slots {
                self.poll(slot);
            }
        }
        for (slot, outcome) in std::mem::take(&mut self.ended) {
            if let Some(mut flight) = self.flights.remove(&slot) {
                let is_nacked = matches!(outcome, PublishOutcome::Refused(_)) && !flight.returned;
                if is_nacked
                    && self.nacked == Nacked::TriedAgain
                    && flight.job.refused < TRIES
                    && self.waiting.len() < WAITING_MAX
                {
                    flight.job.refused += 1;
                    self.is_stubborn |= flight.job.refused > 1;
                    self.waiting.push_back((Instant::now() + PAUSE, flight.job));
                    continue;
                }
                let outcome = if flight.returned {
                    PublishOutcome::Unroutable
                } else {
                    outcome
                };
                told(&Settled {
                    key: flight.key,
                    message: &flight.job.message,
                    outcome: &outcome,
                });
                flight.job.pending.settle(outcome);
            }
        }
        // Some learn that the channel is closing before others learn why.
        let is_over = |since: &Instant| {
            let mut flights = self.flights.values();
            flights.all(|flight| flight.confirm.is_none()) || since.elapsed() > WORDS
        };
        match self.error.take_if(|(_, since)| is_over(since)) {
            Some((error, _)) => Err(error),
            None => Ok(()),
        }
    }

    /// Everything without an outcome after the channel is gone, in the order of publishing.
    pub fn strand(&mut self) -> Vec<(Job, Key)> {
        let mut flights: Vec<(u64, Flight)> = self.flights.drain().collect();
        flights.sort_by_key(|(slot, _)| *slot);
        let mut stranded = Vec::new();
        for (_, flight) in flights {
            if flight.returned {
                flight.job.pending.settle(PublishOutcome::Unroutable);
            } else {
                stranded.push((flight.job, flight.key));
            }
        }
        stranded
    }

    fn poll(&mut self, slot: u64) {
        let Some(flight) = self.flights.get_mut(&slot) else {
            return;
        };
        let Some(confirm) = &mut flight.confirm else {
            return;
        };
        let Poll::Ready(ended) = confirm
            .as_mut()
            .poll(&mut Context::from_waker(&flight.waker))
        else {
            return;
        };
        flight.confirm = None;
        match ended {
            Ok(Confirmation::Ack(returned)) => {
                self.ended.push((slot, PublishOutcome::Confirmed));
                self.note_return(slot, returned);
            }
            Ok(Confirmation::Nack(returned)) => {
                self.ended.push((
                    slot,
                    PublishOutcome::Refused("the broker did not accept it (basic.nack)".to_owned()),
                ));
                self.note_return(slot, returned);
            }
            Ok(Confirmation::NotRequested) => self.ended.push((slot, PublishOutcome::Lost)),
            Err(error) => match &self.error {
                // The broker's words are more specific than that the channel was closing.
                Some((before, _)) if closed(before).is_some() || closed(&error).is_none() => {}
                Some((_, since)) => self.error = Some((error, *since)),
                None => self.error = Some((error, Instant::now())),
            },
        }
    }

    fn note_return(&mut self, carrier: u64, returned: Option<BasicReturnMessage>) {
        let Some(returned) = returned else { return };
        let key = self.keys.of_returned(&returned);
        let fits = |flight: &Flight| flight.key == key && !flight.returned;
        let slot = match self.flights.get(&carrier) {
            Some(flight) if fits(flight) => Some(carrier),
            Some(_) | None => self
                .flights
                .iter()
                .filter(|(_, flight)| fits(flight))
                .map(|(slot, _)| *slot)
                .min(),
        };
        // Without a match, which should not happen with RabbitMQ, the carrier is the best guess.
        if let Some(flight) = self.flights.get_mut(&slot.unwrap_or(carrier)) {
            flight.returned = true;
        }
    }
}
