//! `why`: why a process does not continue, as a colleague would say it: for each part the cause, what
//! would make it continue, and what to do.
//!
//! The facts are those of `show`, together with how queues are now and what conditions read. This
//! module finds words for them. docs/why.md has the words for each situation.

mod event;
mod facts;
mod parts;
mod process;
mod said;
mod task;
mod times;

use crate::{
    Ask,
    astray::{self, Astray},
    processes::{StateWord, short_id, word},
    waits::{self, Wait},
};
use bureaucrat_host::{
    facts::{EvaluationView, QueueState},
    query::{BrokerState, ProcessDetail, WaitView},
};
use bureaucrat_model::{ActivityPath, HistoryEntry};
pub use facts::{Facts, queue_of};
pub use said::{Said, Step};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
pub use task::FailedAttempt;
use times::Times;

/// Parts that are told in full.
const PARTS_MAX: usize = 10;

/// Why a process does not continue.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Why {
    pub process: String,
    pub name: String,
    #[schemars(with = "StateWord")]
    pub state: &'static str,
    /// Sentences about the process as a whole.
    pub cause: Vec<String>,
    /// What can be done.
    pub you_can: Vec<Step>,
    /// What it waits for; what only waits for other parts is left out.
    pub parts: Vec<Part>,
    #[schemars(with = "Option<String>")]
    pub broker: Option<BrokerState>,
    /// Why the broker takes no messages at the moment, in its words.
    pub blocked: Option<String>,
    pub now: u64,
}

/// A part of a process that waits, and why it still does.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Part {
    #[serde(flatten)]
    pub wait: Wait,
    /// Sentences about the part.
    pub cause: Vec<String>,
    /// What would make it continue.
    pub continues: Vec<String>,
    pub you_can: Vec<Step>,
    /// The queue of its task as it is now.
    pub queue: Option<Queue>,
    /// What the conditions of the last event that was not taken give now.
    #[schemars(with = "Option<Vec<Map<String, Value>>>")]
    pub evaluated: Option<Vec<EvaluationView>>,
    /// The attempts that failed, the last first.
    pub attempts: Vec<FailedAttempt>,
}

/// A queue as the broker sees it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Queue {
    #[serde(flatten)]
    #[schemars(with = "Map<String, Value>")]
    pub state: QueueState,
    pub name: String,
}

/// Asks for what explains a process beyond itself.
///
/// # Errors
/// If there is no answer.
pub fn facts<A: Ask>(engine: &mut A, detail: &ProcessDetail) -> Result<Facts, A::Error> {
    facts::ask(engine, detail)
}

/// Puts facts into words.
pub struct Teller<'a> {
    times: Times,
    /// The beginning of the id, for commands.
    short: String,
    detail: &'a ProcessDetail,
    facts: &'a Facts,
    astray: &'a [Astray],
}

impl<'a> Teller<'a> {
    pub fn new(detail: &'a ProcessDetail, facts: &'a Facts, astray: &'a [Astray]) -> Self {
        Self {
            times: Times::new(detail.now),
            short: short_id(detail.summary.process),
            detail,
            facts,
            astray,
        }
    }

    fn history(&self) -> impl DoubleEndedIterator<Item = &HistoryEntry> {
        let entries = self.detail.history.iter().flatten();
        entries.map(|numbered| &numbered.entry)
    }

    /// Whether a path is that of an activity with this id.
    fn is_exactly(&self, path: &ActivityPath, activity: &str) -> bool {
        format!("{}{path}", self.detail.summary.process) == activity
    }

    /// The same for an activity inside it, too.
    fn is_at(&self, path: &ActivityPath, activity: &str) -> bool {
        let id = format!("{}{path}", self.detail.summary.process);
        let inside = id.strip_prefix(activity);
        inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    }

    /// What came for a wait and did not end it; what names the process alone is told with the first.
    fn strays(&self, wait: &WaitView) -> Vec<String> {
        let is_first = self
            .waiting()
            .first()
            .is_some_and(|first| first.turn == wait.turn);
        let is_here = |astray: &&Astray| match astray {
            Astray::Suspended { activity, .. } => *activity == wait.at.activity,
            Astray::Letter { .. } => is_first,
        };
        let found: Vec<&Astray> = self.astray.iter().filter(is_here).collect();
        astray::sentences(&found, |at| self.times.ago(at))
    }

    /// What keeps it from continuing: the parts that wait by themselves.
    fn waiting(&self) -> Vec<&WaitView> {
        let waits = &self.detail.summary.waits;
        let own = waits.iter().filter(|wait| !waits::is_background(wait));
        let own: Vec<&WaitView> = own.collect();
        match own.is_empty() {
            true => waits.iter().collect(),
            false => own,
        }
    }

    /// The same, with how many others wait for the same at the same place.
    fn groups(&self) -> Vec<(&WaitView, usize)> {
        let mut groups: Vec<(&WaitView, usize)> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for wait in self.waiting() {
            let alike = parts::alike(wait);
            match alike.as_ref().and_then(|alike| known.get(alike)) {
                Some(at) => groups[*at].1 += 1,
                None => {
                    known.extend(alike.map(|alike| (alike, groups.len())));
                    groups.push((wait, 0));
                }
            }
        }
        groups
    }

    /// Whether nothing that comes would make it continue now.
    fn is_held(&self) -> bool {
        self.detail.parked.is_some()
    }

    /// What a scope would do beside that.
    fn beside(&self) -> Vec<&WaitView> {
        let waits = &self.detail.summary.waits;
        let is_told = self.waiting();
        let handled = waits.iter().filter(|wait| parts::is_handled(wait));
        handled
            .filter(|wait| is_told.iter().all(|told| told.turn != wait.turn))
            .collect()
    }

    /// What is said, one thing after the other.
    pub fn sections(&self) -> Vec<Said> {
        let mut sections = vec![self.head()];
        let plain = |sentence: String| Said {
            cause: vec![sentence],
            ..Said::default()
        };
        let waiting = self.groups();
        let begin = match (self.is_held(), waiting.len()) {
            (_, 0) | (false, 1) => None,
            (true, 1) => Some("Once it continues, this is what it waits for:".to_owned()),
            (true, many) => Some(format!("Once it continues, it waits for {many} things:")),
            (false, many) => Some(format!("It waits for {many} things:")),
        };
        sections.extend(begin.map(plain));
        for (number, (wait, others)) in (1..).zip(&waiting).take(PARTS_MAX) {
            let mut said = self.part(wait);
            match others {
                0 => {}
                1 => said.cause("1 other branch waits here for the same."),
                others => said.cause(format!("{others} other branches wait here for the same.")),
            }
            if let Some(first) = said.cause.first_mut().filter(|_| waiting.len() != 1) {
                first.insert_str(0, &format!("({number}) "));
            }
            sections.push(said);
        }
        if let Some(more) = waiting
            .len()
            .checked_sub(PARTS_MAX)
            .filter(|more| *more > 0)
        {
            sections.push(plain(format!(
                "And {more} more things: `bureaucrat show {}` lists all.",
                self.short
            )));
        }
        let beside = self.beside().into_iter().take(PARTS_MAX);
        sections.extend(beside.map(|wait| self.part(wait)));
        sections
    }

    pub fn why(&self) -> Why {
        let summary = &self.detail.summary;
        let head = self.head();
        let mut waits = self.waiting();
        waits.extend(self.beside());
        Why {
            process: summary.process.to_string(),
            name: summary.name.clone(),
            state: word(summary.state),
            cause: head.cause,
            you_can: head.steps,
            parts: waits.iter().map(|wait| self.part_of(wait)).collect(),
            broker: self.detail.broker,
            blocked: self.facts.blocked.clone(),
            now: self.detail.now.0,
        }
    }

    fn part_of(&self, wait: &WaitView) -> Part {
        let said = self.part(wait);
        let queue = facts::queue_of(wait).and_then(|name| {
            let state = self.facts.queues.get(name)?.clone();
            let name = name.to_owned();
            Some(Queue { state, name })
        });
        Part {
            wait: Wait::of(self.detail.summary.process, wait),
            cause: said.cause,
            continues: said.continues,
            you_can: said.steps,
            queue,
            evaluated: self.facts.evaluated.get(&wait.fiber).cloned(),
            attempts: self.attempts_before(wait),
        }
    }
}
