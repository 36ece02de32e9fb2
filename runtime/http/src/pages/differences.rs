//! What is different between two versions of a definition: as a diagram, and line by line.

use super::{
    Answer, Visit,
    definitions::{choice, looked, of, of_version},
    diagram::{against, of_page},
    layout::Section,
};
use crate::{
    problem::Problem,
    routes::{
        definitions::number,
        diagrams::{differences, source},
    },
};
use bureaucrat_model::Version;
use bureaucrat_views::text::{clean, fit};
use maud::{Markup, html};
use similar::{Change, ChangeTag};

/// Lines around those that differ.
const CONTEXT: usize = 3;
/// The most characters of a line.
const LINE_SHOWN: usize = 2_000;
/// The most lines of a page.
const LINES_MAX: usize = 3_000;

pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let version = number(visit.number("version")?)?;
    let other = against(visit)?;
    let other = other.ok_or_else(|| Problem::parameter("`against` says which other version"))?;
    let shown = looked(visit, None)?;
    let name = &shown.name;
    let old = source(&visit.call, name, other)?;
    let new = source(&visit.call, name, version)?;
    let versions = shown.versions.iter().map(|view| view.version);
    let others: Vec<Version> = versions.filter(|known| *known != version).collect();
    let title = format!("{name}: from version {other} to version {version}");
    let picture = of_page(visit, name, (version, Some(other)))?;
    let body = html! {
        p.crumbs {
            a href=(Section::Definitions.path()) { "Definitions" } " / "
            a href=(of(name)) { (name) } " / "
            a href=(of_version(name, version)) { "Version " (version) }
        }
        h1 { (title) }
        (choice(name, version, &others))
        section {
            h2 { "Diagram" }
            (picture)
        }
        section {
            h2 { "Text" }
            (lines(&old, &new))
        }
    };
    Ok(Answer::page(title, body))
}

/// The lines that differ. What a line is, is said by a sign, too: colours are not for everybody.
fn lines(old: &str, new: &str) -> Markup {
    let diff = differences(old, new);
    let mut unified = diff.unified_diff();
    let mut left = LINES_MAX;
    let mut hunks: Vec<(String, Vec<(&str, String)>)> = Vec::new();
    for hunk in unified.context_radius(CONTEXT).iter_hunks() {
        let shown: Vec<_> = hunk.iter_changes().take(left).map(line).collect();
        left -= shown.len();
        hunks.push((hunk.header().to_string(), shown));
        if left == 0 {
            break;
        }
    }
    html! {
        @if hunks.is_empty() { p.empty { "The texts are the same." } }
        @for (place, lines) in hunks {
            div.diff tabindex="0" role="group" aria-label="Lines that differ" {
                div.at { (place) }
                @for (class, text) in lines { div class=(class) { (text) } }
            }
        }
        @if left == 0 { p.soft { "And more; the API shows all." } }
    }
}

/// A line with its sign, and what it is.
fn line(change: Change<&str>) -> (&'static str, String) {
    let (class, sign) = match change.tag() {
        ChangeTag::Delete => ("del", '-'),
        ChangeTag::Insert => ("ins", '+'),
        ChangeTag::Equal => ("both", ' '),
    };
    let text = change.value().trim_end_matches(['\n', '\r']);
    let text = fit(&clean(text), LINE_SHOWN);
    (class, format!("{sign}{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_text_and_say_what_they_are() {
        let shown = lines("a\n<b>\nc\n", "a\n<script>\nc\n").into_string();
        assert!(
            shown.contains("<div class=\"del\">-&lt;b&gt;</div>"),
            "{shown}"
        );
        assert!(
            shown.contains("<div class=\"ins\">+&lt;script&gt;</div>"),
            "{shown}"
        );
        let same = lines("a\n", "a\n").into_string();
        assert!(same.contains("the same"), "{same}");
    }

    #[test]
    fn a_page_has_so_many_lines_at_most() {
        let old: String = (0..LINES_MAX).map(|line| format!("{line}\n")).collect();
        let new: String = (0..LINES_MAX).map(|line| format!("x{line}\n")).collect();
        let shown = lines(&old, &new).into_string();
        assert_eq!(shown.matches("<div class=\"").count(), LINES_MAX + 2);
        assert!(shown.contains("And more"));
    }
}
