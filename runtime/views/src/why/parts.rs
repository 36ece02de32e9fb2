//! What is said of each part that waits.

use super::{Teller, process::fault_words, said::Said, task::FailedAttempt};
use crate::waits;
use bureaucrat_host::query::{EventRole, PlaceView, ScopePhase, WaitView, WaitsFor};
use bureaucrat_model::{Fault, JsonText, ProcessId};
use serde_json::Value;

/// Whether it is a scope's wait for an event that it would handle.
pub(super) fn is_handled(wait: &WaitView) -> bool {
    matches!(
        &wait.waits_for,
        WaitsFor::Event {
            role: EventRole::Handled,
            ..
        }
    )
}

/// What two waits have in common of which one is told; none for one that is told by itself.
pub(super) fn alike(wait: &WaitView) -> Option<String> {
    let what = match &wait.waits_for {
        WaitsFor::Answer {
            participant,
            progress: None,
            ..
        } => format!(
            "{participant} {:?}",
            wait.task.as_ref().map(std::mem::discriminant)
        ),
        WaitsFor::Event {
            events,
            untaken: None,
            ..
        } => format!("{events:?}"),
        WaitsFor::Answer { .. }
        | WaitsFor::Event { .. }
        | WaitsFor::Timer { .. }
        | WaitsFor::Attempt { .. }
        | WaitsFor::Process { .. }
        | WaitsFor::Branches { .. }
        | WaitsFor::Stopping { .. }
        | WaitsFor::Condition { .. }
        | WaitsFor::Compensation
        | WaitsFor::Operator { .. }
        | WaitsFor::Admission => return None,
    };
    Some(format!("{} {:?} {what}", wait.at.activity, wait.attempt))
}

impl Teller<'_> {
    pub(super) fn part(&self, wait: &WaitView) -> Said {
        let mut said = Said::default();
        let since = self.times.since(wait.since);
        match &wait.waits_for {
            WaitsFor::Answer { .. } => self.answer(wait, &mut said),
            WaitsFor::Event { .. } => self.event(wait, &mut said),
            WaitsFor::Timer { due } => {
                let ahead = self.times.ahead(*due);
                match *due > self.times.now {
                    true => {
                        let began = self.times.ago(wait.since);
                        said.cause(format!(
                            "It is waiting until {ahead}; that began at {began}."
                        ));
                    }
                    false => said.cause(format!(
                        "It was waiting until {ahead}: the engine is about to continue it."
                    )),
                }
                said.continues(format!("at {ahead}, by itself"));
                said.step("end the wait now", self.order("skip", wait));
            }
            WaitsFor::Attempt { number, of, due } => {
                said.cause(format!(
                    "Attempt {} of {of} failed; it has been waiting {since} to try again.",
                    number.saturating_sub(1)
                ));
                self.attempts(wait, &mut said);
                said.continues(format!(
                    "at {}, with attempt {number}",
                    self.times.ahead(*due)
                ));
                said.step("begin that attempt now", self.order("retry", wait));
            }
            WaitsFor::Process { process } => self.called(*process, &since, &mut said),
            WaitsFor::Branches { remaining } => {
                said.cause(format!(
                    "It has been waiting for {remaining} of its branches {since}."
                ));
                said.continues("when they have ended");
            }
            WaitsFor::Stopping { remaining } => {
                said.cause(format!(
                    "It has been waiting {since} for what it stopped: {}.",
                    match remaining {
                        1 => "1 branch or called process still runs its `finally`".to_owned(),
                        remaining => format!(
                            "{remaining} branches and called processes still run their `finally`"
                        ),
                    }
                ));
                said.continues("when that has ended");
            }
            WaitsFor::Condition { text } => self.condition(text.as_deref(), &since, &mut said),
            WaitsFor::Compensation => {
                said.cause(format!(
                    "It has completed, and has been kept {since}, because it can still be undone."
                ));
            }
            WaitsFor::Operator { fault } => self.operator(wait, fault, &mut said),
            WaitsFor::Admission => {
                said.cause(format!(
                    "It has been waiting {since} for the engine to accept what it wants to send."
                ));
                said.advice("ask again in a moment");
            }
        }
        self.place(wait, &mut said);
        let has_command = said.steps.iter().any(|step| step.command.is_some());
        if self.is_held() {
            // What would be sent to it now is only kept; what can be done is said of the process.
            said.steps.retain(|step| step.command.is_none());
        } else if !has_command && !is_handled(wait) {
            said.step(
                "end the process",
                format!("bureaucrat cancel {}", self.short),
            );
        }
        said
    }

    fn called(&self, child: ProcessId, since: &str, said: &mut Said) {
        let short = crate::processes::short_id(child);
        said.cause(format!(
            "It has been waiting for the called process {short} {since}."
        ));
        if let Some(called) = self.facts.called.get(&child) {
            said.fact("called", called.lines(self.times.now));
        }
        said.continues("when that process ends");
        said.step("look at that process", format!("bureaucrat why {short}"));
    }

    fn condition(&self, text: Option<&str>, since: &str, said: &mut Said) {
        let what = match text {
            Some(text) => format!("the condition `{text}`"),
            None => "a condition".to_owned(),
        };
        said.cause(format!(
            "It has been waiting for {what} to be evaluated {since}."
        ));
        match self.detail.parked.is_some() {
            true => said.continues("when the process is tried again"),
            false => {
                said.cause("The engine evaluates others first.");
                said.advice("ask again in a moment; long evaluations are in the engine's log");
            }
        }
    }

    /// An order about this part.
    pub(super) fn order(&self, verb: &str, wait: &WaitView) -> String {
        let path = wait.at.activity.get(36..).unwrap_or_default();
        let activity = wait.at.id.as_deref().unwrap_or(path);
        let waits = self.detail.summary.waits.iter();
        let here = waits.filter(|other| other.at.activity == wait.at.activity);
        match here.count() {
            0 | 1 => format!("bureaucrat {verb} {} --activity {activity}", self.short),
            _ => format!("bureaucrat {verb} {} --part {}", self.short, wait.fiber.0),
        }
    }

    fn operator(&self, wait: &WaitView, fault: &Fault, said: &mut Said) {
        let since = self.times.since(wait.since);
        said.cause(format!(
            "It has been waiting for an operator {since}, because nothing handled the fault {}.",
            fault_words(fault)
        ));
        let log = fault.data.as_ref().and_then(JsonText::to_value);
        let log = log.as_ref().and_then(|data| data.get("log")?.as_array());
        let log = log.into_iter().flatten().filter_map(Value::as_str);
        said.fact("module log", log.map(str::to_owned).collect());
        said.continues("when an operator tries it again");
        if let Some(advice) = bureaucrat_sandbox::codes::advice(fault.code.as_str()) {
            said.advice(advice);
        }
        let short = &self.short;
        said.step(
            "run the activity again, once the cause is gone",
            self.order("retry", wait),
        );
        said.step(
            "continue without it; --field NAME=VALUE sets what it should have given",
            self.order("skip", wait),
        );
        said.step("end the process", format!("bureaucrat cancel {short}"));
    }

    /// Where in the definition it is.
    fn place(&self, wait: &WaitView, said: &mut Said) {
        let mut places = vec![place(&wait.at)];
        let is_pause = matches!(wait.waits_for, WaitsFor::Attempt { .. });
        for scope in wait.scopes.iter().rev() {
            let at = place(&scope.at);
            match &scope.phase {
                // Between two attempts, the handler is what tries again.
                ScopePhase::Handling { .. } if scope.attempt.is_some() => {}
                ScopePhase::Body => {}
                ScopePhase::Handling { code } => {
                    places.push(format!("in the handler of `{code}` at {at}"));
                }
                ScopePhase::Interrupted => places.push(format!("in what interrupted {at}")),
                ScopePhase::Finally => places.push(format!("in the `finally` of {at}")),
            }
            if let Some(attempt) = scope.attempt.filter(|_| !is_pause) {
                let (number, of) = (attempt.number, attempt.of);
                places.push(format!("in attempt {number} of {of} of {at}"));
            }
        }
        places.push(format!("activity {}", wait.at.activity));
        said.facts.insert(0, ("where", places));
    }

    /// The attempts that failed before this one.
    pub(super) fn attempts_before(&self, wait: &WaitView) -> Vec<FailedAttempt> {
        let number = match (&wait.waits_for, wait.attempt) {
            (WaitsFor::Attempt { number, .. }, _) => *number,
            (_, Some(attempt)) => attempt.number,
            (_, None) => return Vec::new(),
        };
        self.failed_attempts(wait, number)
    }
}

/// `` line 6, `charge`: Charge the customer ``.
fn place(at: &PlaceView) -> String {
    let label = waits::label(at);
    match (at.line, label.as_str()) {
        (0, "") => "a part of the definition that can't be read".to_owned(),
        (0, label) => label.to_owned(),
        (line, "") => format!("line {line}"),
        (line, label) => format!("line {line}, {label}"),
    }
}
