//! Deployed definitions, their versions and texts.

use super::{
    Answer, DEPLOY, Visit, audit, diagram,
    fields::{encoded, path},
    layout::Section,
    parts::{exactly, facts, long, said, table, when},
};
use crate::{
    problem::Problem,
    routes::definitions::{Looked, look, name_of, number, visible},
    server::now,
};
use bureaucrat_host::deployed::{ByView, VersionView};
use bureaucrat_model::{DefinitionName, Version};
use maud::{Markup, html};

/// The most versions that are offered for a comparison.
const CHOICES_MAX: usize = 500;

pub fn list(visit: &Visit) -> Result<Answer, Problem> {
    let (definitions, now) = (visible(&visit.call)?, now());
    let rows: Vec<Vec<Markup>> = definitions
        .iter()
        .map(|view| {
            vec![
                html! { a href=(of(&view.name)) { (view.name) } },
                newest(view.newest),
                html! { (view.versions) },
                html! { (view.retired) },
                when(view.deployed_at, now),
                by(&view.owner),
            ]
        })
        .collect();
    let headings = [
        "Name",
        "Launches version",
        "Versions",
        "Retired",
        "Last deployed",
        "Owner",
    ];
    let body = html! {
        h1 { "Definitions" }
        @if visit.may(DEPLOY) { nav.verbs aria-label="Orders" { a.button href="/deploy" { "Deploy…" } } }
        @if rows.is_empty() {
            p.empty { "No definition is deployed. " code { "bureaucrat deploy FILE" } " deploys one." }
        } @else {
            (table("Deployed definitions", &headings, &rows))
        }
    };
    Ok(Answer::page("Definitions", body))
}

pub fn name(visit: &Visit) -> Result<Answer, Problem> {
    let shown = looked(visit, None)?;
    let now = now();
    let newest = shown.versions.iter().rev();
    let newest = newest.clone().find(|view| view.retired_at.is_none());
    let rows: Vec<Vec<Markup>> = shown
        .versions
        .iter()
        .rev()
        .map(|view| {
            let version = view.version;
            vec![
                html! { a href=(of_version(&shown.name, version)) { "Version " (version) } },
                status(view, newest.map(|newest| newest.version)),
                exactly(view.deployed_at, now),
                by(&view.by),
                html! { (view.bytes) " bytes" },
                html! { a href=(processes(&format!("{}@{version}", shown.name))) { "Processes" } },
                html! {
                    @if let Some(before) = before(&shown.versions, version) {
                        a href=(against(&shown.name, version, before)) { "From version " (before) }
                    }
                },
            ]
        })
        .collect();
    let headings = [
        "Version",
        "Status",
        "Deployed",
        "By",
        "Text",
        "Processes",
        "Differences",
    ];
    let title = shown.name.to_string();
    let body = html! {
        p.crumbs { a href=(Section::Definitions.path()) { "Definitions" } }
        h1 { (title) }
        (done(visit))
        @if visit.may(DEPLOY) && newest.is_some() {
            nav.verbs aria-label="Orders" {
                a.button href={ "/deploy?like=" (encoded(&title)) } { "Deploy a version…" }
                a.button.danger href={ (of(&shown.name)) "/retire" } { "Retire all versions…" }
            }
        }
        p {
            a href=(processes(&title)) { "Processes of all versions" } " · "
            a href=(audit::of_definition(&title)) { "Orders" }
        }
        @if let Some(schedule) = &shown.schedule {
            section {
                h2 { "Schedule" }
                (facts(&[
                    ("Launches", html! { "version " (schedule.version) }),
                    ("Times", html! { code { (said(&schedule.cron)) } " in " (said(&schedule.zone)) }),
                    ("Next", exactly(schedule.next, now)),
                ]))
            }
        }
        section {
            h2 { "Versions" }
            (table("Versions, newest first", &headings, &rows))
        }
    };
    Ok(Answer::page(title, body))
}

pub fn version(visit: &Visit) -> Result<Answer, Problem> {
    let asked = number(visit.number("version")?)?;
    let shown = looked(visit, Some(asked))?;
    let now = now();
    let view = shown.versions.iter().find(|view| view.version == asked);
    let view = view.ok_or_else(Problem::unfit)?;
    let title = format!("{}@{asked}", shown.name);
    let mut about = vec![
        ("Deployed", exactly(view.deployed_at, now)),
        ("By", by(&view.by)),
        (
            "Text",
            html! { (view.bytes) " bytes, " code { (view.hash) } },
        ),
        ("Program", html! { code { (view.program) } }),
    ];
    let others: Vec<Version> = looked(visit, None)?
        .versions
        .iter()
        .map(|view| view.version)
        .filter(|version| *version != asked)
        .collect();
    if let Some(at) = view.retired_at {
        about.push(("Retired", exactly(at, now)));
    }
    let picture = diagram::of_page(visit, &shown.name, (asked, None))?;
    let body = html! {
        p.crumbs {
            a href=(Section::Definitions.path()) { "Definitions" } " / "
            a href=(of(&shown.name)) { (shown.name) }
        }
        h1 { (title) }
        @if visit.may(DEPLOY) && view.retired_at.is_none() {
            nav.verbs aria-label="Orders" {
                a.button.danger href={ (of_version(&shown.name, asked)) "/retire" } { "Retire…" }
            }
        }
        (facts(&about))
        p {
            a href=(processes(&title)) { "Processes of this version" } " · "
            a href=(audit::of_definition(&title)) { "Orders" }
        }
        (choice(&shown.name, asked, &others))
        section {
            h2 { "Diagram" }
            (picture)
        }
        section {
            h2 { "Text" }
            (long(shown.source.as_deref().unwrap_or_default()))
        }
    };
    Ok(Answer::page(title, body))
}

/// Says what was just ordered.
fn done(visit: &Visit) -> Markup {
    let words = match visit.query.one("done") {
        Some("retire") => "It is launched no more. Processes that run continue.",
        Some("deploy") => "It is deployed.",
        Some("unchanged") => "Nothing was deployed: the version has this text already.",
        Some(_) | None => "",
    };
    html! {
        @if !words.is_empty() { p.notice.good role="status" { (words) } }
    }
}

/// The version before another one.
fn before(versions: &[VersionView], version: Version) -> Option<Version> {
    let earlier = versions.iter().map(|view| view.version);
    earlier.take_while(|other| *other != version).last()
}

/// The differences of a version from another one.
fn against(name: &DefinitionName, version: Version, other: Version) -> String {
    format!("{}/differences?against={other}", of_version(name, version))
}

/// Chooses a version that another one is compared with.
pub fn choice(name: &DefinitionName, version: Version, others: &[Version]) -> Markup {
    html! {
        @if !others.is_empty() {
            form.find method="get" action={ (of_version(name, version)) "/differences" } {
                label for="against" { "Differences from version" }
                select #against name="against" {
                    @for other in others.iter().rev().take(CHOICES_MAX) { option value=(other) { (other) } }
                }
                button type="submit" { "Compare" }
            }
        }
    }
}

/// A definition that the visitor may see.
pub fn looked(visit: &Visit, version: Option<Version>) -> Result<Looked, Problem> {
    look(&visit.call, name_of(visit.named("name"))?, version)
}

pub fn of(name: &DefinitionName) -> String {
    format!("{}/{}", Section::Definitions.path(), encoded(name.as_str()))
}

pub fn of_version(name: &DefinitionName, version: Version) -> String {
    format!("{}/{version}", of(name))
}

/// The processes of a definition or a version.
pub fn processes(definition: &str) -> String {
    path(Section::Processes.path(), [("definition", definition)])
}

fn newest(newest: Option<Version>) -> Markup {
    match newest {
        Some(version) => html! { (version) },
        None => html! { span.soft { "none" } },
    }
}

fn status(view: &VersionView, newest: Option<Version>) -> Markup {
    match view.retired_at {
        Some(_) => html! { span.state.failed { "retired" } },
        None if newest == Some(view.version) => {
            html! { span.state.completed { "launched by the name" } }
        }
        None => html! { span.state { "deployed" } },
    }
}

pub fn by(by: &ByView) -> Markup {
    match by {
        ByView::Operator => html! { "an operator" },
        ByView::Anonymous => html! { "a message without a user" },
        ByView::User { user } => said(user),
    }
}
