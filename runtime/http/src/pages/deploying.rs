//! Deploying a definition, by a file or by its text, and retiring. What is wrong with a text is shown beside it.

use super::{
    Answer, Visit,
    confirm::{Confirm, page as confirm},
    definitions::{looked, of, of_version},
    fields::path,
    layout::Section,
    once,
    parts::{definition, facts, said, ticks},
};
use crate::{
    operation::Given,
    problem::{Code, Facts, Problem},
    routes::{
        definitions::{DEFINITION_BYTES_MAX, Looked, deployed, name_of, number, retired},
        diagrams::source,
    },
    server::Shared,
};
use bureaucrat_host::deployed::Made;
use bureaucrat_model::{DefinitionName, Version};
use bureaucrat_views::text::{clean, fit};
use maud::{Markup, html};
use std::{collections::BTreeMap, sync::Arc};

/// The most bytes of a form: a definition, its other half empty, and what is around them.
pub const BYTES_MAX: usize = DEFINITION_BYTES_MAX + (64 << 10);
/// The longest text, in bytes, that a form is filled in with.
const KEPT_MAX: usize = 1 << 20;
/// Lines around one with a mistake that are shown.
const AROUND: u32 = 3;
/// The most mistakes that are shown in the text.
const MISTAKES_MAX: usize = 50;
/// The most versions that are named one by one.
const NAMED_MAX: usize = 50;
/// The most characters of a line.
const LINE_SHOWN: usize = 300;

/// The form; with `like`, it holds the newest text of a definition.
pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let text = match visit.query.one("like") {
        Some(name) => newest(visit, name)?,
        None => String::new(),
    };
    Ok(form(visit, &text, None))
}

/// The text that a name launches.
fn newest(visit: &Visit, name: &str) -> Result<String, Problem> {
    let name = name_of(name)?;
    let shown = crate::routes::definitions::look(&visit.call, name.clone(), None)?;
    let newest = shown.versions.last().ok_or_else(Problem::unfit)?;
    source(&visit.call, &name, newest.version)
}

fn form(visit: &Visit, text: &str, wrong: Option<&Problem>) -> Answer {
    let title = "Deploy a definition";
    // A part of a text must not look like the whole.
    let (kept, is_kept) = match text.len() <= KEPT_MAX {
        true => (text, true),
        false => ("", false),
    };
    let body = html! {
        p.crumbs { a href=(Section::Definitions.path()) { "Definitions" } }
        h1 { (title) }
        @if let Some(problem) = wrong { (mistakes(text, problem)) }
        p {
            "It becomes the next version of its name, and is launched by the name from then on. Processes that run continue \
             as the version that they are. A " code { "schedule" } " in it takes the place of that of an older version."
        }
        form.card method="post" action="/deploy" enctype="multipart/form-data" {
            input type="hidden" name="proof" value=(visit.proof);
            (once::number())
            label for="file" { "A file" }
            input #file type="file" name="file" accept=".xml,text/xml,application/xml";
            label for="text" { "Or its text; a file goes before it" }
            textarea #text .code name="text" rows="24" spellcheck="false" autocomplete="off" { "\n" (kept) }
            @if !is_kept { p.soft { "The text is too long to be changed here; choose its file again." } }
            div.actions {
                button.main type="submit" { "Deploy" }
                a href=(Section::Definitions.path()) { "Go back" }
            }
        }
    };
    Answer::form(wrong, title, body)
}

/// A token of a user deploys as that user, under the user's rules; any other as an operator.
pub async fn deploy(shared: Arc<Shared>, visit: Visit) -> Result<Answer, Problem> {
    if let Some(problem) = visit.form.not_text() {
        let typed = visit.form.one("text").unwrap_or_default();
        return Ok(form(&visit, &typed.replace("\r\n", "\n"), Some(&problem)));
    }
    let text = match (visit.form.one("file"), visit.form.one("text")) {
        (Some(file), _) => file.to_owned(),
        // Browsers end the lines of what is typed as HTTP does.
        (None, Some(text)) => text.replace("\r\n", "\n"),
        (None, None) => {
            let problem = Problem::body("choose a file, or give the text of a definition");
            return Ok(form(&visit, "", Some(&problem)));
        }
    };
    let given = Given {
        path: Vec::new(),
        query: String::new(),
        key: None,
        body: crate::body::Read::default(),
    };
    match deployed(shared, visit.call.clone(), (text.clone(), given)).await {
        Ok(view) => {
            let done = match view.made {
                Made::New => "deploy",
                Made::Unchanged => "unchanged",
            };
            Ok(Answer::See(path(&of(&view.name), [("done", done)])))
        }
        Err(problem) if matches!(problem.code, Code::Rejected | Code::Body) => {
            Ok(form(&visit, &text, Some(&problem)))
        }
        Err(problem) => Err(problem),
    }
}

/// What is wrong, and the lines that it is in.
fn mistakes(text: &str, problem: &Problem) -> Markup {
    let reasons = match problem.facts.as_deref() {
        Some(Facts::Reasons(reasons)) => reasons.clone(),
        Some(Facts::Outcome(_)) | None => vec![problem.detail.clone()],
    };
    let count = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    let mut placed: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut others = Vec::new();
    for reason in reasons.iter().take(MISTAKES_MAX) {
        let (line, words) = match place(reason) {
            Some((line, column, words)) => (line, format!("Line {line}, column {column}: {words}")),
            None => (0, reason.clone()),
        };
        match (1..=count).contains(&line) {
            true => placed.entry(line).or_default().push(words),
            false => others.push(words),
        }
    }
    html! {
        div.notice.bad role="alert" {
            p { "The definition was not deployed." }
            @for words in others { p { (ticks(&clean(&words))) } }
            @if !placed.is_empty() { (beside(text, &placed)) }
            @if reasons.len() > MISTAKES_MAX { p { "And " (reasons.len() - MISTAKES_MAX) " more." } }
        }
    }
}

/// `line:column: words`, as a diagnostic is written.
fn place(reason: &str) -> Option<(u32, u32, &str)> {
    let (line, rest) = reason.split_once(':')?;
    let (column, words) = rest.split_once(": ")?;
    Some((line.parse().ok()?, column.parse().ok()?, words))
}

/// The lines with mistakes and some around them, each mistake below its line.
fn beside(text: &str, placed: &BTreeMap<u32, Vec<String>>) -> Markup {
    let is_near = |line: u32| {
        let from = line.saturating_sub(AROUND);
        let mut near = placed.range(from..=line.saturating_add(AROUND));
        near.next().is_some()
    };
    let lines = (1_u32..).zip(text.lines());
    let shown = lines.filter(|(line, _)| is_near(*line));
    html! {
        ol.source {
            @for (line, text) in shown {
                @let found = placed.get(&line);
                li.wrong[found.is_some()] value=(line) {
                    code { (fit(&clean(text), LINE_SHOWN)) }
                    @for words in found.into_iter().flatten() { p { (ticks(&clean(words))) } }
                }
            }
        }
    }
}

/// Asks whether a version is meant.
pub fn ask(visit: &Visit) -> Result<Answer, Problem> {
    let version = number(visit.number("version")?)?;
    let name = looked(visit, Some(version))?.name;
    Ok(asked(visit, &name, Some(version), &[version]))
}

/// Asks whether all versions are meant.
pub fn ask_all(visit: &Visit) -> Result<Answer, Problem> {
    let shown = looked(visit, None)?;
    Ok(asked(visit, &shown.name, None, &offered(&shown)))
}

/// The versions that can be launched.
fn offered(shown: &Looked) -> Vec<Version> {
    let versions = shown.versions.iter();
    let offered = versions.filter(|view| view.retired_at.is_none());
    offered.map(|view| view.version).collect()
}

/// Versions in words: all of them up to some, else the first and the last.
fn named(versions: &[Version]) -> String {
    let several = |versions: &[Version]| {
        let numbers: Vec<String> = versions.iter().map(ToString::to_string).collect();
        numbers.join(", ")
    };
    match versions {
        [] => "none".to_owned(),
        [first, .., last] if versions.len() > NAMED_MAX => {
            format!("{} from {first} to {last}", versions.len())
        }
        versions => several(versions),
    }
}

fn asked(
    visit: &Visit,
    name: &DefinitionName,
    version: Option<Version>,
    versions: &[Version],
) -> Answer {
    let (title, will, back) = match version {
        Some(version) => (
            format!("Retire {name}@{version}?"),
            "It is launched no more, by its name or by its number; the name launches the newest version that is left. Processes \
             that run continue. This cannot be undone; the same text can be deployed again.",
            of_version(name, version),
        ),
        None => (
            format!("Retire all versions of {name}?"),
            "None of them is launched any more, also not by a schedule. Processes that run continue. This cannot be undone; \
             the same text can be deployed again.",
            of(name),
        ),
    };
    confirm(
        visit,
        &Confirm {
            title,
            about: match version {
                Some(_) => facts(&[("Definition", definition(name.as_str(), version))]),
                None => facts(&[
                    ("Definition", definition(name.as_str(), None)),
                    ("Versions that can be launched now", said(&named(versions))),
                ]),
            },
            kept: match version {
                Some(_) => html! {},
                None => html! { input type="hidden" name="versions" value=(named(versions)); },
            },
            will,
            action: format!("{back}/retire"),
            button: "Retire".to_owned(),
            is_final: true,
            back,
            ..Confirm::default()
        },
    )
}

pub fn retire(visit: &Visit) -> Result<Answer, Problem> {
    let version = number(visit.number("version")?)?;
    retire_some(visit, Some(version))
}

pub fn retire_all(visit: &Visit) -> Result<Answer, Problem> {
    // What was confirmed is what was shown, and not what has been deployed since.
    if let Some(shown) = visit.form.one("versions") {
        let now = looked(visit, None)?;
        if named(&offered(&now)) != shown {
            let what = format!(
                "the versions of `{}` have changed since this was shown; open the page again",
                now.name
            );
            return Err(Problem::new(Code::Refused, what));
        }
    }
    retire_some(visit, None)
}

fn retire_some(visit: &Visit, version: Option<Version>) -> Result<Answer, Problem> {
    let (name, _, _) = retired(&visit.call, name_of(visit.named("name"))?, version)?;
    Ok(Answer::See(path(&of(&name), [("done", "retire")])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_below_their_lines() {
        let text = "<process>\n  <actoin/>\n</process>\n";
        let problem = Problem::rejected(vec![
            "2:3: there is no element `actoin`".to_owned(),
            "9:1: past the end".to_owned(),
            "the policy does not allow it".to_owned(),
        ]);
        let shown = mistakes(text, &problem).into_string();
        for words in [
            "<code>  &lt;actoin/&gt;</code>",
            "Line 2, column 3: there is no element <code>actoin</code>",
            "Line 9, column 1: past the end",
            "the policy does not allow it",
        ] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert_eq!(shown.matches("Line 2, column 3").count(), 1, "{shown}");
    }
}
