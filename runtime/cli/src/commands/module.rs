//! `module …`: what authors of condition modules need beside their own tools.

use super::{evaluate, fields, print_line, sandbox};
use crate::{
    Exit,
    arguments::{Module, ModuleBuild, ModuleCheck, ModuleRun},
    files,
    progress::Progress,
};
use anyhow::{Context, bail};
use bureaucrat_model::ModuleHash;
use bureaucrat_sandbox::{Class, ExportKind, Outcome, RuntimeClass, build_module};
use serde_json::json;

/// Does what was asked for.
pub fn run(module: &Module) -> anyhow::Result<Exit> {
    match module {
        Module::Build(build) => make(build),
        Module::Check(check) => inspect(check),
        Module::Run(run) => execute(run),
    }
}

fn make(build: &ModuleBuild) -> anyhow::Result<Exit> {
    let bytes = files::read(&build.file)?;
    // Text and binary alike, as other Wasm tools take them.
    let core = wat::parse_bytes(&bytes).with_context(|| build.file.display().to_string())?;
    let wit = build.wit.as_deref().map(files::read_text).transpose()?;
    let component = build_module(&core, build.world.as_deref(), wit.as_deref())
        .with_context(|| build.file.display().to_string())?;
    std::fs::write(&build.output, &component)
        .with_context(|| format!("{} can't be written", build.output.display()))?;
    print_line(&ModuleHash::of(&component).to_string())?;
    Ok(Exit::Done)
}

fn inspect(check: &ModuleCheck) -> anyhow::Result<Exit> {
    let bytes = files::read(&check.file)?;
    let sandbox = sandbox(RuntimeClass::Allowed)?;
    let progress = Progress::start("compiling the module");
    let guest = sandbox
        .load_module(&bytes)
        .with_context(|| check.file.display().to_string())?;
    drop(progress);
    let class = match guest.class() {
        Class::Small => "small",
        Class::Runtime => "runtime",
    };
    if check.json {
        let exports = guest
            .exports()
            .iter()
            .map(|export| json!({"name": export.name, "gives": gives(export.kind)}));
        let summary = json!({
            "hash": guest.hash().to_string(),
            "class": class,
            "bytes": guest.size(),
            "code_bytes": guest.code_bytes(),
            "exports": exports.collect::<Vec<_>>(),
        });
        print_line(&summary.to_string())?;
        return Ok(Exit::Done);
    }
    print_line(&format!("hash    {}", guest.hash()))?;
    print_line(&format!("class   {class}"))?;
    print_line(&format!(
        "bytes   {} (machine code {})",
        guest.size(),
        guest.code_bytes()
    ))?;
    for export in guest.exports() {
        print_line(&format!("export  {}: {}", export.name, gives(export.kind)))?;
    }
    Ok(Exit::Done)
}

fn gives(kind: ExportKind) -> &'static str {
    match kind {
        ExportKind::Verdict => "verdict",
        ExportKind::Value => "value",
    }
}

fn execute(run: &ModuleRun) -> anyhow::Result<Exit> {
    let bytes = files::read(&run.file)?;
    let fields = fields(run.fields.as_deref())?;
    let sandbox = sandbox(RuntimeClass::Allowed)?;
    let progress = Progress::start("compiling the module");
    let guest = sandbox
        .load_module(&bytes)
        .with_context(|| run.file.display().to_string())?;
    drop(progress);
    let evaluated = evaluate(&sandbox, &guest, &run.function, &fields)?;
    let fuel = evaluated.fuel;
    let value = match evaluated.outcome {
        Outcome::Verdict(verdict) => verdict.to_string(),
        Outcome::Value(value) => value,
        Outcome::Fault { code, message } => {
            if run.json {
                print_line(
                    &json!({"error": code.as_str(), "message": message, "fuel": fuel}).to_string(),
                )?;
            } else {
                eprintln!("{code}: {message}\nfuel: {fuel}");
            }
            return Ok(Exit::Failed);
        }
        Outcome::Environmental(reason) => bail!("no outcome: {reason}"),
    };
    if run.json {
        let value: Box<serde_json::value::RawValue> =
            serde_json::value::RawValue::from_string(value)
                .context("the module's value is no JSON")?;
        print_line(&format!(r#"{{"value": {value}, "fuel": {fuel}}}"#))?;
    } else {
        print_line(&value)?;
        eprintln!("fuel: {fuel}");
    }
    Ok(Exit::Done)
}
