//! Reads the parts of a step: which task, which answer, which fields.

use super::case::{Expected, Reply, TaskRef};
use bureaucrat_model::{ActivityPath, Fields};

pub(super) fn reply(word: &str, rest: &str) -> Result<Reply, String> {
    Ok(match word {
        "answer" => Reply::Set(fields(rest)?),
        "update" => Reply::Update(fields(rest)?),
        "replace" => Reply::Replace(fields(rest)?),
        "without" => Reply::Without(rest.split(' ').map(str::to_owned).collect()),
        "bare" => Reply::Bare(fields(rest)?),
        "turn" => {
            let (turn, json) = rest.split_once(' ').ok_or("no fields")?;
            Reply::Turn(turn.parse().map_err(|_| "no turn")?, fields(json)?)
        }
        "other" => Reply::Other(fields(rest)?),
        "critical" => Reply::Critical(rest.to_owned()),
        "suspend" => Reply::Suspend(rest.to_owned()),
        "broken" => Reply::Broken,
        "again" => Reply::Again,
        other => return Err(format!("`{other}` is no step")),
    })
}

pub(super) fn task_ref(text: &str) -> Result<TaskRef, String> {
    let (participant, number) = match text.split_once('#') {
        None => (text, None),
        Some((participant, number)) => {
            let number = number.parse().map_err(|_| "no number after `#`")?;
            (participant, Some(number))
        }
    };
    Ok(TaskRef {
        participant: participant.to_owned(),
        number,
    })
}

pub(super) fn path(text: &str) -> Result<ActivityPath, String> {
    let rest = text
        .strip_prefix('_')
        .ok_or_else(|| format!("`{text}` is no path; `_` is the process"))?;
    let indexes = rest.split('_').filter(|index| !index.is_empty());
    let segment = |index: &str| match index {
        "faults" => Ok(ActivityPath::FAULTS),
        "finally" => Ok(ActivityPath::FINALLY),
        "compensate" => Ok(ActivityPath::COMPENSATE),
        "events" => Ok(ActivityPath::EVENTS),
        index => index.parse(),
    };
    let read: Result<_, _> = indexes.map(segment).collect();
    Ok(ActivityPath(
        read.map_err(|_| format!("`{text}` is no path"))?,
    ))
}

pub(super) fn expected(json: &str) -> Result<Expected, String> {
    match json.strip_suffix("...}") {
        None => Ok(Expected::Exactly(fields(json)?)),
        Some(open) => {
            let closed = open.trim_end().trim_end_matches(',');
            Ok(Expected::Among(fields(&format!("{closed}}}"))?))
        }
    }
}

pub(super) fn fields(json: &str) -> Result<Fields, String> {
    Fields::parse(json).map_err(|error| format!("{error}: {json}"))
}
