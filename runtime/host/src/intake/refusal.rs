//! Why a launch is refused, and under which code.

use crate::{catalog::Unresolved, plan::Planner};
use bureaucrat_model::ProcessId;
use bureaucrat_policy::{Rule, Violation};

/// The code of a refused definition.
pub const DEFINITION: &str = "definition";
/// The code of a launch that names nothing which can be launched.
pub const UNKNOWN_DEFINITION: &str = "unknown-definition";
/// The code of a launch whose business key is taken.
pub const DUPLICATE_KEY: &str = "duplicate-key";
/// A message that asks for cancelling, and does not say which process.
pub const CANCEL: &str = "cancel";
/// A message that a process sent, and the broker did not take.
pub const UNDELIVERED: &str = "undelivered";

/// Why a launch may not have its business key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyTaken {
    #[error("process {holder} has the key `{key}` of `{name}` and has not ended")]
    Held {
        name: String,
        key: String,
        holder: ProcessId,
    },
    #[error("a newer launch of `{name}` with the key `{key}` takes its place: {by}")]
    Superseded {
        name: String,
        key: String,
        /// The process that both were to replace.
        holder: ProcessId,
        by: ProcessId,
    },
}

impl KeyTaken {
    /// The process that must be durable before a refusal names it.
    pub const fn holder(&self) -> ProcessId {
        match self {
            Self::Held { holder, .. } | Self::Superseded { holder, .. } => *holder,
        }
    }
}

impl Planner {
    pub(super) fn count_refusal(&self, refusal: &Refusal) {
        let refused = &self.shared.meters.refused;
        match refusal {
            Refusal::Definition { .. } => &refused.definition,
            Refusal::Rules(_) => &refused.rules,
            Refusal::ForNow(_) => &refused.quota,
            Refusal::Unresolved(_) => &refused.unknown,
            Refusal::Key(_) => &refused.key,
            Refusal::Environment(_) => &refused.environment,
        }
        .one();
    }
}

/// Why a launch is refused.
pub(crate) enum Refusal {
    /// The definition is invalid; the code says whether it or one of its modules.
    Definition {
        code: &'static str,
        reasons: Vec<String>,
    },
    /// The definition violates rules, now and later.
    Rules(Vec<Violation>),
    /// Not a verdict on the definition: the same message may be published again, and counts then.
    ForNow(Violation),
    /// No deployed definition is what it names, for now.
    Unresolved(Unresolved),
    /// Its business key is taken, for now.
    Key(KeyTaken),
    /// The engine could not prepare the definition; not a verdict either.
    Environment(String),
}

impl Refusal {
    pub(crate) fn definition(reason: String) -> Self {
        Self::Definition {
            code: DEFINITION,
            reasons: vec![reason],
        }
    }

    /// The code of the dead letter.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Definition { code, .. } => code,
            Self::Rules(violations) => violations
                .first()
                .map_or(Rule::Launches.code(), |first| first.rule.code()),
            Self::ForNow(violation) => violation.rule.code(),
            Self::Unresolved(_) => UNKNOWN_DEFINITION,
            Self::Key(_) => DUPLICATE_KEY,
            Self::Environment(_) => DEFINITION,
        }
    }

    pub(crate) fn reasons(&self) -> Vec<String> {
        match self {
            Self::Definition { reasons, .. } => reasons.clone(),
            Self::Rules(violations) => violations.iter().map(ToString::to_string).collect(),
            Self::ForNow(violation) => vec![violation.to_string()],
            Self::Unresolved(unresolved) => vec![unresolved.to_string()],
            Self::Key(taken) => vec![taken.to_string()],
            Self::Environment(reason) => vec![format!(
                "the engine could not prepare the definition; publish it again later: {reason}"
            )],
        }
    }
}
