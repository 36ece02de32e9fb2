//! `module deploy`, `list`, `alias` and `rm`: the modules stored by the running engine.

use crate::{
    Exit,
    arguments::{ModuleAlias, ModuleDeploy, ModuleList, ModuleRemove, Options},
    commands::{definitions::by, print_line, settings},
    control::Control,
    files,
    progress::Progress,
    screen::{heading, tell},
};
use anyhow::{anyhow, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_host::{
    modules::{ModuleAnswer, ModuleQuery, NamedVersion, StoredModule},
    query::{Query, QueryAnswer},
};
use bureaucrat_model::{ModuleRef, Wanted};
use serde_json::json;

pub(super) fn ask(options: &Options, query: ModuleQuery) -> anyhow::Result<ModuleAnswer> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let QueryAnswer::Modules(answer) = control.ask(&Query::Modules(query))? else {
        return Err(unfit());
    };
    Ok(answer)
}

pub(super) fn unfit() -> anyhow::Error {
    anyhow!("unexpected answer from the engine")
}

pub fn deploy(options: &Options, deploy: &ModuleDeploy) -> anyhow::Result<Exit> {
    let bytes = files::read(&deploy.file)?;
    files::not_a_definition(&deploy.file, &bytes)?;
    let signature = deploy.signature.as_deref().map(files::read_text);
    let query = ModuleQuery::Deploy {
        component: STANDARD.encode(bytes),
        name: deploy.name.clone(),
        signature: signature.transpose()?,
    };
    let progress = Progress::start("the engine compiles the module");
    let answer = ask(options, query)?;
    drop(progress);
    match answer {
        ModuleAnswer::Deployed(deployed) => {
            let hash = deployed.hash.to_string();
            if !deploy.json {
                match &deployed.named {
                    Some((name, version)) => print_line(&format!("{name}@{version}  {hash}"))?,
                    None => print_line(&hash)?,
                }
                if let (Some((name, version)), Some(newest)) = (&deployed.named, deployed.newest)
                    && newest != *version
                {
                    tell(&format!(
                        "these bytes already are {name}@{version}, so no version was made; the newest is still {name}@{newest}"
                    ));
                }
                return Ok(Exit::Done);
            }
            let exports = deployed.exports.iter().map(|(name, is_verdict)| {
                json!({"name": name, "gives": if *is_verdict { "verdict" } else { "value" }})
            });
            let summary = json!({
                "hash": hash,
                "bytes": deployed.bytes,
                "class": if deployed.runtime { "runtime" } else { "small" },
                "exports": exports.collect::<Vec<_>>(),
                "name": deployed.named.as_ref().map(|(name, _)| name),
                "version": deployed.named.as_ref().map(|(_, version)| version),
                "newest": deployed.newest,
            });
            print_line(&summary.to_string())?;
            Ok(Exit::Done)
        }
        ModuleAnswer::Refused { reason } => {
            if deploy.json {
                print_line(&json!({"refused": reason}).to_string())?;
            } else {
                tell(&format!("{}: refused: {reason}", deploy.file.display()));
            }
            Ok(Exit::Failed)
        }
        ModuleAnswer::Stored { .. }
        | ModuleAnswer::Shown(_)
        | ModuleAnswer::Moved { .. }
        | ModuleAnswer::Removed
        | ModuleAnswer::Unknown { .. }
        | ModuleAnswer::InUse { .. }
        | ModuleAnswer::Named { .. }
        | ModuleAnswer::Aliased { .. } => Err(unfit()),
    }
}

pub fn list(options: &Options, list: &ModuleList) -> anyhow::Result<Exit> {
    let ModuleAnswer::Stored { modules } = ask(options, ModuleQuery::List)? else {
        bail!(unfit());
    };
    if list.json {
        for module in &modules {
            print_line(&serde_json::to_string(module)?)?;
        }
        return Ok(Exit::Done);
    }
    if modules.is_empty() {
        tell("no modules are stored; `bureaucrat module deploy FILE --name NAME` deploys one");
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = modules.iter().flat_map(rows).collect();
    let width = rows.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or(0).clamp("MODULE".len(), WIDTH_MAX);
    let style = heading();
    print_line(&format!(
        "{style}{:<width$}  {:>9}  {:<7}  {:>8}  {:<24}  {:<71}  BY{style:#}",
        "MODULE", "BYTES", "CLASS", "PROGRAMS", "STORED", "HASH"
    ))?;
    for (name, module) in rows {
        let facts = module.facts.as_ref();
        let class = facts.map_or("?", |facts| if facts.runtime { "runtime" } else { "small" });
        let stored = facts.map_or_else(|| "?".to_owned(), |facts| facts.stored_at.to_string());
        let deployer = facts.map_or_else(|| "?".to_owned(), |facts| by(&facts.by));
        let (hash, bytes, programs) = (module.hash.to_string(), module.bytes, module.programs);
        print_line(&format!(
            "{name:<width$}  {bytes:>9}  {class:<7}  {programs:>8}  {stored:<24}  {hash:<71}  {deployer}"
        ))?;
    }
    Ok(Exit::Done)
}

/// Names in a message.
const NAMES_SHOWN: usize = 5;

/// The widest first column; a longer name pushes the rest of its line.
const WIDTH_MAX: usize = 60;

/// A row for each version that a module is, or one for a module without a name.
fn rows(module: &StoredModule) -> Vec<(String, &StoredModule)> {
    if module.names.is_empty() {
        return vec![("-".to_owned(), module)];
    }
    let names = module.names.iter();
    let rows = names.map(|named| (version(named), module));
    rows.collect()
}

/// A version with its aliases, for a person.
pub(super) fn version(named: &NamedVersion) -> String {
    let aliases: Vec<_> = named.aliases.iter().map(ToString::to_string).collect();
    let aliases = match aliases.is_empty() {
        true => String::new(),
        false => format!(" ({})", aliases.join(", ")),
    };
    format!("{}@{}{aliases}", named.name, named.version)
}

/// Lets an alias stand for a version.
pub fn alias(options: &Options, alias: &ModuleAlias) -> anyhow::Result<Exit> {
    let ModuleRef {
        name,
        wanted: Wanted::Alias(word),
    } = &alias.alias
    else {
        bail!(
            "`{}` has no alias; write NAME@ALIAS, such as `risk@live`",
            alias.alias
        );
    };
    let to = match alias.version.as_str() {
        "newest" => name.to_string(),
        version if version.contains('@') => bail!(
            "`{version}` has a name, which {name}@{word} says already; write the version alone, as in `4`"
        ),
        version => format!("{name}@{version}"),
    };
    let query = ModuleQuery::Alias {
        alias: word.clone(),
        to: to.parse()?,
    };
    match ask(options, query)? {
        ModuleAnswer::Moved {
            name,
            alias: word,
            version,
            module,
            before,
        } => {
            if alias.json {
                let line = json!({
                    "name": name, "alias": word, "version": version, "hash": module.to_string(),
                    "before": before,
                });
                print_line(&line.to_string())?;
            } else {
                let before = before.map(|before| format!(" (before: {name}@{before})"));
                print_line(&format!(
                    "{name}@{word} is {name}@{version}{}",
                    before.unwrap_or_default()
                ))?;
            }
            Ok(Exit::Done)
        }
        ModuleAnswer::Unknown { reason } => bail!(reason),
        ModuleAnswer::Deployed(_)
        | ModuleAnswer::Refused { .. }
        | ModuleAnswer::Stored { .. }
        | ModuleAnswer::Shown(_)
        | ModuleAnswer::Removed
        | ModuleAnswer::InUse { .. }
        | ModuleAnswer::Named { .. }
        | ModuleAnswer::Aliased { .. } => Err(unfit()),
    }
}

/// Removes a version, an alias or a component.
pub fn remove(options: &Options, remove: &ModuleRemove) -> anyhow::Result<Exit> {
    let module = &remove.module;
    let query = ModuleQuery::Remove {
        module: module.clone(),
    };
    let mut users = Vec::new();
    let (word, said) = match ask(options, query)? {
        ModuleAnswer::Removed => ("removed", None),
        ModuleAnswer::Unknown { reason } => ("unknown", Some(reason)),
        ModuleAnswer::InUse { programs } => {
            users = programs;
            let said = format!(
                "{module} is kept, because these programs use it; one is removed once its definition is retired and its processes are forgotten (`retention`):"
            );
            ("in_use", Some(said))
        }
        ModuleAnswer::Named { names } => {
            let more = names.len().saturating_sub(NAMES_SHOWN);
            let shown = names.iter().take(NAMES_SHOWN);
            let shown: Vec<_> = shown.map(|name| format!("`{name}`")).collect();
            let names = match more {
                0 => shown.join(", "),
                more => format!("{} and {more} other names", shown.join(", ")),
            };
            let said = format!(
                "{module} is kept, because it is a version of {names}; `bureaucrat module show {module}` tells which"
            );
            ("named", Some(said))
        }
        ModuleAnswer::Aliased {
            name,
            alias,
            version,
        } => {
            let said = format!(
                "{name}@{version} is kept, because {name}@{alias} stands for it; move or remove the alias first"
            );
            ("aliased", Some(said))
        }
        ModuleAnswer::Deployed(_)
        | ModuleAnswer::Refused { .. }
        | ModuleAnswer::Stored { .. }
        | ModuleAnswer::Shown(_)
        | ModuleAnswer::Moved { .. } => bail!(unfit()),
    };
    if remove.json {
        let users = users
            .iter()
            .map(|program| json!({"hash": program.hash.to_string(), "name": program.name}));
        let line = json!({
            "module": module.to_string(), "outcome": word, "programs": users.collect::<Vec<_>>(),
        });
        print_line(&line.to_string())?;
    } else if let Some(said) = &said {
        tell(&format!("error: {said}"));
        for program in &users {
            tell(&format!("  {} {}", program.hash, program.name));
        }
    } else {
        print_line(&format!("{module} removed"))?;
    }
    Ok(match said {
        None => Exit::Done,
        Some(_) => Exit::Failed,
    })
}
