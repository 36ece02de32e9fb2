//! `compile`: the program for a definition.

use super::{check, print_line, problem::Problem};
use crate::{
    Exit,
    arguments::{Compile, Options},
    files, output,
    screen::tell,
};
use anyhow::bail;
use bureaucrat_definition::{Compiled, disassemble};
use bureaucrat_model::{ModuleSource, Program};
use serde_json::json;
use std::path::Path;

/// Compiles, and prints the bytecode or a summary.
pub fn run(options: &Options, compile: &Compile) -> anyhow::Result<Exit> {
    let source = files::read_definition(&compile.file)?;
    let judged = check::judge(options, &source)?;
    let Some(Compiled { program, modules }) = judged.compiled else {
        if compile.json {
            let problems = judged.problems.iter();
            let problems = problems.map(|problem| check::json(&compile.file, problem));
            let problems: Vec<_> = problems.collect();
            print_line(&json!({"problems": problems}).to_string())?;
        } else {
            tell_all(&compile.file, &source, &judged.problems);
        }
        return Ok(Exit::Failed);
    };
    tell_all(&compile.file, &source, &judged.problems);
    let used = modules.iter().find_map(|module| match &module.source {
        ModuleSource::Deployed(wanted) => Some((module, wanted)),
        ModuleSource::Bytes(_) | ModuleSource::Stored => None,
    });
    if let Some((module, wanted)) = used {
        bail!(
            "{}:{}:{}: only an engine knows which module `{wanted}` is; name it by its `hash` to compile without one",
            compile.file.display(),
            module.span.line,
            module.span.column
        );
    }
    let stored = program.encode()?;
    if let Some(output) = &compile.output {
        output::write(output, &stored)?;
    }
    if compile.disassemble {
        print_line(disassemble(&program).trim_end())?;
        return Ok(Exit::Done);
    }
    let summary = json!({
        "program": Program::hash(&stored).to_string(),
        "name": program.name,
        "bytes": stored.len(),
        "instructions": program.ops.len(),
        "conditions": program.conditions.len(),
        "inline_guest_bytes": program.inline_guest.len(),
        "modules": modules.iter().map(|module| json!({
            "name": module.name,
            "hash": module.hash.to_string(),
        })).collect::<Vec<_>>(),
    });
    if compile.json {
        print_line(&summary.to_string())?;
        return Ok(Exit::Done);
    }
    for (key, value) in summary.as_object().into_iter().flatten() {
        match value.as_array() {
            Some(modules) => {
                for module in modules {
                    print_line(&format!(
                        "module             {}",
                        module["name"].as_str().unwrap_or_default()
                    ))?;
                }
            }
            None => {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                print_line(&format!("{:<18} {text}", key.replace('_', " ")))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn tell_all(file: &Path, source: &[u8], problems: &[Problem]) {
    for problem in problems {
        tell(&check::shown(file, source, problem));
    }
}
