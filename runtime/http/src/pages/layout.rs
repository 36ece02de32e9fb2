//! What all pages have: head, navigation, who is logged in.

use super::{READ_ENGINE, assets, live, parts::problem_words};
use crate::{guard::Caller, operation::Access, problem::Problem, reply::Reply, server::now};
use axum::http::HeaderMap;
use maud::{DOCTYPE, Markup, html};

/// The part of the dashboard that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Processes,
    Participants,
    Definitions,
    Schedules,
    Modules,
    Letters,
    Bulk,
    Audit,
}

impl Section {
    const ALL: [Self; 9] = [
        Self::Overview,
        Self::Processes,
        Self::Participants,
        Self::Definitions,
        Self::Schedules,
        Self::Modules,
        Self::Letters,
        Self::Bulk,
        Self::Audit,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Processes => "Processes",
            Self::Participants => "Participants",
            Self::Definitions => "Definitions",
            Self::Schedules => "Schedules",
            Self::Modules => "Modules",
            Self::Letters => "Dead letters",
            Self::Bulk => "Bulk jobs",
            Self::Audit => "Audit log",
        }
    }

    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Processes => "/processes",
            Self::Participants => "/participants",
            Self::Definitions => "/definitions",
            Self::Schedules => "/schedules",
            Self::Modules => "/modules",
            Self::Letters => "/letters",
            Self::Bulk => "/bulk",
            Self::Audit => "/audit",
        }
    }

    /// Who may see it.
    const fn access(self) -> Access {
        match self {
            Self::Overview
            | Self::Processes
            | Self::Participants
            | Self::Definitions
            | Self::Schedules
            | Self::Bulk
            | Self::Audit => super::READ,
            Self::Modules | Self::Letters => READ_ENGINE,
        }
    }

    fn is_for(self, caller: &Caller) -> bool {
        match self.access() {
            Access::Open => true,
            Access::Needs(role, reach) => caller.may(role, reach).is_ok(),
        }
    }
}

/// What is around the body of a page.
#[derive(Default)]
pub struct Frame<'a> {
    /// Nobody on pages that need no session.
    pub caller: Option<&'a Caller>,
    pub section: Option<Section>,
    /// For the form that logs out.
    pub proof: &'a str,
    /// The stream that says when the page may be another.
    pub live: Option<String>,
}

/// What htmx does on live pages: it fetches their main part and morphs it, and nothing else. It needs no
/// script in a page and no style of its own.
const HTMX: &str = r#"{"history": false, "includeIndicatorCSS": false, "noSwap": [204, 304, "4xx", "5xx"], "morphIgnore": ["data-htmx-powered", "open"], "morphSkip": "form", "extensions": "none"}"#;

/// The main part of a page, for one that is open; nothing if that shows it already.
pub fn part(title: &str, body: &Markup, headers: &HeaderMap) -> Reply {
    let tag = live::tag(&body.0);
    if live::is_known(headers, &tag) {
        return Reply::empty(304).with("etag", tag);
    }
    let text = html! { head { title { (whole(title)) } } (body) };
    Reply::html(text.into_string()).with("etag", tag)
}

fn whole(title: &str) -> String {
    format!("{title} · bureaucrat")
}

pub fn page(status: u16, title: &str, body: &Markup, frame: &Frame<'_>) -> Reply {
    let tag = frame.live.as_ref().map(|_| live::tag(&body.0));
    let text = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (whole(title)) }
                link rel="stylesheet" href=(assets::style());
                link rel="icon" type="image/svg+xml" href=(assets::icon());
                @if frame.live.is_some() {
                    meta name="htmx-config" content=(HTMX);
                    script src=(assets::htmx()) defer {}
                    script src=(assets::live()) defer {}
                }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (header(frame))
                main #main tabindex="-1" data-live=[frame.live.as_ref()] data-tag=[tag]
                    data-now=(now().0) { (body) }
                @if frame.caller.is_some() {
                    footer {
                        "All times are UTC. "
                        @if frame.live.is_some() {
                            span #loaded { "This page shows what was so when it was loaded." }
                        }
                    }
                }
            }
        }
    };
    let mut reply = Reply::html(text.into_string());
    reply.status = status;
    reply
}

fn header(frame: &Frame<'_>) -> Markup {
    html! {
        header {
            div.bar {
                a.brand href="/" { img src=(assets::icon()) alt="" width="20" height="20"; "bureaucrat" }
                @if let Some(caller) = frame.caller {
                    nav aria-label="Main" {
                        ul {
                            @for section in Section::ALL.into_iter().filter(|section| section.is_for(caller)) {
                                li {
                                    @let is_here = (frame.section == Some(section)).then_some("true");
                                    a href=(section.path()) aria-current=[is_here] { (section.title()) }
                                }
                            }
                        }
                    }
                    form.who method="post" action="/logout" {
                        input type="hidden" name="proof" value=(frame.proof);
                        @if frame.live.is_some() { span #live .live role="status" {} }
                        span title="Your token, and its role" {
                            (caller.token.name) " (" (caller.token.role.name())
                            @if let Some(user) = caller.user() { ", for " (user) }
                            ")"
                        }
                        button.quiet type="submit" { "Log out" }
                    }
                }
            }
        }
    }
}

/// A request that failed, for a person.
pub fn problem(problem: &Problem, frame: &Frame<'_>) -> Reply {
    let body = html! {
        h1 { (problem.code.title()) }
        p.lead { (problem_words(problem)) }
        p { a href="/" { "To the overview" } }
    };
    let reply = page(problem.code.status(), problem.code.title(), &body, frame);
    match problem.retry_after {
        Some(seconds) => reply.with("retry-after", seconds.to_string()),
        None => reply,
    }
}
