//! A process: how it is, why it waits, what it holds, what happened to it, and what can be ordered.

use super::{
    Answer, Visit, audit, diagram,
    layout::Section,
    parts::{definition, exactly, facts, json, process as link, said, state, table, ticks, when},
    timeline, verbs,
};
use crate::{
    problem::Problem,
    routes::search::{detail, process},
};
use bureaucrat_host::query::{Detail, ProcessDetail, State, WaitView};
use bureaucrat_model::{Recorded, Term, Timestamp};
use bureaucrat_views::{
    astray,
    processes::short_id,
    shown::{log, told_fault},
    text::{clean, fit},
    waits::{label, lines},
    why::{self, Said, Teller},
};
use maud::{Markup, html};
use serde_json::Value;

pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let process = process(&visit.call, visit.named("process"))?;
    let detail = detail(&visit.call, process, Detail::History)?;
    let mut engine = &visit.call;
    let facts = why::facts(&mut engine, &detail)?;
    let astray = astray::found(&mut engine, &detail)?;
    let sections = Teller::new(&detail, &facts, &astray).sections();
    let summary = &detail.summary;
    let name = match summary.name.as_str() {
        "" => "Process".to_owned(),
        name => clean(name),
    };
    let title = format!("{name} {}", short_id(process));
    let body = html! {
        p.crumbs { a href=(Section::Processes.path()) { "Processes" } }
        h1 { (name) " " span.id { (short_id(process)) } " " (state(summary.state)) }
        (verbs::done(visit, process))
        (verbs::offered(visit, &detail))
        (fault(&detail))
        (head(&detail))
        @if summary.state != State::Completed { (why_section(&sections)) }
        div.course {
            @if let Some(diagram) = diagram::section(visit, &detail) { (diagram) }
            (timeline::section(visit, &detail))
        }
        (waits(&summary.waits, detail.now))
        (fields(visit, &detail))
        (timeline::conditions(&detail))
    };
    Ok(Answer::page(title, body))
}

/// What went wrong.
fn fault(detail: &ProcessDetail) -> Markup {
    let summary = &detail.summary;
    let log = log(summary);
    html! {
        @if let Some(fault) = told_fault(summary) {
            div.notice.bad {
                p { code { (said(fault.code.as_str())) } @if !fault.message.is_empty() { ": " (words(&fault.message)) } }
                @if fault.line > 0 {
                    p.soft { "At activity " code { (fault.activity) } ", line " (fault.line) " of the definition" }
                }
                @if let Some(data) = fault.data.as_ref().and_then(|data| data.to_value()) {
                    details { summary { "What came with it" } (json(&data)) }
                }
                @if !log.is_empty() {
                    details { summary { "Log" } pre tabindex="0" { (log.join("\n")) } }
                }
            }
        }
        // A fault that an operator is waited for with is told above.
        @if let Some(reason) = summary.incident.as_ref().filter(|_| told_fault(summary).is_none()) {
            div.notice.warn {
                p { (words(reason)) }
                @if let Some(parked) = &detail.parked {
                    p.soft {
                        @if let Some(at) = parked.next_try { "Tried again " (when(at, detail.now)) ". " }
                        @if parked.kept > 0 { (parked.kept) " messages are kept for it." }
                    }
                }
            }
        }
    }
}

fn head(detail: &ProcessDetail) -> Markup {
    let (summary, now) = (&detail.summary, detail.now);
    let mut about = vec![
        ("Process", html! { code { (summary.process) } }),
        ("Definition", definition(&summary.name, summary.version)),
        ("Launched", exactly(summary.launched_at, now)),
    ];
    about.extend(summary.ended_at.map(|at| ("Ended", exactly(at, now))));
    about.extend(summary.deadline.map(|at| ("Deadline", exactly(at, now))));
    about.extend(summary.key.as_ref().map(|key| ("Business key", said(key))));
    about.extend(detail.user.as_ref().map(|user| ("User", said(user))));
    about.extend(detail.caller.map(|caller| ("Called by", link(caller))));
    about.push(("Called processes", timeline::children(detail)));
    about.push((
        "Orders",
        html! { a href=(audit::of_process(summary.process)) { "in the audit log" } },
    ));
    let recorded = match detail.recorded {
        Recorded::Full => None,
        Recorded::Decisions => Some("decisions, faults and orders alone"),
        Recorded::Ends => Some("launch and end alone"),
    };
    about.extend(recorded.map(|recorded| ("History", html! { (recorded) })));
    for field in &detail.searched {
        let value = match &field.term {
            Some(Term::Text(text)) => said(text),
            Some(Term::Number(number)) => said(&plain(number)),
            Some(Term::Truth(truth)) => html! { (truth) },
            None => html! { span.soft { "nothing" } },
        };
        about.push((
            "Searchable field",
            html! { code { (said(&field.name)) } " = " (value) },
        ));
    }
    facts(&about)
}

/// A number as people write it.
fn plain(number: &str) -> String {
    // Digits stay as they are, however many there are.
    let value = number.contains('e').then(|| number.parse::<f64>().ok());
    let value = value.flatten();
    value.map_or_else(|| number.to_owned(), |value| value.to_string())
}

/// The words of `why`.
fn why_section(sections: &[Said]) -> Markup {
    html! {
        section {
            h2 { "Why it is where it is" }
            @for said in sections {
                div.why {
                    p { (words(&said.cause.join(" "))) }
                    dl {
                        @for (heading, facts) in &said.facts { (items(heading, facts)) }
                        (items("continues", &said.continues))
                        @if !said.steps.is_empty() {
                            dt { "you can" }
                            @for step in &said.steps {
                                dd {
                                    (words(&step.words))
                                    @if let Some(command) = &step.command { ": " code { (clean(command)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn items(heading: &str, facts: &[String]) -> Markup {
    html! {
        @if !facts.is_empty() {
            dt { (heading) }
            @for fact in facts { dd { (words(fact)) } }
        }
    }
}

/// Words of `why`, which has names and codes between backticks.
fn words(text: &str) -> Markup {
    ticks(&clean(text))
}

/// Where its fibers are.
fn waits(waits: &[WaitView], now: Timestamp) -> Markup {
    let rows: Vec<Vec<Markup>> = waits
        .iter()
        .map(|wait| {
            let label = label(&wait.at);
            let lines = lines(wait, now);
            // Its place has a column of its own.
            let is_place = |line: &&String| line.contains(&wait.at.activity);
            let told = lines.iter().filter(|line| !is_place(line));
            vec![
                html! { (wait.fiber.0) },
                html! {
                    @if !label.is_empty() { (words(&label)) br; }
                    code { (path(&wait.at.activity)) }
                    @if wait.at.line > 0 { span.soft { " line " (wait.at.line) } }
                },
                html! {
                    @for (number, line) in told.enumerate() {
                        @if number > 0 { br; }
                        span.soft[number > 0] { (words(line)) }
                    }
                },
                when(wait.since, now),
            ]
        })
        .collect();
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "Where it is" }
                (table("What its parts wait for", &["Part", "Activity", "Waits for", "Since"], &rows))
            }
        }
    }
}

/// An activity's path, without the id of the process.
fn path(activity: &str) -> &str {
    activity.find('_').map_or(activity, |at| &activity[at..])
}

/// The most characters of a value that was found.
const VALUE_SHOWN: usize = 500;
/// The most fields that a search shows.
const FOUND_MAX: usize = 200;

/// Its fields, or those that are searched for.
fn fields(visit: &Visit, detail: &ProcessDetail) -> Markup {
    let wanted = visit.query.one("field").unwrap_or_default();
    let is_small = serde_json::to_string(&detail.fields).is_ok_and(|text| text.len() < 2_000);
    let count = detail.fields.as_object().map_or(0, serde_json::Map::len);
    html! {
        section #fields {
            h2 { "Fields" }
            @match (&detail.fields, count) {
                (Value::Null, _) | (Value::Object(_), 0) => p.empty { "It has no fields." },
                (fields, _) => {
                    form.find method="get" action="#fields" role="search" aria-label="Fields" {
                        label for="field" { "Names or values that contain" }
                        input #field type="text" name="field" value=(wanted) autocomplete="off" spellcheck="false";
                        button type="submit" { "Find" }
                        @if !wanted.is_empty() { a href=(visit.query.path("?", &[("field", "")])) { "All fields" } }
                    }
                    @if wanted.is_empty() {
                        details open[is_small] {
                            summary { (count) " " (if count == 1 { "field" } else { "fields" }) }
                            (json(fields))
                        }
                    } @else {
                        (found(fields, wanted))
                    }
                },
            }
        }
    }
}

/// The fields, at any depth, whose name or value contains a text.
fn found(fields: &Value, wanted: &str) -> Markup {
    let wanted = wanted.to_lowercase();
    let mut rows = Vec::new();
    let mut open = vec![(String::new(), fields)];
    let mut more = 0;
    while let Some((path, value)) = open.pop() {
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(object) => {
                let inner = object.iter();
                inner
                    .map(|(name, value)| (joined(&path, name), value))
                    .collect()
            }
            Value::Array(list) => {
                let inner = list.iter().enumerate();
                inner
                    .map(|(number, value)| (joined(&path, &number.to_string()), value))
                    .collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        let is_leaf = inner.is_empty();
        open.extend(inner.into_iter().rev());
        let text = value.as_str().map(str::to_owned);
        let text = text.unwrap_or_else(|| value.to_string());
        let is_found =
            path.to_lowercase().contains(&wanted) || text.to_lowercase().contains(&wanted);
        if !is_leaf || !is_found {
            continue;
        }
        match rows.len() {
            FOUND_MAX => more += 1,
            _ => rows.push(vec![
                html! { code { (said(&path)) } },
                html! { (said(&fit(&text, VALUE_SHOWN))) },
            ]),
        }
    }
    html! {
        @if rows.is_empty() {
            p.empty { "No field is like that." }
        } @else {
            (table("Fields that were found", &["Field", "Value"], &rows))
            @if more > 0 { p.soft { "And " (more) " more." } }
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}
