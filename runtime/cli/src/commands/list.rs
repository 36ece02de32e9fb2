//! `list`: the processes of the running engine, a page after the other.

use super::{id, print_line, settings};
use crate::{
    Exit,
    arguments::{List, Options, StateName},
    control::Control,
    progress::Progress,
};
use anyhow::bail;
use bureaucrat_host::query::{ProcessSummary, Query, QueryAnswer, State, WaitView};
use serde_json::{Value, json};

/// How many processes are asked for at once.
const PAGE: usize = 500;

pub fn run(options: &Options, list: &List) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let mut after = list.after;
    let mut left = if list.limit == 0 {
        usize::MAX
    } else {
        list.limit
    };
    let mut rows = Vec::new();
    let progress = Progress::start("listing processes");
    let next = loop {
        let query = Query::List {
            state: list.state.map(state),
            after,
            limit: left.min(PAGE),
        };
        let QueryAnswer::Processes { processes, next } = control.ask(&query)? else {
            bail!("the engine's answer does not fit the question");
        };
        left = left.saturating_sub(processes.len());
        if list.json {
            for process in &processes {
                print_line(&summary(process).to_string())?;
            }
        } else {
            rows.extend(processes);
        }
        match next {
            Some(next) if left > 0 => after = Some(next),
            next => break next,
        }
    };
    drop(progress);
    if !list.json {
        table(&rows)?;
    }
    if let Some(next) = next {
        eprintln!("more: --after {next}");
    }
    Ok(Exit::Done)
}

fn table(rows: &[ProcessSummary]) -> anyhow::Result<()> {
    if rows.is_empty() {
        eprintln!("no processes");
        return Ok(());
    }
    let width = rows
        .iter()
        .map(|row| row.name.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(4, 24);
    print_line(&format!(
        "{:<36}  {:<9}  {:<width$}  {:<24}  WAITS FOR",
        "PROCESS", "STATE", "NAME", "LAUNCHED"
    ))?;
    for row in rows {
        let waits: Vec<&str> = row
            .waits
            .iter()
            .map(|wait| wait.waits_for.as_str())
            .take(3)
            .collect();
        let more = if row.waits.len() > 3 { ", …" } else { "" };
        let name: String = row.name.chars().take(width).collect();
        let line = format!(
            "{:<36}  {:<9}  {name:<width$}  {}  {}{more}",
            row.process.to_string(),
            word(row.state),
            row.launched_at,
            waits.join(", ")
        );
        print_line(line.trim_end())?;
    }
    Ok(())
}

/// A process in a list, as JSON.
pub fn summary(process: &ProcessSummary) -> Value {
    json!({
        "process": id(process.process),
        "name": process.name,
        "state": word(process.state),
        "launched_at": process.launched_at.to_string(),
        "ended_at": process.ended_at.map(|at| at.to_string()),
        "waits": process.waits.iter().map(wait).collect::<Vec<_>>(),
    })
}

fn wait(wait: &WaitView) -> Value {
    json!({
        "fiber": wait.fiber.0,
        "activity": wait.activity,
        "line": wait.line,
        "waits_for": wait.waits_for,
        "waited_ms": wait.waited_ms,
    })
}

/// A state in one word.
pub fn word(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Incident => "incident",
        State::Completed => "completed",
        State::Failed => "failed",
    }
}

fn state(name: StateName) -> State {
    match name {
        StateName::Running => State::Running,
        StateName::Incident => State::Incident,
        StateName::Completed => State::Completed,
        StateName::Failed => State::Failed,
    }
}
