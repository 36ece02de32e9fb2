//! Bulk jobs as objects, and the words that other words about them share.

use crate::{
    processes::word,
    text::{clean, quoted},
};
use bureaucrat_host::{
    bulk::{BulkCounts, BulkOutcome, BulkOutcomeView, BulkStatus, BulkView},
    commands::{Order, OrderOutcome},
    query::{Attribute, Wanted},
};
use bureaucrat_model::{Change, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// What is done to a process.
pub const fn verb(order: &Order) -> &'static str {
    match order {
        Order::Cancel { .. } => "cancel",
        Order::Retry { .. } => "retry",
        Order::Suspend { .. } => "suspend",
        Order::Resume { .. } => "resume",
        Order::Terminate { .. } => "terminate",
        Order::Migrate(_) => "migrate",
        Order::Modify(modification) => match &modification.change {
            Change::Retry => "retry",
            Change::Skip { .. } => "skip the activity of",
            Change::Set { .. } => "set fields of",
            Change::Move { .. } => "move",
        },
    }
}

/// A search as options of the command line.
pub fn search(wanted: &Wanted) -> String {
    let mut words = Vec::new();
    if !wanted.states.is_empty() {
        let states: Vec<_> = wanted.states.iter().copied().map(word).collect();
        words.push(format!("--state {}", states.join(",")));
    }
    let attributes = wanted.attributes.iter();
    words.extend(attributes.map(|attribute| match attribute {
        Attribute::Field(name, _) => format!("--where {name}=…"),
        Attribute::Definition(name) => format!("--definition {}", quoted(name)),
        Attribute::Version(name, version) => format!("--definition {name}@{version}"),
        Attribute::Key(key) => format!("--key {}", quoted(key)),
        Attribute::User(name) => format!("--user {}", quoted(name)),
        Attribute::Fault(code) => format!("--fault {}", quoted(code)),
        Attribute::Participant(name) => format!("--participant {}", quoted(name)),
        Attribute::Event(name) => format!("--event {}", quoted(name)),
    }));
    let fields = wanted.fields.iter();
    words.extend(fields.map(|field| {
        format!(
            "--where {}",
            quoted(&format!("{}={}", field.name, field.value))
        )
    }));
    let activity = wanted.activity.iter();
    words.extend(activity.map(|activity| format!("--activity {}", quoted(activity))));
    let time = |name: &str, at: Timestamp| format!("{name} {at}");
    words.extend(wanted.launched_from.map(|at| time("--launched-from", at)));
    words.extend(
        wanted
            .launched_before
            .map(|at| time("--launched-before", at)),
    );
    clean(&words.join(" "))
}

/// The state of a job in a word.
pub const fn state(status: BulkStatus) -> &'static str {
    match status {
        BulkStatus::Running => "running",
        BulkStatus::Completed(_) => "completed",
        BulkStatus::Stopped(_) => "stopped",
    }
}

/// A bulk job.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Job {
    /// Its number.
    pub job: u64,
    /// `running`, `completed` or `stopped`.
    pub state: &'static str,
    pub begun_at: u64,
    /// The operator who started it.
    pub by: String,
    pub ended_at: Option<u64>,
    /// The order; `order` in it says which.
    #[schemars(with = "Map<String, Value>")]
    pub order: Order,
    /// The search, as options of the command line.
    pub search: String,
    pub counts: Counts,
}

/// How many processes had which outcome.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Counts {
    pub done: u64,
    /// They were left alone, because they were not as the search wants when their turn came.
    pub changed: u64,
    pub refused: u64,
}

impl Counts {
    pub const fn of(counts: &BulkCounts) -> Self {
        Self {
            done: counts.done,
            changed: counts.changed,
            refused: counts.refused,
        }
    }
}

impl Job {
    pub fn of(view: &BulkView) -> Self {
        Self {
            job: view.job,
            state: state(view.status),
            begun_at: view.begun_at.0,
            by: view.by.name().to_owned(),
            ended_at: view.status.ended_at().map(|at| at.0),
            order: view.order.clone(),
            search: search(&view.wanted),
            counts: Counts::of(&view.counts),
        }
    }
}

/// What became of a process of a bulk job.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct JobOutcome {
    pub process: String,
    pub at: u64,
    /// `done`, `changed` or `refused`.
    pub outcome: &'static str,
    /// Why it did not obey, as for an order about it alone.
    #[schemars(with = "Value")]
    pub refused: Option<OrderOutcome>,
}

impl JobOutcome {
    pub fn of(view: &BulkOutcomeView) -> Self {
        let refused = match &view.outcome {
            BulkOutcome::Refused(refused) => serde_json::from_str::<OrderOutcome>(refused).ok(),
            BulkOutcome::Done | BulkOutcome::Changed => None,
        };
        Self {
            process: view.process.to_string(),
            at: view.at.0,
            outcome: match &view.outcome {
                BulkOutcome::Done => "done",
                BulkOutcome::Changed => "changed",
                BulkOutcome::Refused(_) => "refused",
            },
            refused,
        }
    }
}
