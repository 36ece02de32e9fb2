//! The queues from which engines consume: those that all of them read, and one for each group of shards, to which engines
//! that share a store forward what another one has to take.

use super::{Content, Facts, Message, SOURCES, SimulatedBroker, broker::State, facts::Known};
use bureaucrat_host::{
    asking::{Asked, Between},
    broker::{Source, Way},
    forwarded::{Forwarded, forwarded_in, source_of},
};
use bureaucrat_model::{Redelivered, ShardGroup, ShardGroups};
use bureaucrat_store::{
    Table, Unit, Write,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::{Outgoing, Properties};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the names of the groups' queues begin with.
pub(super) const SHARDS: &str = "bureaucrat.shards";

/// A channel of an engine's consuming connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inbox {
    Own(Source),
    /// What other engines forward to the groups of this one.
    Forwarded,
}

/// All of them.
pub const INBOXES: [Inbox; SOURCES.len() + 1] = [
    Inbox::Own(Source::Launches),
    Inbox::Own(Source::Answers),
    Inbox::Own(Source::Events),
    Inbox::Own(Source::Results),
    Inbox::Forwarded,
];

impl From<Source> for Inbox {
    fn from(source: Source) -> Self {
        Self::Own(source)
    }
}

impl Inbox {
    pub(super) const fn place(self) -> usize {
        match self {
            Self::Own(Source::Launches) => 0,
            Self::Own(Source::Answers) => 1,
            Self::Own(Source::Events) => 2,
            Self::Own(Source::Results) => 3,
            Self::Forwarded => 4,
        }
    }

    pub(super) const fn source(self) -> Source {
        match self {
            Self::Own(source) => source,
            Self::Forwarded => Source::Results,
        }
    }

    pub(super) const fn way(self) -> Way {
        match self {
            Self::Own(_) => Way::Own,
            Self::Forwarded => Way::Forwarded,
        }
    }

    pub(super) const fn of(source: Source, way: Way) -> Self {
        match way {
            Way::Own => Self::Own(source),
            Way::Forwarded => Self::Forwarded,
        }
    }

    /// Whether an engine with these groups, or one that is alone, consumes from it.
    pub(super) const fn is_consumed(self, groups: Option<ShardGroups>) -> bool {
        match (self, groups) {
            (Self::Own(Source::Events), Some(groups)) => groups.contains(ShardGroup::COMMON),
            (Self::Own(_), _) => true,
            (Self::Forwarded, groups) => groups.is_some(),
        }
    }
}

/// The queues of the groups.
#[derive(Debug, Default)]
pub(super) struct Forwards(BTreeMap<ShardGroup, VecDeque<Message>>);

impl Forwards {
    pub fn is_empty(&self) -> bool {
        self.0.values().all(VecDeque::is_empty)
    }

    /// The next message of some of them.
    pub fn next_of(&mut self, groups: ShardGroups) -> Option<Message> {
        let ours = self.0.iter_mut();
        let mut ours = ours.filter(|(group, _)| groups.contains(**group));
        ours.find_map(|(_, queue)| queue.pop_front())
    }

    /// A message that was not acknowledged.
    pub fn give_back(&mut self, message: Message) {
        if let Content::Forwarded { group, .. } = &message.content {
            let group = ShardGroup::new(*group).unwrap_or(ShardGroup::COMMON);
            self.0.entry(group).or_default().push_front(message);
        }
    }
}

/// The group whose queue has this name.
pub(super) fn group_of(queue: &str) -> Option<ShardGroup> {
    let number = queue.strip_prefix(SHARDS)?.strip_prefix('.')?;
    ShardGroup::new(number.parse().ok()?)
}

impl SimulatedBroker {
    /// An engine consumes the queues of these groups, and no other one has to end before.
    pub(super) fn share(&self, engine: u64, groups: ShardGroups) {
        if let Some(link) = self.lock().links.get_mut(&engine) {
            link.groups = Some(groups);
        }
    }

    /// A worker brings a result to the queue that its task names.
    pub(super) fn bring_back(&self, queue: &str, message: Message) {
        let Some(group) = group_of(queue) else {
            return self.publish_to_engine(Source::Results, message);
        };
        let content = Content::Forwarded {
            group: group.number(),
            content: Box::new(message.content.clone()),
        };
        let mut state = self.lock();
        let message = Message { content, ..message };
        state
            .forwards
            .0
            .entry(group)
            .or_default()
            .push_back(message);
    }

    /// An engine forwards a message.
    pub(super) fn forward(&self, state: &mut State, group: ShardGroup, message: Outgoing) {
        let content = self.facts.known().forwarded_content(&message.body);
        let message = Message {
            content: Content::Forwarded {
                group: group.number(),
                content: Box::new(content),
            },
            properties: message.properties,
            body: message.body,
            redelivered: Redelivered::No,
        };
        self.facts.count("messages forwarded");
        state
            .forwards
            .0
            .entry(group)
            .or_default()
            .push_back(message);
    }
}

impl Facts {
    /// A message is published to the engines.
    pub(super) fn sent(&self, source: Source, message: &Message) {
        let key = sent(source.name(), &message.properties, &message.body);
        let mut known = self.known();
        if let Content::Event(number) = message.content {
            let highest = known.highest;
            known.shared.published.entry(number).or_insert(highest);
        }
        known.shared.sent.insert(key, message.content.clone());
    }
}

/// What a message is known by.
fn sent(queue: &str, properties: &Properties, body: &[u8]) -> Vec<u8> {
    let before = format!("{queue} {properties:?} ");
    [before.as_bytes(), body].concat()
}

impl Known {
    /// What the body of a forwarded message is, known to who published what it holds.
    pub(super) fn forwarded_content(&mut self, body: &[u8]) -> Content {
        let found = match forwarded_in(body) {
            Some(Forwarded::Event { group, origin, .. }) => Some(Content::Part {
                group,
                origin: origin.1,
            }),
            Some(Forwarded::Message {
                source,
                properties,
                body,
                ..
            }) => {
                let queue = source_of(source).map(Source::name).unwrap_or_default();
                let key = sent(queue, &properties, &body);
                self.shared.sent.get(&key).cloned()
            }
            Some(Forwarded::Between(between)) => match between {
                Between::BulkOrder(ordered) => Some(Content::BulkOrder {
                    job: ordered.job,
                    place: ordered.place,
                }),
                Between::BulkNews { .. } => Some(Content::BulkNews),
                Between::Asking(Asked::Question(_)) => Some(Content::Question),
                // Nobody answers.
                Between::Asking(Asked::Answer { .. } | Asked::Receipt { .. }) => None,
            },
            None => None,
        };
        found.unwrap_or_else(|| {
            let body = String::from_utf8_lossy(body);
            self.violate(format!("an engine forwards what nobody published: {body}"));
            Content::Hostile
        })
    }
}

/// What a write forwards, if it does: in the outbox, or set aside for a queue that takes nothing at the moment.
pub(super) fn forward_written(write: &Write) -> Option<(OutboxKey, Vec<u8>)> {
    let Write::Put {
        table: Table::Outbox | Table::Aside,
        key,
        value,
    } = write
    else {
        return None;
    };
    let key = OutboxKey::from_bytes(key).ok()?;
    if key.kind != OutboxKind::Forward {
        return None;
    }
    let message: Outgoing = records::decode(Table::Outbox, &[], value).ok()?;
    Some((key, message.body))
}

/// The groups to which a unit sends parts of events, with the numbers of the events.
pub(super) fn event_parts(unit: &Unit) -> BTreeSet<(u8, u64)> {
    let part = |write: &Write| match forwarded_in(&forward_written(write)?.1)? {
        Forwarded::Event { group, origin, .. } => Some((group, origin.1)),
        Forwarded::Message { .. } | Forwarded::Between(_) => None,
    };
    unit.writes.iter().filter_map(part).collect()
}
