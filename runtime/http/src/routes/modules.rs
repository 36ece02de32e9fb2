//! Stored modules, and the queues of the engine.

use crate::{
    engine::Call,
    operation::{Access, Given, Method, Nothing, Operation, Reach, Run},
    problem::{Code, Problem},
    reply::Reply,
    tokens::Role,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bureaucrat_host::{
    facts::{FactAnswer, FactQuery, QUEUES_MAX, QueueState},
    modules::{DeployedModule, ModuleAnswer, ModuleQuery, Pointed},
    query::{Query, QueryAnswer},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const READ: Access = Access::Needs(Role::Read, Reach::Engine);
const DEPLOY: Access = Access::Needs(Role::Deploy, Reach::Engine);
/// The most bytes of a module: one of the largest class.
const MODULE_BYTES_MAX: usize = 48 << 20;

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/modules", "list_modules", READ, "Stored modules", list),
        Operation::other::<Deploy, Deployed>(
            (Method::Post, "/modules"),
            "deploy_module",
            DEPLOY,
            "Stores a module, as the next version of a name if one is given",
            Run::Blocking(Arc::new(deploy)),
        )
        .with_raw("application/wasm", MODULE_BYTES_MAX),
        Operation::get(
            "/modules/{module}",
            "show_module",
            READ,
            "Everything about a module",
            show,
        ),
        Operation::act(
            (Method::Put, "/modules/{module}/aliases/{alias}"),
            "set_alias",
            DEPLOY,
            "Lets an alias stand for a version of a module's name",
            alias,
        ),
        Operation::order(
            (Method::Delete, "/modules/{module}"),
            "remove_module",
            DEPLOY,
            "Removes a version of a name, an alias, or a module that nothing uses",
            remove,
        ),
        Operation::get(
            "/queues",
            "look_at_queues",
            READ,
            "How queues are, asked of the broker",
            queues,
        ),
    ]
}

/// # Errors
/// If there is no such module, or the engine refuses what is ordered.
pub fn ask(call: &Call, query: ModuleQuery) -> Result<ModuleAnswer, Problem> {
    let QueryAnswer::Modules(answer) = call.ask(&Query::Modules(query))? else {
        return Err(Problem::unfit());
    };
    match answer {
        ModuleAnswer::Unknown { reason } => Err(Problem::not_found(reason)),
        ModuleAnswer::Refused { reason } => Err(Problem::rejected(vec![reason])),
        ModuleAnswer::InUse { programs } => {
            let names: Vec<_> = programs.iter().map(|one| one.name.as_str()).collect();
            let what = format!("programs use it: {}", names.join(", "));
            Err(Problem::new(Code::Refused, what))
        }
        ModuleAnswer::Named { names } => {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            let what = format!("it is a version of {}", names.join(", "));
            Err(Problem::new(Code::Refused, what))
        }
        ModuleAnswer::Aliased {
            name,
            alias,
            version,
        } => {
            let what = format!(
                "the alias `{name}@{alias}` stands for `{name}@{version}`; move or remove it first"
            );
            Err(Problem::new(Code::Refused, what))
        }
        answer @ (ModuleAnswer::Deployed(_)
        | ModuleAnswer::Stored { .. }
        | ModuleAnswer::Shown(_)
        | ModuleAnswer::Moved { .. }
        | ModuleAnswer::Removed) => Ok(answer),
    }
}

/// Stored modules, each as `module list --json` prints it.
#[derive(Serialize, JsonSchema)]
pub struct Modules {
    modules: Vec<ModuleObject>,
}

/// A module as an object: `hash`, `bytes`, and what else is known of it (docs/json.md).
#[derive(Serialize, JsonSchema)]
pub struct ModuleObject {
    hash: String,
    bytes: u64,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl ModuleObject {
    fn of(hash: &impl ToString, bytes: u64, whole: &impl Serialize) -> Self {
        let mut more = object(whole);
        more.remove("hash");
        more.remove("bytes");
        Self {
            hash: hash.to_string(),
            bytes,
            more,
        }
    }
}

/// The members of what is an object as JSON.
fn object(value: &impl Serialize) -> Map<String, Value> {
    let members = json!(value).as_object_mut().map(std::mem::take);
    members.unwrap_or_default()
}

fn list(call: &Call, _: Nothing) -> Result<Modules, Problem> {
    let ModuleAnswer::Stored { modules } = ask(call, ModuleQuery::List)? else {
        return Err(Problem::unfit());
    };
    let modules = modules.iter();
    Ok(Modules {
        modules: modules
            .map(|module| ModuleObject::of(&module.hash, module.bytes, module))
            .collect(),
    })
}

/// A module by its hash, or as `NAME@VERSION`.
#[derive(Deserialize, JsonSchema)]
pub struct One {
    module: String,
}

impl One {
    fn pointed(&self) -> Result<Pointed, Problem> {
        pointed(&self.module)
    }
}

/// # Errors
/// If no module can be called this.
pub fn pointed(text: &str) -> Result<Pointed, Problem> {
    text.parse()
        .map_err(|reason: String| Problem::not_found(reason))
}

fn show(call: &Call, one: One) -> Result<ModuleObject, Problem> {
    let module = one.pointed()?;
    let ModuleAnswer::Shown(shown) = ask(call, ModuleQuery::Show { module })? else {
        return Err(Problem::unfit());
    };
    Ok(ModuleObject::of(&shown.hash, shown.bytes, &shown))
}

#[derive(Deserialize, JsonSchema)]
pub struct Deploy {
    /// It becomes the next version of this name.
    name: Option<String>,
    /// As `bureaucrat module sign` prints it.
    signature: Option<String>,
}

/// A module that was stored.
#[derive(Serialize, JsonSchema)]
pub struct Deployed {
    hash: String,
    bytes: u64,
    /// `small`, or `runtime` for one with a language runtime.
    class: &'static str,
    name: Option<String>,
    version: Option<u64>,
    /// The newest version of the name; another one if the name had these bytes before.
    newest: Option<u64>,
}

impl Deployed {
    fn of(module: &DeployedModule) -> Self {
        let named = module.named.as_ref();
        Self {
            hash: module.hash.to_string(),
            bytes: module.bytes as u64,
            class: if module.runtime { "runtime" } else { "small" },
            name: named.map(|(name, _)| name.to_string()),
            version: named.map(|(_, version)| version.number().into()),
            newest: module.newest.map(|version| version.number().into()),
        }
    }
}

fn deploy(call: &Call, given: &Given) -> Result<Reply, Problem> {
    let Deploy { name, signature } = given.parameters()?;
    let name = name.map(|name| name.parse()).transpose();
    let name = name.map_err(|error| Problem::parameter(format!("`name`: {error}")))?;
    let query = ModuleQuery::Deploy {
        component: STANDARD.encode(&given.body.bytes),
        name,
        signature,
    };
    let ModuleAnswer::Deployed(deployed) = ask(call, query)? else {
        return Err(Problem::unfit());
    };
    Ok(Reply::json(&Deployed::of(&deployed)))
}

#[derive(Deserialize, JsonSchema)]
pub struct ByAlias {
    /// Its name.
    module: String,
    alias: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// The newest without one.
    #[schemars(range(min = 1))]
    version: Option<u64>,
}

/// What an alias stands for.
#[derive(Serialize, JsonSchema)]
pub struct Aliased {
    name: String,
    alias: String,
    version: u64,
    hash: String,
    /// What it stood for before.
    before: Option<u64>,
}

fn alias(call: &Call, by: ByAlias, meaning: Meaning) -> Result<Aliased, Problem> {
    set(call, (&by.module, &by.alias), meaning.version)
}

/// Lets an alias of a name stand for a version, or for the newest.
///
/// # Errors
/// If there is no such version, or nothing can be called so.
pub fn set(
    call: &Call,
    (module, alias): (&str, &str),
    version: Option<u64>,
) -> Result<Aliased, Problem> {
    let to = match version {
        Some(version) => format!("{module}@{version}"),
        None => module.to_owned(),
    };
    let to = to.parse();
    let to = to
        .map_err(|error: bureaucrat_model::ModuleRefError| Problem::not_found(error.to_string()))?;
    let named = alias.parse();
    let alias = named.map_err(|_| Problem::parameter(format!("`{alias}` can't be an alias")))?;
    let ModuleAnswer::Moved {
        name,
        alias,
        version,
        module,
        before,
    } = ask(call, ModuleQuery::Alias { alias, to })?
    else {
        return Err(Problem::unfit());
    };
    Ok(Aliased {
        name: name.to_string(),
        alias: alias.to_string(),
        version: version.number().into(),
        hash: module.to_string(),
        before: before.map(|version| version.number().into()),
    })
}

fn remove(call: &Call, one: One) -> Result<Nothing, Problem> {
    let module = one.pointed()?;
    ask(call, ModuleQuery::Remove { module })?;
    Ok(Nothing {})
}

#[derive(Deserialize, JsonSchema)]
pub struct Named {
    /// The names of queues, 64 at most.
    #[serde(default)]
    name: Vec<String>,
}

/// How queues are, and why the broker takes no messages, if that is so.
///
/// # Errors
/// If there are too many of them, or the engine can't answer.
pub fn looked_at(
    call: &Call,
    queues: Vec<String>,
) -> Result<(Vec<QueueState>, Option<String>), Problem> {
    if queues.len() > QUEUES_MAX {
        let what = format!("at most {QUEUES_MAX} queues can be asked for");
        return Err(Problem::parameter(what));
    }
    let query = Query::Facts(FactQuery::Queues { queues });
    let QueryAnswer::Facts(FactAnswer::Queues { queues, blocked }) = call.ask(&query)? else {
        return Err(Problem::unfit());
    };
    Ok((queues, blocked))
}

/// Queues as the broker sees them.
#[derive(Serialize, JsonSchema)]
pub struct Queues {
    queues: Vec<Queue>,
    /// Why the broker takes no messages at the moment, in its words.
    blocked: Option<String>,
}

/// A queue: `state` is `there` with `consumers` and `messages`, `missing`, or `refused` or `silent`
/// with `words`.
#[derive(Serialize, JsonSchema)]
pub struct Queue {
    name: String,
    #[serde(flatten)]
    state: Map<String, Value>,
}

fn queues(call: &Call, named: Named) -> Result<Queues, Problem> {
    let names = named.name;
    let (queues, blocked) = looked_at(call, names.clone())?;
    let queues = names.into_iter().zip(queues).map(|(name, state)| Queue {
        name,
        state: object(&state),
    });
    Ok(Queues {
        queues: queues.collect(),
        blocked,
    })
}
