//! `config`: the settings that are in force, and which of the four places each came from.

use super::print_line;
use crate::{
    Exit,
    arguments::Config,
    configuration::{Configuration, Flags, Resolved},
};
use serde_json::{Map, Value, json};

/// Prints the settings, without secrets.
pub fn run(flags: &Flags, config: &Config) -> anyhow::Result<Exit> {
    let settings = Configuration::load(flags)?;
    if config.json {
        let all = settings.resolved().iter().map(entry);
        print_line(&Value::Object(all.collect()).to_string())?;
    } else {
        for resolved in settings.resolved() {
            print_line(&line(resolved))?;
        }
    }
    for remark in &settings.remarks {
        eprintln!("bureaucrat: {remark}");
    }
    Ok(Exit::Done)
}

/// `"prefetch": {"value": 500, "from": "file", "place": "config.ini:7"}`.
fn entry(resolved: &Resolved) -> (String, Value) {
    let mut entry = Map::new();
    entry.insert("value".to_owned(), resolved.value.clone());
    entry.insert("from".to_owned(), json!(resolved.origin.kind()));
    entry.insert("place".to_owned(), json!(resolved.origin.to_string()));
    (resolved.name.clone(), entry.into())
}

fn line(resolved: &Resolved) -> String {
    let value = match &resolved.value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (name, origin) = (&resolved.name, &resolved.origin);
    format!("{name:<24} {value:<44} {origin}")
        .trim_end()
        .to_owned()
}
