//! What came for a process that waits for an answer, and did not continue it: answers that leave
//! their activity suspended, and dead letters that name the process.
//!
//! Which letters are a process's is a guess by its id in their bodies: what names no process can't
//! be found.

use crate::{Ask, text::clean};
use bureaucrat_host::{
    letters::{LetterAnswer, LetterQuery},
    query::{Detail, NumberedEntry, ProcessDetail, Query, QueryAnswer, WaitView, WaitsFor},
};
use bureaucrat_model::{HistoryEvent, Timestamp};
use serde_json::{Value, json};

/// The most dead letters that are named in words.
const LETTERS_MAX: usize = 3;

/// Something that came and did not continue its process.
pub enum Astray {
    /// An answer whose activity still waits.
    Suspended {
        at: Timestamp,
        activity: String,
        reason: String,
    },
    /// A dead letter with the id of the process in it.
    Letter {
        letter: u64,
        at: Timestamp,
        code: String,
        reason: String,
    },
}

/// Asks the engine what went astray.
///
/// # Errors
/// If there is no answer.
pub fn found<A: Ask>(engine: &mut A, detail: &ProcessDetail) -> Result<Vec<Astray>, A::Error> {
    let is_answer = |wait: &&WaitView| matches!(wait.waits_for, WaitsFor::Answer { .. });
    let asked: Vec<&WaitView> = detail.summary.waits.iter().filter(is_answer).collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = suspended(engine, detail, &asked)?;
    let process = detail.summary.process;
    let query = Query::Letters(LetterQuery::Naming { process });
    let QueryAnswer::Letters(LetterAnswer::Listed { letters }) = engine.ask(&query)? else {
        return Ok(found);
    };
    found.extend(letters.into_iter().map(|letter| Astray::Letter {
        letter: letter.letter,
        at: letter.at,
        code: letter.code,
        reason: letter.reason,
    }));
    Ok(found)
}

/// A sentence for each, as far as there are not too many letters.
pub fn lines(astray: &[Astray]) -> Vec<String> {
    let all: Vec<&Astray> = astray.iter().collect();
    sentences(&all, |at| at.to_string())
}

/// The same with times as they are told elsewhere.
pub fn sentences(astray: &[&Astray], time: impl Fn(Timestamp) -> String) -> Vec<String> {
    let mut letters = 0;
    let mut lines = Vec::new();
    for one in astray {
        match one {
            Astray::Suspended {
                at,
                activity,
                reason,
            } => lines.push(format!(
                "an answer came at {} and did not complete activity {activity}: {reason}; the \
                 status must be `done`, or `critical` for a fault",
                time(*at)
            )),
            Astray::Letter {
                letter,
                at,
                code,
                reason,
            } => {
                letters += 1;
                if letters <= LETTERS_MAX {
                    lines.push(format!(
                        "a message with the id of this process became the dead letter {letter} at \
                         {}: {code}: {reason}",
                        time(*at)
                    ));
                }
            }
        }
    }
    if letters > LETTERS_MAX {
        let more = letters - LETTERS_MAX;
        lines.push(format!("and {more} more: `bureaucrat dead list`"));
    }
    lines.iter().map(|line| clean(line)).collect()
}

pub fn json(astray: &[Astray]) -> Value {
    let one = |one: &Astray| match one {
        Astray::Suspended {
            at,
            activity,
            reason,
        } => json!({"kind": "answer", "at": at.0, "activity": activity, "reason": reason}),
        Astray::Letter {
            letter,
            at,
            code,
            reason,
        } => json!({
            "kind": "dead_letter",
            "at": at.0,
            "letter": letter,
            "code": code,
            "reason": reason,
        }),
    };
    astray.iter().map(one).collect()
}

/// The last answer under each of these waits that left it suspended.
fn suspended<A: Ask>(
    engine: &mut A,
    detail: &ProcessDetail,
    asked: &[&WaitView],
) -> Result<Vec<Astray>, A::Error> {
    let process = detail.summary.process;
    let entries = match &detail.history {
        Some(entries) => entries.clone(),
        None => {
            let history = Detail::History;
            let answer = engine.ask(&Query::Show { process, history })?;
            let QueryAnswer::Process(whole) = answer else {
                return Ok(Vec::new());
            };
            whole.history.unwrap_or_default()
        }
    };
    let last = |wait: &&WaitView| {
        entries
            .iter()
            .rev()
            .find_map(|NumberedEntry { entry, .. }| {
                let HistoryEvent::Suspended { turn, reason, .. } = &entry.event else {
                    return None;
                };
                (*turn == wait.turn).then(|| Astray::Suspended {
                    at: entry.at,
                    activity: wait.at.activity.clone(),
                    reason: reason.clone(),
                })
            })
    };
    Ok(asked.iter().filter_map(last).collect())
}
