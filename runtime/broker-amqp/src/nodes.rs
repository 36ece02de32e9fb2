//! Which nodes direct reply-to addresses lead to: nodes of this broker, or of another one.
//!
//! RabbitMQ before 3.11 closes the connection over an address of an unknown node, and a launcher
//! may make up any number of them. So the first message to a node is published carefully and alone;
//! others to that node wait until it is known, and are then published as usual, or refused at once
//! for a while. Only a few nodes are probed at a time; messages to more of them are refused.

use crate::flights::Job;
use bureaucrat_host::broker::PublishOutcome;
use bureaucrat_model::lock;
use bureaucrat_wire::{Outgoing, ReplyAddress};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// How many nodes are probed at a time; a cluster has fewer.
const ASKED_MAX: usize = 32;
/// How many nodes are remembered.
const KNOWN_MAX: usize = 1_000;
/// How long a foreign node counts as foreign: it may have been down.
const FOREIGN_FOR: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Nodes(Mutex<HashMap<u32, Node>>);

enum Node {
    Ours,
    /// The broker's words, and how long they count.
    Foreign(String, Instant),
    /// One message is in flight to it, and these wait for its outcome.
    Asked(Vec<Job>),
}

/// How a message is to be published.
pub(crate) enum Way {
    Usual(Job),
    Careful(Job),
    /// It waits, or has its outcome.
    None,
}

impl Nodes {
    /// The node that a message goes to, if it is a direct reply.
    pub fn of(message: &Outgoing) -> Option<u32> {
        let is_default = message.exchange.is_empty();
        is_default
            .then(|| ReplyAddress::direct_node(&message.routing_key))
            .flatten()
    }

    /// Says which way a message goes.
    pub fn way(&self, job: Job) -> Way {
        let Some(node) = Self::of(&job.message) else {
            return Way::Usual(job);
        };
        let mut nodes = self.lock();
        let words = match nodes.get_mut(&node) {
            Some(Node::Ours) => return Way::Usual(job),
            Some(Node::Asked(waiting)) => {
                waiting.push(job);
                return Way::None;
            }
            Some(Node::Foreign(words, until)) if *until > Instant::now() => words.clone(),
            Some(Node::Foreign(..)) | None => {
                let is_asked = |node: &&Node| matches!(node, Node::Asked(_));
                if nodes.values().filter(is_asked).count() < ASKED_MAX {
                    nodes.insert(node, Node::Asked(Vec::new()));
                    return Way::Careful(job);
                }
                "too many replies to unknown nodes wait already".to_owned()
            }
        };
        drop(nodes);
        job.pending.settle(PublishOutcome::Unsendable(words));
        Way::None
    }

    /// The broker took a message to this node; returns those that waited for that.
    pub fn ours(&self, node: u32) -> Vec<Job> {
        waiting(self.lock().insert(node, Node::Ours))
    }

    /// The broker closed because of a message to this node; those that waited have the same
    /// outcome.
    pub fn foreign(&self, node: u32, words: &str) {
        let mut nodes = self.lock();
        if nodes.len() >= KNOWN_MAX {
            nodes.retain(|_, node| !matches!(node, Node::Foreign(..)));
        }
        let until = Instant::now() + FOREIGN_FOR;
        let before = nodes.insert(node, Node::Foreign(words.to_owned(), until));
        drop(nodes);
        for job in waiting(before) {
            job.pending
                .settle(PublishOutcome::Unsendable(words.to_owned()));
        }
    }

    /// The message to this node has its outcome; if that proves nothing, returns those that waited.
    pub fn answered(&self, node: u32) -> Vec<Job> {
        let mut nodes = self.lock();
        match nodes.get(&node) {
            Some(Node::Asked(_)) => waiting(nodes.remove(&node)),
            Some(Node::Ours | Node::Foreign(..)) | None => Vec::new(),
        }
    }

    /// The broker closed a connection while a message to this node was on it among others.
    pub fn doubt(&self, node: u32) {
        let mut nodes = self.lock();
        if let Some(Node::Ours) = nodes.get(&node) {
            nodes.remove(&node);
        }
    }

    /// Probing ends. Those that waited are dropped, which reports them as lost.
    pub fn end(&self) {
        let mut nodes = self.lock();
        let asked = nodes.extract_if(|_, node| matches!(node, Node::Asked(_)));
        let asked: Vec<(u32, Node)> = asked.collect();
        drop(nodes);
        drop(asked);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Node>> {
        lock(&self.0)
    }
}

fn waiting(node: Option<Node>) -> Vec<Job> {
    match node {
        Some(Node::Asked(jobs)) => jobs,
        Some(Node::Ours | Node::Foreign(..)) | None => Vec::new(),
    }
}
