//! What came for a process that waits for an answer, and did not continue it: answers that leave
//! their activity suspended, and dead letters that name the process.
//!
//! Which letters are a process's is a guess by its id in their bodies: what names no process can't
//! be found.

use crate::{control::Control, screen::clean};
use bureaucrat_host::{
    letters::{LetterAnswer, LetterQuery},
    query::{Detail, ProcessDetail, Query, QueryAnswer, WaitView, WaitsFor},
};
use bureaucrat_model::HistoryEvent;

/// The most dead letters that are named.
const LETTERS_MAX: usize = 3;

/// A sentence for each.
pub fn lines(control: &mut Control, detail: &ProcessDetail) -> anyhow::Result<Vec<String>> {
    let is_answer = |wait: &&WaitView| matches!(wait.waits_for, WaitsFor::Answer { .. });
    let asked: Vec<&WaitView> = detail.summary.waits.iter().filter(is_answer).collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = suspended(control, detail, &asked)?;
    let process = detail.summary.process;
    let query = Query::Letters(LetterQuery::Naming { process });
    let QueryAnswer::Letters(LetterAnswer::Listed { letters }) = control.ask(&query)? else {
        return Ok(lines);
    };
    lines.extend(letters.iter().take(LETTERS_MAX).map(|letter| {
        format!(
            "a message with the id of this process became the dead letter {} at {}: {}: {}",
            letter.letter, letter.at, letter.code, letter.reason
        )
    }));
    if letters.len() > LETTERS_MAX {
        let more = letters.len() - LETTERS_MAX;
        lines.push(format!("and {more} more: `bureaucrat dead list`"));
    }
    Ok(lines.iter().map(|line| clean(line)).collect())
}

/// The last answer under each of these waits that left it suspended.
fn suspended(
    control: &mut Control,
    detail: &ProcessDetail,
    asked: &[&WaitView],
) -> anyhow::Result<Vec<String>> {
    let process = detail.summary.process;
    let history = Detail::History;
    let QueryAnswer::Process(whole) = control.ask(&Query::Show { process, history })? else {
        return Ok(Vec::new());
    };
    let entries = whole.history.unwrap_or_default();
    let last = |wait: &&WaitView| {
        entries.iter().rev().find_map(|entry| {
            let HistoryEvent::Suspended { turn, reason, .. } = &entry.event else {
                return None;
            };
            (*turn == wait.turn).then(|| {
                format!(
                    "an answer came at {} and did not complete activity {}: {reason}; the status \
                     must be `done`, or `critical` for a fault",
                    entry.at, wait.at.activity
                )
            })
        })
    };
    Ok(asked.iter().filter_map(last).collect())
}
