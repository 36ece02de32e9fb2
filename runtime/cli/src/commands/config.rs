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

/// `"retention": {"value": 60, "unit": "s", "from": "file", "place": "config.ini:7"}`.
fn entry(resolved: &Resolved) -> (String, Value) {
    let mut entry = Map::new();
    entry.insert("value".to_owned(), resolved.value.clone());
    if let Some(unit) = resolved.unit {
        entry.insert("unit".to_owned(), json!(unit));
    }
    entry.insert("from".to_owned(), json!(resolved.origin.kind()));
    entry.insert("place".to_owned(), json!(resolved.origin.to_string()));
    (resolved.name.clone(), entry.into())
}

fn line(resolved: &Resolved) -> String {
    let text = resolved.value.as_str().map(str::to_owned);
    let value = text.unwrap_or_else(|| match resolved.value.is_null() {
        true => "-".to_owned(),
        false => match resolved.unit {
            Some(unit) => format!("{} {unit}", resolved.value),
            None => resolved.value.to_string(),
        },
    });
    let (name, origin) = (&resolved.name, &resolved.origin);
    format!("{name:<24} {value:<44} {origin}")
        .trim_end()
        .to_owned()
}
