//! A process as `show` shows it, as an object.

use crate::{
    astray::{self, Astray},
    history,
    processes::Summary,
};
use bureaucrat_host::query::{BrokerState, ParkedView, ProcessDetail, ProcessSummary};
use bureaucrat_model::{Fault, HistoryHead, JsonText, Recorded, Term};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A process in full.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Shown {
    #[serde(flatten)]
    pub summary: Summary,
    /// While it runs, the fields of its first fiber; of a completed process, its final fields; of a failed one,
    /// those of the fiber that failed.
    pub fields: Value,
    /// What becomes of it, if the engine has parked it.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub parked: Option<ParkedView>,
    /// `connected` or `away`; null when the engine is too busy to say.
    #[schemars(with = "Option<String>")]
    pub broker: Option<BrokerState>,
    /// The process that called it.
    pub caller: Option<String>,
    /// The user who launched it.
    pub user: Option<String>,
    /// The hash of its program.
    pub program: String,
    /// The engine's time when it answered.
    pub now: u64,
    /// How much of the history is written: `full`, `decisions` or `ends`.
    pub recorded: &'static str,
    /// How far the history has come.
    pub written: Written,
    /// Each searchable field with its value.
    pub searchable: Map<String, Value>,
    /// What happened to it, oldest first, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<history::EntrySchema>>")]
    pub history: Option<Vec<Value>>,
    /// Activities with an id or a title, when the history was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activities: Option<Map<String, Value>>,
    /// What came while it waits for answers, and did not continue it.
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub astray: Value,
}

/// How far a history has come.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Written {
    /// How many entries were written.
    pub entries: u64,
    /// How many of them are left out, since the history is long.
    pub left_out: u64,
    /// The hash of the newest row, which covers all before it.
    pub hash: String,
}

impl Written {
    pub fn of(head: &HistoryHead) -> Self {
        Self {
            entries: head.entries,
            left_out: head.left_out.map_or(0, |left_out| left_out.count()),
            hash: head.newest.to_string(),
        }
    }
}

impl Shown {
    pub fn of(detail: &ProcessDetail, astray: &[Astray]) -> Self {
        let process = detail.summary.process;
        let searched = detail.searched.iter().map(|field| {
            let term = field.term.as_ref().map_or(Value::Null, |term| match term {
                Term::Text(text) => json!(text),
                Term::Number(number) => serde_json::from_str(number).unwrap_or(Value::Null),
                Term::Truth(truth) => json!(truth),
            });
            (field.name.clone(), term)
        });
        let labels = detail.labels.iter().map(|found| {
            let label = json!({"id": found.id, "title": found.title, "line": found.line});
            (found.activity.clone(), label)
        });
        Self {
            summary: Summary::of(&detail.summary),
            fields: detail.fields.clone(),
            parked: detail.parked,
            broker: detail.broker,
            caller: detail.caller.map(|caller| caller.to_string()),
            user: detail.user.clone(),
            program: detail.program.clone(),
            now: detail.now.0,
            recorded: recorded(detail.recorded),
            written: Written::of(&detail.written),
            searchable: searched.collect(),
            history: detail.history.as_ref().map(|entries| {
                let expressions = &detail.expressions;
                let entries = entries.iter();
                let entries = entries.map(|entry| history::json(process, entry, expressions));
                entries.collect()
            }),
            activities: detail.history.as_ref().map(|_| labels.collect()),
            astray: astray::json(astray),
        }
    }
}

/// What the definition says about its history.
const fn recorded(recorded: Recorded) -> &'static str {
    match recorded {
        Recorded::Full => "full",
        Recorded::Decisions => "decisions",
        Recorded::Ends => "ends",
    }
}

/// The fault that the process failed with, or that it waits for an operator with.
pub fn told_fault(summary: &ProcessSummary) -> Option<&Fault> {
    let mut waits = summary.waits.iter();
    let waits = || waits.find_map(|wait| wait.waits_for.fault_for_operator());
    summary.fault.as_ref().or_else(waits)
}

/// What a module logged before the evaluation that failed.
pub fn log(summary: &ProcessSummary) -> Vec<String> {
    let data = told_fault(summary).and_then(|fault| fault.data.as_ref());
    let data = data.and_then(JsonText::to_value);
    let texts = data.as_ref().and_then(|data| data.get("log")?.as_array());
    let texts = texts.into_iter().flatten().filter_map(|text| text.as_str());
    texts.map(crate::text::clean).collect()
}
