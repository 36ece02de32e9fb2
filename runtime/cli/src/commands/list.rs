//! `list`: the processes of the running engine, newest first, a page after the other.

pub mod counting;

use super::{finding, settings};
use crate::{
    Exit,
    arguments::{List, Options},
    control::Control,
    progress::Progress,
    screen::{self, Output, print_line},
};
use anyhow::bail;
use bureaucrat_host::query::{
    BrokerState, Place, ProcessSummary, Query, QueryAnswer, State, Wanted,
};
use bureaucrat_model::Timestamp;
use bureaucrat_views::{
    processes::{SHORT_ID, Summary, what, word},
    waits,
};

/// Processes per request.
const PAGE: usize = 500;

pub fn run(options: &Options, list: &List) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let wanted = list.search.wanted();
    match &list.count_by {
        Some(by) => return counting::by(&mut control, (by, wanted), list.json),
        None if list.count => return counting::all(&mut control, wanted, list.json),
        None => {}
    }
    let mut after = match &list.after {
        Some(prefix) => {
            let process = finding::one(&mut control, prefix)?;
            Some(Place {
                launched_at: process.launched_at,
                process: process.process,
            })
        }
        None => None,
    };
    let mut left = if list.limit == 0 {
        usize::MAX
    } else {
        list.limit
    };
    let mut table = Table::new();
    let progress = Progress::start("listing processes");
    let (next, broker) = loop {
        let query = Query::List {
            wanted: wanted.clone(),
            after,
            limit: left.min(PAGE),
        };
        let QueryAnswer::Processes {
            processes,
            next,
            broker,
            now,
        } = control.ask(&query)?
        else {
            bail!("unexpected answer from the engine");
        };
        left = left.saturating_sub(processes.len());
        if list.json {
            for process in &processes {
                print_line(&serde_json::to_string(&Summary::of(process))?)?;
            }
        } else {
            table.add(&processes, now);
        }
        match next {
            Some(next) if left > 0 => after = Some(next),
            next => break (next, broker),
        }
    };
    drop(progress);
    if !list.json {
        table.print(list)?;
        if broker == Some(BrokerState::Away) {
            screen::tell(waits::BROKER_AWAY);
        }
    }
    if let Some(next) = next {
        say_how_many_more(&mut control, wanted, next)?;
    }
    Ok(Exit::Done)
}

fn say_how_many_more(control: &mut Control, wanted: Wanted, after: Place) -> anyhow::Result<()> {
    let more = match counting::portion(control, wanted, Some(after))? {
        (0, None) => return Ok(()),
        (count, None) => count.to_string(),
        (count, Some(_)) => format!("over {count}"),
    };
    screen::tell(&format!(
        "and {more} more: --limit 0 shows all, --after PROCESS the ones older than that"
    ));
    Ok(())
}

/// Rows for people, as wide as the terminal; where there is none, whole.
struct Table {
    output: Output,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    state: State,
    name: String,
    age: String,
    what: String,
}

impl Table {
    fn new() -> Self {
        Self {
            output: Output::of_this_process(),
            rows: Vec::new(),
        }
    }

    fn add(&mut self, processes: &[ProcessSummary], now: Timestamp) {
        let row = |process: &ProcessSummary| {
            let mut id = process.process.to_string();
            if let Output::Terminal { .. } = self.output {
                id.truncate(SHORT_ID);
            }
            Row {
                id,
                state: process.state,
                name: screen::fit(&screen::clean(&process.name), 24),
                age: screen::span(now.since(process.launched_at)),
                what: what(process, now),
            }
        };
        self.rows.extend(processes.iter().map(row));
    }

    fn print(&self, list: &List) -> anyhow::Result<()> {
        if self.rows.is_empty() {
            screen::tell(match list.search.having.is_empty() {
                true => "no processes",
                false => {
                    "no processes; --where only finds fields declared as \
                     `<property … searchable=\"yes\">`"
                }
            });
            return Ok(());
        }
        let width = |of: fn(&Row) -> &str, heading: &str| {
            let widths = self.rows.iter().map(|row| of(row).chars().count());
            widths.max().unwrap_or(0).max(heading.len())
        };
        let (id, name) = (
            width(|row| row.id.as_str(), "PROCESS"),
            width(|row| row.name.as_str(), "NAME"),
        );
        let age = width(|row| row.age.as_str(), "AGE");
        let style = screen::heading();
        print_line(&format!(
            "{style}{:<id$}  {:<9}  {:<name$}  {:>age$}  FAULT, OR WHAT IT WAITS FOR{style:#}",
            "PROCESS", "STATE", "NAME", "AGE"
        ))?;
        let left = self
            .output
            .columns()
            .saturating_sub(id + 9 + name + age + 8);
        for row in &self.rows {
            let style = screen::style_of(row.state);
            let line = format!(
                "{:<id$}  {style}{:<9}{style:#}  {:<name$}  {:>age$}  {}",
                row.id,
                word(row.state),
                row.name,
                row.age,
                screen::fit(&row.what, left)
            );
            print_line(line.trim_end())?;
        }
        Ok(())
    }
}
