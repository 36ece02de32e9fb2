//! `module diff`: what another version of a module changes: its exports, and the outcomes of given cases.

use super::{cases, tools};
use crate::{
    Exit,
    arguments::{ModuleDiff, Options},
    commands::{module_sandbox, print_line},
    screen::clean,
};
use bureaucrat_sandbox::{Export, Guest};
use serde_json::{Value, json};

/// An export that is there in one version only, or returns something else in each.
struct Changed {
    name: String,
    before: Option<&'static str>,
    after: Option<&'static str>,
}

pub fn run(options: &Options, diff: &ModuleDiff) -> anyhow::Result<Exit> {
    let table = diff.cases.as_deref().map(cases::read).transpose()?;
    let sandbox = module_sandbox(options)?;
    let before = tools::load(&sandbox, &diff.before)?;
    let after = tools::load(&sandbox, &diff.after)?;
    let exports = changed_exports(&before, &after);
    let mut outcomes = Vec::new();
    for case in table.unwrap_or_default() {
        let was = case.play(&sandbox, &before).outcome;
        let is = case.play(&sandbox, &after).outcome;
        if was != is {
            outcomes.push((case, was, is));
        }
    }
    let is_same = exports.is_empty() && outcomes.is_empty();
    if diff.json {
        let exports = exports
            .iter()
            .map(|changed| json!({"name": changed.name, "before": changed.before, "after": changed.after}));
        let outcomes = outcomes.iter().map(|(case, was, is)| {
            json!({
                "name": case.name,
                "function": case.function,
                "before": cases::json(was),
                "after": cases::json(is),
            })
        });
        let line = json!({
            "before": before.hash().to_string(),
            "after": after.hash().to_string(),
            "exports": exports.collect::<Vec<Value>>(),
            "outcomes": outcomes.collect::<Vec<Value>>(),
        });
        print_line(&line.to_string())?;
    } else {
        for changed in &exports {
            let words = |gives: Option<&'static str>| gives.unwrap_or("absent");
            let (before, after) = (words(changed.before), words(changed.after));
            print_line(&format!("export   {}: {before} → {after}", changed.name))?;
        }
        for (case, was, is) in &outcomes {
            let (was, is) = (cases::shown(was), cases::shown(is));
            let line = format!("outcome  {} ({}): {was} → {is}", case.name, case.function);
            print_line(&clean(&line))?;
        }
        if is_same {
            print_line("no changes")?;
        }
    }
    Ok(match is_same {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

fn changed_exports(before: &Guest, after: &Guest) -> Vec<Changed> {
    let gives = |exports: &[Export], name: &str| {
        let export = exports.iter().find(|export| export.name == name);
        export.map(|export| tools::gives(export.kind))
    };
    let all = before.exports().iter().chain(after.exports());
    let mut names: Vec<&str> = all.map(|export| export.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let changed = names.into_iter().map(|name| Changed {
        name: name.to_owned(),
        before: gives(before.exports(), name),
        after: gives(after.exports(), name),
    });
    changed
        .filter(|changed| changed.before != changed.after)
        .collect()
}
