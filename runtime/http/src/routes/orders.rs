//! Orders about one process.

use super::{
    processes::One,
    search::{process, unknown},
};
use crate::{
    engine::Call,
    operation::{Access, Method, Operation, Reach},
    problem::{Code, Problem},
    tokens::Role,
};
use bureaucrat_host::{
    commands::{Migration, Order, OrderOutcome},
    query::{Query, QueryAnswer},
};
use bureaucrat_model::{Change, FiberId, Fields, Modification, NO_REASON, PartOf, ProcessId};
use bureaucrat_views::orders::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

const OPERATE: Access = Access::Needs(Role::Operate, Reach::Processes);

pub fn operations() -> Vec<Operation> {
    vec![Operation::act(
        (Method::Post, "/processes/{process}/orders"),
        "order",
        OPERATE,
        "Gives an order to a process: cancel, retry, suspend, resume, terminate, skip, set, move, \
         migrate",
        give,
    )]
}

/// What is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// End it with the fault `Cancelled`; its handlers run.
    Cancel,
    /// Try a parked process again, or the part that is meant.
    Retry,
    /// Keep what comes for it, and do nothing until it is resumed.
    Suspend,
    /// Continue it.
    Resume,
    /// End it at once.
    Terminate,
    /// End an activity with `fields`.
    Skip,
    /// Set `fields`, and `remove` others.
    Set,
    /// Continue at the activity `to`.
    Move,
    /// Continue as the version `to` of its definition.
    Migrate,
}

/// An order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderBody {
    pub order: Verb,
    /// Why; shown in the history of the process.
    #[serde(default = "no_reason")]
    pub reason: String,
    /// Of `retry`, `skip`, `set` and `move`: the part that waits at this activity, its id or path.
    pub activity: Option<String>,
    /// The part with this number, where several wait at one activity.
    pub part: Option<u32>,
    /// Of `skip` and `set`.
    pub fields: Option<Map<String, Value>>,
    /// Of `set`: the names of fields that are removed.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Of `move` an activity, of `migrate` NAME@VERSION.
    pub to: Option<String>,
    /// Of `skip`, `set`, `move` and `migrate`: only say which parts are meant, and where they would be.
    #[serde(default)]
    pub dry_run: bool,
}

fn no_reason() -> String {
    NO_REASON.to_owned()
}

impl OrderBody {
    /// # Errors
    /// If something is missing, or doesn't belong to the order.
    pub fn read(self) -> Result<Order, Problem> {
        let (verb, reason) = (self.order, self.reason);
        let of_part = matches!(verb, Verb::Retry | Verb::Skip | Verb::Set | Verb::Move);
        for (name, is_given, belongs) in [
            ("activity", self.activity.is_some(), of_part),
            ("part", self.part.is_some(), of_part),
            (
                "fields",
                self.fields.is_some(),
                matches!(verb, Verb::Skip | Verb::Set),
            ),
            ("remove", !self.remove.is_empty(), verb == Verb::Set),
            (
                "to",
                self.to.is_some(),
                matches!(verb, Verb::Move | Verb::Migrate),
            ),
            (
                "dry_run",
                self.dry_run,
                matches!(verb, Verb::Skip | Verb::Set | Verb::Move | Verb::Migrate),
            ),
        ] {
            if is_given && !belongs {
                return Err(Problem::body(format!(
                    "`{name}` does not belong to this order"
                )));
            }
        }
        let part = match (self.activity, self.part) {
            (Some(_), Some(_)) => {
                return Err(Problem::body("give either `activity` or `part`"));
            }
            (Some(activity), None) => PartOf::Activity(activity),
            (None, Some(number)) => PartOf::Fiber(FiberId(number)),
            (None, None) => PartOf::Only,
        };
        let to = || {
            self.to
                .clone()
                .ok_or_else(|| Problem::body("`to` is missing"))
        };
        let fields = self.fields.map(|fields| json!(fields).to_string());
        let fields = fields.map(|text| Fields::parse(&text)).transpose();
        let fields = fields.map_err(|error| Problem::body(format!("`fields`: {error}")))?;
        let fields = fields.unwrap_or_default();
        let change = match verb {
            Verb::Cancel => return Ok(Order::Cancel { reason }),
            Verb::Suspend => return Ok(Order::Suspend { reason }),
            Verb::Resume => return Ok(Order::Resume { reason }),
            Verb::Terminate => return Ok(Order::Terminate { reason }),
            Verb::Retry if part == PartOf::Only => return Ok(Order::Retry { reason }),
            Verb::Migrate => {
                let to = to()?.parse();
                let to = to.map_err(|error| Problem::body(format!("`to`: {error}")))?;
                return Ok(Order::Migrate(Migration {
                    to,
                    dry_run: self.dry_run,
                    reason,
                }));
            }
            Verb::Retry => Change::Retry,
            Verb::Skip => Change::Skip { fields },
            Verb::Move => Change::Move { to: to()? },
            Verb::Set => {
                let removed = self.remove;
                if fields.is_empty() && removed.is_empty() {
                    return Err(Problem::body("give `fields` or `remove`"));
                }
                if let Some(name) = removed.iter().find(|name| fields.get(name).is_some()) {
                    let what = format!("the field `{name}` cannot be both set and removed");
                    return Err(Problem::body(what));
                }
                Change::Set { fields, removed }
            }
        };
        Ok(Order::Modify(Modification {
            part,
            change,
            reason,
            dry_run: self.dry_run,
        }))
    }
}

/// The outcome of an order that was carried out; it is durable.
#[derive(Serialize, JsonSchema)]
pub struct Done {
    pub process: String,
    /// `done`, or of a dry run `{"planned"}`.
    pub outcome: Value,
}

fn give(call: &Call, one: One, body: OrderBody) -> Result<Done, Problem> {
    let order = body.read()?;
    let process = process(call, &one.process)?;
    let outcome = ordered(call, process, order)?;
    Ok(Done {
        process: process.to_string(),
        outcome: json!(outcome),
    })
}

/// Gives an order; it was carried out or planned.
///
/// # Errors
/// If it is refused.
pub fn ordered(call: &Call, process: ProcessId, order: Order) -> Result<OrderOutcome, Problem> {
    let QueryAnswer::Ordered { outcome } = call.ask(&Query::Order { process, order })? else {
        return Err(Problem::unfit());
    };
    match &outcome {
        OrderOutcome::Done | OrderOutcome::Planned(_) => Ok(outcome),
        OrderOutcome::Unknown => Err(unknown(&process.to_string())),
        OrderOutcome::Ended
        | OrderOutcome::Suspended
        | OrderOutcome::NotSuspended
        | OrderOutcome::Damaged
        | OrderOutcome::Elsewhere
        | OrderOutcome::Refused(_) => {
            Err(Problem::new(Code::Refused, words(process, &outcome)).with_outcome(json!(outcome)))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<Order, String> {
        let body: OrderBody = serde_json::from_str(text).map_err(|error| error.to_string())?;
        body.read().map_err(|problem| problem.detail)
    }

    #[test]
    fn an_order_has_what_belongs_to_it() {
        let order = read(r#"{"order": "skip", "part": 3, "fields": {"paid": true}}"#).unwrap();
        let Order::Modify(modification) = order else {
            panic!("{order:?}");
        };
        assert_eq!(modification.part, PartOf::Fiber(FiberId(3)));
        let fields = Fields::parse(r#"{"paid": true}"#).unwrap();
        assert_eq!(modification.change, Change::Skip { fields });
        assert!(matches!(
            read(r#"{"order": "retry"}"#),
            Ok(Order::Retry { .. })
        ));
        assert!(read(r#"{"order": "migrate", "to": "order@3", "dry_run": true}"#).is_ok());
        for text in [
            r#"{"order": "cancel", "to": "a"}"#,
            r#"{"order": "resume", "fields": {}}"#,
            r#"{"order": "set"}"#,
            r#"{"order": "set", "fields": {"a": 1}, "remove": ["a"]}"#,
            r#"{"order": "move"}"#,
            r#"{"order": "migrate", "to": "@"}"#,
            r#"{"order": "skip", "part": 1, "activity": "a"}"#,
            r#"{"order": "explode"}"#,
            r#"{"order": "cancel", "colour": "red"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
