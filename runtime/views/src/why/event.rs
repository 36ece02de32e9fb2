//! Why an event has not woken a part: what would suit, what came, and what its conditions saw.

use super::{Teller, said::Said};
use crate::text::quoted;
use bureaucrat_host::{
    facts::{EvaluationView, OutcomeView},
    query::{EventRole, EventWanted, UntakenView, WaitView, WaitsFor},
};
use bureaucrat_model::{HistoryEvent, Taken, Timestamp};
use bureaucrat_sandbox::shortened;

impl Teller<'_> {
    pub(super) fn event(&self, wait: &WaitView, said: &mut Said) {
        let WaitsFor::Event {
            events,
            timeout,
            role,
            untaken,
        } = &wait.waits_for
        else {
            return;
        };
        let since = self.times.since(wait.since);
        let names = named(events);
        match role {
            _ if events.is_empty() => {
                said.cause(format!(
                    "It has been waiting {since} until the events that came are handled."
                ));
            }
            EventRole::Awaited => said.cause(format!("It has been waiting for {names} {since}.")),
            EventRole::Handled => {
                said.cause(format!("Meanwhile it handles {names}, if that comes."));
            }
        }
        match untaken {
            Some(untaken) => self.untaken(events, untaken, said),
            None if *role == EventRole::Awaited => match self.last_untaken(wait) {
                Some(at) => said.cause(format!(
                    "One came at {} and was not taken, because no condition held.",
                    self.times.ago(at)
                )),
                None => said.cause("None has come yet."),
            },
            None => {
                if let Some(at) = self.last_untaken(wait) {
                    let ago = self.times.ago(at);
                    said.cause(format!("One came at {ago}; no condition held."));
                }
            }
        }
        match self.facts.evaluated.get(&wait.fiber) {
            Some(evaluated) if !evaluated.is_empty() => self.evaluated(evaluated, said),
            Some(_) | None => {
                let shown = events.iter().filter(|event| !event.conditions.is_empty());
                let conditions = shown.map(|event| {
                    let texts: Vec<_> =
                        event.conditions.iter().map(|text| one_line(text)).collect();
                    format!("`{}` counts if {}", event.event, texts.join(" or "))
                });
                said.fact("conditions", conditions.collect());
            }
        }
        self.wakes(events, *timeout, *role, said);
    }

    /// What the conditions give now, for the last event.
    fn evaluated(&self, evaluated: &[EvaluationView], said: &mut Said) {
        let (mut lines, mut reads) = (Vec::new(), Vec::new());
        for one in evaluated {
            let (text, line) = (one_line(&one.text), one.line);
            lines.push(match &one.outcome {
                OutcomeView::Verdict { verdict: false } => {
                    format!("{text} (line {line}) is false now")
                }
                OutcomeView::Verdict { verdict: true } => {
                    said.advice(
                        "send the event again: fields have changed, and it would be taken now",
                    );
                    format!("{text} (line {line}) is true now")
                }
                OutcomeView::Fault { code, message } => {
                    let error = [code.as_str(), message.as_str()];
                    let error: Vec<_> = error.into_iter().filter(|word| !word.is_empty()).collect();
                    format!("{text} (line {line}) fails now with {}", error.join(": "))
                }
                OutcomeView::Unknown { unknown } => {
                    format!("{text} (line {line}) can't be evaluated now: {unknown}")
                }
            });
            for read in &one.reads {
                let field = read.field.strip_prefix('/').unwrap_or(&read.field);
                let line = match (&read.value, field) {
                    (Some(value), "") => format!("all fields: {value}"),
                    (Some(value), field) => format!("{field} = {value}"),
                    (None, field) => format!("{field}: there is no such field"),
                };
                if !reads.contains(&line) {
                    reads.push(line);
                }
            }
            if one.more > 0 {
                reads.push(format!("and {} more", one.more));
            }
        }
        said.fact("conditions", lines);
        said.fact("they read", reads);
    }

    /// The last event that came for nothing.
    fn untaken(&self, events: &[EventWanted], untaken: &UntakenView, said: &mut Said) {
        let ago = self.times.ago(untaken.at);
        let (count, event) = (untaken.count, &untaken.event);
        let came = match count {
            1 => format!("An event `{event}` came at {ago} and was not taken"),
            count => {
                format!("{count} events came and were not taken, the last, `{event}`, at {ago}")
            }
        };
        let wanted = events.iter().filter(|wanted| wanted.event == *event);
        let is_one = wanted.map(|wanted| wanted.conditions.len()).sum::<usize>() <= 1;
        let why = match (&untaken.error, is_one) {
            (Some(error), true) => format!("its condition failed with {error}"),
            (Some(error), false) => format!("no condition held, and one failed with {error}"),
            (None, true) => "its condition was false".to_owned(),
            (None, false) => "no condition was true".to_owned(),
        };
        said.cause(format!("{came}: {why}."));
        let body = match &untaken.body {
            Some(body) => shortened(&body.to_string()),
            None => "too large to be kept".to_owned(),
        };
        said.fact("it held", vec![body]);
    }

    /// When an event last came that no condition took, as far as the history has it.
    fn last_untaken(&self, wait: &WaitView) -> Option<Timestamp> {
        self.history().rev().find_map(|entry| {
            let HistoryEvent::EventReceived {
                activity,
                taken: Taken::No,
                ..
            } = &entry.event
            else {
                return None;
            };
            let is_here = self.is_exactly(activity, &wait.at.activity);
            (is_here && entry.at >= wait.since).then_some(entry.at)
        })
    }

    fn wakes(
        &self,
        events: &[EventWanted],
        timeout: Option<Timestamp>,
        role: EventRole,
        said: &mut Said,
    ) {
        if role == EventRole::Handled {
            return;
        }
        for wanted in events {
            let condition = match wanted.conditions.is_empty() {
                true => "",
                false => " for which the condition holds",
            };
            let since = wanted.since.map(|since| {
                let clock = self.times.clock(since);
                format!("; one that was kept since {clock} counts too")
            });
            let (name, since) = (with_key(wanted), since.unwrap_or_default());
            said.continues(format!("when an event {name} comes{condition}{since}"));
        }
        if let Some(due) = timeout {
            let ahead = self.times.ahead(due);
            said.continues(match events.len() {
                1 => format!("at {ahead}, without one: its time is over then"),
                _ => format!("at {ahead}, without any of them"),
            });
        }
        if let Some(wanted) = events.first() {
            let key = wanted
                .key
                .as_ref()
                .map(|key| format!(" --key {}", quoted(key)));
            let key = key.unwrap_or_default();
            let fields = match wanted.conditions.is_empty() {
                true => "",
                false => " --fields '{…}'",
            };
            let (event, process) = (quoted(&wanted.event), &self.short);
            said.step(
                "send the event to this process alone",
                format!("bureaucrat event {event}{key}{fields} --process {process}"),
            );
        }
    }
}

fn named(events: &[EventWanted]) -> String {
    let names: Vec<String> = events.iter().map(with_key).collect();
    match names.len() {
        1 => format!("the event {}", names.join("")),
        _ => format!("one of the events {}", names.join(", ")),
    }
}

fn with_key(wanted: &EventWanted) -> String {
    match &wanted.key {
        Some(key) => format!("`{}` with the key `{key}`", wanted.event),
        None => format!("`{}`", wanted.event),
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    format!("`{}`", words.join(" "))
}
