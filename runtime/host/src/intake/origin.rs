//! What deploying a definition and deploying a module have in common: who asked for it, and why it is refused.

use super::definition::DefinitionText;
use crate::{
    broker::{Delivery, DeliveryHandle},
    catalog::Deployer,
    tenants::Claim,
};
use bureaucrat_policy::Violation;
use crossbeam_channel::Sender;

/// Where something to deploy came from, and who is to be told; an operator gets an answer of type `A`.
pub(super) enum Origin<A> {
    Message {
        delivery: Box<Delivery>,
        /// Holds what it counts for.
        _text: DefinitionText,
        /// Its place in its user's line.
        _waiting: Option<Claim>,
    },
    Operator(Sender<A>),
}

impl<A> Origin<A> {
    /// The delivery that brought it.
    pub fn handle(&self) -> Option<DeliveryHandle> {
        match self {
            Self::Message { delivery, .. } => Some(delivery.handle),
            Self::Operator(_) => None,
        }
    }

    pub fn deployer(&self) -> Deployer {
        match self {
            Self::Message { delivery, .. } => Deployer::of(delivery.properties.user_id.as_ref()),
            Self::Operator(_) => Deployer::Operator,
        }
    }
}

/// Why it is not stored.
pub(super) struct Refused {
    /// The code of the dead letter.
    pub code: &'static str,
    pub reasons: Vec<String>,
}

impl Refused {
    pub fn new(code: &'static str, reason: impl ToString) -> Self {
        Self {
            code,
            reasons: vec![reason.to_string()],
        }
    }
}

impl From<Violation> for Refused {
    fn from(violation: Violation) -> Self {
        Self::new(violation.rule.code(), &violation)
    }
}
