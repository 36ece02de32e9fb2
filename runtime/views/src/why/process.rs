//! What is said of the process as a whole: whether it runs, is held back, or has ended, and how.

use super::{Teller, facts::Retired, said::Said};
use crate::waits;
use bureaucrat_host::query::{BrokerState, State};
use bureaucrat_model::{Fault, FaultCode, FaultSource, HistoryEvent, Initiator, JsonText};
use bureaucrat_sandbox::codes;

impl Teller<'_> {
    pub(super) fn head(&self) -> Said {
        let mut said = Said::default();
        match self.detail.summary.state {
            State::Running => self.runs(&mut said),
            State::Suspended => self.suspended(&mut said),
            State::Incident => self.incident(&mut said),
            State::Completed => self.completed(&mut said),
            State::Failed => self.failed(&mut said),
        }
        said
    }

    /// `` `order`, process 0c4b… ``, as a subject.
    fn name(&self) -> String {
        let summary = &self.detail.summary;
        let version = summary
            .version
            .map(|version| format!(" version {version},"));
        let version = version.unwrap_or_default();
        match summary.name.as_str() {
            "" => format!("The process {}", summary.process),
            name => format!("`{name}`,{version} process {},", summary.process),
        }
    }

    fn runs(&self, said: &mut Said) {
        let since = self.times.since(self.detail.summary.launched_at);
        said.cause(format!("{} has been running {since}.", self.name()));
        self.away(said);
        self.ending(said);
        self.calling(said);
        if let Some(due) = self.detail.summary.deadline {
            let ahead = self.times.ahead(due);
            said.cause(format!(
                "Its deadline is at {ahead}: then it fails with `Deadline`."
            ));
        }
    }

    /// The engine as a whole can do nothing at the moment.
    fn away(&self, said: &mut Said) {
        if self.detail.broker == Some(BrokerState::Away) {
            said.cause("The engine has no connection to the broker at the moment.");
        }
    }

    /// It is about to end, but runs something before.
    fn ending(&self, said: &mut Said) {
        let cancelled = self.history().rev().find_map(|entry| {
            let HistoryEvent::Cancelled { reason, by } = &entry.event else {
                return None;
            };
            Some((entry.at, reason, by))
        });
        let Some((at, reason, by)) = cancelled else {
            return;
        };
        let (ago, reason) = (self.times.ago(at), reason_words(reason));
        let by = initiator(by);
        said.cause(format!(
            "It was cancelled by {by} at {ago}{reason}. It still runs its handlers and its `finally`, \
             then it ends."
        ));
        let command = format!("bureaucrat terminate {}", self.short);
        said.step("end it without them", command);
    }

    fn calling(&self, said: &mut Said) {
        if let Some(caller) = self.detail.caller {
            said.cause(format!("The process {caller} called it and waits for it."));
        }
    }

    fn suspended(&self, said: &mut Said) {
        let suspended = self.history().rev().find_map(|entry| {
            let HistoryEvent::ProcessSuspended { by, .. } = &entry.event else {
                return None;
            };
            Some((initiator(by), format!(" at {}", self.times.ago(entry.at))))
        });
        let (by, when) = suspended.unwrap_or_else(|| ("an operator".to_owned(), String::new()));
        let reason = self.detail.summary.incident.as_deref().unwrap_or_default();
        let reason = reason_words(reason);
        let name = self.name();
        said.cause(format!(
            "{name} does nothing: {by} suspended it{when}{reason}."
        ));
        said.cause(self.kept());
        said.step(
            "let it continue",
            format!("bureaucrat resume {}", self.short),
        );
        said.step("end it", format!("bureaucrat cancel {}", self.short));
    }

    /// What came for a parked process.
    fn kept(&self) -> String {
        match self.detail.parked.map_or(0, |parked| parked.kept) {
            0 => "Nothing has come for it since.".to_owned(),
            1 => {
                "One message or event has come for it since; it counts once the process continues."
                    .to_owned()
            }
            kept => format!(
                "{kept} messages and events have come for it since; they count once the process \
                 continues."
            ),
        }
    }

    fn incident(&self, said: &mut Said) {
        let Some(parked) = self.detail.parked else {
            return self.stuck(said);
        };
        let reason = self
            .detail
            .summary
            .incident
            .as_deref()
            .unwrap_or("for reasons of its own");
        let name = self.name();
        said.cause(format!(
            "{name} is parked, because the engine cannot continue it: {reason}."
        ));
        said.cause(match parked.next_try {
            Some(due) => format!("The engine tries again at {}.", self.times.ahead(due)),
            None => "The engine tries again when it is started.".to_owned(),
        });
        said.cause(self.kept());
        said.step("try now", format!("bureaucrat retry {}", self.short));
        if reason.starts_with(codes::DEADLINE) {
            said.advice(
                "see what else keeps the machine busy, or allow evaluations more time: `deadline_ms` \
                 in the section [limits] (docs/errors/sandbox.deadline.md)",
            );
        }
        said.step("end it", format!("bureaucrat cancel {}", self.short));
    }

    /// A fault waits for an operator, or a record is damaged.
    fn stuck(&self, said: &mut Said) {
        let summary = &self.detail.summary;
        let mut waits = summary.waits.iter();
        let waits_for_operator = waits.any(|wait| wait.waits_for.fault_for_operator().is_some());
        if waits_for_operator {
            return self.runs(said);
        }
        let name = self.name();
        let reason = summary.incident.as_deref().unwrap_or_default();
        said.cause(format!(
            "{name} cannot continue, because a record of it is damaged: {reason}."
        ));
        said.advice(
            "stop the engine and check the storage: `bureaucrat fsck`; docs/operating.md, Damage and \
             docs/errors/damaged-process.md say what follows",
        );
    }

    fn completed(&self, said: &mut Said) {
        let name = self.name();
        said.cause(format!("{name} completed{}.", self.ended()));
        said.step(
            "see its final fields",
            format!("bureaucrat show {}", self.short),
        );
    }

    /// ` at 03:12:07 (2 h ago), 5 s after its launch`.
    fn ended(&self) -> String {
        let summary = &self.detail.summary;
        let Some(at) = summary.ended_at else {
            return String::new();
        };
        let took = at.since(summary.launched_at);
        let took = match took.0 {
            ..1_000 => "within a second of its launch".to_owned(),
            _ => format!("{} after its launch", super::times::span(took)),
        };
        format!(" at {}, {took}", self.times.ago(at))
    }

    fn failed(&self, said: &mut Said) {
        let summary = &self.detail.summary;
        let (name, ended) = (self.name(), self.ended());
        let Some(fault) = &summary.fault else {
            said.cause(format!("{name} failed{ended}."));
            return;
        };
        said.cause(format!("{name} failed{ended}: {}.", fault_words(fault)));
        self.calling(said);
        self.explained(fault, said);
        if fault.line > 0 {
            let activity = format!("{}{}", summary.process, fault.activity);
            let mut labels = self.detail.labels.iter();
            let label = labels.find(|label| label.activity == activity);
            let label = label.map(|label| format!(", {}", waits::label(label)));
            let line = format!("line {}{}", fault.line, label.unwrap_or_default());
            said.fact("where", vec![line, format!("activity {activity}")]);
        }
        let log = crate::shown::log(summary);
        said.fact("module log", log);
        if let Some(child) = self.called_at(fault) {
            let short = crate::processes::short_id(child);
            said.step(
                "look at the called process",
                format!("bureaucrat why {short}"),
            );
        }
        self.after(fault, said);
    }

    /// What is known of a fault beyond its words.
    fn explained(&self, fault: &Fault, said: &mut Said) {
        let ended = self.history().rev().find_map(|entry| {
            if let HistoryEvent::Cancelled { by, .. } = &entry.event {
                return Some(format!("It was cancelled by {}.", initiator(by)));
            }
            let HistoryEvent::Terminated { by, .. } = &entry.event else {
                return None;
            };
            Some(format!("It was terminated by {}.", initiator(by)))
        });
        if let Some(ended) = ended {
            said.cause(ended);
            return;
        }
        let activity = format!("{}{}", self.detail.summary.process, fault.activity);
        let failed = self.history().rev().filter_map(|entry| {
            let HistoryEvent::AttemptFailed {
                attempt,
                fault: one,
                ..
            } = &entry.event
            else {
                return None;
            };
            let is_here = self.is_exactly(&one.activity, &activity);
            is_here.then_some((*attempt, entry.at, one))
        });
        // In a loop, only those of the last round.
        let mut failed: Vec<_> = failed.collect();
        let first = failed.iter().position(|(attempt, ..)| *attempt == 1);
        failed.truncate(first.map_or(0, |first| first + 1));
        if let Some((last, ..)) = failed.first() {
            let all = last.saturating_add(1);
            said.cause(format!("That was attempt {all}, the last one."));
            let lines = failed.iter().map(|(attempt, at, fault)| {
                let (at, words) = (self.times.clock(*at), fault_words(fault));
                format!("attempt {attempt} failed at {at}: {words}")
            });
            said.fact("attempts", lines.collect());
        }
    }

    /// The process whose end was the fault of a call.
    fn called_at(&self, fault: &Fault) -> Option<bureaucrat_model::ProcessId> {
        if fault.code.as_str() == FaultCode::CALL_ERROR {
            return None;
        }
        self.history().rev().find_map(|entry| {
            let HistoryEvent::Called { activity, child } = &entry.event else {
                return None;
            };
            (*activity == fault.activity).then_some(*child)
        })
    }

    fn after(&self, fault: &Fault, said: &mut Said) {
        let summary = &self.detail.summary;
        let code = fault.code.as_str();
        if let Some(advice) = codes::advice(code) {
            said.advice(advice);
        }
        let (short, name) = (&self.short, &summary.name);
        said.step(
            "see what happened before",
            format!("bureaucrat show --history {short}"),
        );
        let is_over = [FaultCode::CANCELLED, FaultCode::TERMINATED].contains(&code);
        let once = match is_over {
            true => "",
            false => ", once the cause is gone",
        };
        match (summary.version, self.facts.retired) {
            (Some(_), Retired::No) => {
                said.step(
                    format!("start another one{once}"),
                    format!("bureaucrat launch {name}"),
                );
            }
            (Some(_), Retired::All) => {
                said.cause(format!(
                    "All versions of `{name}` are retired: it can't be launched again."
                ));
                said.step(
                    "deploy it again, and start another one",
                    "bureaucrat deploy FILE",
                );
            }
            (None, _) => said.advice(format!("launch its definition again{once}")),
        }
        if fault.source == FaultSource::Participant {
            said.advice(
                "write on-fault=\"incident\" at the `process`, so that the next one waits for you \
                 instead of failing",
            );
        }
    }
}

/// Code and message, and what else the one who failed says.
pub(super) fn fault_words(fault: &Fault) -> String {
    let data = fault.data.as_ref().map(JsonText::as_str);
    let data = data.map(|data| format!(" {}", bureaucrat_sandbox::shortened(data)));
    let message = fault.message.trim_end_matches('.');
    let message = match message {
        "" => String::new(),
        message => format!(": {message}"),
    };
    format!("{}{message}{}", fault.code, data.unwrap_or_default())
}

fn reason_words(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    }
}

fn initiator(by: &Initiator) -> String {
    match by {
        Initiator::Operator(operator) => format!("the {operator}"),
        Initiator::Message { user: Some(user) } => format!("a message of the user `{user}`"),
        Initiator::Message { user: None } => "a message".to_owned(),
        Initiator::Replacement { process } => {
            format!("the launch of the process {process}, which has the same key")
        }
    }
}
