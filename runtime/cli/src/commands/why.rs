//! `why`: why a process does not continue, as a colleague would say it: for each part the cause, what
//! would make it continue, and what to do.
//!
//! The facts are those of `show`, together with how queues are now and what conditions read. This
//! module finds words for them. docs/why.md has the words for each situation.

mod event;
mod facts;
mod page;
mod parts;
mod process;
mod said;
mod task;
mod times;

use super::{astray, finding, list, settings, waits};
use crate::{
    Exit,
    arguments::{Options, Why},
    control::Control,
    screen::print_line,
};
use anyhow::bail;
use astray::Astray;
use bureaucrat_host::query::{Detail, ProcessDetail, Query, QueryAnswer, WaitView};
use bureaucrat_model::{ActivityPath, HistoryEntry};
use facts::Facts;
use page::Page;
use said::Said;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use times::Times;

/// Parts that are told in full.
const PARTS_MAX: usize = 10;

/// Explains the process; an unknown process is an error.
pub fn run(options: &Options, why: &Why) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let process = finding::process(&mut control, &why.process)?;
    let history = Detail::History;
    let answer = control.ask(&Query::Show { process, history })?;
    if let QueryAnswer::Unknown { process } = answer {
        return Err(finding::unknown(&process.into()));
    }
    let QueryAnswer::Process(detail) = answer else {
        bail!("unexpected answer from the engine");
    };
    let facts = facts::ask(&mut control, &detail)?;
    let astray = astray::found(&mut control, &detail)?;
    let teller = Teller {
        times: Times::new(detail.now),
        short: finding::short_id(process),
        detail: &detail,
        facts: &facts,
        astray: &astray,
    };
    let text = match why.json {
        true => teller.json().to_string(),
        false => teller.text(),
    };
    print_line(&text)?;
    Ok(Exit::Done)
}

/// Puts facts into words.
struct Teller<'a> {
    times: Times,
    /// The beginning of the id, for commands.
    short: String,
    detail: &'a ProcessDetail,
    facts: &'a Facts,
    astray: &'a [Astray],
}

impl Teller<'_> {
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

    fn text(&self) -> String {
        let mut page = Page::new();
        add(&mut page, "", &self.head());
        let waiting = self.groups();
        let begin = match (self.is_held(), waiting.len()) {
            (_, 0) | (false, 1) => None,
            (true, 1) => Some("Once it continues, this is what it waits for:".to_owned()),
            (true, many) => Some(format!("Once it continues, it waits for {many} things:")),
            (false, many) => Some(format!("It waits for {many} things:")),
        };
        if let Some(begin) = begin {
            page.part();
            page.paragraph(&[begin]);
        }
        for (number, (wait, others)) in (1..).zip(&waiting).take(PARTS_MAX) {
            page.part();
            let mark = match waiting.len() {
                1 => String::new(),
                _ => format!("({number}) "),
            };
            let mut said = self.part(wait);
            match others {
                0 => {}
                1 => said.cause("1 other branch waits here for the same."),
                others => said.cause(format!("{others} other branches wait here for the same.")),
            }
            add(&mut page, &mark, &said);
        }
        if let Some(more) = waiting
            .len()
            .checked_sub(PARTS_MAX)
            .filter(|more| *more > 0)
        {
            page.part();
            page.paragraph(&[format!(
                "And {more} more things: `bureaucrat show {}` lists all.",
                self.short
            )]);
        }
        for wait in self.beside().into_iter().take(PARTS_MAX) {
            page.part();
            add(&mut page, "", &self.part(wait));
        }
        page.text()
    }

    fn json(&self) -> Value {
        let summary = &self.detail.summary;
        let head = self.head();
        let mut waits = self.waiting();
        waits.extend(self.beside());
        let parts = waits.iter().map(|wait| self.part_json(wait));
        json!({
            "process": summary.process.to_string(),
            "name": summary.name,
            "state": list::word(summary.state),
            "cause": head.cause,
            "you_can": head.steps_json(),
            "parts": parts.collect::<Vec<_>>(),
            "broker": self.detail.broker,
            "blocked": self.facts.blocked,
            "now": self.detail.now.0,
        })
    }

    fn part_json(&self, wait: &WaitView) -> Value {
        let said = self.part(wait);
        let queue = facts::queue_of(wait).and_then(|name| {
            let state = self.facts.queues.get(name)?;
            let mut state = json!(state);
            state["name"] = json!(name);
            Some(state)
        });
        let mut part = waits::json(self.detail.summary.process, wait);
        part["cause"] = json!(said.cause);
        part["continues"] = json!(said.continues);
        part["you_can"] = said.steps_json();
        part["queue"] = json!(queue);
        part["evaluated"] = json!(self.facts.evaluated.get(&wait.fiber));
        part["attempts"] = self.attempts_json(wait);
        part
    }
}

/// One thing on the page: sentences, then facts.
fn add(page: &mut Page, mark: &str, said: &Said) {
    let mut cause = said.cause.clone();
    if let Some(first) = cause.first_mut() {
        first.insert_str(0, mark);
    }
    page.paragraph(&cause);
    for (heading, facts) in &said.facts {
        page.facts(heading, facts);
    }
    page.facts("continues", &said.continues);
    page.steps("you can", &said.steps);
}
