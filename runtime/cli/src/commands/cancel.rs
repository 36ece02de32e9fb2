//! `cancel`: ends a process of the running engine, or of one that is reached over the broker.
//! `terminate`: ends one of the running engine at once.

use super::{
    id,
    launch::{self, PATIENCE},
    ordered, print_line, settings,
};
use crate::{
    Exit,
    arguments::{Cancel, Options, Terminate},
    failure::{Failure, Kind},
};
use anyhow::bail;
use bureaucrat_client::{CancelOutcome, LaunchError, ProcessId};
use bureaucrat_host::commands::Order;
use serde_json::json;
use std::time::Instant;

/// Cancels the process, and prints the outcome.
pub fn run(options: &Options, cancel: &Cancel) -> anyhow::Result<Exit> {
    if cancel.broker {
        return over_broker(options, cancel);
    }
    let order = Order::Cancel {
        reason: cancel.reason.clone(),
    };
    ordered::run(options, &cancel.target, order, "cancelled")
}

/// Terminates the process, and prints the outcome.
pub fn terminate(options: &Options, terminate: &Terminate) -> anyhow::Result<Exit> {
    let order = Order::Terminate {
        reason: terminate.reason.clone(),
    };
    ordered::run(options, &terminate.target, order, "terminated")
}

fn over_broker(options: &Options, cancel: &Cancel) -> anyhow::Result<Exit> {
    let Some(process) = cancel.target.process.whole() else {
        let what = "--broker needs the whole id of the process: a shortened one can be looked up \
                    only on the engine's own machine";
        return Err(Failure::new(Kind::Usage, what).into());
    };
    let settings = settings(options)?;
    let patience = cancel.timeout.unwrap_or(PATIENCE);
    let config = launch::launcher(&settings, patience);
    let outcome = launch::runtime()?.block_on(async {
        let started = Instant::now();
        let launcher = launch::connected(&config, patience).await?;
        let left = patience.saturating_sub(started.elapsed());
        let asking = launcher.cancel(process, &cancel.reason);
        let asking = launch::attentive(&launcher, asking);
        let asked = launch::within(left, "waiting for the engine", asking).await;
        match asked {
            Some(Err(LaunchError::TimedOut(_))) | None => {
                Err(launch::silent(&launcher, "request", patience))
            }
            Some(asked) => asked.map_err(|error| why(process, error)),
        }
    })?;
    if cancel.target.json {
        let word = match outcome {
            CancelOutcome::Cancelled => "done",
            CancelOutcome::Ended => "ended",
        };
        print_line(&json!({"process": id(process), "outcome": word}).to_string())?;
        return Ok(match outcome {
            CancelOutcome::Cancelled => Exit::Done,
            CancelOutcome::Ended => Exit::Failed,
        });
    }
    match outcome {
        CancelOutcome::Cancelled => print_line(&format!("process {process}: cancelled"))?,
        CancelOutcome::Ended => bail!("process {process} has already ended"),
    }
    Ok(Exit::Done)
}

fn why(process: ProcessId, error: LaunchError) -> anyhow::Error {
    match error {
        LaunchError::Closed => Failure::new(
            Kind::Broker,
            "the connection to the broker was lost before the engine answered; it may have \
             cancelled the process anyway",
        )
        .into(),
        LaunchError::Rejected { reasons }
            if reasons.iter().any(|why| why.contains("no process")) =>
        {
            let what = format!(
                "there is no process {process} that this user may cancel: it was launched by \
                 another user, or was removed after its end"
            );
            Failure::new(Kind::Unknown, what).into()
        }
        error @ (LaunchError::Address(_)
        | LaunchError::Connect(_)
        | LaunchError::Merge(_)
        | LaunchError::EventName { .. }
        | LaunchError::EventKey { .. }
        | LaunchError::EventKeep(_)
        | LaunchError::Unroutable(_)
        | LaunchError::Refused(_)
        | LaunchError::Rejected { .. }
        | LaunchError::Reply(_)
        | LaunchError::TimedOut(_)
        | LaunchError::OutOfOrder
        | LaunchError::Random(_)) => error.into(),
    }
}
