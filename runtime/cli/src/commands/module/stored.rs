//! `module deploy`, `list` and `rm`: the modules stored by the running engine.

use crate::{
    Exit,
    arguments::{ModuleDeploy, ModuleList, ModuleRemove, Options},
    commands::{print_line, settings},
    control::Control,
    files,
    progress::Progress,
    screen::tell,
};
use anyhow::{anyhow, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_host::{
    modules::{ModuleAnswer, ModuleQuery},
    query::{Query, QueryAnswer},
};
use serde_json::json;

fn ask(options: &Options, query: ModuleQuery) -> anyhow::Result<ModuleAnswer> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    match control.ask(&Query::Modules(query))? {
        QueryAnswer::Modules(answer) => Ok(answer),
        QueryAnswer::Processes { .. }
        | QueryAnswer::Counted(_)
        | QueryAnswer::Letters(_)
        | QueryAnswer::Definitions(_)
        | QueryAnswer::Found { .. }
        | QueryAnswer::Process(_)
        | QueryAnswer::Unknown { .. }
        | QueryAnswer::Ordered { .. }
        | QueryAnswer::BackedUp { .. }
        | QueryAnswer::Error { .. } => Err(unfit()),
    }
}

fn unfit() -> anyhow::Error {
    anyhow!("unexpected answer from the engine")
}

pub fn deploy(options: &Options, deploy: &ModuleDeploy) -> anyhow::Result<Exit> {
    let bytes = files::read(&deploy.file)?;
    files::not_a_definition(&deploy.file, &bytes)?;
    let component = STANDARD.encode(bytes);
    let progress = Progress::start("the engine compiles the module");
    let answer = ask(options, ModuleQuery::Deploy { component })?;
    drop(progress);
    match answer {
        ModuleAnswer::Deployed(deployed) => {
            let hash = deployed.hash.to_string();
            if !deploy.json {
                print_line(&hash)?;
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
        | ModuleAnswer::Removed
        | ModuleAnswer::Unknown
        | ModuleAnswer::InUse { .. } => Err(unfit()),
    }
}

pub fn list(options: &Options, list: &ModuleList) -> anyhow::Result<Exit> {
    let ModuleAnswer::Stored { modules } = ask(options, ModuleQuery::List)? else {
        bail!(unfit());
    };
    for module in modules {
        let hash = module.hash.to_string();
        if list.json {
            let line = json!({"hash": hash, "bytes": module.bytes, "programs": module.programs});
            print_line(&line.to_string())?;
        } else {
            print_line(&format!(
                "{hash}  {:>9} bytes  {} programs",
                module.bytes, module.programs
            ))?;
        }
    }
    Ok(Exit::Done)
}

pub fn remove(options: &Options, remove: &ModuleRemove) -> anyhow::Result<Exit> {
    let hash = remove.hash;
    let mut users = Vec::new();
    let (word, said) = match ask(options, ModuleQuery::Remove { hash })? {
        ModuleAnswer::Removed => ("removed", None),
        ModuleAnswer::Unknown => ("unknown", Some(format!("no module {hash} is stored"))),
        ModuleAnswer::InUse { programs } => {
            users = programs;
            (
                "in_use",
                Some(format!(
                    "the module {hash} is kept, because these stored programs use it:"
                )),
            )
        }
        ModuleAnswer::Deployed(_) | ModuleAnswer::Refused { .. } | ModuleAnswer::Stored { .. } => {
            bail!(unfit())
        }
    };
    if remove.json {
        let users = users
            .iter()
            .map(|program| json!({"hash": program.hash.to_string(), "name": program.name}));
        let line = json!({
            "hash": hash.to_string(), "outcome": word, "programs": users.collect::<Vec<_>>(),
        });
        print_line(&line.to_string())?;
    } else if let Some(said) = &said {
        tell(&format!("error: {said}"));
        for program in &users {
            tell(&format!("  {} {}", program.hash, program.name));
        }
    } else {
        print_line(&format!("{hash} removed"))?;
    }
    Ok(match said {
        None => Exit::Done,
        Some(_) => Exit::Failed,
    })
}
