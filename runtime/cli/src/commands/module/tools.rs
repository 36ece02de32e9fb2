//! `module check` and `module run`: a module in the sandbox, without an engine.

use crate::{
    Exit,
    arguments::{ModuleCheck, ModuleRun, Options},
    commands::{evaluate, fields, module_sandbox, print_line, sandbox},
    files,
    progress::Progress,
    screen::{clean, tell},
};
use anyhow::{Context, bail};
use bureaucrat_model::ModuleHash;
use bureaucrat_sandbox::{
    Class, ExportKind, Guest, LoadError, Outcome, Refusal, RuntimeClass, Sandbox, beyond_small,
    codes, imports,
};
use serde_json::{json, value::RawValue};
use std::path::Path;

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
    let sandbox = module_sandbox(options)?;
    let guest = load(&sandbox, &run.file)?;
    has_function(&guest, &run.file, &run.function)?;
    let fields = fields(run.fields.as_deref())?;
    let evaluated = evaluate(&sandbox, &guest, &run.function, &fields)?;
    // A guest's memory never shrinks, so its size at the end is its peak.
    let (fuel, memory) = (evaluated.fuel, evaluated.memory_bytes);
    let spent = format!("fuel: {fuel}, memory: {} KiB", memory >> 10);
    let log: Vec<&str> = evaluated.log.texts().collect();
    if !run.json {
        match evaluated.log.dropped() {
            0 => {}
            1 => tell("(1 earlier text was dropped)"),
            dropped => tell(&format!("({dropped} earlier texts were dropped)")),
        }
        log.iter()
            .for_each(|words| tell(&format!("log: {}", clean(words))));
    }
    let value = match evaluated.outcome {
        Outcome::Verdict(verdict) => verdict.to_string(),
        Outcome::Value(value) => value,
        Outcome::Fault { code, message } => {
            if run.json {
                let answer = json!({
                    "error": code.as_str(), "message": message, "fuel": fuel, "memory_bytes": memory,
                    "log": log, "log_dropped": evaluated.log.dropped(),
                });
                print_line(&answer.to_string())?;
            } else {
                match &*message {
                    "" => tell(code.as_str()),
                    message => tell(&clean(&format!("{code}: {message}"))),
                }
                if let Some(advice) = codes::advice(code.as_str()) {
                    tell(&format!("advice: {advice}"));
                }
                tell(&spent);
            }
            return Ok(Exit::Failed);
        }
        Outcome::Environmental(reason) => bail!("no outcome: {reason}"),
    };
    if run.json {
        let value: Box<RawValue> =
            RawValue::from_string(value).context("the module's value is not JSON")?;
        print_line(&format!(
            r#"{{"value": {value}, "fuel": {fuel}, "memory_bytes": {memory}, "log": {}, "log_dropped": {}}}"#,
            json!(log),
            evaluated.log.dropped()
        ))?;
    } else {
        print_line(&value)?;
        tell(&spent);
    }
    Ok(Exit::Done)
}

/// Loads a module from a file, which may take seconds the first time.
///
/// # Errors
/// If it can't be read, or the engine would refuse it.
pub fn load(sandbox: &Sandbox, file: &Path) -> anyhow::Result<Guest> {
    let bytes = files::read(file)?;
    files::not_a_definition(file, &bytes)?;
    let _progress = Progress::start("compiling the module");
    let loaded = sandbox.load_module(&bytes);
    loaded.with_context(|| file.display().to_string())
}

/// # Errors
/// If the module has no such function, with those that it has.
pub fn has_function(guest: &Guest, file: &Path, function: &str) -> anyhow::Result<()> {
    let names = || guest.exports().iter().map(|export| export.name.as_str());
    if names().any(|name| name == function) {
        return Ok(());
    }
    let near = bureaucrat_expression::nearest(function, names());
    bail!(
        "{}: no function `{function}`{}; there is {}",
        file.display(),
        near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)")),
        names().collect::<Vec<_>>().join(", ")
    );
}
