//! `policy`: what is wrong with a policy, and its rules for a user.

use super::{check::name, print_line};
use crate::{
    Exit,
    arguments::{Policy as Command, PolicyCheck, PolicyShow},
    files,
};
use anyhow::Context;
use bureaucrat_model::Unhandled;
use bureaucrat_policy::{
    Globs, ModuleClass, Modules, Permission, Policy, PolicyError, Quota, Quotas, Rule, Rules, Sends,
};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Runs a subcommand.
pub fn run(command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::Check(check) => run_check(check),
        Command::Show(show) => run_show(show),
    }
}

/// Reads a policy file.
///
/// # Errors
/// If it cannot be read or is not a valid policy; each problem is a line with its place.
pub fn load(file: &Path) -> anyhow::Result<Policy> {
    let text = files::read_text(file).context("the policy")?;
    Policy::parse(&text).map_err(|PolicyError(problems)| {
        let lines = problems
            .iter()
            .map(|problem| format!("{}:{problem}", name(file)));
        anyhow::anyhow!("{}", lines.collect::<Vec<_>>().join("\n"))
    })
}

fn run_check(check: &PolicyCheck) -> anyhow::Result<Exit> {
    let text = files::read_text(&check.file).context("the policy")?;
    let problems = match Policy::parse(&text) {
        Ok(_) => Vec::new(),
        Err(PolicyError(problems)) => problems,
    };
    let file = name(&check.file);
    if check.json {
        let found = problems.iter().map(|problem| {
            json!({
                "file": file,
                "line": problem.line,
                "column": problem.column,
                "message": problem.message,
            })
        });
        print_line(&found.collect::<Value>().to_string())?;
    } else {
        for problem in &problems {
            print_line(&format!("{file}:{problem}"))?;
        }
    }
    Ok(if problems.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn run_show(show: &PolicyShow) -> anyhow::Result<Exit> {
    let policy = load(&show.file)?;
    let view = view(policy.of(show.user.as_deref()));
    if show.json {
        print_line(&view.to_string())?;
        return Ok(Exit::Done);
    }
    for (key, value) in view.as_object().into_iter().flatten() {
        match value {
            Value::Object(quotas) => {
                for (quota, value) in quotas {
                    print_line(&format!("{:<28} {}", format!("{key}.{quota}"), text(value)))?;
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                print_line(&format!("{key:<28} {}", text(value)))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn view(rules: &Rules) -> Value {
    let mut shown = Map::new();
    shown.insert("section".into(), json!(rules.section));
    for rule in Rule::PERMISSIONS {
        let value = match rule {
            Rule::Launches => permission(rules.launches),
            Rule::Calls => permission(rules.calls),
            Rule::Participants => globs(&rules.participants),
            Rule::Awaits => globs(&rules.awaits),
            Rule::Publishes => globs(&rules.publishes),
            Rule::Answers => globs(&rules.answers),
            Rule::ReplyTo => globs(&rules.reply_to),
            Rule::Definitions => globs(&rules.definitions),
            Rule::Deploys => globs(&rules.deploys),
            Rule::Cancels => globs(&rules.cancels),
            Rule::Sends => match &rules.sends {
                Sends::Anywhere => json!(["*", "/*"]),
                Sends::Only(patterns) => patterns.iter().map(ToString::to_string).collect(),
            },
            Rule::Modules => match &rules.modules {
                Modules::Any => json!("any"),
                modules if *modules == Modules::none() => json!("none"),
                Modules::Only { hashes, names } => {
                    let hashes = hashes.iter().map(ToString::to_string);
                    hashes
                        .chain(names.iter().map(ToString::to_string))
                        .collect()
                }
            },
            Rule::ModuleClass => match rules.module_class {
                ModuleClass::Small => json!("small"),
                ModuleClass::Runtime => json!("runtime"),
            },
            Rule::ModuleSigners => rules
                .module_signers
                .iter()
                .map(ToString::to_string)
                .collect(),
            Rule::Quota(_) => continue,
        };
        shown.insert(rule.name().into(), value);
    }
    let on_fault = match rules.on_fault {
        None => json!("as the settings say"),
        Some(Unhandled::Fails) => json!("fail"),
        Some(Unhandled::Waits) => json!("incident"),
    };
    shown.insert("on_fault".into(), on_fault);
    let quota = |quota: &Quota| match rules.quotas.get(*quota) {
        Quotas::UNBOUNDED => json!("unlimited"),
        number => json!(number),
    };
    let quotas = Quota::ALL
        .iter()
        .map(|each| (each.name().to_owned(), quota(each)));
    shown.insert("quotas".into(), Value::Object(quotas.collect()));
    Value::Object(shown)
}

fn permission(permission: Permission) -> Value {
    json!(permission == Permission::Allowed)
}

fn globs(globs: &Globs) -> Value {
    globs.iter().map(|glob| glob.as_str()).collect()
}

/// A value for people: a list without brackets; `none` if it is empty.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
