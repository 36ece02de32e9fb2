//! Server-sent events: an answer that has no end, and what is written into it.

use crate::reply::Reply;
use axum::body::{Body, Bytes};
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tokio::{sync::watch, time::timeout};

/// A comment, for clients that would think otherwise that nobody is there.
pub const STILL_HERE: &str = ": still here\n\n";
/// How long a stream waits at most until it looks whether it may continue.
const TICK: Duration = Duration::from_secs(1);

/// What is sent, one text after the other.
pub trait Events: Send + 'static {
    /// What is sent next; nothing when the stream ends.
    fn next(&mut self) -> impl Future<Output = Option<String>> + Send;
}

pub fn reply(events: impl Events) -> Reply {
    let body = futures_lite::stream::unfold(events, |mut events| async {
        let text = events.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), events))
    });
    Reply::of(200, "text/event-stream", Body::from_stream(body))
}

/// Waits until something has been committed, but not long; whether something has.
pub async fn changed(commits: &mut watch::Receiver<u64>) -> bool {
    matches!(timeout(TICK, commits.changed()).await, Ok(Ok(())))
}

pub fn event(name: &str, data: &impl Serialize) -> Option<String> {
    let data = serde_json::to_string(data).ok()?;
    Some(format!("event: {name}\ndata: {data}\n\n"))
}
