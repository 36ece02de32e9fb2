//! A stream of changes, as server-sent events: that something has been committed, or a process
//! each time it is another.
//!
//! The driver only counts its commits. A stream looks at that number a few times a second, and asks
//! only after it has changed; so streams cost the engine nothing while nothing happens, and little
//! while much does.

use super::search::{detail, process};
use crate::{
    engine::Call,
    operation::{Access, Given, Method, Operation, Reach, Run},
    problem::Problem,
    reply::Reply,
    server::{Shared, now},
    tokens::Role,
};
use axum::body::{Body, Bytes};
use bureaucrat_host::query::Detail;
use bureaucrat_model::ProcessId;
use bureaucrat_views::processes::Summary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep},
};

/// How often a stream looks whether there is something new.
const LOOK: Duration = Duration::from_millis(250);
/// A stream without news says so, so that a client that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub fn operations() -> Vec<Operation> {
    vec![Operation {
        answer: Some(("text/event-stream", String::json_schema)),
        ..Operation::other::<Wanted, Change>(
            (Method::Get, "/changes"),
            "watch",
            Access::Needs(Role::Read, Reach::Processes),
            "A stream: `event: change` after commits, or with `process` that process each time it has changed",
            Run::Waiting(|shared, call, given| Box::pin(watch(shared, call, given))),
        )
    }]
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Wanted {
    /// A process that is watched: its id, or the beginning of it.
    process: Option<String>,
}

/// That something has changed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Change {
    /// A number that grows with each commit.
    commits: u64,
}

async fn watch(shared: Arc<Shared>, call: Call, given: Given) -> Result<Reply, Problem> {
    let wanted: Wanted = given.parameters()?;
    let held = shared.streams.clone().try_acquire_owned();
    let held = held.map_err(|_| Problem::unavailable("there are too many streams of changes"))?;
    let process = match wanted.process {
        Some(id) => {
            let asked = call.clone();
            Some(shared.run(move || process(&asked, &id)).await?)
        }
        None => None,
    };
    let stream = Stream {
        shared,
        call,
        process,
        commits: None,
        last: String::new(),
        said: Instant::now(),
        _held: held,
    };
    let body = Body::from_stream(futures_lite::stream::unfold(stream, |mut stream| async {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), stream))
    }));
    Ok(Reply::of(200, "text/event-stream", body))
}

struct Stream {
    shared: Arc<Shared>,
    call: Call,
    process: Option<ProcessId>,
    commits: Option<u64>,
    /// What was said of the process last.
    last: String,
    said: Instant,
    _held: OwnedSemaphorePermit,
}

impl Stream {
    /// What is sent next; nothing when the stream ends.
    async fn next(&mut self) -> Option<String> {
        loop {
            // A token that is revoked or expires ends its streams.
            let caller = &self.call.caller;
            self.shared.guard.tokens.named(&caller.token, now())?;
            if self.said.elapsed() >= HEARTBEAT {
                self.said = Instant::now();
                return Some(": still here\n\n".to_owned());
            }
            let commits = self.call.engine.commits();
            if self.commits != Some(commits) {
                self.commits = Some(commits);
                if let Some(text) = self.news(commits).await {
                    self.said = Instant::now();
                    return Some(text);
                }
            }
            sleep(LOOK).await;
        }
    }

    async fn news(&mut self, commits: u64) -> Option<String> {
        let Some(process) = self.process else {
            return event("change", &Change { commits });
        };
        let call = self.call.clone();
        let looked = self
            .shared
            .run(move || detail(&call, process, Detail::State));
        let summary = Summary::of(&looked.await.ok()?.summary);
        let text = event("process", &summary)?;
        let is_new = text != self.last;
        self.last.clone_from(&text);
        is_new.then_some(text)
    }
}

fn event(name: &str, data: &impl Serialize) -> Option<String> {
    let data = serde_json::to_string(data).ok()?;
    Some(format!("event: {name}\ndata: {data}\n\n"))
}
