//! Orders about one process.

use super::{
    processes::One,
    search::{process, unknown},
};
use crate::{
    engine::Call,
    operation::{Access, Method, Operation, Reach},
    problem::{Code, Problem},
    tokens::Role,
};
use bureaucrat_host::{
    commands::{Order, OrderOutcome},
    query::{Query, QueryAnswer},
};
use bureaucrat_views::orders::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const OPERATE: Access = Access::Needs(Role::Operate, Reach::Processes);

pub fn operations() -> Vec<Operation> {
    vec![Operation::act(
        (Method::Post, "/processes/{process}/cancel"),
        "cancel_process",
        OPERATE,
        "Ends a process with the fault `Cancelled`; its handlers run",
        cancel,
    )]
}

/// Why an order is given.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Shown in the history of the process.
    #[serde(default = "no_reason")]
    pub reason: String,
}

pub fn no_reason() -> String {
    "no reason given".to_owned()
}

/// The outcome of an order that was carried out; it is durable.
#[derive(Serialize, JsonSchema)]
pub struct Done {
    pub process: String,
    /// `done`, or of a dry run `{"planned"}`.
    pub outcome: Value,
}

fn cancel(call: &Call, one: One, why: Reason) -> Result<Done, Problem> {
    let reason = why.reason;
    give(call, &one, Order::Cancel { reason })
}

fn give(call: &Call, one: &One, order: Order) -> Result<Done, Problem> {
    let process = process(call, &one.process)?;
    let QueryAnswer::Ordered { outcome } = call.ask(&Query::Order { process, order })? else {
        return Err(Problem::unfit());
    };
    match &outcome {
        OrderOutcome::Done | OrderOutcome::Planned(_) => Ok(Done {
            process: process.to_string(),
            outcome: json!(outcome),
        }),
        OrderOutcome::Unknown => Err(unknown(&process.to_string())),
        OrderOutcome::Ended
        | OrderOutcome::Suspended
        | OrderOutcome::NotSuspended
        | OrderOutcome::Damaged
        | OrderOutcome::Refused(_) => {
            Err(Problem::new(Code::Refused, words(process, &outcome)).with_outcome(json!(outcome)))
        }
    }
}
