//! `bulk …`: gives an order to each process that a search finds, and tells what became of it.

mod told;

use super::{list::counting, modifying, settings};
use crate::{
    Exit,
    arguments::{Bulk, BulkList, BulkShow, BulkWhy as Why, Given, Options, Search},
    control::Control,
    failure::{Failure, Kind},
    progress::Progress,
    screen::{self, print_line},
};
use anyhow::{Context, bail};
use bureaucrat_host::{
    bulk::{BulkAnswer, BulkOutcome, BulkQuery, BulkStatus, BulkView},
    commands::{Migration, Order},
    deployed::{DefinitionAnswer, DefinitionQuery},
    query::{Query, QueryAnswer, Wanted},
};
use bureaucrat_model::{Change, DefinitionRef, Modification, PartOf};
use bureaucrat_views::{
    bulk::{Job, JobOutcome, search, verb},
    orders,
    processes::{Summary, line},
};
use serde_json::json;
use std::time::Duration;

/// Processes that a dry run shows.
const SAMPLE: usize = 5;
/// How often the state of a job is asked for.
const LOOK: Duration = Duration::from_millis(200);

pub fn run(options: &Options, bulk: &Bulk) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let control = &mut control;
    let (search, given, order) = match bulk {
        Bulk::Retry(bulk) => {
            // Of one that runs, what waits at the activity, or the only part that waits.
            let order = match &bulk.search.activity {
                None => Order::Retry {
                    reason: bulk.why.reason.clone(),
                },
                Some(_) => modification(&bulk.search, &bulk.why, Change::Retry),
            };
            (&bulk.search, &bulk.given, order)
        }
        Bulk::Cancel(bulk) => {
            let reason = bulk.why.reason.clone();
            (&bulk.search, &bulk.given, Order::Cancel { reason })
        }
        Bulk::Suspend(bulk) => {
            let reason = bulk.why.reason.clone();
            (&bulk.search, &bulk.given, Order::Suspend { reason })
        }
        Bulk::Resume(bulk) => {
            let reason = bulk.why.reason.clone();
            (&bulk.search, &bulk.given, Order::Resume { reason })
        }
        Bulk::Terminate(bulk) => {
            let reason = bulk.why.reason.clone();
            (&bulk.search, &bulk.given, Order::Terminate { reason })
        }
        Bulk::Skip(bulk) => {
            let fields = modifying::fields(&bulk.fields)?;
            let order = modification(&bulk.search, &bulk.why, Change::Skip { fields });
            (&bulk.search, &bulk.given, order)
        }
        Bulk::Set(bulk) => {
            let change = modifying::setting(&bulk.fields, &bulk.remove)?;
            let order = modification(&bulk.search, &bulk.why, change);
            (&bulk.search, &bulk.given, order)
        }
        Bulk::Move(bulk) => {
            let to = bulk.to.clone();
            let order = modification(&bulk.search, &bulk.why, Change::Move { to });
            (&bulk.search, &bulk.given, order)
        }
        Bulk::Migrate(bulk) => {
            exists(control, &bulk.to)?;
            let order = Order::Migrate(Migration {
                to: bulk.to.clone(),
                dry_run: false,
                reason: bulk.why.reason.clone(),
            });
            (&bulk.search, &bulk.given, order)
        }
        Bulk::List(list) => return listed(control, list),
        Bulk::Show(show) => return shown(control, show),
        Bulk::Stop(stop) => return stopped(control, stop.job),
    };
    give(control, (search, given), order)
}

fn listed(control: &mut Control, list: &BulkList) -> anyhow::Result<Exit> {
    let BulkAnswer::Listed { jobs } = ask(control, BulkQuery::List)? else {
        bail!("unexpected answer from the engine");
    };
    told::jobs(&jobs, list.json)
}

fn stopped(control: &mut Control, job: u64) -> anyhow::Result<Exit> {
    let answer = ask(control, BulkQuery::Stop { job })?;
    if answer == BulkAnswer::Ended {
        bail!("bulk job {job} has ended already");
    }
    if answer != BulkAnswer::Stopped {
        return Err(unknown(job));
    }
    print_line(&format!("bulk job {job}: stopped"))?;
    Ok(Exit::Done)
}

fn modification(search: &Search, why: &Why, change: Change) -> Order {
    let part = match &search.activity {
        Some(activity) => PartOf::Activity(activity.clone()),
        None => PartOf::Only,
    };
    let reason = why.reason.clone();
    Order::Modify(Modification {
        part,
        change,
        reason,
        dry_run: false,
    })
}

fn ask(control: &mut Control, query: BulkQuery) -> anyhow::Result<BulkAnswer> {
    let QueryAnswer::Bulk(answer) = control.ask(&Query::Bulk(query))? else {
        bail!("unexpected answer from the engine");
    };
    Ok(answer)
}

fn view(control: &mut Control, job: u64) -> anyhow::Result<BulkView> {
    let answer = ask(control, BulkQuery::Show { job })?;
    let BulkAnswer::Job(view) = answer else {
        return Err(unknown(job));
    };
    Ok(*view)
}

fn unknown(job: u64) -> anyhow::Error {
    let what = format!(
        "there is no bulk job {job}; a job is removed some time after its end (--retention), and \
         `bureaucrat bulk list` shows the others"
    );
    Failure::new(Kind::Unknown, what).into()
}

/// Refuses a version that is not there before each process does.
fn exists(control: &mut Control, to: &DefinitionRef) -> anyhow::Result<()> {
    let query = DefinitionQuery::Show {
        name: to.name.clone(),
        version: to.version,
    };
    let answer = control.ask(&Query::Definitions(query))?;
    if let QueryAnswer::Definitions(DefinitionAnswer::Unknown { reason }) = answer {
        return Err(Failure::new(Kind::Unknown, reason).into());
    }
    Ok(())
}

/// The processes that an order is about.
fn wanted(search: &Search, order: &Order) -> anyhow::Result<Wanted> {
    let mut wanted = search.wanted();
    if wanted == Wanted::default() {
        let what = "say which processes are meant, for example --definition NAME, --fault CODE, \
                    --state STATE or --participant NAME; --state running means all that run";
        return Err(Failure::new(Kind::Usage, what).into());
    }
    if wanted.states.is_empty() {
        wanted.states = order.meant();
    }
    Ok(wanted)
}

fn give(
    control: &mut Control,
    (search, given): (&Search, &Given),
    order: Order,
) -> anyhow::Result<Exit> {
    let wanted = wanted(search, &order)?;
    if !given.yes {
        return dry_run(control, &wanted, (&order, given));
    }
    let answer = ask(control, BulkQuery::Start { wanted, order })?;
    if let BulkAnswer::TooMany { most } = answer {
        bail!(
            "{most} bulk jobs are under way, and no more can be; `bureaucrat bulk list` shows them"
        );
    }
    if let BulkAnswer::TooLarge { bytes, most } = answer {
        bail!("the order and its search take {bytes} bytes; at most {most} are allowed");
    }
    let BulkAnswer::Started { job } = answer else {
        bail!("unexpected answer from the engine");
    };
    if given.detach {
        print_line(&match given.json {
            true => json!({"job": job}).to_string(),
            false => format!("bulk job {job} has begun; `bureaucrat bulk show {job}` follows it"),
        })?;
        return Ok(Exit::Done);
    }
    if !given.json {
        screen::tell(&format!(
            "bulk job {job} has begun; it continues without this command, and `bureaucrat bulk stop {job}` stops it"
        ));
    }
    let view = follow(control, job).with_context(|| {
        format!(
            "the bulk job {job} continues as long as an engine runs on this storage; \
             `bureaucrat bulk show {job}` tells how far it is"
        )
    })?;
    match given.json {
        true => print_line(&serde_json::to_string(&Job::of(&view))?)?,
        false => print_line(&told::ended(&view))?,
    }
    let is_whole = matches!(view.status, BulkStatus::Completed(_)) && view.counts.refused == 0;
    Ok(match is_whole {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

fn follow(control: &mut Control, job: u64) -> anyhow::Result<BulkView> {
    let _progress = Progress::start("giving the order");
    loop {
        let view = view(control, job)?;
        if view.status != BulkStatus::Running {
            return Ok(view);
        }
        std::thread::sleep(LOOK);
    }
}

/// What would be done, and to how many.
fn dry_run(
    control: &mut Control,
    wanted: &Wanted,
    (order, given): (&Order, &Given),
) -> anyhow::Result<Exit> {
    let count = counting::whole(control, wanted)?;
    let states = counting::states(control, wanted)?;
    let query = Query::List {
        wanted: wanted.clone(),
        after: None,
        limit: SAMPLE,
    };
    let QueryAnswer::Processes { processes, now, .. } = control.ask(&query)? else {
        bail!("unexpected answer from the engine");
    };
    if given.json {
        let sample: Vec<_> = processes.iter().map(Summary::of).collect();
        let states: serde_json::Map<_, _> = states
            .into_iter()
            .map(|(state, count)| (counting::words(&state), count.into()))
            .collect();
        let told = json!({"would": count, "states": states, "sample": sample});
        print_line(&told.to_string())?;
        return Ok(Exit::Done);
    }
    if count == 0 {
        screen::tell(&format!(
            "no process fits {}, so there is nothing to {}",
            search(wanted),
            verb(order)
        ));
        return Ok(Exit::Done);
    }
    let by_state = states.iter().map(|(state, count)| {
        let state = counting::words(state);
        format!("{count} {state}")
    });
    let by_state: Vec<_> = by_state.collect();
    print_line(&format!(
        "would {} {}: {}",
        verb(order),
        told::processes(count),
        by_state.join(", ")
    ))?;
    for process in &processes {
        print_line(&format!("  {}", line(process, now)))?;
    }
    if count > processes.len() as u64 {
        print_line("  …")?;
    }
    screen::tell("this was a dry run: --yes does it");
    Ok(Exit::Done)
}

fn shown(control: &mut Control, show: &BulkShow) -> anyhow::Result<Exit> {
    let job = show.job;
    let view = view(control, job)?;
    match show.json {
        true => print_line(&serde_json::to_string(&Job::of(&view))?)?,
        false => print_line(&told::job(&view))?,
    }
    if !show.outcomes && !show.refused {
        return Ok(Exit::Done);
    }
    let mut after = None;
    loop {
        let query = BulkQuery::Outcomes {
            job,
            refused: show.refused,
            after,
        };
        let BulkAnswer::Outcomes { outcomes, next } = ask(control, query)? else {
            bail!("unexpected answer from the engine");
        };
        for outcome in &outcomes {
            print_line(&match show.json {
                true => serde_json::to_string(&JobOutcome::of(outcome))?,
                false => match &outcome.outcome {
                    BulkOutcome::Refused(refused) => match serde_json::from_str(refused) {
                        Ok(refused) => orders::words(outcome.process, &refused),
                        Err(_) => format!("process {}: refused", outcome.process),
                    },
                    BulkOutcome::Done => format!("process {}: done", outcome.process),
                    BulkOutcome::Changed => format!(
                        "process {}: left alone, since it had changed",
                        outcome.process
                    ),
                },
            })?;
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(Exit::Done),
        }
    }
}
