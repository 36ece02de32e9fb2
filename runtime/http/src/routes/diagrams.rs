//! Definitions as pictures: a version, what is different from another one, where a process stands and which way it took.
//! Differences also as lines of text.

use super::{
    definitions::{look, name_of, number},
    processes::One,
    search::{detail, process},
};
use crate::{
    engine::Call,
    operation::{Access, Operation, Reach},
    problem::{Code, Problem},
    reply::Reply,
    tokens::Role,
};
use bureaucrat_definition::{Limits, Outline, Tag, outline};
use bureaucrat_graph::{Look, Marks, Picture};
use bureaucrat_host::query::{Detail, ProcessDetail};
use bureaucrat_model::{
    ActivityId, ActivityPath, ConditionOutcome, DefinitionName, HistoryEvent, Version,
};
use schemars::JsonSchema;
use serde::Deserialize;
use similar::{TextDiff, TextDiffConfig};
use std::{collections::BTreeSet, time::Duration};

const READ: Access = Access::Needs(Role::Read, Reach::Processes);
/// The type of a picture.
pub const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";
/// Lines around those that differ.
const CONTEXT: usize = 3;
/// How long lines are compared; after that, more of them count as different than are.
const PATIENCE: Duration = Duration::from_millis(500);

pub fn operations() -> Vec<Operation> {
    vec![
        Operation {
            answer_also: Some(TEXT),
            ..Operation::raw(
                "/definitions/{name}/versions/{version}/diagram",
                "draw_version",
                READ,
                (
                    "A version of a definition as a picture, with what is different from another one if that is asked for",
                    SVG,
                ),
                draw_version,
            )
        },
        Operation::raw(
            "/definitions/{name}/versions/{version}/differences",
            "compare_versions",
            READ,
            (
                "The lines that differ between two versions of a definition, as a unified diff",
                TEXT,
            ),
            compare,
        ),
        Operation::raw(
            "/processes/{process}/diagram",
            "draw_process",
            READ,
            (
                "The definition of a process as a picture: where it is, and which way it took",
                SVG,
            ),
            draw_process,
        ),
    ]
}

/// How a picture is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Svg,
    Mermaid,
}

#[derive(Deserialize, JsonSchema)]
struct Drawn {
    name: String,
    #[schemars(range(min = 1))]
    version: u64,
    /// The version that it is compared with.
    #[schemars(range(min = 1))]
    against: Option<u64>,
    /// `svg`, or `mermaid` for a text that Mermaid draws.
    format: Option<Format>,
}

fn draw_version(call: &Call, drawn: Drawn) -> Result<Reply, Problem> {
    let name = name_of(&drawn.name)?;
    let against = drawn.against.map(number).transpose()?;
    let picture = picture(call, &name, (number(drawn.version)?, against))?;
    Ok(match drawn.format.unwrap_or_default() {
        Format::Svg => Reply::of(200, SVG, picture.svg(&Look::default())),
        Format::Mermaid => Reply::of(200, TEXT, picture.mermaid()),
    })
}

/// A version, and what is different from another one, if one is given.
///
/// # Errors
/// If there is no such version for the caller, or it can't be drawn.
pub fn picture(
    call: &Call,
    name: &DefinitionName,
    (version, against): (Version, Option<Version>),
) -> Result<Picture, Problem> {
    let new = read(&source(call, name, version)?)?;
    let Some(against) = against else {
        return Ok(Picture::of(&new));
    };
    let old = read(&source(call, name, against)?)?;
    Ok(Picture::compared(&new, &old))
}

#[derive(Deserialize, JsonSchema)]
struct Compared {
    name: String,
    #[schemars(range(min = 1))]
    version: u64,
    /// The version that it is compared with.
    #[schemars(range(min = 1))]
    against: u64,
}

fn compare(call: &Call, compared: Compared) -> Result<Reply, Problem> {
    let name = name_of(&compared.name)?;
    let (version, against) = (number(compared.version)?, number(compared.against)?);
    let texts = (source(call, &name, against)?, source(call, &name, version)?);
    let names = (format!("{name}@{against}"), format!("{name}@{version}"));
    let text = differences(&texts.0, &texts.1)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&names.0, &names.1)
        .to_string();
    Ok(Reply::of(200, TEXT, text))
}

/// What is different, line by line.
pub fn differences<'t>(old: &'t str, new: &'t str) -> TextDiff<'t, 't, str> {
    TextDiffConfig::default()
        .timeout(PATIENCE)
        .diff_lines(old, new)
}

fn draw_process(call: &Call, one: One) -> Result<Reply, Problem> {
    let (picture, marks) = of_process(call, &one.process)?;
    let look = Look { marks, link: None };
    Ok(Reply::of(200, SVG, picture.svg(&look)))
}

/// What a process runs, and where it is.
///
/// # Errors
/// If there is no such process for the caller, or its definition is not deployed.
pub fn of_process(call: &Call, text: &str) -> Result<(Picture, Marks), Problem> {
    let process = process(call, text)?;
    of_detail(call, &*detail(call, process, Detail::History)?)
}

/// The same, of a process with its history.
///
/// # Errors
/// If its definition is not deployed.
pub fn of_detail(call: &Call, detail: &ProcessDetail) -> Result<(Picture, Marks), Problem> {
    let (name, version) = deployed(detail).ok_or_else(|| {
        let what = "the engine keeps the texts of deployed definitions alone, and this process was launched with its text";
        Problem::not_found(what)
    })?;
    let outline = read(&source(call, &name, version)?)?;
    Ok((Picture::of(&outline), marks(detail, &outline)))
}

/// The definition that a process was launched as.
pub fn deployed(detail: &ProcessDetail) -> Option<(DefinitionName, Version)> {
    let name = detail.summary.name.parse().ok()?;
    Some((name, detail.summary.version?))
}

/// The text of a version that is there for the caller.
///
/// # Errors
/// If it is not.
pub fn source(call: &Call, name: &DefinitionName, version: Version) -> Result<String, Problem> {
    let shown = look(call, name.clone(), Some(version))?;
    shown.source.ok_or_else(Problem::unfit)
}

fn read(source: &str) -> Result<Outline, Problem> {
    outline(source.as_bytes(), &Limits::default()).map_err(|mistakes| {
        let first = mistakes.first().map(ToString::to_string);
        let first = first.unwrap_or_default();
        Problem::new(
            Code::NotFound,
            format!("this text cannot be drawn: {first}"),
        )
    })
}

/// Where a process is, and which way it took.
fn marks(detail: &ProcessDetail, outline: &Outline) -> Marks {
    let mut marks = Marks::default();
    for wait in &detail.summary.waits {
        if let Ok(ActivityId { path, .. }) = wait.at.activity.parse() {
            *marks.at.entry(path).or_default() += 1;
        }
    }
    let mut cases = BTreeSet::new();
    find_cases(outline, &mut cases);
    let entries = detail.history.iter().flatten();
    let events = entries.map(|numbered| &numbered.entry.event);
    // A case whose condition does not hold is not taken.
    let is_passed = |event: &&HistoryEvent| {
        let HistoryEvent::ConditionEvaluated {
            activity,
            outcome: ConditionOutcome::Verdict(false),
            ..
        } = event
        else {
            return true;
        };
        !cases.contains(activity)
    };
    let taken = events.filter(is_passed);
    let paths = taken.filter_map(|event| event.activity());
    marks.taken = paths.cloned().collect();
    // Entries name what happens inside an element, and not the elements around it.
    let around: Vec<ActivityPath> = marks
        .taken
        .iter()
        .flat_map(|path| (1..path.0.len()).map(|end| ActivityPath(path.0[..end].to_vec())))
        .collect();
    marks.taken.extend(around);
    marks
}

fn find_cases<'a>(outline: &'a Outline, cases: &mut BTreeSet<&'a ActivityPath>) {
    cases.extend(outline.path.as_ref().filter(|_| outline.tag == Tag::Case));
    for child in &outline.children {
        find_cases(child, cases);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_told_soon_however_many_there_are() {
        let text = |step: usize| -> String {
            let lines = (0..200_000).map(|line| format!("{}\n", line * step % 7_919));
            lines.collect()
        };
        let began = std::time::Instant::now();
        let (old, new) = (text(1), text(31));
        assert!(!differences(&old, &new).ops().is_empty());
        assert!(began.elapsed() < Duration::from_secs(30));
        let diff = differences("a\nb\nc\n", "a\nx\nc\n");
        let diff = diff.unified_diff().header("o@1", "o@2").to_string();
        assert_eq!(diff, "--- o@1\n+++ o@2\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
    }
}
