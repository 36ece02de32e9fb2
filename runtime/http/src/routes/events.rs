//! Events: the body is the event itself, as others publish it.

use super::sending::{active, send};
use crate::{
    engine::Call,
    operation::{Access, BODY_BYTES_MAX, Given, Method, Nothing, Operation, Reach, Run},
    problem::Problem,
    reply::Reply,
    tokens::Role,
};
use bureaucrat_host::{
    broker::Source,
    handing_in::{EventCounts, EventOutcome, Receipt},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub fn operations() -> Vec<Operation> {
    let operate = Access::Needs(Role::Operate, Reach::Processes);
    vec![Operation {
        is_idempotent: true,
        ..Operation::other::<Nothing, Told>(
            (Method::Post, "/events"),
            "publish_event",
            operate,
            "Publishes an event; the answer comes once it is durable and handed out",
            Run::Waiting(|_, call, given| Box::pin(publish(call, given))),
        )
        .with_json::<Event>(BODY_BYTES_MAX)
    }]
}

/// An event: an object that names itself.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Event {
    /// Its name.
    #[schemars(length(min = 1, max = 255))]
    event: String,
    /// Its other members; `key`, `keep` and `process` have a meaning for the engine.
    #[serde(flatten)]
    #[expect(
        dead_code,
        reason = "a part of the schema; the body is passed on as it is"
    )]
    more: Map<String, Value>,
}

/// What became of an event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Told {
    /// `delivered`, `delivering` if it still is after 10 seconds, or `repeated`.
    status: &'static str,
    event: String,
    /// How many activities waited for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<u64>,
    /// How many of them took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<u64>,
    /// How many of them are in parked processes, which keep it until they continue.
    #[serde(skip_serializing_if = "Option::is_none")]
    parked: Option<u64>,
}

async fn publish(call: Call, mut given: Given) -> Result<Reply, Problem> {
    let name = given.json::<Event>()?.event;
    let body = std::mem::take(&mut given.body.bytes);
    active(&call).await?;
    let mut receipts = send(&call, (Source::Events, None), body, given);
    loop {
        match receipts.next().await? {
            Receipt::Stored => {}
            Receipt::Event(outcome) => return Ok(Reply::json(&told(name, outcome))),
            Receipt::Launched { .. } | Receipt::Rejected { .. } | Receipt::Deployed(_) => {
                return Err(Problem::unfit());
            }
        }
    }
}

fn told(event: String, outcome: EventOutcome) -> Told {
    let (status, counts): (_, Option<EventCounts>) = match outcome {
        EventOutcome::Delivered(counts) => ("delivered", Some(counts)),
        EventOutcome::Delivering(counts) => ("delivering", Some(counts)),
        EventOutcome::Repeated => ("repeated", None),
    };
    Told {
        status,
        event,
        waiting: counts.map(|counts| counts.waiting),
        taken: counts.map(|counts| counts.taken),
        parked: counts.map(|counts| counts.parked),
    }
}
