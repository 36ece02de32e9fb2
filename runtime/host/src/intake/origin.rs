//! What deploying a definition and deploying a module have in common: who asked for it, and why it is refused.

use super::definition::DefinitionText;
use crate::{
    broker::{Delivery, DeliveryHandle},
    catalog::Deployer,
    tenants::Claim,
};
use bureaucrat_model::{Initiator, Operator};
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
    Operator(Sender<A>, Operator),
}

impl<A> Origin<A> {
    /// The delivery that brought it.
    pub fn handle(&self) -> Option<DeliveryHandle> {
        match self {
            Self::Message { delivery, .. } => Some(delivery.handle),
            Self::Operator(..) => None,
        }
    }

    pub fn deployer(&self) -> Deployer {
        match self {
            Self::Message { delivery, .. } => Deployer::of(delivery.properties.user_id.as_ref()),
            Self::Operator(..) => Deployer::Operator,
        }
    }

    /// Who gives the order, for the audit log.
    pub fn initiator(&self) -> Initiator {
        match self {
            Self::Message { delivery, .. } => Initiator::Message {
                user: delivery.properties.user_id.clone(),
            },
            Self::Operator(_, by) => Initiator::Operator(by.clone()),
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
