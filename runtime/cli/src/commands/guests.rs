//! Whether the modules that a definition holds are what its conditions need: as the engine judges them at a launch.

use super::problem::Problem;
use crate::arguments::Options;
use bureaucrat_definition::{Compiled, Severity};
use bureaucrat_model::{ConditionIndex, Guest, ModuleHash, ModuleSource, Span};
use bureaucrat_sandbox::{Export, ExportKind, LoadError};
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
            None => sandbox.insert(super::module_sandbox(options)?),
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
    let values = compiled.program.values();
    for (index, condition) in (0..).map(ConditionIndex).zip(&compiled.program.conditions) {
        let Guest::Module(hash) = condition.guest else {
            continue;
        };
        let Some(found) = exports.get(&hash) else {
            continue;
        };
        let wanted = match values.contains(&index) {
            true => ExportKind::Value,
            false => ExportKind::Verdict,
        };
        if let Some(message) = misfit(&condition.function, wanted, found) {
            problems.push(error(condition.span, message));
        }
    }
    Ok(problems)
}

/// Why a module's function cannot be what the definition wants of it.
fn misfit(function: &str, wanted: ExportKind, exports: &[Export]) -> Option<String> {
    let fitting = || {
        let fitting = exports.iter().filter(|export| export.kind == wanted);
        fitting.map(|export| &*export.name)
    };
    match (
        exports.iter().find(|export| export.name == function),
        wanted,
    ) {
        (Some(export), _) if export.kind == wanted => None,
        (Some(_), ExportKind::Verdict) => Some(format!(
            "the function `{function}` returns a value; a condition needs one that returns result<bool, string>"
        )),
        (Some(_), ExportKind::Value) => Some(format!(
            "the function `{function}` returns a verdict; a value needs one that returns result<string, string>"
        )),
        (None, _) => {
            let names: Vec<String> = fitting().map(|name| format!("`{name}`")).collect();
            let names = match (&*names, wanted) {
                ([], ExportKind::Verdict) => "no conditions".to_owned(),
                ([], ExportKind::Value) => "no functions that return values".to_owned(),
                (names, _) => names.join(", "),
            };
            let near = bureaucrat_expression::nearest(function, fitting());
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
