//! `show`: one process of the running engine: its state, what it waits for and why, its fields, what happened to it.

use super::{finding, settings};
use crate::{
    Exit,
    arguments::{Options, Show},
    control::Control,
    screen::{self, ago, clean, print_line},
};
use anyhow::bail;
use bureaucrat_host::query::{
    BrokerState, Detail, NumberedEntry, ParkedView, ProcessDetail, ProcessSummary, Query,
    QueryAnswer, State,
};
use bureaucrat_model::{Recorded, Timestamp};
use bureaucrat_sandbox::codes;
use bureaucrat_views::{
    astray, history,
    processes::word,
    shown::{Shown, log, told_fault},
    waits,
};

/// Prints the process; an unknown process is an error.
pub fn run(options: &Options, show: &Show) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let process = finding::process(&mut control, &show.process)?;
    let history = if show.history {
        Detail::History
    } else {
        Detail::State
    };
    let answer = control.ask(&Query::Show { process, history })?;
    if let QueryAnswer::Unknown { process } = answer {
        return Err(finding::unknown(&process.into()));
    }
    let QueryAnswer::Process(detail) = answer else {
        bail!("unexpected answer from the engine");
    };
    let astray = astray::found(&mut control, &detail)?;
    let text = if show.json {
        serde_json::to_string(&Shown::of(&detail, &astray))?
    } else {
        let mut text = text_of(&detail);
        let lines = astray::lines(&astray);
        text.extend(lines.iter().map(|line| format!("\nbut       {line}")));
        text
    };
    print_line(&text)?;
    Ok(Exit::Done)
}

/// Lines of keys and values.
struct Text(Vec<String>);

impl Text {
    fn add(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        let style = screen::heading();
        let mut key = key;
        for value in values {
            for line in value.lines() {
                self.0.push(format!("{style}{key:<9}{style:#} {line}"));
                key = "";
            }
        }
    }
}

fn text_of(detail: &ProcessDetail) -> String {
    let (summary, now) = (&detail.summary, detail.now);
    let mut text = Text(Vec::new());
    text.add("process", [summary.process.to_string()]);
    text.add(
        "name",
        Some(clean(&summary.name)).filter(|name| !name.is_empty()),
    );
    text.add(
        "version",
        summary.version.map(|version| version.to_string()),
    );
    text.add("key", summary.key.as_deref().map(clean));
    text.add(
        "deadline",
        summary.deadline.map(|due| match due > now {
            true => format!("{due} (in {})", screen::span(due.since(now))),
            false => format!("{due} (now)"),
        }),
    );
    let style = screen::style_of(summary.state);
    let state = format!("{style}{}{style:#}", word(summary.state));
    text.add("state", [state]);
    text.add("launched", [ago(summary.launched_at, now)]);
    text.add("ended", summary.ended_at.map(|at| ago(at, now)));
    text.add("user", detail.user.as_deref().map(clean));
    text.add("caller", detail.caller.map(|caller| caller.to_string()));
    text.add(
        "program",
        Some(detail.program.clone()).filter(|hash| !hash.is_empty()),
    );
    text.add("fault", fault(summary));
    text.add("log", log(summary));
    let why = match summary.state {
        State::Suspended => "suspended",
        State::Running | State::Incident | State::Completed | State::Failed => "incident",
    };
    text.add(why, incident(summary).map(clean));
    text.add(
        "parked",
        detail.parked.map(|parked| told(parked, summary.state, now)),
    );
    text.add(
        "broker",
        (detail.broker == Some(BrokerState::Away)).then(|| waits::BROKER_AWAY.to_owned()),
    );
    for wait in &summary.waits {
        text.add("waits for", waits::lines(wait, now));
    }
    let fields = serde_json::to_string_pretty(&detail.fields);
    text.add("fields", [fields.unwrap_or_else(|error| error.to_string())]);
    if let Some(entries) = &detail.history {
        let entry = |NumberedEntry { entry, .. }: &NumberedEntry| {
            let label = entry.event.activity().and_then(|path| {
                let activity = format!("{}{path}", summary.process);
                detail
                    .labels
                    .iter()
                    .find(|found| found.activity == activity)
            });
            let label = label.map(|found| format!("  [{}]", waits::label(found)));
            let words = history::words(&entry.event, &detail.expressions);
            let words = format!("{words}{}", label.unwrap_or_default());
            format!("{}  {}", entry.at, clean(&words))
        };
        text.add("history", shortened(detail.recorded).map(str::to_owned));
        let mut next = 0;
        for numbered in entries {
            let missing = numbered.number.saturating_sub(next);
            let is_known = detail.written.leaves_out(next, numbered.number);
            text.add("history", history::gap(missing, is_known));
            text.add("history", [entry(numbered)]);
            next = numbered.number + 1;
        }
    }
    text.0.join("\n")
}

/// What becomes of a parked process.
fn told(parked: ParkedView, state: State, now: Timestamp) -> String {
    let next = match parked.next_try {
        Some(due) if due > now => format!("at {due} (in {})", screen::span(due.since(now))),
        Some(_) => "now".to_owned(),
        None => "when it is started again".to_owned(),
    };
    let kept = match parked.kept {
        0 => "nothing has come for it since".to_owned(),
        1 => "1 message or event is kept for it".to_owned(),
        kept => format!("{kept} messages and events are kept for it"),
    };
    match state {
        State::Suspended => format!("until `bureaucrat resume`; {kept}"),
        State::Running | State::Incident | State::Completed | State::Failed => {
            format!("the engine tries it again {next}; {kept}")
        }
    }
}

/// Why a history has not all that happened.
const fn shortened(recorded: Recorded) -> Option<&'static str> {
    match recorded {
        Recorded::Full => None,
        Recorded::Decisions => Some(
            "(shortened: the definition says history=\"decisions\", so tasks, answers and other ordinary steps are left out)",
        ),
        Recorded::Ends => Some(
            "(shortened: the definition says history=\"ends\", so only the launch, faults, what operators did and the end are kept)",
        ),
    }
}

fn fault(summary: &ProcessSummary) -> Vec<String> {
    let Some(fault) = &summary.fault else {
        return advice(summary);
    };
    let mut lines = vec![clean(&format!("{}: {}", fault.code, fault.message))];
    if fault.line > 0 {
        let (process, activity) = (summary.process, &fault.activity);
        lines.push(format!(
            "line {} of the definition, activity {process}{activity}",
            fault.line
        ));
    }
    lines.extend(advice(summary));
    lines
}

/// What can be done about a fault of the sandbox.
fn advice(summary: &ProcessSummary) -> Vec<String> {
    let advice = told_fault(summary).and_then(|fault| codes::advice(fault.code.as_str()));
    advice
        .map(|advice| format!("what to do: {advice}"))
        .into_iter()
        .collect()
}

/// Why it is parked. A fault that waits for an operator is told with the wait.
fn incident(summary: &ProcessSummary) -> Option<&str> {
    let incident = summary.incident.as_deref()?;
    let waits = summary.waits.iter();
    let mut faults = waits.filter_map(|wait| wait.waits_for.fault_for_operator());
    let is_told = faults.any(|fault| fault.to_string() == incident);
    (!is_told).then_some(incident)
}
