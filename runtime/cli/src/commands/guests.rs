//! Whether the modules that a definition holds are what its conditions need: as the engine judges them at a launch.

use super::check::Problem;
use crate::arguments::Options;
use bureaucrat_definition::{Compiled, Severity};
use bureaucrat_model::{Guest, ModuleHash, ModuleSource, Span};
use bureaucrat_sandbox::{Export, ExportKind, LoadError, RuntimeClass};
use std::collections::BTreeMap;

/// What is wrong with modules and the functions that conditions name. Modules that are named by a hash alone are not here,
/// so that nothing is said about them.
pub fn problems(options: &Options, compiled: &Compiled) -> anyhow::Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let mut exports: BTreeMap<ModuleHash, Vec<Export>> = BTreeMap::new();
    let mut sandbox = None;
    for module in &compiled.modules {
        let ModuleSource::Bytes(bytes) = &module.source else {
            continue;
        };
        let sandbox = match &sandbox {
            Some(sandbox) => sandbox,
            // Whether guests with a language runtime are taken is the engine's own affair.
            None => sandbox.insert(super::sandbox(options, RuntimeClass::Allowed)?),
        };
        match sandbox.load_module(bytes) {
            Ok(guest) => {
                exports.insert(module.hash, guest.exports().to_vec());
            }
            Err(LoadError::Refused(refusal)) => {
                let message = format!("the module `{}` is refused: {refusal}", module.name);
                problems.push(error(module.span, message));
            }
            Err(error @ LoadError::Environment(_)) => return Err(error.into()),
        }
    }
    for condition in &compiled.program.conditions {
        let Guest::Module(hash) = condition.guest else {
            continue;
        };
        let Some(found) = exports.get(&hash) else {
            continue;
        };
        if let Some(message) = misfit(&condition.function, found) {
            problems.push(error(condition.span, message));
        }
    }
    Ok(problems)
}

/// Why a module's function cannot be a condition.
fn misfit(function: &str, exports: &[Export]) -> Option<String> {
    let verdicts = || {
        let verdicts = exports
            .iter()
            .filter(|export| export.kind == ExportKind::Verdict);
        verdicts.map(|export| &*export.name)
    };
    match exports.iter().find(|export| export.name == function) {
        Some(export) if export.kind == ExportKind::Verdict => None,
        Some(_) => Some(format!(
            "the function `{function}` returns a value; a condition needs one that returns result<bool, string>"
        )),
        None => {
            let names: Vec<String> = verdicts().map(|name| format!("`{name}`")).collect();
            let names = match &*names {
                [] => "no conditions".to_owned(),
                names => names.join(", "),
            };
            let near = bureaucrat_expression::nearest(function, verdicts());
            let near = near.map(|near| format!(" (did you mean `{near}`?)"));
            Some(format!(
                "the module has no function `{function}`{}; it has {names}",
                near.unwrap_or_default()
            ))
        }
    }
}

fn error(span: Span, message: String) -> Problem {
    Problem {
        line: span.line,
        column: span.column,
        severity: Severity::Error,
        message,
        suggestion: None,
    }
}
