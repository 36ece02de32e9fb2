//! Bulk jobs: an order for each process that a search finds.

use super::{
    counts::{self, Many},
    orders::OrderBody,
    search::{Found, Search, cursor, find, place},
};
use crate::{
    engine::Call,
    operation::{Access, Method, Nothing, Operation, Reach},
    problem::{Code, Problem},
    tokens::Role,
};
use bureaucrat_host::{
    bulk::{BulkAnswer, BulkQuery, BulkView},
    commands::Order,
    query::{Attribute, Query, QueryAnswer, Wanted},
};
use bureaucrat_views::{
    bulk::{Job, JobOutcome},
    processes::Summary,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const READ: Access = Access::Needs(Role::Read, Reach::Processes);
const OPERATE: Access = Access::Needs(Role::Operate, Reach::Processes);
/// Processes that a dry run shows.
const SAMPLE: usize = 5;

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/bulk", "list_jobs", READ, "Bulk jobs, newest first", list),
        Operation::act(
            (Method::Post, "/bulk"),
            "start_job",
            OPERATE,
            "Gives an order to each process that a search finds, or says how many that would be",
            start,
        ),
        Operation::get("/bulk/{job}", "show_job", READ, "A bulk job", show),
        Operation::get(
            "/bulk/{job}/outcomes",
            "list_job_outcomes",
            READ,
            "What became of the processes of a bulk job",
            outcomes,
        ),
        Operation::order(
            (Method::Post, "/bulk/{job}/stop"),
            "stop_job",
            OPERATE,
            "Gives the order of a bulk job to no further process",
            stop,
        ),
    ]
}

pub fn ask(call: &Call, query: BulkQuery) -> Result<BulkAnswer, Problem> {
    let QueryAnswer::Bulk(answer) = call.ask(&Query::Bulk(query))? else {
        return Err(Problem::unfit());
    };
    Ok(answer)
}

/// Whether a job concerns only what the caller may see.
pub fn may_see(call: &Call, view: &BulkView) -> bool {
    call.caller.user().is_none_or(|user| {
        let own = Attribute::User(user.to_owned());
        view.wanted.attributes.contains(&own)
    })
}

/// Bulk jobs.
#[derive(Serialize, JsonSchema)]
pub struct Jobs {
    jobs: Vec<Job>,
}

fn list(call: &Call, _: Nothing) -> Result<Jobs, Problem> {
    let BulkAnswer::Listed { jobs } = ask(call, BulkQuery::List)? else {
        return Err(Problem::unfit());
    };
    let jobs = jobs.iter().filter(|view| may_see(call, view));
    Ok(Jobs {
        jobs: jobs.map(Job::of).collect(),
    })
}

#[derive(Deserialize, JsonSchema)]
pub struct One {
    /// Its number.
    pub job: u64,
}

pub fn view(call: &Call, job: u64) -> Result<Box<BulkView>, Problem> {
    match ask(call, BulkQuery::Show { job })? {
        BulkAnswer::Job(view) if may_see(call, &view) => Ok(view),
        BulkAnswer::Job(_)
        | BulkAnswer::Unknown
        | BulkAnswer::Listed { .. }
        | BulkAnswer::Outcomes { .. }
        | BulkAnswer::Started { .. }
        | BulkAnswer::Stopped
        | BulkAnswer::Ended
        | BulkAnswer::TooMany { .. }
        | BulkAnswer::TooLarge { .. } => {
            Err(Problem::not_found(format!("there is no bulk job {job}")))
        }
    }
}

fn show(call: &Call, one: One) -> Result<Job, Problem> {
    Ok(Job::of(&*view(call, one.job)?))
}

/// A bulk job that is to be started.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    #[serde(deserialize_with = "Search::alone")]
    #[schemars(schema_with = "Search::schema_alone")]
    search: Search,
    order: OrderBody,
    /// Only say how many processes it would be.
    #[serde(default)]
    dry_run: bool,
}

/// What was begun, or would be.
#[derive(Serialize, JsonSchema)]
pub struct Begun {
    /// The number of the job; null for a dry run.
    job: Option<u64>,
    /// Of a dry run: how many processes it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<u64>,
    /// How many of each state.
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<Vec<Many>>,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<Vec<Summary>>,
}

fn start(call: &Call, _: Nothing, start: Start) -> Result<Begun, Problem> {
    let order = start.order.read()?;
    let wanted = wanted(call, &start.search, &order)?;
    if start.dry_run {
        let dry = dry_run(call, &wanted)?;
        return Ok(Begun {
            job: None,
            would: Some(dry.count),
            states: Some(dry.states),
            sample: Some(dry.sample.processes.iter().map(Summary::of).collect()),
        });
    }
    Ok(Begun {
        job: Some(begin(call, wanted, order)?),
        would: None,
        states: None,
        sample: None,
    })
}

/// Starts a job; its number.
///
/// # Errors
/// If too many are under way, or it is too large.
pub fn begin(call: &Call, wanted: Wanted, order: Order) -> Result<u64, Problem> {
    match ask(call, BulkQuery::Start { wanted, order })? {
        BulkAnswer::Started { job } => Ok(job),
        BulkAnswer::TooMany { most } => Err(Problem::new(
            Code::Refused,
            format!("{most} bulk jobs are under way, and no more can be"),
        )),
        BulkAnswer::TooLarge { bytes, most } => Err(Problem::new(
            Code::TooLarge,
            format!("the order and its search take {bytes} bytes; at most {most} are allowed"),
        )),
        BulkAnswer::Listed { .. }
        | BulkAnswer::Job(_)
        | BulkAnswer::Outcomes { .. }
        | BulkAnswer::Stopped
        | BulkAnswer::Ended
        | BulkAnswer::Unknown => Err(Problem::unfit()),
    }
}

/// The processes that an order is about.
///
/// # Errors
/// If the search means all, or can't be read.
pub fn wanted(call: &Call, search: &Search, order: &Order) -> Result<Wanted, Problem> {
    let mut wanted = search.wanted(call)?;
    if search.is_empty() {
        return Err(Problem::body(
            "say which processes are meant; `\"state\": [\"running\"]` means all that run",
        ));
    }
    if wanted.states.is_empty() {
        wanted.states = order.meant();
    }
    Ok(wanted)
}

/// The processes that a job would be about.
pub struct DryRun {
    pub count: u64,
    /// How many of each state.
    pub states: Vec<Many>,
    /// The first of them.
    pub sample: Found,
}

/// # Errors
/// If the engine can't answer, or not in time.
pub fn dry_run(call: &Call, wanted: &Wanted) -> Result<DryRun, Problem> {
    Ok(DryRun {
        count: counts::whole(call, wanted)?,
        states: counts::states(call, wanted)?,
        sample: find(call, wanted.clone(), None, SAMPLE)?,
    })
}

#[derive(Deserialize, JsonSchema)]
pub struct Outcomes {
    /// Its number.
    job: u64,
    /// Only those that were refused.
    #[serde(default)]
    refused: bool,
    /// Where the page begins: the `next` of an earlier one.
    after: Option<String>,
}

/// A page of outcomes.
#[derive(Serialize, JsonSchema)]
pub struct OutcomePage {
    outcomes: Vec<JobOutcome>,
    /// Where the next page begins; null after the last.
    next: Option<String>,
}

fn outcomes(call: &Call, wanted: Outcomes) -> Result<OutcomePage, Problem> {
    view(call, wanted.job)?;
    let query = BulkQuery::Outcomes {
        job: wanted.job,
        refused: wanted.refused,
        after: wanted.after.as_deref().map(place).transpose()?,
    };
    let BulkAnswer::Outcomes { outcomes, next } = ask(call, query)? else {
        return Err(Problem::unfit());
    };
    Ok(OutcomePage {
        outcomes: outcomes.iter().map(JobOutcome::of).collect(),
        next: next.as_ref().map(cursor),
    })
}

pub fn stop(call: &Call, one: One) -> Result<Job, Problem> {
    view(call, one.job)?;
    match ask(call, BulkQuery::Stop { job: one.job })? {
        BulkAnswer::Stopped => show(call, one),
        BulkAnswer::Ended => Err(Problem::new(
            Code::Refused,
            format!("bulk job {} has ended already", one.job),
        )),
        BulkAnswer::Unknown => Err(Problem::not_found(format!(
            "there is no bulk job {}",
            one.job
        ))),
        BulkAnswer::Listed { .. }
        | BulkAnswer::Job(_)
        | BulkAnswer::Outcomes { .. }
        | BulkAnswer::Started { .. }
        | BulkAnswer::TooMany { .. }
        | BulkAnswer::TooLarge { .. } => Err(Problem::unfit()),
    }
}
