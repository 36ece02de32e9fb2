//! `deploy` and `definitions …`: the definitions that the running engine stores by name.

use super::{print_line, settings};
use crate::{
    Exit,
    arguments::{Definitions, DefinitionsRetire, DefinitionsShow, Deploy, Options},
    control::Control,
    files,
    progress::Progress,
    screen::{self, clean},
};
use anyhow::{anyhow, bail};
use bureaucrat_host::{
    deployed::{
        ByView, DefinitionAnswer, DefinitionQuery, DeployedView, Made, NameView, ScheduleView,
        VersionView,
    },
    query::{Query, QueryAnswer},
};
use bureaucrat_model::{DefinitionName, Version};
use serde_json::{Value, json};

pub fn run(options: &Options, definitions: &Definitions) -> anyhow::Result<Exit> {
    match definitions {
        Definitions::List(list) => self::list(options, list.json),
        Definitions::Show(show) => self::show(options, show),
        Definitions::Retire(retire) => self::retire(options, retire),
    }
}

fn connect(options: &Options) -> anyhow::Result<Control> {
    Control::connect(&settings(options)?.storage)
}

fn ask(control: &mut Control, query: DefinitionQuery) -> anyhow::Result<DefinitionAnswer> {
    let QueryAnswer::Definitions(answer) = control.ask(&Query::Definitions(query))? else {
        return Err(unfit());
    };
    match answer {
        DefinitionAnswer::Unknown { reason } => bail!(reason),
        answer @ (DefinitionAnswer::Deployed(_)
        | DefinitionAnswer::Refused { .. }
        | DefinitionAnswer::Listed { .. }
        | DefinitionAnswer::Shown { .. }
        | DefinitionAnswer::Retired { .. }) => Ok(answer),
    }
}

fn unfit() -> anyhow::Error {
    anyhow!("unexpected answer from the engine")
}

/// Stores a definition in the running engine.
pub fn deploy(options: &Options, deploy: &Deploy) -> anyhow::Result<Exit> {
    let source = String::from_utf8(files::read_definition(&deploy.file)?)
        .map_err(|_| anyhow!("{} is not UTF-8", deploy.file.display()))?;
    let mut control = connect(options)?;
    let progress = Progress::start("the engine compiles the definition");
    let answer = ask(&mut control, DefinitionQuery::Deploy { source });
    drop(progress);
    let deployed = match answer? {
        DefinitionAnswer::Deployed(deployed) => deployed,
        DefinitionAnswer::Refused { reasons } => {
            if deploy.json {
                print_line(&json!({"refused": reasons}).to_string())?;
            } else {
                for reason in &reasons {
                    screen::tell(&format!("refused: {reason}"));
                }
            }
            return Ok(Exit::Failed);
        }
        DefinitionAnswer::Listed { .. }
        | DefinitionAnswer::Shown { .. }
        | DefinitionAnswer::Retired { .. }
        | DefinitionAnswer::Unknown { .. } => return Err(unfit()),
    };
    let DeployedView {
        name,
        version,
        hash,
        made,
        newest,
    } = deployed;
    if deploy.json {
        let line = json!({
            "name": name, "version": version, "hash": hash, "outcome": made, "newest": newest,
        });
        print_line(&line.to_string())?;
        return Ok(Exit::Done);
    }
    print_line(&format!("{name}@{version}"))?;
    if made == Made::Unchanged {
        let what = "already has this text, so no new version was made";
        screen::tell(&format!("{name}@{version} {what}"));
    }
    if newest != version {
        screen::tell(&format!(
            "launches of `{name}` start version {newest}; `bureaucrat definitions retire \
             {name}@{newest}` undoes that"
        ));
    }
    Ok(Exit::Done)
}

fn list(options: &Options, json: bool) -> anyhow::Result<Exit> {
    let mut control = connect(options)?;
    let DefinitionAnswer::Listed { definitions } = ask(&mut control, DefinitionQuery::List)? else {
        return Err(unfit());
    };
    if json {
        for view in &definitions {
            print_line(&serde_json::to_string(view)?)?;
        }
        return Ok(Exit::Done);
    }
    if definitions.is_empty() {
        eprintln!("no definitions are deployed; `bureaucrat deploy FILE` deploys one");
        return Ok(Exit::Done);
    }
    let names = definitions.iter().map(|view| view.name.as_str().len());
    let width = names.max().unwrap_or(0).max(4);
    let style = screen::heading();
    let (newest, versions) = ("NEWEST", "VERSIONS");
    print_line(&format!(
        "{style}{:<width$}  {newest:>7}  {versions:>8}  {:<24}  OWNER{style:#}",
        "NAME", "DEPLOYED"
    ))?;
    for NameView {
        name,
        newest,
        versions,
        retired: _,
        deployed_at,
        owner,
    } in &definitions
    {
        let newest = newest.map_or_else(|| "retired".to_owned(), |newest| newest.to_string());
        let (deployed, owner) = (deployed_at.to_string(), by(owner));
        print_line(&format!(
            "{:<width$}  {newest:>7}  {versions:>8}  {deployed:<24}  {owner}",
            name.as_str()
        ))?;
    }
    Ok(Exit::Done)
}

fn show(options: &Options, show: &DefinitionsShow) -> anyhow::Result<Exit> {
    let name = &show.definition.name;
    let mut version = show.definition.version;
    let mut control = connect(options)?;
    if show.source && version.is_none() {
        let (versions, ..) = shown(&mut control, name, None)?;
        let newest = versions.iter().rev().find(|view| view.retired_at.is_none());
        version = newest.or(versions.last()).map(|view| view.version);
    }
    let (versions, source, schedule) = shown(&mut control, name, version)?;
    if show.source {
        let source = source.ok_or_else(|| anyhow!("cannot read its text"))?;
        screen::print_document(&source)?;
        return Ok(Exit::Done);
    }
    if show.json {
        let versions = versions.iter().map(serde_json::to_value);
        let versions: Vec<Value> = versions.collect::<Result<_, _>>()?;
        let line =
            json!({"name": name, "versions": versions, "source": source, "schedule": schedule});
        print_line(&line.to_string())?;
        return Ok(Exit::Done);
    }
    let style = screen::heading();
    let bys: Vec<String> = versions.iter().map(|view| by(&view.by)).collect();
    let width = bys.iter().map(|by| by.chars().count()).max().unwrap_or(0);
    let line = |version: &str, deployed: &str, hash: &str, by: &str, retired: &str| {
        let line = format!("{version:>7}  {deployed:<24}  {hash:<71}  {by:<width$}  {retired}");
        line.trim_end().to_owned()
    };
    let retired = match versions.iter().any(|view| view.retired_at.is_some()) {
        true => "RETIRED",
        false => "",
    };
    let heading = line("VERSION", "DEPLOYED", "HASH", "BY", retired);
    print_line(&format!("{style}{heading}{style:#}"))?;
    for (view, by) in versions.iter().zip(&bys) {
        let retired = view.retired_at.map(|at| at.to_string());
        print_line(&line(
            &view.version.to_string(),
            &view.deployed_at.to_string(),
            &view.hash.to_string(),
            by,
            retired.as_deref().unwrap_or_default(),
        ))?;
    }
    if let Some(schedule) = schedule {
        let ScheduleView {
            version,
            cron,
            zone,
            next,
        } = &schedule;
        let (cron, zone) = (clean(cron), clean(zone));
        print_line(&format!(
            "launched by its schedule `{cron}` ({zone}): version {version}, next {next}"
        ))?;
    }
    if let Some(source) = source {
        print_line("")?;
        source
            .lines()
            .map(clean)
            .try_for_each(|line| print_line(&line))?;
    }
    Ok(Exit::Done)
}

fn shown(
    control: &mut Control,
    name: &DefinitionName,
    version: Option<Version>,
) -> anyhow::Result<(Vec<VersionView>, Option<String>, Option<ScheduleView>)> {
    let name = name.clone();
    let query = DefinitionQuery::Show { name, version };
    let DefinitionAnswer::Shown {
        versions,
        source,
        schedule,
        ..
    } = ask(control, query)?
    else {
        return Err(unfit());
    };
    Ok((versions, source, schedule))
}

fn retire(options: &Options, retire: &DefinitionsRetire) -> anyhow::Result<Exit> {
    let query = DefinitionQuery::Retire {
        name: retire.definition.name.clone(),
        version: retire.definition.version,
    };
    let DefinitionAnswer::Retired {
        name,
        versions,
        newest,
    } = ask(&mut connect(options)?, query)?
    else {
        return Err(unfit());
    };
    if retire.json {
        let line = json!({"name": name, "retired": versions, "newest": newest});
        print_line(&line.to_string())?;
        return Ok(Exit::Done);
    }
    for version in &versions {
        print_line(&format!("{name}@{version} retired"))?;
    }
    match newest {
        Some(newest) => screen::tell(&format!("launches of `{name}` start version {newest}")),
        None => screen::tell(&format!("`{name}` can no longer be launched by name")),
    }
    Ok(Exit::Done)
}

/// Who deployed it, for people.
/// A deployer, for a person.
pub(super) fn by(by: &ByView) -> String {
    match by {
        ByView::Operator => "(operator)".to_owned(),
        ByView::Anonymous => "(no user)".to_owned(),
        ByView::User { user } => clean(user),
    }
}
