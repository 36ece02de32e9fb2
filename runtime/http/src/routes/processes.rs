//! Processes: lists, counts, single ones, and why they wait.

use super::search::{Search, cursor, detail, find, place, process};
use crate::{
    engine::Call,
    operation::{Access, Operation, Reach},
    problem::{Code, Problem},
    tokens::Role,
};
use bureaucrat_host::{
    incidents::IncidentAnswer,
    query::{Detail, Query, QueryAnswer},
};
use bureaucrat_views::{
    astray,
    processes::Summary,
    shown::Shown,
    verified::{Proof, Verdict, Verification},
    why::{self, Teller, Why},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

const READ: Access = Access::Needs(Role::Read, Reach::Processes);
/// Processes of a page unless the request says otherwise.
const PAGE: usize = 50;
/// The most processes of a page.
const PAGE_MAX: usize = 500;

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get(
            "/processes",
            "list_processes",
            READ,
            "Processes, newest first",
            list,
        ),
        Operation::get(
            "/processes/{process}",
            "show_process",
            READ,
            "A process: its state, what it waits for, its fields",
            show,
        ),
        Operation::get(
            "/processes/{process}/history",
            "show_history",
            READ,
            "A process with what happened to it",
            history,
        ),
        Operation::get(
            "/processes/{process}/verification",
            "verify_history",
            READ,
            "Whether the history of a process is the one that was written",
            verify,
        ),
        Operation::get(
            "/processes/{process}/why",
            "explain_process",
            READ,
            "Why a process does not continue, and what can be done",
            explain,
        ),
        Operation::get(
            "/processes/{process}/incident",
            "export_incident",
            READ,
            "All that another machine needs to replay what failed; it holds the fields of the process",
            incident,
        ),
    ]
}

#[derive(JsonSchema)]
pub struct List {
    #[schemars(flatten)]
    search: Search,
    /// Where the page begins: the `next` of an earlier one.
    after: Option<String>,
    /// At most this many.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
}

#[derive(Deserialize)]
struct Paging {
    after: Option<String>,
    limit: Option<u32>,
}

/// Serde's own way to flatten knows no numbers of any precision.
impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        let Paging { after, limit } =
            Paging::deserialize(&object).map_err(serde::de::Error::custom)?;
        let search = Search::deserialize(object).map_err(serde::de::Error::custom)?;
        Ok(Self {
            search,
            after,
            limit,
        })
    }
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
pub struct Page {
    pub processes: Vec<Summary>,
    /// Where the next page begins; null after the last.
    pub next: Option<String>,
    /// `connected` or `away`; null when the engine is too busy to say.
    #[schemars(with = "Option<String>")]
    pub broker: Option<bureaucrat_host::query::BrokerState>,
    /// The engine's time.
    pub now: u64,
}

fn list(call: &Call, list: List) -> Result<Page, Problem> {
    let limit = match list.limit {
        None => PAGE,
        Some(limit) => match usize::try_from(limit) {
            Ok(limit) if (1..=PAGE_MAX).contains(&limit) => limit,
            Ok(_) | Err(_) => {
                let what = format!("`limit` must be 1 to {PAGE_MAX}");
                return Err(Problem::parameter(what));
            }
        },
    };
    let wanted = list.search.wanted(call)?;
    let after = list.after.as_deref().map(place).transpose()?;
    let found = find(call, wanted, after, limit)?;
    Ok(Page {
        processes: found.processes.iter().map(Summary::of).collect(),
        next: found.next.as_ref().map(cursor),
        broker: found.broker,
        now: found.now.0,
    })
}

/// A process in a path.
#[derive(Deserialize, JsonSchema)]
pub struct One {
    /// Its id, or the beginning of it.
    pub process: String,
}

fn show(call: &Call, one: One) -> Result<Shown, Problem> {
    shown(call, &one, Detail::State)
}

fn history(call: &Call, one: One) -> Result<Shown, Problem> {
    shown(call, &one, Detail::History)
}

fn shown(call: &Call, one: &One, history: Detail) -> Result<Shown, Problem> {
    let detail = detail(call, process(call, &one.process)?, history)?;
    let mut engine = call;
    let astray = astray::found(&mut engine, &detail)?;
    Ok(Shown::of(&detail, &astray))
}

fn explain(call: &Call, one: One) -> Result<Why, Problem> {
    let detail = detail(call, process(call, &one.process)?, Detail::History)?;
    let mut engine = call;
    let facts = why::facts(&mut engine, &detail)?;
    let astray = astray::found(&mut engine, &detail)?;
    Ok(Teller::new(&detail, &facts, &astray).why())
}

/// A process in a path, and what a notice says of its history.
#[derive(Deserialize, JsonSchema)]
pub struct Verify {
    /// Its id, or the beginning of it.
    process: String,
    /// How many entries the notice says; with `hash`.
    entries: Option<u64>,
    /// The hash that the notice says.
    hash: Option<String>,
}

fn verify(call: &Call, asked: Verify) -> Result<Verification, Problem> {
    let proof = match (asked.entries, &asked.hash) {
        (None, None) => None,
        (Some(entries), Some(hash)) => Some(Proof {
            entries,
            hash: hash
                .parse()
                .map_err(|_| Problem::parameter("`hash` is `sha256:` and 64 digits"))?,
        }),
        (None, Some(_)) | (Some(_), None) => {
            return Err(Problem::parameter("`entries` and `hash` belong together"));
        }
    };
    let process = process(call, &asked.process)?;
    // Whether the caller may see it.
    detail(call, process, Detail::State)?;
    let entries = asked.entries;
    let QueryAnswer::Verified(verified) = call.ask(&Query::Verify { process, entries })? else {
        return Err(Problem::unfit());
    };
    let verdict = Verdict::of(&verified, proof);
    Ok(Verification::of(process, &verdict, Some(&verified)))
}

/// The entries of an incident's file.
#[derive(Serialize, JsonSchema)]
pub struct IncidentFile {
    entries: Vec<FileEntry>,
}

/// A file in it.
#[derive(Serialize, JsonSchema)]
pub struct FileEntry {
    name: String,
    /// In base64.
    content: String,
}

fn incident(call: &Call, one: One) -> Result<IncidentFile, Problem> {
    let process = process(call, &one.process)?;
    // Whether there is one, and whether the caller may see it.
    detail(call, process, Detail::State)?;
    let QueryAnswer::Incident(answer) = call.ask(&Query::Incident { process })? else {
        return Err(Problem::unfit());
    };
    match answer {
        IncidentAnswer::Exported { entries } => {
            let entries = entries.into_iter().map(|entry| FileEntry {
                name: entry.name,
                content: entry.content,
            });
            Ok(IncidentFile {
                entries: entries.collect(),
            })
        }
        IncidentAnswer::NoIncident => Err(Problem::new(
            Code::Refused,
            format!("process {process} is not an incident"),
        )),
        IncidentAnswer::TooLarge { bytes } => Err(Problem::new(
            Code::Refused,
            format!("the incident of process {process} has {bytes} bytes, which is too large"),
        )),
    }
}
