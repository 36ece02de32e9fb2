//! Whether the server answers, and whether the engine works.

use crate::{
    operation::{Access, Method, Nothing, Operation, Run},
    problem::Problem,
    reply::Reply,
    server::Shared,
};
use bureaucrat_host::query::{BrokerState, Query, QueryAnswer, Wanted};
use bureaucrat_model::Operator;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long an answer of the engine counts: anybody may ask.
const FRESH: Duration = Duration::from_secs(1);

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::other::<Nothing, Health>(
            (Method::Get, "/health"),
            "health",
            Access::Open,
            "Whether the server answers",
            Run::Open(|_, _, _| Box::pin(async { Ok(Reply::json(&Health { status: "alive" })) })),
        ),
        Operation::other::<Nothing, Readiness>(
            (Method::Get, "/ready"),
            "readiness",
            Access::Open,
            "Whether the engine answers and is connected to the broker; 503 if not",
            Run::Open(|shared, _, _| Box::pin(ready(shared))),
        ),
    ]
}

/// The server answers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    status: &'static str,
}

/// Whether the engine works.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Readiness {
    pub ready: bool,
    /// `connected` or `away`; null when the engine is too busy to say.
    #[schemars(with = "Option<String>")]
    pub broker: Option<BrokerState>,
}

async fn ready(shared: Arc<Shared>) -> Result<Reply, Problem> {
    // Anyone who comes while it is being asked waits for that answer: strangers may ask, too.
    let mut known = shared.readiness.lock().await;
    let readiness = match *known {
        Some((at, readiness)) if at.elapsed() < FRESH => readiness,
        Some(_) | None => {
            let readiness = asked(&shared).await?;
            *known = Some((Instant::now(), readiness));
            readiness
        }
    };
    drop(known);
    match readiness.ready {
        true => Ok(Reply::json(&readiness)),
        false => Err(Problem::unavailable(
            "the engine has no connection to the broker, stands by for another one, or is too busy to say",
        )),
    }
}

async fn asked(shared: &Arc<Shared>) -> Result<Readiness, Problem> {
    let engine = shared.engine.clone();
    let answer = shared.run("", move || {
        let query = Query::List {
            wanted: Wanted::default(),
            after: None,
            limit: 1,
        };
        Ok(engine.ask(&query, &Operator::named("readiness")))
    });
    let answer = answer.await?;
    if let QueryAnswer::Error { reason } = answer {
        return Err(Problem::unavailable(reason));
    }
    let QueryAnswer::Processes { broker, .. } = answer else {
        return Err(Problem::unfit());
    };
    let ready = broker == Some(BrokerState::Connected) && shared.engine.is_active();
    Ok(Readiness { ready, broker })
}
