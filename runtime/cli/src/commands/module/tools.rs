//! `module check` and `module run`: a module in the sandbox, without an engine.

use crate::{
    Exit,
    arguments::{ModuleCheck, ModuleRun, Options},
    commands::{evaluate, fields, print_line, sandbox},
    files,
    progress::Progress,
    screen::tell,
};
use anyhow::{Context, bail};
use bureaucrat_model::ModuleHash;
use bureaucrat_sandbox::{
    Class, ExportKind, Guest, LoadError, Outcome, Refusal, RuntimeClass, beyond_small, imports,
};
use serde_json::{json, value::RawValue};

/// Prints what the engine would decide, and the module's properties.
pub fn check(options: &Options, check: &ModuleCheck) -> anyhow::Result<Exit> {
    let bytes = files::read(&check.file)?;
    files::not_a_definition(&check.file, &bytes)?;
    let sandbox = sandbox(options, RuntimeClass::Allowed)?;
    let progress = Progress::start("compiling the module");
    let loaded = sandbox.load_module(&bytes);
    drop(progress);
    // An invalid component has no imports to print.
    let imported = imports(&bytes).unwrap_or_default();
    match loaded {
        Ok(guest) => {
            let beyond = beyond_small(&bytes, sandbox.limits()).map(|refusal| {
                if let Refusal::RuntimeClass(need) = refusal {
                    format!("it needs {need}")
                } else {
                    refusal.to_string()
                }
            });
            describe(check, &guest, beyond.as_deref(), &imported)
        }
        Err(LoadError::Refused(refusal)) => refuse(check, &bytes, &refusal, &imported),
        Err(error @ LoadError::Environment(_)) => {
            Err(error).with_context(|| check.file.display().to_string())
        }
    }
}

fn describe(
    check: &ModuleCheck,
    guest: &Guest,
    beyond_small: Option<&str>,
    imports: &[String],
) -> anyhow::Result<Exit> {
    let class = match guest.class() {
        Class::Small => "small",
        Class::Runtime => "runtime",
    };
    let compiled = guest.compile_time().unwrap_or_default();
    if check.json {
        let exports = guest
            .exports()
            .iter()
            .map(|export| json!({"name": export.name, "gives": gives(export.kind)}));
        let summary = json!({
            "hash": guest.hash().to_string(),
            "class": class,
            "beyond_small": beyond_small,
            "bytes": guest.size(),
            "code_bytes": guest.code_bytes(),
            "compile_ms": u64::try_from(compiled.as_millis()).unwrap_or(u64::MAX),
            "imports": imports,
            "exports": exports.collect::<Vec<_>>(),
        });
        print_line(&summary.to_string())?;
        return Ok(Exit::Done);
    }
    print_line(&format!("hash     {}", guest.hash()))?;
    print_line(&format!("class    {class}"))?;
    if let Some(reason) = beyond_small {
        print_line(&format!(
            "         {reason}: taken only by an engine with --runtime-guests allowed"
        ))?;
    }
    print_line(&format!(
        "bytes    {} (machine code {})",
        guest.size(),
        guest.code_bytes()
    ))?;
    print_line(&format!("compiled in {} ms", compiled.as_millis()))?;
    for import in imports {
        print_line(&format!("import   {import}"))?;
    }
    for export in guest.exports() {
        print_line(&format!("export   {}: {}", export.name, gives(export.kind)))?;
    }
    Ok(Exit::Done)
}

fn refuse(
    check: &ModuleCheck,
    bytes: &[u8],
    refusal: &Refusal,
    imports: &[String],
) -> anyhow::Result<Exit> {
    let reason = refusal.to_string();
    if check.json {
        let summary = json!({
            "hash": ModuleHash::of(bytes).to_string(),
            "bytes": bytes.len(),
            "imports": imports,
            "refused": reason,
        });
        print_line(&summary.to_string())?;
    } else {
        tell(&format!("{}: refused: {reason}", check.file.display()));
    }
    Ok(Exit::Failed)
}

/// What a function returns, in a word.
pub fn gives(kind: ExportKind) -> &'static str {
    match kind {
        ExportKind::Verdict => "verdict",
        ExportKind::Value => "value",
    }
}

pub fn run(options: &Options, run: &ModuleRun) -> anyhow::Result<Exit> {
    let bytes = files::read(&run.file)?;
    let fields = fields(run.fields.as_deref())?;
    let sandbox = sandbox(options, RuntimeClass::Allowed)?;
    let progress = Progress::start("compiling the module");
    let guest = sandbox
        .load_module(&bytes)
        .with_context(|| run.file.display().to_string())?;
    drop(progress);
    let exports: Vec<&str> = guest
        .exports()
        .iter()
        .map(|export| export.name.as_str())
        .collect();
    if !exports.contains(&run.function.as_str()) {
        bail!(
            "{}: no function `{}` for conditions; there is {}",
            run.file.display(),
            run.function,
            exports.join(", ")
        );
    }
    let evaluated = evaluate(&sandbox, &guest, &run.function, &fields)?;
    // A guest's memory never shrinks, so its size at the end is its peak.
    let (fuel, memory) = (evaluated.fuel, evaluated.memory_bytes);
    let spent = format!("fuel: {fuel}, memory: {} KiB", memory >> 10);
    let value = match evaluated.outcome {
        Outcome::Verdict(verdict) => verdict.to_string(),
        Outcome::Value(value) => value,
        Outcome::Fault { code, message } => {
            if run.json {
                let answer = json!({
                    "error": code.as_str(), "message": message, "fuel": fuel, "memory_bytes": memory,
                });
                print_line(&answer.to_string())?;
            } else {
                tell(&format!("{code}: {message}\n{spent}"));
            }
            return Ok(Exit::Failed);
        }
        Outcome::Environmental(reason) => bail!("no outcome: {reason}"),
    };
    if run.json {
        let value: Box<RawValue> =
            RawValue::from_string(value).context("the module's value is not JSON")?;
        print_line(&format!(
            r#"{{"value": {value}, "fuel": {fuel}, "memory_bytes": {memory}}}"#
        ))?;
    } else {
        print_line(&value)?;
        tell(&spent);
    }
    Ok(Exit::Done)
}
