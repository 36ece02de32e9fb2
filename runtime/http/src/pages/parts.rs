//! Parts that many pages have: tables, states, times, texts of others.

use super::fields::encoded;
use crate::problem::Problem;
use bureaucrat_host::query::{BrokerState, State};
use bureaucrat_model::{Hex, ProcessId, Timestamp, Version};
use bureaucrat_views::{
    processes::{short_id, word},
    text::{clean, clean_lines, span},
};
use maud::{Markup, html};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The most bytes of a JSON text or another long one on a page.
const SHOWN_BYTES: usize = 128 << 10;

/// A table that is a list of cards on a narrow screen. The roles keep it a table for those who listen
/// to it, whatever the stylesheet makes of it.
pub fn table(caption: &str, headings: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        table role="table" {
            caption.unseen { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    @for heading in headings { th scope="col" role="columnheader" { (heading) } }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    // A row that moves is the same row, so what has the focus in it keeps it.
                    tr id=(row_id(caption, row)) role="row" {
                        @for (cell, heading) in row.iter().zip(headings) {
                            td role="cell" data-label=(heading) { div { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// What a row is known by: what its first cell says.
fn row_id(caption: &str, row: &[Markup]) -> String {
    let first = row.first().map_or("", |cell| cell.0.as_str());
    let hash = Sha256::digest(format!("{caption}\0{first}"));
    format!("row-{}", Hex(&hash[..6]))
}

/// A text of somebody else's on one line.
pub fn said(text: &str) -> Markup {
    html! { (clean(text)) }
}

/// Words with names and codes between backticks.
pub fn ticks(words: &str) -> Markup {
    html! {
        @for (number, part) in words.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Options of the command line; a line never ends between the dashes of one.
pub fn options(text: &str) -> Markup {
    html! {
        @for (number, word) in text.split(' ').enumerate() {
            @if number > 0 { " " }
            @if word.starts_with("--") { span.whole { (word) } } @else { (word) }
        }
    }
}

/// Facts with their names.
pub fn facts(facts: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

pub fn state(state: State) -> Markup {
    let word = word(state);
    html! { span class={ "state " (word) } { (word) } }
}

pub fn broker(broker: Option<BrokerState>) -> Markup {
    match broker {
        Some(BrokerState::Connected) => html! { span.state.completed { "connected" } },
        Some(BrokerState::Away) => html! { span.state.incident { "away" } },
        None => html! { span.state { "the engine is too busy to say" } },
    }
}

/// A time as how long ago it was or how far ahead it is, with the time itself when pointed at. An open
/// page counts it by itself, and it does not count as news.
pub fn when(at: Timestamp, now: Timestamp) -> Markup {
    let text = match at <= now {
        true => format!("{} ago", span(now.since(at))),
        false => format!("in {}", span(at.since(now))),
    };
    html! { time.ago datetime=(at) title=(stamp(at)) { (text) } }
}

/// A time to the second, and how long ago it was.
pub fn exactly(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(at) { (stamp(at)) } " " span.soft { "(" (when(at, now)) ")" } }
}

/// A time to the second.
pub fn stamp(at: Timestamp) -> String {
    let text = at.to_string();
    let text = text.split('.').next().unwrap_or_default();
    text.replace('T', " ")
}

/// The address of a process.
pub fn process_path(process: ProcessId) -> String {
    format!("/processes/{process}")
}

/// A process by the beginning of its id.
pub fn process(process: ProcessId) -> Markup {
    html! { a.id href=(process_path(process)) title=(process) { (short_id(process)) } }
}

/// A definition's name, as a link where a version of it was deployed.
pub fn definition(name: &str, version: Option<Version>) -> Markup {
    let cleaned = clean(name);
    match version {
        Some(version) => html! {
            a href={ "/definitions/" (encoded(name)) "/" (version) } { (cleaned) "@" (version) }
        },
        None if name.is_empty() => html! { span.soft { "without a name" } },
        None => html! { (cleaned) },
    }
}

/// A JSON value over several lines.
pub fn json(value: &Value) -> Markup {
    long(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// A long text as it is, with a note if it is cut.
pub fn long(text: &str) -> Markup {
    let end = text.floor_char_boundary(SHOWN_BYTES);
    let (shown, cut) = text.split_at(end);
    html! {
        pre tabindex="0" { (clean_lines(shown)) }
        @if !cut.is_empty() {
            p.soft { "And " (cut.len()) " more bytes; the API and the command line show all." }
        }
    }
}

/// What went wrong, as a sentence.
pub fn problem_words(problem: &Problem) -> Markup {
    let text = clean(&problem.detail);
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    let end = match text.ends_with(['.', '!', '?']) {
        true => "",
        false => ".",
    };
    let first = first.unwrap_or_default();
    ticks(&format!("{first}{}{end}", letters.as_str()))
}

/// A link to more of a list.
pub fn next(path: &str) -> Markup {
    html! { nav.paging aria-label="Pages" { a.button href=(path) rel="next" { "Next page" } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_are_text() {
        let attacks = [
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "' onmouseover='alert(1)",
            "</pre><svg onload=alert(1)>",
            "</title><base href=//evil.example>",
        ];
        for attack in attacks {
            let row = vec![said(attack), definition(attack, Version::new(1))];
            let cells = table(attack, &[attack, attack], &[row]);
            let page = html! { (cells) (long(attack)) (json(&attack.into())) (facts(&[(attack, said(attack))])) };
            let text = page.into_string();
            for begin in ["<script", "<img", "<svg", "<base", "</title"] {
                assert!(!text.contains(begin), "{text}");
            }
            // What is in an attribute stays there.
            assert_eq!(text.matches('"').count() % 2, 0, "{text}");
        }
        assert_eq!(said("a\u{202e}b").into_string(), "a\\u202eb");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "ä".repeat(SHOWN_BYTES);
        let shown = long(&text).into_string();
        assert!(shown.contains(&format!("And {SHOWN_BYTES} more bytes")));
    }

    #[test]
    fn times_are_short() {
        let at = Timestamp(1_500);
        assert_eq!(stamp(at), "1970-01-01 00:00:01");
        let ago = when(at, Timestamp(5_500)).into_string();
        assert!(ago.contains(">4.0 s ago<"), "{ago}");
        let ahead = when(at, Timestamp(0)).into_string();
        assert!(ahead.contains(">in 1.5 s<"), "{ahead}");
    }
}
