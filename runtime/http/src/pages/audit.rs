//! The audit log: who ordered what, with filters in the address.

use super::{
    Answer, Visit, bulk,
    fields::{Fields, encoded, path},
    filter::{is_known, time},
    layout::Section,
    parts::{self, definition, options, problem_words, said, table, when},
};
use crate::{
    problem::{Code, Problem},
    routes::audit::{Filter, find},
};
use bureaucrat_host::audit_log::{About, AuditRecord, Verb};
use bureaucrat_model::{ProcessId, Timestamp};
use bureaucrat_views::{
    audit_log::{about, by, detail},
    text::{clean, fit},
};
use maud::{Markup, html};

/// The most characters of a reason or of what an order was about.
const SHOWN: usize = 300;

/// Filters that are texts: the field, its label, and an example.
const TEXTS: [(&str, &str, &str); 3] = [
    ("by", "By", "name, or token NAME"),
    ("process", "Process", "id, or its first digits"),
    ("definition", "Definition", "order or order@3"),
];
/// That which is folded away until it is used, with the times.
const JOB: (&str, &str, &str) = ("job", "Bulk job", "number");
const TIMES: [(&str, &str); 2] = [("from", "At or after (UTC)"), ("before", "Before (UTC)")];

pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let found = match searched(visit) {
        Ok(found) => found,
        // The form stays as it is, so that a mistake in it can be corrected.
        Err(problem) if problem.code == Code::Parameter => html! {
            p.notice.bad role="alert" { (problem_words(&problem)) }
        },
        Err(problem) => return Err(problem),
    };
    let body = html! {
        h1 { "Audit log" }
        p.soft {
            "Orders that were carried out. What a bulk job did to each process is on the page of the job, and in the \
             history of the process."
        }
        (form(&visit.query))
        (found)
    };
    Ok(Answer::page("Audit log", body))
}

/// The orders about a process.
pub fn of_process(process: ProcessId) -> String {
    path(
        Section::Audit.path(),
        [("process", process.to_string().as_str())],
    )
}

/// The orders about a definition and its processes.
pub fn of_definition(name: &str) -> String {
    path(Section::Audit.path(), [("definition", name)])
}

/// The orders about a bulk job.
pub fn of_job(job: u64) -> String {
    path(Section::Audit.path(), [("job", job.to_string().as_str())])
}

fn searched(visit: &Visit) -> Result<Markup, Problem> {
    let page = find(&visit.call, filter(&visit.query)?)?;
    let own = Section::Audit.path();
    let next = page.next.map(|next| next.to_string());
    let next = next.map(|next| visit.query.path(own, &[("after", &next)]));
    Ok(html! {
        @match (page.entries.is_empty(), &next) {
            (false, _) => (rows(&page.entries, page.now)),
            (true, None) => p.empty { "There is no such order." },
            // The search stopped for a breath.
            (true, Some(_)) => p.empty { "None so far; the search continues on the next page." },
        }
        @if visit.query.one("after").is_some() {
            p { a href=(visit.query.path(own, &[("after", "")])) { "To the first page" } }
        }
        @if let Some(next) = next { (parts::next(&next)) }
    })
}

/// # Errors
/// If there is no such filter, or one can't be read: a typing mistake must not find everything.
fn filter(fields: &Fields) -> Result<Filter, Problem> {
    let texts = TEXTS.iter().map(|(name, ..)| *name);
    let times = TIMES.iter().map(|(name, _)| *name);
    is_known(fields, texts.chain(times).chain([JOB.0, "order", "after"]))?;
    let one = |name: &str| fields.one(name).map(|text| text.trim().to_owned());
    let number = |name: &str| {
        let number = one(name).map(|text| {
            text.parse::<u64>().map_err(|_| {
                Problem::parameter(format!("`{}` is not the number of anything", clean(&text)))
            })
        });
        number.transpose()
    };
    Ok(Filter {
        by: one("by"),
        order: one("order"),
        process: one("process"),
        definition: one("definition"),
        job: number("job")?,
        from: fields.one("from").map(time).transpose()?,
        before: fields.one("before").map(time).transpose()?,
        after: number("after")?,
        limit: None,
    })
}

fn form(fields: &Fields) -> Markup {
    let order = fields.one("order").unwrap_or_default();
    let mut folded = TIMES.iter().map(|(name, _)| *name).chain([JOB.0]);
    let is_used = folded.any(|name| fields.one(name).is_some());
    html! {
        form.filter.card method="get" action=(Section::Audit.path()) role="search" aria-label="Audit log" {
            div.row {
                @for text in TEXTS { (input(fields, text)) }
                div.field {
                    label for="order" { "Order" }
                    select #order name="order" {
                        option value="" { "any" }
                        @for verb in Verb::ALL {
                            option value=(verb) selected[verb.name() == order] { (name(*verb)) }
                        }
                    }
                }
            }
            details open[is_used] {
                summary { "More filters" }
                div.row {
                    (input(fields, JOB))
                    @for (name, label) in TIMES {
                        div.field {
                            label for=(name) { (label) }
                            input id=(name) type="datetime-local" name=(name) value=[fields.one(name)];
                        }
                    }
                }
            }
            div.actions {
                button.main type="submit" { "Search" }
                a href=(Section::Audit.path()) { "Clear" }
            }
        }
    }
}

fn input(fields: &Fields, (name, label, example): (&str, &str, &str)) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) type="text" name=(name) value=[fields.one(name)] placeholder=(example)
                autocomplete="off" spellcheck="false";
        }
    }
}

/// An order as people read it.
fn name(verb: Verb) -> String {
    verb.name().replace('_', " ")
}

fn rows(entries: &[AuditRecord], now: Timestamp) -> Markup {
    let rows: Vec<Vec<Markup>> = entries
        .iter()
        .map(|record| {
            let entry = &record.entry;
            let told = fit(&detail(&entry.about), SHOWN);
            vec![
                html! { (record.number) },
                when(record.at, now),
                said(&by(&entry.by)),
                html! { (name(entry.verb)) },
                html! {
                    span.linked { (thing(&entry.about)) }
                    @if !told.is_empty() { br; span.soft { (options(&told)) } }
                },
                said(&fit(&entry.reason, SHOWN)),
            ]
        })
        .collect();
    let headings = ["Entry", "When", "By", "Order", "About", "Reason"];
    table("Orders, newest first", &headings, &rows)
}

/// What an order was about, as a link where it has a page.
fn thing(given: &About) -> Markup {
    match given {
        About::Process {
            process,
            definition: name,
            version,
            ..
        } => html! {
            (parts::process(*process))
            @if !name.is_empty() { " of " (definition(name, *version)) }
        },
        About::Job { job, .. } => html! { "bulk job " a href=(bulk::of(*job)) { (job) } },
        About::Definition { name, versions, .. } => html! {
            @match versions[..] {
                [version] => (definition(name.as_str(), Some(version))),
                _ => {
                    a href={ "/definitions/" (encoded(name.as_str())) } { (name) }
                    @for (number, version) in versions.iter().enumerate() {
                        (if number == 0 { "@" } else { ", @" }) (version)
                    }
                },
            }
        },
        About::Letter { letter, .. } => html! {
            "dead letter " a href={ (Section::Letters.path()) "/" (letter) } { (letter) }
        },
        About::Module { .. } => said(&about(given)),
    }
}
