//! The engine, as HTTP sees it, and a request's way to ask it.

use crate::{guard::Caller, problem::Problem};
use bureaucrat_host::{
    handing_in::HandedIn,
    meters::Meters,
    query::{Query, QueryAnswer},
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

    /// A number that grows with each commit.
    fn commits(&self) -> u64;

    /// What was counted in this run; none before it has started.
    fn meters(&self) -> Option<Arc<Meters>>;

    /// How many messages wait to be sent, and how many are under way; none if the engine is too busy
    /// to say. Blocks.
    fn outbox(&self) -> Option<(usize, usize)>;

    /// Whether a deployed definition of others is there for a user.
    fn shares(&self, user: &str, definition: &str) -> bool;
}

/// A request that has passed every check, on its way to an answer.
#[derive(Clone)]
pub struct Call {
    pub engine: Arc<dyn Engine>,
    pub caller: Caller,
}

impl Call {
    /// # Errors
    /// If the engine can't answer now.
    pub fn ask(&self, query: &Query) -> Result<QueryAnswer, Problem> {
        let answer = self.engine.ask(query, &self.caller.operator());
        if let QueryAnswer::Error { reason } = answer {
            return Err(Problem::unavailable(reason));
        }
        Ok(answer)
    }
}

impl Ask for &Call {
    type Error = Problem;

    fn ask(&mut self, query: &Query) -> Result<QueryAnswer, Problem> {
        Call::ask(self, query)
    }
}
