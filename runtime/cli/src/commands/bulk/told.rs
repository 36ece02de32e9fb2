//! Words for bulk jobs.

use crate::{
    Exit,
    screen::{self, now, print_line},
};
use bureaucrat_host::{
    bulk::{BulkStatus, BulkView},
    commands::Order,
};
use bureaucrat_model::{Change, Millis};
use bureaucrat_views::bulk::{Job, search, state, verb};

pub fn processes(count: u64) -> String {
    match count {
        1 => "1 process".to_owned(),
        count => format!("{count} processes"),
    }
}

/// An order with what it gives.
fn order(order: &Order) -> String {
    let reason = match order {
        Order::Cancel { reason }
        | Order::Retry { reason }
        | Order::Suspend { reason }
        | Order::Resume { reason }
        | Order::Terminate { reason } => reason,
        Order::Modify(modification) => &modification.reason,
        Order::Migrate(migration) => &migration.reason,
    };
    let what = match order {
        Order::Migrate(migration) => format!(" to {}", migration.to),
        Order::Modify(modification) => match &modification.change {
            Change::Move { to } => format!(" to {to}"),
            Change::Skip { fields } => format!(": {}", fields.to_json()),
            Change::Set { fields, removed } => {
                let removed: Vec<_> = removed
                    .iter()
                    .map(|name| format!(", without {name}"))
                    .collect();
                format!(": {}{}", fields.to_json(), removed.concat())
            }
            Change::Retry => String::new(),
        },
        Order::Cancel { .. }
        | Order::Retry { .. }
        | Order::Suspend { .. }
        | Order::Resume { .. }
        | Order::Terminate { .. } => String::new(),
    };
    let reason = match reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    screen::fit(
        &screen::clean(&format!("{}{what}{reason}", verb(order))),
        SHOWN,
    )
}

/// Characters of an order that are shown.
const SHOWN: usize = 500;

/// What became of the processes of a job.
fn counts(view: &BulkView) -> String {
    let counts = &view.counts;
    let mut words = vec![format!("{} done", counts.done)];
    if counts.changed > 0 {
        words.push(format!(
            "{} left alone, since they had changed",
            counts.changed
        ));
    }
    if counts.refused > 0 {
        words.push(format!("{} refused", counts.refused));
    }
    words.join(", ")
}

/// What a person needs who waited for the end of a job.
pub fn ended(view: &BulkView) -> String {
    let job = view.job;
    let how = match view.status {
        BulkStatus::Stopped(_) => " was stopped",
        BulkStatus::Running | BulkStatus::Completed(_) => "",
    };
    let see = match view.counts.refused {
        0 => String::new(),
        _ => format!("; `bureaucrat bulk show {job} --refused` says why"),
    };
    format!("bulk job {job}{how}: {}{see}", counts(view))
}

/// A job in some lines.
pub fn job(view: &BulkView) -> String {
    let (now, by) = (now(), screen::clean(&view.by.to_string()));
    let state = match view.status {
        BulkStatus::Running => format!(
            "under way, begun {} by {}",
            screen::ago(view.begun_at, now),
            by
        ),
        BulkStatus::Completed(at) => format!(
            "completed {}, after {}; begun by {by}",
            screen::ago(at, now),
            screen::span(at.since(view.begun_at))
        ),
        BulkStatus::Stopped(at) => format!("stopped by an operator {}", screen::ago(at, now)),
    };
    format!(
        "bulk job  {}\norder     {}\nsearch    {}\nstate     {state}\nprocesses {}",
        view.job,
        order(&view.order),
        search(&view.wanted),
        counts(view)
    )
}

/// Jobs, one per line.
pub fn jobs(jobs: &[BulkView], as_json: bool) -> anyhow::Result<Exit> {
    if as_json {
        for view in jobs {
            print_line(&serde_json::to_string(&Job::of(view))?)?;
        }
        return Ok(Exit::Done);
    }
    if jobs.is_empty() {
        screen::tell("no bulk jobs");
        return Ok(Exit::Done);
    }
    let style = screen::heading();
    print_line(&format!(
        "{style}{:<10}  {:<9}  {:>9}  ORDER, SEARCH, OUTCOMES{style:#}",
        "JOB", "STATE", "BEGUN"
    ))?;
    let now = now();
    for view in jobs {
        let ago: Millis = now.since(view.begun_at);
        print_line(&format!(
            "{:<10}  {:<9}  {:>9}  {} {}: {}",
            view.job,
            state(view.status),
            screen::span(ago),
            verb(&view.order),
            search(&view.wanted),
            counts(view)
        ))?;
    }
    Ok(Exit::Done)
}
