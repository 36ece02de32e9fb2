//! The audit log: who ordered what, with filters in the address.

use super::{
    Answer, Visit, bulk,
    fields::{Fields, encoded, path},
    layout::Section,
    parts::{self, definition, options, said, table, when},
    searching::{Form, TextFilter, TimeFilter, input, is_known, listed, or_mistake, text, time},
};
use crate::{
    problem::Problem,
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

/// Those that are always there.
static TEXTS: [TextFilter; 3] = [
    text("by", "By", "name, or token NAME"),
    text("process", "Process", "id, or its first digits"),
    text("definition", "Definition", "order or order@3"),
];
/// Those that are folded away until one is used.
static JOB: TextFilter = text("job", "Bulk job", "number");
const TIMES: [TimeFilter; 2] = [("from", "At or after (UTC)"), ("before", "Before (UTC)")];

pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let found = or_mistake(searched(visit))?;
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
    let next = page.next.map(|next| next.to_string());
    let shown = || rows(&page.entries, page.now);
    Ok(listed(
        Section::Audit,
        &visit.query,
        ((!page.entries.is_empty()).then(shown), next.as_deref()),
        "There is no such order.",
    ))
}

/// # Errors
/// If there is no such filter, or one can't be read: a typing mistake must not find everything.
fn filter(fields: &Fields) -> Result<Filter, Problem> {
    let texts = TEXTS.iter().map(|filter| filter.name);
    let times = TIMES.iter().map(|(name, _)| *name);
    is_known(
        fields,
        texts.chain(times).chain([JOB.name, "order", "after"]),
    )?;
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
    let form = Form {
        section: Section::Audit,
        label: "Audit log",
        fields,
        above: html! {},
        first: html! {
            @for filter in &TEXTS { (input(fields, filter)) }
            div.field {
                label for="order" { "Order" }
                select #order name="order" {
                    option value="" { "any" }
                    @for verb in Verb::ALL {
                        option value=(verb) selected[verb.name() == order] { (name(*verb)) }
                    }
                }
            }
        },
        more: &[&JOB],
        times: &TIMES,
    };
    form.shown()
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
            let told = fit(&detail(entry), SHOWN);
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
