//! `config`: the settings that are in force, and which of the four places each came from. What it
//! prints of a value can be set as it is.

use super::print_line;
use crate::{
    Exit,
    arguments::Config,
    configuration::{Configuration, Flags, Resolved, Unit, size, span},
    screen::{self, clean},
};
use serde_json::{Map, Value, json};

/// Prints the settings, without secrets.
pub fn run(flags: &Flags, config: &Config) -> anyhow::Result<Exit> {
    let settings = Configuration::load(flags)?;
    if config.json {
        let all = settings.resolved().iter().map(entry);
        print_line(&Value::Object(all.collect()).to_string())?;
    } else {
        print(settings.resolved())?;
    }
    for remark in &settings.remarks {
        screen::tell(&format!("warning: {remark}"));
    }
    Ok(Exit::Done)
}

/// Values come last: they may be long, and have spaces.
fn print(resolved: &[Resolved]) -> anyhow::Result<()> {
    let rows: Vec<[String; 3]> = resolved.iter().map(row).collect();
    let width = |column: usize, heading: &str| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0).max(heading.len())
    };
    let (name, from) = (width(0, "SETTING"), width(1, "FROM"));
    let style = screen::heading();
    print_line(&format!(
        "{style}{:<name$}  {:<from$}  VALUE{style:#}",
        "SETTING", "FROM"
    ))?;
    for [setting, origin, value] in &rows {
        print_line(&format!("{setting:<name$}  {origin:<from$}  {value}"))?;
    }
    Ok(())
}

/// `"retention": {"value": 60, "unit": "s", "from": "file", "place": "config.ini:7"}`.
fn entry(resolved: &Resolved) -> (String, Value) {
    let mut entry = Map::new();
    entry.insert("value".to_owned(), resolved.value.clone());
    if let Some(unit) = resolved.unit {
        entry.insert("unit".to_owned(), json!(unit.name()));
    }
    entry.insert("from".to_owned(), json!(resolved.origin.kind()));
    entry.insert("place".to_owned(), json!(resolved.origin.to_string()));
    (resolved.name.clone(), entry.into())
}

/// A setting, where it came from, and its value as it may be set to it.
fn row(resolved: &Resolved) -> [String; 3] {
    let value = match (&resolved.value, resolved.unit) {
        (Value::Null, _) => "-".to_owned(),
        (Value::String(text), _) => text.clone(),
        (value, Some(Unit::Seconds)) => value.as_u64().map_or_else(String::new, span),
        (value, Some(Unit::Bytes)) => value.as_u64().map_or_else(String::new, size),
        (value, None) => value.to_string(),
    };
    let row = [resolved.name.as_str(), &resolved.origin.to_string(), &value];
    row.map(clean)
}
