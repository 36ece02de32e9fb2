//! The engine, as HTTP sees it, and a request's way to ask it.

use crate::{
    census::Census,
    guard::Caller,
    problem::{Code, Problem},
};
use bureaucrat_host::{
    Standing,
    backlog::Waiting,
    handing_in::HandedIn,
    meters::{MemoryUse, Meters, Spans},
    query::{Query, QueryAnswer, Unanswered},
};
use bureaucrat_model::Operator;
use bureaucrat_views::Ask;
use std::sync::Arc;

/// A running engine.
pub trait Engine: Send + Sync + 'static {
    /// Answers a question or carries out an order; the answer to an order comes once it is durable.
    /// Blocks.
    fn ask(&self, query: &Query, by: &Operator) -> QueryAnswer;

    /// Takes a message as if the broker had delivered it. Returns at once; its sender is told.
    fn hand_in(&self, message: HandedIn);

    /// Whether the queues have been this engine's since it started. What it took while another engine has them would
    /// never be answered.
    fn is_active(&self) -> bool;

    /// Why nothing that is new becomes durable or is sent, if it is so. Returns at once.
    fn stalled(&self) -> Option<String>;

    /// Why the records cannot be read, if it is so. Returns at once.
    fn unreadable(&self) -> Option<String>;

    /// A number that grows with each commit.
    fn commits(&self) -> u64;

    /// What was counted in this run; none before it has started.
    fn meters(&self) -> Option<Arc<Meters>>;

    /// How the driver stands; none if the engine is too busy to say. Blocks.
    fn standing(&self) -> Option<Standing>;

    /// Which participants are waited for. Blocks, for as long as there are processes.
    ///
    /// # Errors
    /// If the store can't be read, in its words.
    fn waiting(&self) -> Result<Vec<Waiting>, String>;

    /// The memory of the store, and how long the log took of each commit.
    fn store(&self) -> (MemoryUse, &Spans);

    /// Bytes of messages that were delivered from each queue and are not settled.
    fn in_hand(&self) -> Vec<(&'static str, u64)>;

    /// Whether a deployed definition of others is there for a user.
    fn shares(&self, user: &str, definition: &str) -> bool;
}

/// A request that has passed every check, on its way to an answer.
#[derive(Clone)]
pub struct Call {
    pub engine: Arc<dyn Engine>,
    pub caller: Caller,
    pub census: Arc<Census>,
}

impl Call {
    /// # Errors
    /// If the engine can't answer now.
    pub fn ask(&self, query: &Query) -> Result<QueryAnswer, Problem> {
        let answer = self.engine.ask(query, &self.caller.operator());
        answer.given().map_err(|unanswered| match unanswered {
            Unanswered::TooLarge { reason } => Problem::new(Code::TooLarge, reason),
            Unanswered::Failed { reason } => Problem::unavailable(reason),
        })
    }
}

impl Ask for &Call {
    type Error = Problem;

    fn ask(&mut self, query: &Query) -> Result<QueryAnswer, Problem> {
        Call::ask(self, query)
    }
}
