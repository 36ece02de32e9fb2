//! Whether the server answers, and whether the engine works.

use crate::{
    engine::Engine,
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
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{sleep, timeout},
};

/// How long an answer of the engine counts: anybody may ask.
const FRESH: Duration = Duration::from_secs(1);
/// The same for an engine that is not ready.
const FRESH_TROUBLE: Duration = Duration::from_millis(100);
/// How long the engine may take for one.
const PATIENCE: Duration = Duration::from_millis(900);
/// How often it is looked whether it has answered an earlier one.
const LOOK: Duration = Duration::from_millis(20);

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
            "Whether the engine answers, is connected to the broker and has its records; 503 with the reason if not",
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Readiness {
    pub ready: bool,
    /// `connected` or `away`; null when the engine is too busy to say.
    #[schemars(with = "Option<String>")]
    pub broker: Option<BrokerState>,
    /// Why it is not ready.
    #[serde(skip)]
    reason: String,
}

impl Readiness {
    /// How long it counts. An engine that is not ready may be at any moment, and a load balancer waits for that.
    const fn fresh(&self) -> Duration {
        match self.ready {
            true => FRESH,
            false => FRESH_TROUBLE,
        }
    }
}

/// What was found out.
#[derive(Default)]
pub struct Readinesses {
    last: Mutex<Option<(Instant, Readiness)>>,
    /// Held as long as the engine is being asked, also when nobody waits for it any more: it is asked once at a time.
    asking: Arc<AtomicBool>,
}

async fn ready(shared: Arc<Shared>) -> Result<Reply, Problem> {
    // Anyone who comes while it is being asked waits for that answer: strangers may ask, too.
    let mut last = shared.readiness.last.lock().await;
    let readiness = match &*last {
        Some((at, readiness)) if at.elapsed() < readiness.fresh() => readiness.clone(),
        Some(_) | None => {
            let readiness = looked(&shared).await;
            *last = Some((Instant::now(), readiness.clone()));
            readiness
        }
    };
    drop(last);
    match readiness.ready {
        true => Ok(Reply::json(&readiness)),
        false => Err(Problem::unavailable(readiness.reason)),
    }
}

/// What is known without asking comes first, since the answer to a question may be long in coming.
async fn looked(shared: &Arc<Shared>) -> Readiness {
    let engine = &shared.engine;
    let trouble = engine.stalled().or_else(|| engine.unreadable());
    let asked = match trouble {
        Some(reason) => Err(reason),
        None => asked(shared).await,
    };
    let (broker, reason) = match asked {
        Ok(broker) => (Some(broker), unready(broker, &**engine)),
        Err(reason) => (None, Some(reason)),
    };
    Readiness {
        ready: reason.is_none(),
        broker,
        reason: reason.unwrap_or_default(),
    }
}

fn unready(broker: BrokerState, engine: &dyn Engine) -> Option<String> {
    let reason = match (broker, engine.is_active()) {
        (BrokerState::Away, _) => "the engine has no connection to the broker",
        (BrokerState::Connected, false) => "the engine stands by for another one",
        (BrokerState::Connected, true) => return None,
    };
    Some(reason.to_owned())
}

/// Asks the engine and its records. On a thread of its own: all those for questions may be waiting for what is away.
async fn asked(shared: &Arc<Shared>) -> Result<BrokerState, String> {
    let (engine, asking) = (shared.engine.clone(), shared.readiness.asking.clone());
    let answer = async move {
        // An earlier one, which nobody waits for any more, may have to end first.
        while asking.swap(true, Acquire) {
            sleep(LOOK).await;
        }
        let asking = Asking(asking);
        let question = move || {
            let _asking = asking;
            let query = Query::List {
                wanted: Wanted::default(),
                after: None,
                limit: 1,
            };
            engine.ask(&query, &Operator::named("readiness"))
        };
        spawn_blocking(question).await
    };
    let busy = |_| "the engine or its records do not answer".to_owned();
    let answer = timeout(PATIENCE, answer).await.map_err(busy)?;
    // It may have panicked, and has said why in the log.
    let answer = answer.map_err(|_| "the question failed".to_owned())?;
    if let QueryAnswer::Error { reason } = answer {
        return Err(reason);
    }
    let QueryAnswer::Processes { broker, .. } = answer else {
        return Err(Problem::unfit().detail);
    };
    broker.ok_or_else(|| "the engine is too busy to say how it is".to_owned())
}

/// As long as the engine is being asked, also if that panics.
struct Asking(Arc<AtomicBool>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}
