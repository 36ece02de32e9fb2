//! Operators' questions and orders.

pub mod asking;
pub mod audit;
pub mod audit_log;
pub mod backlog;
pub mod bulk;
pub mod commands;
pub mod copying;
pub mod definitions;
pub mod facts;
pub mod formats;
pub mod handing_in;
pub mod incidents;
pub mod letters;
pub(crate) mod listing;
pub mod modules;
pub mod query;
pub mod questions;
pub(crate) mod search;
pub mod tasks;
pub mod verifying;
mod waiting;

use asking::{Asked, Asking};
use bulk::BulkAnswer;
use commands::OrderOutcome;
use crossbeam_channel::Sender;
use definitions::DefinitionAnswer;
use handing_in::Receipt;
use modules::ModuleAnswer;
use std::sync::Arc;

/// The answer to an order, and the operator who waits for it.
#[derive(Debug)]
pub(crate) enum Told {
    Order(Sender<OrderOutcome>, OrderOutcome),
    Definition(Sender<DefinitionAnswer>, DefinitionAnswer),
    Module(Sender<ModuleAnswer>, ModuleAnswer),
    Bulk(Sender<BulkAnswer>, BulkAnswer),
    Message(handing_in::Sender, Receipt),
    /// What another engine asks, or answers.
    Asked(Arc<Asking>, Asked),
}

impl Told {
    /// Answers; the operator may be gone.
    pub fn tell(self) {
        match self {
            Self::Order(reply, outcome) => drop(reply.try_send(outcome)),
            Self::Definition(reply, answer) => drop(reply.try_send(answer)),
            Self::Module(reply, answer) => drop(reply.try_send(answer)),
            Self::Bulk(reply, answer) => drop(reply.try_send(answer)),
            Self::Message(sender, receipt) => sender.tell(receipt),
            Self::Asked(asking, asked) => asking.take(asked),
        }
    }
}
