//! Launches, and results: an answer comes once the process is durable, and, if that is asked for,
//! once it has ended.

use super::{
    processes::One,
    search::{detail, process},
    sending::{active, send},
};
use crate::{
    engine::Call,
    exchange::stopped,
    operation::{API, Access, Given, Method, Operation, Reach, Run},
    problem::Problem,
    reply::Reply,
    server::Shared,
    tokens::Role,
};
use bureaucrat_host::{
    broker::Source,
    handing_in::Receipt,
    query::{Detail, State},
};
use bureaucrat_model::ProcessId;
use bureaucrat_views::fault::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// The most bytes of a launch: a definition in JSON.
const LAUNCH_BYTES_MAX: usize = 16 << 20;
/// The longest wait for an end, in seconds.
const WAIT_SECONDS_MAX: u32 = 300;
/// How often the engine is asked whether a process has ended, if anything was committed since.
const LOOK: Duration = Duration::from_millis(100);

pub fn operations() -> Vec<Operation> {
    let read = Access::Needs(Role::Read, Reach::Processes);
    let operate = Access::Needs(Role::Operate, Reach::Processes);
    vec![
        Operation {
            is_idempotent: true,
            ..Operation::other::<Waiting, Outcome>(
                (Method::Post, "/processes"),
                "launch",
                operate,
                "Launches a process; the answer comes once it is durable, or once it has ended",
                Run::Waiting(|shared, call, given| Box::pin(launch(shared, call, given))),
            )
            .with_json::<Launch>(LAUNCH_BYTES_MAX)
            .with_status(201)
        },
        Operation::other::<ResultOf, Outcome>(
            (Method::Get, "/processes/{process}/result"),
            "result",
            read,
            "How a process has ended, or that it runs; waits for its end if that is asked for",
            Run::Waiting(|shared, call, given| Box::pin(result(shared, call, given))),
        ),
    ]
}

/// What is launched: a deployed definition by its name, or the text of one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The name of a deployed definition, or `NAME@VERSION`.
    definition: Option<String>,
    /// The XML of a definition, in place of a name.
    source: Option<String>,
    /// Fields that go over those of the definition; only with a name.
    #[schemars(with = "Option<Map<String, Value>>")]
    fields: Option<Value>,
    /// Its business key; only with a name.
    #[schemars(length(min = 1, max = 255))]
    key: Option<String>,
    /// What becomes of a launch whose key a process has: `refuse`, or `replace` for its process.
    duplicate: Option<Duplicate>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Duplicate {
    Refuse,
    Replace,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Waiting {
    /// How many seconds to wait for the end of the process.
    #[schemars(range(max = 300))]
    wait: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct ResultOf {
    /// Its id, or the beginning of it.
    process: String,
    /// How many seconds to wait for its end.
    #[schemars(range(max = 300))]
    wait: Option<u32>,
}

/// How a process stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Outcome {
    /// `launched`, `running`, `completed` or `failed`.
    status: &'static str,
    process: String,
    /// Its final fields, if it completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Value>,
    /// If it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Fault>,
}

impl Outcome {
    fn only(status: &'static str, process: ProcessId) -> Self {
        Self {
            status,
            process: process.to_string(),
            fields: None,
            fault: None,
        }
    }
}

fn patience(wait: Option<u32>) -> Result<Duration, Problem> {
    match wait.unwrap_or(0) {
        wait if wait <= WAIT_SECONDS_MAX => Ok(Duration::from_secs(wait.into())),
        _ => Err(Problem::parameter(format!(
            "`wait` must be at most {WAIT_SECONDS_MAX} seconds"
        ))),
    }
}

async fn launch(shared: Arc<Shared>, call: Call, given: Given) -> Result<Reply, Problem> {
    let patience = patience(given.parameters::<Waiting>()?.wait)?;
    let (content_type, body) = message(given.json()?)?;
    active(&call).await?;
    let mut receipts = send(&call, (Source::Launches, content_type), body, given);
    let Receipt::Launched { process } = receipts.next().await? else {
        return Err(Problem::unfit());
    };
    let outcome = match patience.is_zero() {
        true => Outcome::only("launched", process),
        false => ended(&shared, &call, process, patience).await?,
    };
    let place = format!("{API}/processes/{process}");
    Ok(Reply::json_as(201, "application/json", &outcome).with("location", place))
}

/// The body of the message for it, with its content type.
fn message(launch: Launch) -> Result<(Option<&'static str>, Vec<u8>), Problem> {
    let is_by_name = launch.fields.is_some() || launch.key.is_some() || launch.duplicate.is_some();
    match (launch.definition, launch.source) {
        (Some(definition), None) => {
            let mut body = json!({"process": definition});
            for (name, value) in [
                ("fields", launch.fields),
                ("key", launch.key.map(Value::String)),
                ("duplicate", launch.duplicate.map(|word| json!(word))),
            ] {
                if let Some(value) = value {
                    body[name] = value;
                }
            }
            Ok((Some(LAUNCH_TYPE), body.to_string().into_bytes()))
        }
        (None, Some(_)) if is_by_name => Err(Problem::body(
            "`fields`, `key` and `duplicate` are for a `definition` that is deployed; a `source` \
             has its own",
        )),
        (None, Some(source)) => Ok((None, source.into_bytes())),
        (Some(_), Some(_)) | (None, None) => Err(Problem::body(
            "give either the name of a `definition` that is deployed, or the `source` of one",
        )),
    }
}

/// The content type of a launch by name.
const LAUNCH_TYPE: &str = "application/x-bureaucrat-launch";

async fn result(shared: Arc<Shared>, call: Call, given: Given) -> Result<Reply, Problem> {
    let ResultOf { process: id, wait } = given.parameters()?;
    let patience = patience(wait)?;
    let one = One { process: id };
    let found = shared.ask(&call, move |call| process(call, &one.process));
    let process = found.await?;
    Ok(Reply::json(
        &ended(&shared, &call, process, patience).await?,
    ))
}

/// How a process stands once it has ended, after so long, or when the engine stops.
async fn ended(
    shared: &Arc<Shared>,
    call: &Call,
    process: ProcessId,
    patience: Duration,
) -> Result<Outcome, Problem> {
    let deadline = Instant::now() + patience;
    loop {
        let commits = call.engine.commits();
        let looked = shared.ask(call, move |call| detail(call, process, Detail::State));
        let detail = looked.await?;
        let summary = &detail.summary;
        match summary.state {
            State::Completed => {
                return Ok(Outcome {
                    fields: Some(detail.fields.clone()),
                    ..Outcome::only("completed", process)
                });
            }
            State::Failed => {
                return Ok(Outcome {
                    fault: summary
                        .fault
                        .as_ref()
                        .map(|fault| Fault::of(process, fault)),
                    ..Outcome::only("failed", process)
                });
            }
            State::Running | State::Incident | State::Suspended => {}
        }
        loop {
            if Instant::now() >= deadline || *shared.stopping.borrow() {
                return Ok(Outcome::only("running", process));
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = sleep_until(deadline) => {}
                () = stopped(shared.stopping.clone()) => {}
            }
            if call.engine.commits() != commits {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(text: &str) -> Result<(Option<&'static str>, String), String> {
        let launch: Launch = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let message = message(launch).map_err(|problem| problem.detail);
        message.map(|(kind, body)| (kind, String::from_utf8(body).unwrap()))
    }

    #[test]
    fn a_launch_is_the_message_that_others_publish() {
        let (kind, body) =
            of(r#"{"definition": "order@3", "fields": {"n": 1.10}, "key": "A"}"#).unwrap();
        assert_eq!(kind, Some(LAUNCH_TYPE));
        assert_eq!(
            body,
            r#"{"process":"order@3","fields":{"n":1.10},"key":"A"}"#
        );
        assert_eq!(
            of(r#"{"source": "<process/>"}"#).unwrap(),
            (None, "<process/>".to_owned())
        );
        for text in [
            "{}",
            r#"{"definition": "a", "source": "<process/>"}"#,
            r#"{"source": "<process/>", "key": "A"}"#,
            r#"{"definition": "a", "colour": "red"}"#,
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
