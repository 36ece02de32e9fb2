//! What `why` asks beyond what `show` shows: how queues are now, which the broker knows, and what the
//! conditions give now for which an event was not taken.
//!
//! Nothing here changes anything, and everything is bounded: queues and reads in number, values in
//! bytes, evaluations by the limits of the sandbox and the quotas of the process's user.

use super::query::QueryAnswer;
use crate::{definitions::Loaded, shared::Shared, tenants::budget};
use bureaucrat_engine::evaluations_of_untaken;
use bureaucrat_model::{ConditionIndex, FiberId, Instance, ProcessId, View};
use bureaucrat_sandbox::{Budget, Outcome};
use bureaucrat_store::instances::read_instance;
use serde::{Deserialize, Serialize};

/// The most queues in a question.
pub const QUEUES_MAX: usize = 64;
/// Conditions of one event that are evaluated.
const CONDITIONS_MAX: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "facts")]
pub enum FactQuery {
    /// How these queues are, asked of the broker.
    Queues { queues: Vec<String> },
    /// What the conditions give now for which the last event that came to a fiber was not taken.
    Untaken { process: ProcessId, fiber: FiberId },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "facts")]
pub enum FactAnswer {
    /// In the order of the question.
    Queues {
        queues: Vec<QueueState>,
        /// Why the broker takes no messages at the moment, in its words.
        blocked: Option<String>,
    },
    /// Nothing if no event came, or if the last one was too large to be kept.
    Untaken { evaluations: Vec<EvaluationView> },
}

/// A queue, as the broker sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum QueueState {
    /// `messages` are those that wait for a consumer: what consumers have in hand is not counted.
    There {
        consumers: u32,
        messages: u32,
    },
    Missing,
    /// The broker does not say; its words.
    Refused {
        words: String,
    },
    /// The broker did not answer in time, or can't be reached.
    Silent {
        words: String,
    },
}

/// What a condition gives now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationView {
    /// As it is written, or `module#function`.
    pub text: String,
    /// Its line in the definition.
    pub line: u32,
    pub outcome: OutcomeView,
    /// The fields that it read.
    pub reads: Vec<ReadView>,
    /// Reads that were left out because there were too many.
    pub more: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum OutcomeView {
    Verdict {
        verdict: bool,
    },
    Fault {
        code: String,
        message: String,
    },
    /// There is no outcome; why.
    Unknown {
        unknown: String,
    },
}

/// A field that a condition read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadView {
    /// A JSON Pointer.
    pub field: String,
    /// JSON, cut to 256 bytes; none where there is no such field.
    pub value: Option<String>,
}

/// Evaluates again, over the fields of now. The caller asks one after the other: the sandbox has a
/// slot for one of them, beside those of the driver and of the jobs.
pub(crate) fn untaken(shared: Option<&Shared>, process: ProcessId, fiber: FiberId) -> QueryAnswer {
    let Some(shared) = shared else {
        let reason = "the engine has not started yet".to_owned();
        return QueryAnswer::Error { reason };
    };
    let stored = match read_instance(&*shared.store, process) {
        Ok(stored) => stored,
        Err(error) => {
            let reason = error.to_string();
            return QueryAnswer::Error { reason };
        }
    };
    let evaluations = stored.map_or_else(Vec::new, |stored| {
        let instance = stored.instance;
        match shared.definitions.load(instance.program) {
            Ok(loaded) => evaluated(shared, &loaded, &instance, fiber),
            Err(_) => Vec::new(),
        }
    });
    QueryAnswer::Facts(FactAnswer::Untaken { evaluations })
}

fn evaluated(
    shared: &Shared,
    loaded: &Loaded,
    instance: &Instance,
    fiber: FiberId,
) -> Vec<EvaluationView> {
    let policy = shared.tenants.policy();
    let budget = budget(policy.of(instance.user.as_deref()));
    let asked = evaluations_of_untaken(&loaded.program, instance, fiber);
    let asked = asked.into_iter().take(CONDITIONS_MAX);
    asked
        .filter_map(|(condition, view)| one(shared, loaded, condition, view, budget))
        .collect()
}

fn one(
    shared: &Shared,
    loaded: &Loaded,
    condition: ConditionIndex,
    view: View,
    budget: Budget,
) -> Option<EvaluationView> {
    let named = loaded.program.condition(condition)?;
    let guest = loaded.guest(named.guest)?;
    let (evaluated, reads) = shared
        .sandbox
        .evaluate_traced(guest, &named.function, view, budget);
    let outcome = match evaluated.outcome {
        Outcome::Verdict(verdict) => OutcomeView::Verdict { verdict },
        Outcome::Fault { code, message } => OutcomeView::Fault {
            code: code.to_string(),
            message,
        },
        Outcome::Environmental(unknown) => OutcomeView::Unknown { unknown },
        Outcome::Value(_) => OutcomeView::Unknown {
            unknown: "the function returned a value, not a verdict".to_owned(),
        },
    };
    let read = |read: bureaucrat_sandbox::FieldRead| ReadView {
        field: read.field,
        value: read.value,
    };
    Some(EvaluationView {
        text: named.text.clone(),
        line: named.span.line,
        outcome,
        more: reads.more(),
        reads: reads.fields().into_iter().map(read).collect(),
    })
}
