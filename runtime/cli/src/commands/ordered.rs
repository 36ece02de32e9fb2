//! Sends orders to the running engine, and prints their outcomes.

use super::{finding, id, print_line, settings};
use crate::{
    Exit,
    arguments::{Options, Target},
    control::Control,
};
use anyhow::bail;
use bureaucrat_host::{
    commands::{Order, OrderOutcome},
    query::{Query, QueryAnswer},
};
use bureaucrat_views::orders;
use serde_json::json;

/// Gives an order; `done` describes the success.
pub fn run(options: &Options, target: &Target, order: Order, done: &str) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let process = finding::process(&mut control, &target.process)?;
    let QueryAnswer::Ordered { outcome } = control.ask(&Query::Order { process, order })? else {
        bail!("unexpected answer from the engine");
    };
    if target.json {
        print_line(&json!({"process": id(process), "outcome": outcome}).to_string())?;
        return Ok(match outcome {
            OrderOutcome::Done | OrderOutcome::Planned(_) => Exit::Done,
            OrderOutcome::Unknown
            | OrderOutcome::Ended
            | OrderOutcome::Suspended
            | OrderOutcome::NotSuspended
            | OrderOutcome::Damaged
            | OrderOutcome::Elsewhere
            | OrderOutcome::Refused(_) => Exit::Failed,
        });
    }
    match outcome {
        OrderOutcome::Done => print_line(&format!("process {process}: {done}"))?,
        OrderOutcome::Planned(parts) => {
            print_line(&format!("process {process} would obey:"))?;
            for part in parts {
                print_line(&format!("  {part}"))?;
            }
        }
        OrderOutcome::Unknown => return Err(finding::unknown(&process.into())),
        OrderOutcome::Ended
        | OrderOutcome::Suspended
        | OrderOutcome::NotSuspended
        | OrderOutcome::Damaged
        | OrderOutcome::Elsewhere
        | OrderOutcome::Refused(_) => bail!("{}", orders::words(process, &outcome)),
    }
    Ok(Exit::Done)
}
