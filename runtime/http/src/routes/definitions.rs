//! Deployed definitions: lists, versions, texts, schedules, deploying, retiring.

use super::sending::{active, send};
use crate::{
    engine::Call,
    operation::{Access, Given, Method, Nothing, Operation, Reach, Run},
    problem::Problem,
    reply::Reply,
    server::Shared,
    tokens::Role,
};
use bureaucrat_host::{
    broker::Source,
    deployed::{
        ByView, DefinitionAnswer, DefinitionQuery, DeployedView, NameView, ScheduleView,
        VersionView,
    },
    handing_in::Receipt,
    query::{Query, QueryAnswer},
};
use bureaucrat_model::{DefinitionName, Version as Number};
use bureaucrat_views::definitions::{Deployed, Name, Schedule, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const READ: Access = Access::Needs(Role::Read, Reach::Processes);
const DEPLOY: Access = Access::Needs(Role::Deploy, Reach::Processes);
/// The most bytes of a definition; the engine's own limit is lower.
pub const DEFINITION_BYTES_MAX: usize = 16 << 20;
/// The content type of a message that deploys a definition.
const DEFINITION_TYPE: &str = "application/x-bureaucrat-definition";

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get(
            "/definitions",
            "list_definitions",
            READ,
            "Deployed definitions",
            list,
        ),
        Operation {
            is_idempotent: true,
            ..Operation::other::<Nothing, Deployed>(
                (Method::Post, "/definitions"),
                "deploy_definition",
                DEPLOY,
                "Deploys a definition as the next version of its name",
                Run::Waiting(|shared, call, given| Box::pin(deploy(shared, call, given))),
            )
            .with_raw("application/xml", DEFINITION_BYTES_MAX)
        },
        Operation::get(
            "/definitions/{name}",
            "show_definition",
            READ,
            "The versions of a definition, and when it launches itself",
            show,
        ),
        Operation::get(
            "/definitions/{name}/versions/{version}",
            "show_version",
            READ,
            "A version of a definition, with its text",
            version,
        ),
        Operation::act(
            (Method::Post, "/definitions/{name}/retire"),
            "retire_definition",
            DEPLOY,
            "Retires a version of a definition, or all of them: they are launched no more",
            retire,
        ),
        Operation::get(
            "/schedules",
            "list_schedules",
            READ,
            "Definitions that launch themselves, and when they do next",
            schedules,
        ),
    ]
}

pub fn ask(call: &Call, query: DefinitionQuery) -> Result<DefinitionAnswer, Problem> {
    let QueryAnswer::Definitions(answer) = call.ask(&Query::Definitions(query))? else {
        return Err(Problem::unfit());
    };
    match answer {
        DefinitionAnswer::Unknown { reason } => Err(Problem::not_found(reason)),
        DefinitionAnswer::Refused { reasons } => Err(Problem::rejected(reasons)),
        answer @ (DefinitionAnswer::Deployed(_)
        | DefinitionAnswer::Listed { .. }
        | DefinitionAnswer::Shown { .. }
        | DefinitionAnswer::Retired { .. }) => Ok(answer),
    }
}

/// Deployed definitions.
#[derive(Serialize, JsonSchema)]
pub struct Listed {
    definitions: Vec<Name>,
}

/// Those that are there for the caller.
pub fn visible(call: &Call) -> Result<Vec<NameView>, Problem> {
    let DefinitionAnswer::Listed { mut definitions } = ask(call, DefinitionQuery::List)? else {
        return Err(Problem::unfit());
    };
    if let Some(user) = call.caller.user() {
        definitions.retain(|view| {
            is_of(&view.owner, user) || call.engine.shares(user, view.name.as_str())
        });
    }
    Ok(definitions)
}

fn is_of(owner: &ByView, user: &str) -> bool {
    match owner {
        ByView::User { user: owner } => owner == user,
        ByView::Operator | ByView::Anonymous => false,
    }
}

fn list(call: &Call, _: Nothing) -> Result<Listed, Problem> {
    let definitions = visible(call)?;
    Ok(Listed {
        definitions: definitions.iter().map(Name::of).collect(),
    })
}

/// The name of a definition in a path.
#[derive(Deserialize, JsonSchema)]
pub struct ByName {
    name: String,
}

#[derive(Deserialize, JsonSchema)]
pub struct ByVersion {
    name: String,
    #[schemars(range(min = 1))]
    version: u64,
}

/// A definition with its versions.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    name: String,
    /// Oldest first.
    versions: Vec<Version>,
    /// The text, of a single version.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// When it launches itself, if it does.
    schedule: Option<Schedule>,
}

pub fn name_of(text: &str) -> Result<DefinitionName, Problem> {
    text.parse().map_err(|_| unknown(text))
}

pub fn number(version: u64) -> Result<Number, Problem> {
    let number = u32::try_from(version).ok().and_then(Number::new);
    number.ok_or_else(|| Problem::not_found(format!("there is no version {version}")))
}

/// A definition with its versions, as the engine tells it.
pub struct Looked {
    pub name: DefinitionName,
    /// Oldest first.
    pub versions: Vec<VersionView>,
    /// The text, of a single version.
    pub source: Option<String>,
    pub schedule: Option<ScheduleView>,
}

/// A definition that is there for the caller.
pub fn look(call: &Call, name: DefinitionName, version: Option<Number>) -> Result<Looked, Problem> {
    if call.caller.user().is_some() && visible(call)?.iter().all(|view| view.name != name) {
        return Err(unknown(name.as_str()));
    }
    let DefinitionAnswer::Shown {
        name,
        versions,
        source,
        schedule,
    } = ask(call, DefinitionQuery::Show { name, version })?
    else {
        return Err(Problem::unfit());
    };
    Ok(Looked {
        name,
        versions,
        source,
        schedule,
    })
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("no definition `{name}` is deployed here"))
}

fn looked(call: &Call, name: &str, version: Option<Number>) -> Result<Shown, Problem> {
    let found = look(call, name_of(name)?, version)?;
    Ok(Shown {
        name: found.name.to_string(),
        versions: found.versions.iter().map(Version::of).collect(),
        source: found.source,
        schedule: found.schedule.as_ref().map(Schedule::of),
    })
}

fn show(call: &Call, by: ByName) -> Result<Shown, Problem> {
    looked(call, &by.name, None)
}

fn version(call: &Call, by: ByVersion) -> Result<Shown, Problem> {
    looked(call, &by.name, Some(number(by.version)?))
}

/// A definition that launches itself.
#[derive(Serialize, JsonSchema)]
pub struct Scheduled {
    name: String,
    #[serde(flatten)]
    schedule: Schedule,
}

/// Definitions that launch themselves.
#[derive(Serialize, JsonSchema)]
pub struct Schedules {
    schedules: Vec<Scheduled>,
}

fn schedules(call: &Call, _: Nothing) -> Result<Schedules, Problem> {
    let schedules = scheduled(call)?.into_iter();
    Ok(Schedules {
        schedules: schedules
            .map(|(name, schedule)| Scheduled {
                name: name.to_string(),
                schedule: Schedule::of(&schedule),
            })
            .collect(),
    })
}

/// The definitions that launch themselves, of those that are there for the caller.
///
/// # Errors
/// If the engine can't answer.
pub fn scheduled(call: &Call) -> Result<Vec<(DefinitionName, ScheduleView)>, Problem> {
    let mut schedules = Vec::new();
    for view in visible(call)? {
        let name = view.name.clone();
        let version = None;
        let shown = ask(call, DefinitionQuery::Show { name, version });
        if let Ok(DefinitionAnswer::Shown {
            schedule: Some(schedule),
            ..
        }) = shown
        {
            schedules.push((view.name, schedule));
        }
    }
    Ok(schedules)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retire {
    /// All versions without one.
    #[schemars(range(min = 1))]
    version: Option<u64>,
}

/// What was retired.
#[derive(Serialize, JsonSchema)]
pub struct Retired {
    name: String,
    retired: Vec<u64>,
    /// The version that the name launches from now on.
    newest: Option<u64>,
}

fn retire(call: &Call, by: ByName, retire: Retire) -> Result<Retired, Problem> {
    let name = name_of(&by.name)?;
    let version = retire.version.map(number).transpose()?;
    let (name, versions, newest) = retired(call, name, version)?;
    Ok(Retired {
        name: name.to_string(),
        retired: versions
            .iter()
            .map(|version| version.number().into())
            .collect(),
        newest: newest.map(|version| version.number().into()),
    })
}

/// Retires a version, or all of them: which ones, and what the name launches from now on.
///
/// # Errors
/// If there is no such definition, or it is another user's.
pub fn retired(
    call: &Call,
    name: DefinitionName,
    version: Option<Number>,
) -> Result<(DefinitionName, Vec<Number>, Option<Number>), Problem> {
    if let Some(user) = call.caller.user() {
        let visible = visible(call)?;
        let found = visible.iter().find(|view| view.name == name);
        let found = found.ok_or_else(|| unknown(name.as_str()))?;
        if !is_of(&found.owner, user) {
            let what = format!("the name `{name}` belongs to another user's definition");
            return Err(Problem::forbidden(what));
        }
    }
    let DefinitionAnswer::Retired {
        name,
        versions,
        newest,
    } = ask(call, DefinitionQuery::Retire { name, version })?
    else {
        return Err(Problem::unfit());
    };
    Ok((name, versions, newest))
}

/// A token of a user deploys as that user, under the user's rules; any other as an operator.
async fn deploy(shared: Arc<Shared>, call: Call, mut given: Given) -> Result<Reply, Problem> {
    given.text()?;
    let body = std::mem::take(&mut given.body.bytes);
    let source = String::from_utf8(body).map_err(|_| Problem::unfit())?;
    let deployed = deployed(shared, call, (source, given)).await?;
    Ok(Reply::json(&Deployed::of(&deployed)))
}

/// The same, for the text of a definition and the request that brings it.
///
/// # Errors
/// With the reasons, if it is rejected.
pub async fn deployed(
    shared: Arc<Shared>,
    call: Call,
    (source, given): (String, Given),
) -> Result<DeployedView, Problem> {
    if call.caller.user().is_none() {
        let answer = shared.ask(&call, move |call| {
            ask(call, DefinitionQuery::Deploy { source })
        });
        let DefinitionAnswer::Deployed(view) = answer.await? else {
            return Err(Problem::unfit());
        };
        return Ok(view);
    }
    active(&call).await?;
    let mut receipts = send(
        &call,
        (Source::Launches, Some(DEFINITION_TYPE)),
        source.into_bytes(),
        given,
    );
    match receipts.next().await? {
        Receipt::Deployed(view) => Ok(view),
        Receipt::Launched { .. }
        | Receipt::Rejected { .. }
        | Receipt::Stored
        | Receipt::Event(_) => Err(Problem::unfit()),
    }
}
