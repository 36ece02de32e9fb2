//! Live pages: a stream that tells an open page when it may be another, and the page's part that is
//! fetched then.
//!
//! A page is told at most once in [`PAUSE`], and in its turn among all open pages. It then asks for its
//! main part with the tag of what it shows, and most often hears that this has not changed. How long
//! ago something was is left out of the tag: the page counts that by itself.

use super::{READ, table::Page};
use crate::{
    engine::Call,
    operation::Method,
    problem::{Code, Problem},
    reply::Reply,
    routes::search::{detail, process},
    server::{Shared, now},
    sse,
    streams::{Asked, HEARTBEAT, Held},
};
use axum::{extract::Request, http::HeaderMap};
use bureaucrat_host::query::{Detail, ProcessDetail};
use bureaucrat_model::{Hex, ProcessId};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

pub const PATH: &str = "/live";
/// How often a page is told at most.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a stream waits at most until it looks whether it may continue.
const TICK: Duration = Duration::from_secs(1);
/// What a time that pages count by themselves begins with, and what it ends with.
pub const AGO: &str = "<time class=\"ago\"";
const AGO_END: &str = "</time>";

/// Whether a page is replaced while it is open. One with a form of its own never is: somebody may be
/// filling it in.
pub fn is_live(page: &Page, pages: &[Page]) -> bool {
    let mut same = pages.iter().filter(|other| other.path == page.path);
    same.all(|other| other.method == Method::Get)
}

/// The stream of a page.
pub fn stream(path: &[(String, String)]) -> String {
    let mut path = path.iter().filter(|(name, _)| name == "process");
    super::fields::path(
        PATH,
        path.next()
            .map(|(name, process)| (name.as_str(), process.as_str())),
    )
}

/// Whether a page asks for its main part alone.
pub fn wants_part(headers: &HeaderMap) -> bool {
    headers
        .get("hx-request")
        .is_some_and(|value| value == "true")
}

/// Whether the page shows this already.
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get("if-none-match");
    known.is_some_and(|known| known.as_bytes() == tag.as_bytes())
}

/// The tag of a page's main part.
pub fn tag(body: &str) -> String {
    let mut hash = Sha256::new();
    for (number, part) in body.split(AGO).enumerate() {
        let told = part.split_once(AGO_END).filter(|_| number > 0);
        // When it was stays, and how long ago that is goes.
        let told = told.and_then(|(time, rest)| Some((time.split_once('>')?.0, rest)));
        let (time, rest) = told.unwrap_or(("", part));
        hash.update(time);
        hash.update(rest);
    }
    format!("\"{}\"", Hex(&hash.finalize()[..16]))
}

/// What is another when a process is.
pub fn seen(detail: &ProcessDetail) -> u64 {
    let state = (
        &detail.summary,
        &detail.fields,
        &detail.parked,
        &detail.written,
    );
    let text = serde_json::to_vec(&state).unwrap_or_default();
    let hash = Sha256::digest(text);
    hash.iter()
        .take(8)
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// # Errors
/// If there is no session, or no room.
pub async fn begin(shared: Arc<Shared>, request: Request) -> Result<Reply, Problem> {
    let caller = shared.admitted(&request, READ)?;
    let fields = super::fields::Fields::read(request.uri().query().unwrap_or_default())?;
    drop(request);
    let held = shared.streams.enter(&caller.token.name)?;
    let call = shared.call(caller);
    let process = match fields.one("process").map(str::to_owned) {
        Some(id) => {
            let found = shared.ask(&call, move |call| process(call, &id));
            Some(found.await?)
        }
        None => None,
    };
    let process = process.map(|process| (process, None));
    Ok(sse::reply(Live {
        commits: shared.streams.commits(),
        shared,
        call,
        process,
        // The page was made before the stream began.
        due: Some(Instant::now()),
        told: None,
        said: Instant::now(),
        _held: held,
    }))
}

struct Live {
    commits: watch::Receiver<u64>,
    shared: Arc<Shared>,
    call: Call,
    /// The process that the page is about, and how it was when the page was told last.
    process: Option<(ProcessId, Option<u64>)>,
    /// When it is the page's turn.
    due: Option<Instant>,
    told: Option<Instant>,
    said: Instant,
    _held: Held,
}

impl sse::Events for Live {
    async fn next(&mut self) -> Option<String> {
        loop {
            if !self.shared.guard.still_counts(&self.call.caller, now()) {
                return None;
            }
            if self.said.elapsed() >= HEARTBEAT {
                self.said = Instant::now();
                return Some(sse::STILL_HERE.to_owned());
            }
            match self.due {
                None => {
                    if sse::changed(&mut self.commits).await {
                        self.due = Some(self.turn());
                    }
                }
                Some(due) => {
                    let wait = due.saturating_duration_since(Instant::now());
                    if !wait.is_zero() {
                        sleep(wait.min(TICK)).await;
                        continue;
                    }
                    self.due = None;
                    // What comes from here on is news for the next time.
                    self.commits.mark_unchanged();
                    self.told = Some(Instant::now());
                    if self.is_other().await? {
                        self.said = Instant::now();
                        return sse::event("news", &());
                    }
                }
            }
        }
    }
}

impl Live {
    fn turn(&self) -> Instant {
        let asked = match self.process {
            Some(_) => Asked::Process,
            None => Asked::Page,
        };
        let turn = self.shared.streams.turn(asked, Instant::now());
        self.told.map_or(turn, |told| turn.max(told + PAUSE))
    }

    /// Whether the page may be another; nothing if there is no such page any more.
    async fn is_other(&mut self) -> Option<bool> {
        let Some((process, last)) = self.process else {
            return Some(true);
        };
        let began = Instant::now();
        let looked = self
            .shared
            .ask(&self.call, move |call| detail(call, process, Detail::State));
        let seen = match looked.await {
            Ok(detail) => Some(seen(&detail)),
            // It was removed; the page will say so.
            Err(problem) if problem.code == Code::NotFound => None,
            // Too busy; the next commit brings another turn.
            Err(_) => return Some(false),
        };
        let streams = &self.shared.streams;
        streams.took(Asked::Process, began.elapsed());
        self.process = Some((process, seen));
        let is_other = seen.is_none() || seen != last;
        if is_other {
            // Its page is asked for at once; those that follow wait for it.
            streams.turn(Asked::Page, Instant::now());
        }
        Some(is_other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{parts::when, table::all};
    use bureaucrat_model::Timestamp;
    use maud::html;

    #[test]
    fn how_long_ago_something_was_is_no_news() {
        let shown = |now: u64, at: u64, rest: &str| {
            let now = Timestamp(now);
            tag(&html! { p { (when(Timestamp(at), now)) " " (rest) " " (when(Timestamp(9), now)) } }.into_string())
        };
        assert_eq!(shown(10_000, 1, "a"), shown(90_000, 1, "a"));
        assert_ne!(shown(10_000, 1, "a"), shown(10_000, 1, "b"));
        assert_ne!(shown(10_000, 1, "a"), shown(10_000, 2, "a"));
    }

    #[test]
    fn a_page_with_a_form_is_left_alone() {
        let pages = all();
        let is_live = |path: &str| {
            let mut found = pages.iter().filter(|page| page.path == path);
            found.all(|page| is_live(page, &pages))
        };
        assert!(is_live("/") && is_live("/processes/{process}"));
        assert!(!is_live("/processes/{process}/{verb}") && !is_live("/bulk/{job}/stop"));
    }
}
