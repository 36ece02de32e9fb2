//! Orders about one process: a page that says what will happen, and its form.

use super::{
    Answer, OPERATE, Visit,
    confirm::{Confirm, page as confirm},
    fields::path as address,
    parts::{definition, facts, process_path, state},
};
use crate::{
    problem::{Code, Problem},
    routes::search::{detail, process, unknown},
};
use bureaucrat_host::{
    commands::{Order, OrderOutcome},
    query::{Detail, ProcessDetail, Query, QueryAnswer, State, WaitsFor},
};
use bureaucrat_views::orders::words;
use maud::{Markup, html};

/// The longest reason, in characters.
const REASON_MAX: usize = 500;

/// What a person can order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Retry,
    Resume,
    Suspend,
    Cancel,
    Terminate,
}

impl Verb {
    pub const ALL: [Self; 5] = [
        Self::Retry,
        Self::Resume,
        Self::Suspend,
        Self::Cancel,
        Self::Terminate,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Resume => "resume",
            Self::Suspend => "suspend",
            Self::Cancel => "cancel",
            Self::Terminate => "terminate",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Retry => "Retry",
            Self::Resume => "Resume",
            Self::Suspend => "Suspend",
            Self::Cancel => "Cancel",
            Self::Terminate => "Terminate",
        }
    }

    /// What will happen, for somebody who is about to order it.
    const fn will(self) -> &'static str {
        match self {
            Self::Retry => {
                "A parked process is tried again now. Of one that waits for an operator or for its next \
                 attempt, the part that waits is tried again."
            }
            Self::Resume => {
                "The process continues, with the answers, events and timers that came meanwhile."
            }
            Self::Suspend => {
                "The process does nothing until it is resumed. Answers, events and timers that come \
                 meanwhile are kept. Tasks that are with participants already are not recalled."
            }
            Self::Cancel => {
                "The process ends with the fault `Cancelled`, and so does everything that it called. What \
                 its definition runs at the end, such as handlers, `finally` and compensations, runs first. \
                 This cannot be undone."
            }
            Self::Terminate => {
                "The process ends at once, with the fault `Terminated`. Nothing runs at its end: no handlers, \
                 no `finally`, no compensation. This cannot be undone; cancel it instead, unless that did not \
                 end it."
            }
        }
    }

    /// What has been done, for somebody who has just ordered it.
    const fn done(self) -> &'static str {
        match self {
            Self::Retry => "The process was retried.",
            Self::Resume => "The process was resumed.",
            Self::Suspend => "The process was suspended.",
            Self::Cancel => "The process was told to cancel; it ends once its handlers have run.",
            Self::Terminate => "The process was terminated.",
        }
    }

    const fn is_final(self) -> bool {
        match self {
            Self::Cancel | Self::Terminate => true,
            Self::Retry | Self::Resume | Self::Suspend => false,
        }
    }

    fn takes_reason(self) -> bool {
        self != Self::Resume
    }

    /// Whether it means something for a process as it is now.
    fn fits(self, detail: &ProcessDetail) -> bool {
        match detail.summary.state {
            State::Completed | State::Failed => false,
            State::Suspended => matches!(self, Self::Resume | Self::Cancel | Self::Terminate),
            State::Incident => self != Self::Resume,
            State::Running => match self {
                Self::Resume => false,
                Self::Retry => detail.summary.waits.iter().any(|wait| {
                    matches!(
                        wait.waits_for,
                        WaitsFor::Operator { .. } | WaitsFor::Attempt { .. }
                    )
                }),
                Self::Suspend | Self::Cancel | Self::Terminate => true,
            },
        }
    }

    fn order(self, reason: String) -> Order {
        match self {
            Self::Retry => Order::Retry { reason },
            Self::Resume => Order::Resume,
            Self::Suspend => Order::Suspend { reason },
            Self::Cancel => Order::Cancel { reason },
            Self::Terminate => Order::Terminate { reason },
        }
    }

    fn named(name: &str) -> Result<Self, Problem> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|verb| verb.name() == name);
        found.ok_or_else(|| Problem::not_found("there is no page at this address"))
    }
}

/// Links to what the visitor can order now.
pub fn offered(visit: &Visit, detail: &ProcessDetail) -> Markup {
    let verbs: Vec<Verb> = match visit.may(OPERATE) {
        true => Verb::ALL
            .into_iter()
            .filter(|verb| verb.fits(detail))
            .collect(),
        false => Vec::new(),
    };
    let path = process_path(detail.summary.process);
    html! {
        @if !verbs.is_empty() {
            nav.verbs aria-label="Orders" {
                @for verb in verbs {
                    a.button.danger[verb.is_final()] href={ (path) "/" (verb.name()) } { (verb.title()) "…" }
                }
            }
        }
    }
}

/// Says what was just ordered.
pub fn done(visit: &Visit) -> Markup {
    let name = visit.query.one("done");
    let verb = name.and_then(|name| Verb::named(name).ok());
    html! {
        @if let Some(verb) = verb { p.notice.good role="status" { (verb.done()) } }
    }
}

/// Asks whether it is meant.
pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let verb = Verb::named(visit.named("verb"))?;
    let process = process(&visit.call, visit.named("process"))?;
    let detail = detail(&visit.call, process, Detail::State)?;
    let summary = &detail.summary;
    let path = process_path(process);
    let about = facts(&[
        ("Process", html! { code { (process) } }),
        ("Definition", definition(&summary.name, summary.version)),
        ("State", state(summary.state)),
    ]);
    Ok(confirm(
        visit,
        &Confirm {
            title: format!("{} this process?", verb.title()),
            about,
            will: verb.will(),
            action: format!("{path}/{}", verb.name()),
            button: format!("{} the process", verb.title()),
            is_final: verb.is_final(),
            reason: verb.takes_reason().then_some(REASON_MAX),
            back: path,
        },
    ))
}

pub fn give(visit: &Visit) -> Result<Answer, Problem> {
    let verb = Verb::named(visit.named("verb"))?;
    let process = process(&visit.call, visit.named("process"))?;
    let reason = visit.form.one("reason").unwrap_or("no reason given").trim();
    if reason.chars().count() > REASON_MAX {
        let what = format!("the reason must have at most {REASON_MAX} characters");
        return Err(Problem::parameter(what));
    }
    let order = verb.order(reason.to_owned());
    let QueryAnswer::Ordered { outcome } = visit.ask(&Query::Order { process, order })? else {
        return Err(Problem::unfit());
    };
    match &outcome {
        OrderOutcome::Done | OrderOutcome::Planned(_) => Ok(Answer::See(address(
            &process_path(process),
            [("done", verb.name())],
        ))),
        OrderOutcome::Unknown => Err(unknown(&process.to_string())),
        OrderOutcome::Ended
        | OrderOutcome::Suspended
        | OrderOutcome::NotSuspended
        | OrderOutcome::Damaged
        | OrderOutcome::Refused(_) => Err(Problem::new(Code::Refused, words(process, &outcome))),
    }
}
