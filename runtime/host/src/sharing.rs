//! Which part of the work is this engine's, and where the rest of it goes.
//!
//! Engines that share a store have groups of shards each, for the life of a host. Processes, with all that belongs to them,
//! are their shard's. What exists once, such as deployed definitions, schedules, events from outside and bulk jobs, is in
//! the shards of the common group, so that one engine decides about it.

use bureaucrat_model::{ShardGroup, ShardGroups, ShardId};
use bureaucrat_wire::Results;
use std::borrow::Cow;

/// Whether other engines use the same store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sharing {
    /// None does: every shard is this engine's.
    Alone,
    Shared(Share),
}

/// What an engine has of a store that it shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub groups: ShardGroups,
    /// What the names of the groups' queues begin with.
    pub queue: String,
}

impl Sharing {
    pub const fn groups(&self) -> ShardGroups {
        match self {
            Self::Alone => ShardGroups::ALL,
            Self::Shared(share) => share.groups,
        }
    }

    pub const fn has(&self, shard: ShardId) -> bool {
        self.groups().has(shard)
    }

    /// Whether what exists once is this engine's.
    pub const fn has_common(&self) -> bool {
        self.groups().contains(ShardGroup::COMMON)
    }

    /// The queue to which results of calls come back that processes of a shard make, of this usual one.
    pub fn results<'a>(&self, shard: ShardId, usual: &'a Results) -> Cow<'a, Results> {
        match self.queue_of(shard.group()) {
            Some(queue) => Cow::Owned(Results {
                queue,
                exchange: usual.exchange.clone(),
            }),
            None => Cow::Borrowed(usual),
        }
    }

    /// The queue of what is forwarded to the owner of a group; none for an engine alone.
    pub fn queue_of(&self, group: ShardGroup) -> Option<String> {
        match self {
            Self::Shared(share) => Some(share.queue_of(group)),
            Self::Alone => None,
        }
    }

    /// A number that no other engine has at the same time, below 16.
    pub fn lane(&self) -> u64 {
        let first = self.groups().iter().next();
        first.map_or(0, |group| group.number().into())
    }
}

impl Share {
    /// The queue of what is forwarded to the owner of a group.
    pub fn queue_of(&self, group: ShardGroup) -> String {
        format!("{}.{group}", self.queue)
    }
}
