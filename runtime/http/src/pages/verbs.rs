//! What can be ordered about processes, in words: what an order is called, what will happen, what has been done. Links to
//! what a process can be ordered now.

use super::{OPERATE, Visit, parts::process_path};
use crate::{problem::Problem, routes::orders::Verb, tokens};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bureaucrat_host::query::{ProcessDetail, State, WaitsFor};
use bureaucrat_model::ProcessId;
use maud::{Markup, html};

/// What pages say about an order.
pub struct Words {
    pub verb: Verb,
    pub name: &'static str,
    pub title: &'static str,
    /// Asks whether it is meant.
    pub question: &'static str,
    /// The button that does it.
    pub button: &'static str,
    /// How a title begins that ends with whom it is for.
    pub of: &'static str,
    /// What will happen, for somebody who is about to order it.
    pub will: &'static str,
    /// What has been done, for somebody who has just ordered it.
    done: &'static str,
    /// Whether it can't be undone.
    pub is_final: bool,
}

/// All of them, in the order in which they are offered.
pub static ALL: [Words; 9] = [
    Words {
        verb: Verb::Retry,
        name: "retry",
        title: "Retry",
        question: "Retry this process?",
        button: "Retry the process",
        of: "Retry",
        will: "A parked process is tried again now. Of one that waits for an operator or for its next attempt, the part \
               that waits is tried again.",
        done: "The process was retried.",
        is_final: false,
    },
    Words {
        verb: Verb::Resume,
        name: "resume",
        title: "Resume",
        question: "Resume this process?",
        button: "Resume the process",
        of: "Resume",
        will: "The process continues, with the answers, events and timers that came meanwhile.",
        done: "The process was resumed.",
        is_final: false,
    },
    Words {
        verb: Verb::Suspend,
        name: "suspend",
        title: "Suspend",
        question: "Suspend this process?",
        button: "Suspend the process",
        of: "Suspend",
        will: "The process does nothing until it is resumed. Answers, events and timers that come meanwhile are kept. \
               Tasks that are with participants already are not recalled.",
        done: "The process was suspended.",
        is_final: false,
    },
    Words {
        verb: Verb::Skip,
        name: "skip",
        title: "Skip",
        question: "Skip this activity?",
        button: "Skip the activity",
        of: "Skip an activity of",
        will: "The activity at which a part waits ends as if it had given the fields. What it waits for is withdrawn, and \
               the part continues after it.",
        done: "The activity was skipped.",
        is_final: true,
    },
    Words {
        verb: Verb::Set,
        name: "set",
        title: "Set fields",
        question: "Set these fields?",
        button: "Set the fields",
        of: "Set fields of",
        will: "The fields that a part sees are set or removed. A task that was sent keeps the fields that it has.",
        done: "The fields were set.",
        is_final: false,
    },
    Words {
        verb: Verb::Move,
        name: "move",
        title: "Move",
        question: "Move this part?",
        button: "Move the part",
        of: "Move a part of",
        will: "What a part waits for is withdrawn, and it continues at the beginning of another activity of the same \
               scope and branch.",
        done: "The part was moved.",
        is_final: true,
    },
    Words {
        verb: Verb::Migrate,
        name: "migrate",
        title: "Migrate",
        question: "Migrate this process?",
        button: "Migrate the process",
        of: "Migrate",
        will: "The process continues as another version of its definition. It keeps what it waits for; what follows is \
               that of the other version.",
        done: "The process was migrated.",
        is_final: false,
    },
    Words {
        verb: Verb::Cancel,
        name: "cancel",
        title: "Cancel",
        question: "Cancel this process?",
        button: "Cancel the process",
        of: "Cancel",
        will: "The process ends with the fault `Cancelled`, and so does everything that it called. What its definition \
               runs at the end, such as handlers, `finally` and compensations, runs first. This cannot be undone.",
        done: "The process was told to cancel; it ends once its handlers have run.",
        is_final: true,
    },
    Words {
        verb: Verb::Terminate,
        name: "terminate",
        title: "Terminate",
        question: "Terminate this process?",
        button: "Terminate the process",
        of: "Terminate",
        will: "The process ends at once, with the fault `Terminated`. Nothing runs at its end: no handlers, no `finally`, \
               no compensation. This cannot be undone; cancel it instead, unless that did not end it.",
        done: "The process was terminated.",
        is_final: true,
    },
];

/// # Errors
/// If there is no such order.
pub fn named(name: &str) -> Result<&'static Words, Problem> {
    let found = ALL.iter().find(|words| words.name == name);
    found.ok_or_else(|| Problem::not_found("there is no page at this address"))
}

/// Whether an order means something for a process as it is now.
fn fits(verb: Verb, detail: &ProcessDetail) -> bool {
    let summary = &detail.summary;
    match summary.state {
        State::Completed | State::Failed => false,
        State::Suspended => !matches!(verb, Verb::Retry | Verb::Suspend),
        State::Incident => verb != Verb::Resume,
        State::Running => match verb {
            Verb::Resume => false,
            Verb::Retry => summary.waits.iter().any(|wait| {
                matches!(
                    wait.waits_for,
                    WaitsFor::Operator { .. } | WaitsFor::Attempt { .. }
                )
            }),
            Verb::Suspend
            | Verb::Skip
            | Verb::Set
            | Verb::Move
            | Verb::Migrate
            | Verb::Cancel
            | Verb::Terminate => true,
        },
    }
}

/// Links to what the visitor can order now.
pub fn offered(visit: &Visit, detail: &ProcessDetail) -> Markup {
    let is_versioned = detail.summary.version.is_some();
    let fitting = ALL.iter().filter(|words| fits(words.verb, detail));
    // A process that came with its text has no other version.
    let fitting = fitting.filter(|words| words.verb != Verb::Migrate || is_versioned);
    let offered: Vec<&Words> = match visit.may(OPERATE) {
        true => fitting.collect(),
        false => Vec::new(),
    };
    let path = process_path(detail.summary.process);
    html! {
        @if !offered.is_empty() {
            nav.verbs aria-label="Orders" {
                @for words in offered {
                    a.button.danger[matches!(words.verb, Verb::Cancel | Verb::Terminate)]
                        href={ (path) "/" (words.name) } { (words.title) "…" }
                }
            }
        }
    }
}

/// An order that was given, so that the page that follows says so; a link of somebody else's can't.
pub fn signed(visit: &Visit, process: ProcessId, words: &Words) -> String {
    let hash = tokens::hash(&format!("done {} {process} {}", visit.proof, words.name));
    format!("{}.{}", words.name, URL_SAFE_NO_PAD.encode(&hash[..12]))
}

/// Says what was just ordered.
pub fn done(visit: &Visit, process: ProcessId) -> Markup {
    let given = visit.query.one("done").unwrap_or_default();
    let name = given.split('.').next().unwrap_or_default();
    let words = named(name).ok();
    let words = words.filter(|words| signed(visit, process, words) == given);
    html! {
        @if let Some(words) = words { p.notice.good role="status" { (words.done) } }
    }
}
