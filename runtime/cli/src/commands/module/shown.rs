//! `module show`: everything that the running engine knows of a module.

use super::stored::{ask, unfit, version};
use crate::{
    Exit,
    arguments::{ModuleShow, Options},
    commands::{definitions::by, print_line},
    screen::{clean, heading, tell},
};
use bureaucrat_host::modules::{
    DefinitionView, ExportView, Facts, Gives, ModuleAnswer, ModuleQuery, Payer, ShownModule, Spent,
    VersionView,
};
use serde_json::json;

pub fn run(options: &Options, show: &ModuleShow) -> anyhow::Result<Exit> {
    let module = show.module.clone();
    let shown = match ask(options, ModuleQuery::Show { module })? {
        ModuleAnswer::Shown(shown) => shown,
        ModuleAnswer::Unknown { reason } => {
            match show.json {
                true => print_line(&json!({"unknown": reason}).to_string())?,
                false => tell(&format!("error: {reason}")),
            }
            return Ok(Exit::Failed);
        }
        ModuleAnswer::Deployed(_)
        | ModuleAnswer::Refused { .. }
        | ModuleAnswer::Stored { .. }
        | ModuleAnswer::Moved { .. }
        | ModuleAnswer::Removed
        | ModuleAnswer::InUse { .. }
        | ModuleAnswer::Named { .. }
        | ModuleAnswer::Aliased { .. } => return Err(unfit()),
    };
    match show.json {
        true => print_line(&serde_json::to_string(&shown)?)?,
        false => describe(&shown)?,
    }
    Ok(Exit::Done)
}

fn describe(shown: &ShownModule) -> anyhow::Result<()> {
    let line = |name: &str, value: &str| print_line(&format!("{name:<12} {value}"));
    line("hash", &shown.hash.to_string())?;
    line("bytes", &shown.bytes.to_string())?;
    match &shown.facts {
        Some(Facts {
            by: deployer,
            stored_at,
            runtime,
        }) => {
            line("class", if *runtime { "runtime" } else { "small" })?;
            line("stored", &format!("{stored_at} by {}", by(deployer)))?;
        }
        None => line(
            "record",
            "damaged; deploying the module again writes another",
        )?,
    }
    if let Some(millis) = shown.compile_ms {
        line("compiled in", &format!("{millis} ms"))?;
    }
    for signer in &shown.signers {
        line("signed by", &signer.to_string())?;
    }
    for ExportView { name, gives } in &shown.exports {
        let gives = match gives {
            Gives::Verdict => "verdict",
            Gives::Value => "value",
        };
        line("export", &format!("{} ({gives})", clean(name)))?;
    }
    for VersionView {
        named,
        deployed_at,
        by: deployer,
    } in &shown.versions
    {
        let (version, deployer) = (version(named), by(deployer));
        line(
            "version",
            &format!("{version}, deployed {deployed_at} by {deployer}"),
        )?;
    }
    for DefinitionView { name, version } in &shown.definitions {
        line("used by", &format!("definition {name}@{version}"))?;
    }
    line("programs", &shown.programs.to_string())?;
    line("running", &shown.running.to_string())?;
    costs(&shown.costs)
}

fn costs(costs: &[Spent]) -> anyhow::Result<()> {
    if costs.is_empty() {
        return print_line("no evaluations since the engine started");
    }
    let functions = costs.iter().map(|spent| clean(&spent.function).len());
    let width = functions.max().unwrap_or(0).max("FUNCTION".len());
    let style = heading();
    print_line("")?;
    print_line(&format!(
        "{style}{:<width$}  {:>11}  {:>14}  {:>12}  {:>10}  USER{style:#}",
        "FUNCTION", "EVALUATIONS", "FUEL", "MOST FUEL", "TIME"
    ))?;
    for spent in costs {
        let user = match &spent.by {
            Payer::User(user) => clean(user),
            Payer::Nobody => "(no user)".to_owned(),
            Payer::Others => "(others)".to_owned(),
        };
        let time = format!(
            "{}.{:03} s",
            spent.micros / 1_000_000,
            spent.micros / 1_000 % 1_000
        );
        print_line(&format!(
            "{:<width$}  {:>11}  {:>14}  {:>12}  {time:>10}  {user}",
            clean(&spent.function),
            spent.evaluations,
            spent.fuel,
            spent.most_fuel,
        ))?;
    }
    Ok(())
}
