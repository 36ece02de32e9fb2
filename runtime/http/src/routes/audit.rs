//! The audit log: the orders that were carried out.
//!
//! A token of a single user sees those that concern that user alone: orders about processes that the user launched, bulk
//! jobs about no others, and what the user's own messages deployed.

use super::search::definition;
use crate::{
    engine::Call,
    operation::{Access, Operation, Reach},
    problem::Problem,
    tokens::Role,
};
use bureaucrat_host::{
    audit_log::{AuditPage, AuditQuery, Verb},
    query::{Attribute, Query, QueryAnswer},
};
use bureaucrat_model::Timestamp;
use bureaucrat_views::audit_log::Entry;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

const READ: Access = Access::Needs(Role::Read, Reach::Processes);
/// Entries of a page unless the request says otherwise.
const PAGE: u32 = 50;
/// The most entries of a page.
const PAGE_MAX: u32 = 500;

pub fn operations() -> Vec<Operation> {
    vec![Operation::get(
        "/audit",
        "list_audit_log",
        READ,
        "The orders that were carried out and who gave them, newest first",
        list,
    )]
}

/// Which entries are meant: those that have everything that is given.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Filter {
    /// Only orders of this operator: a user of the machine, or `token NAME`.
    pub by: Option<String>,
    /// Only this order.
    #[schemars(schema_with = "verbs")]
    pub order: Option<String>,
    /// Only orders about this process: its id, or the first 4 or more digits.
    pub process: Option<String>,
    /// Only orders about this definition or its processes: `NAME` or `NAME@VERSION`.
    pub definition: Option<String>,
    /// Only orders about this bulk job.
    pub job: Option<u64>,
    /// Only orders at this time or later.
    pub from: Option<u64>,
    /// Only orders before this time.
    pub before: Option<u64>,
    /// Where the page begins: the `next` of an earlier one.
    pub after: Option<u64>,
    /// At most this many.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
}

fn verbs(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = Verb::ALL.iter().map(|verb| verb.name()).collect();
    json_schema!({"type": "string", "enum": names})
}

/// A page of the audit log.
#[derive(Serialize, JsonSchema)]
pub struct Page {
    entries: Vec<Entry>,
    /// Where the next page begins; null after the last.
    next: Option<u64>,
    /// The engine's time.
    now: u64,
}

fn list(call: &Call, filter: Filter) -> Result<Page, Problem> {
    let page = find(call, filter)?;
    Ok(Page {
        entries: page.entries.iter().map(Entry::of).collect(),
        next: page.next,
        now: page.now.0,
    })
}

/// The entries that the caller may see.
///
/// # Errors
/// If a parameter can't be read, or the engine can't answer.
pub fn find(call: &Call, filter: Filter) -> Result<AuditPage, Problem> {
    let limit = filter.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        let what = format!("`limit` must be 1 to {PAGE_MAX}");
        return Err(Problem::parameter(what));
    }
    let verb = filter.order.as_deref().map(str::parse::<Verb>).transpose();
    let process = filter.process.as_deref().map(str::parse).transpose();
    let definition = filter.definition.as_deref().map(definition).transpose()?;
    let query = AuditQuery {
        by: filter.by,
        verb: verb.map_err(|error| Problem::parameter(format!("`order`: {error}")))?,
        process: process.map_err(|error: bureaucrat_model::IdPrefixError| {
            Problem::parameter(format!("`process`: {error}"))
        })?,
        definition: definition.and_then(Attribute::named_definition),
        job: filter.job,
        user: call.caller.user().map(str::to_owned),
        from: filter.from.map(Timestamp),
        before: filter.before.map(Timestamp),
        after: filter.after,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let QueryAnswer::Audit(page) = call.ask(&Query::Audit(query))? else {
        return Err(Problem::unfit());
    };
    Ok(page)
}
