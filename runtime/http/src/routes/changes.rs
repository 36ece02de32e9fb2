//! A stream of changes, as server-sent events: that something has been committed, or a process
//! each time it is another.
//!
//! A stream asks only after something was committed; so streams cost the engine nothing while nothing
//! happens, and little while much does.

use super::search::{detail, process};
use crate::{
    engine::Call,
    operation::{Access, Given, Method, Operation, Reach, Run},
    problem::Problem,
    reply::Reply,
    server::{Shared, now},
    sse,
    streams::{Asked, HEARTBEAT, Held},
    tokens::Role,
};
use bureaucrat_host::query::Detail;
use bureaucrat_model::ProcessId;
use bureaucrat_views::processes::Summary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

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
    let held = shared.streams.enter(&call.caller.token.name)?;
    let process = match wanted.process {
        Some(id) => {
            let found = shared.ask(&call, move |call| process(call, &id));
            Some(found.await?)
        }
        None => None,
    };
    let stream = Stream {
        commits: shared.streams.commits(),
        shared,
        call,
        process,
        has_news: true,
        last: String::new(),
        said: Instant::now(),
        _held: held,
    };
    Ok(sse::reply(stream))
}

struct Stream {
    commits: watch::Receiver<u64>,
    shared: Arc<Shared>,
    call: Call,
    process: Option<ProcessId>,
    has_news: bool,
    /// What was said of the process last.
    last: String,
    said: Instant,
    _held: Held,
}

impl sse::Events for Stream {
    async fn next(&mut self) -> Option<String> {
        loop {
            // A token that is revoked or expires ends its streams, as the end of a session does.
            let guard = &self.shared.guard;
            if !guard.still_counts(&self.call.caller, now()) {
                return None;
            }
            if self.said.elapsed() >= HEARTBEAT {
                self.said = Instant::now();
                return Some(sse::STILL_HERE.to_owned());
            }
            if std::mem::take(&mut self.has_news) {
                let commits = self.call.engine.commits();
                if let Some(text) = self.news(commits).await {
                    self.said = Instant::now();
                    return Some(text);
                }
            }
            self.has_news = sse::changed(&mut self.commits).await;
        }
    }
}

impl Stream {
    async fn news(&mut self, commits: u64) -> Option<String> {
        let Some(process) = self.process else {
            return sse::event("change", &Change { commits });
        };
        let streams = &self.shared.streams;
        sleep_until(streams.turn(Asked::Process, Instant::now())).await;
        let asked = Instant::now();
        let looked = self
            .shared
            .ask(&self.call, move |call| detail(call, process, Detail::State));
        let summary = Summary::of(&looked.await.ok()?.summary);
        streams.took(Asked::Process, asked.elapsed());
        let text = sse::event("process", &summary)?;
        let is_new = text != self.last;
        self.last.clone_from(&text);
        is_new.then_some(text)
    }
}
