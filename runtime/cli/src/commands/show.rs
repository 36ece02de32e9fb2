//! `show`: one process of the running engine: its state, where its fibers are, its fields, what happened to it.

use super::{id, list, print_line, settings};
use crate::{
    Exit,
    arguments::{Options, Show},
    control::Control,
};
use anyhow::bail;
use bureaucrat_host::query::{Detail, ProcessDetail, Query, QueryAnswer};
use bureaucrat_model::Millis;
use serde_json::{Value, json};

/// Prints the process; one that is not known is an error.
pub fn run(options: &Options, show: &Show) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let history = if show.history {
        Detail::History
    } else {
        Detail::State
    };
    match control.ask(&Query::Show {
        process: show.process,
        history,
    })? {
        QueryAnswer::Process(detail) => {
            let text = if show.json {
                json_of(&detail).to_string()
            } else {
                text_of(&detail)
            };
            print_line(&text)?;
            Ok(Exit::Done)
        }
        QueryAnswer::Unknown { process } => {
            bail!(
                "no process {process} is known; ended ones are removed after the time of --retention"
            )
        }
        QueryAnswer::Processes { .. }
        | QueryAnswer::Ordered { .. }
        | QueryAnswer::BackedUp { .. }
        | QueryAnswer::Modules(_)
        | QueryAnswer::Error { .. } => {
            bail!("the engine's answer does not fit the question")
        }
    }
}

fn json_of(detail: &ProcessDetail) -> Value {
    let mut object = list::summary(&detail.summary);
    object["fields"] = detail.fields.clone();
    object["fault"] = detail.fault.as_ref().map_or(Value::Null, |fault| {
        json!({
            "code": fault.code.as_str(),
            "message": fault.message,
            "activity": format!("{}{}", detail.summary.process, fault.activity),
            "line": fault.line,
        })
    });
    object["incident"] = json!(detail.incident);
    object["caller"] = detail.caller.map_or(Value::Null, id);
    object["user"] = json!(detail.user);
    object["program"] = json!(detail.program);
    if let Some(history) = &detail.history {
        let entries = history
            .iter()
            .map(|entry| json!({"at": entry.at.to_string(), "event": entry.event.to_string()}));
        object["history"] = entries.collect();
    }
    object
}

fn text_of(detail: &ProcessDetail) -> String {
    let summary = &detail.summary;
    let mut lines = vec![format!("process   {}", summary.process)];
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            lines.push(format!("{key:<9} {value}"));
        }
    };
    line("name", Some(summary.name.clone()));
    line("state", Some(list::word(summary.state).to_owned()));
    line("launched", Some(summary.launched_at.to_string()));
    line("ended", summary.ended_at.map(|at| at.to_string()));
    line("user", detail.user.clone());
    line("caller", detail.caller.map(|caller| caller.to_string()));
    line("program", Some(detail.program.clone()));
    line("fault", detail.fault.as_ref().map(ToString::to_string));
    line("incident", detail.incident.clone());
    for wait in &summary.waits {
        let waited = Millis(wait.waited_ms);
        let text = format!(
            "{} (line {}): {}, for {waited}",
            wait.activity, wait.line, wait.waits_for
        );
        line("waits", Some(text));
    }
    let fields =
        serde_json::to_string_pretty(&detail.fields).unwrap_or_else(|error| error.to_string());
    line("fields", Some(fields));
    if let Some(history) = &detail.history {
        lines.push("history".into());
        lines.extend(
            history
                .iter()
                .map(|entry| format!("  {}  {}", entry.at, entry.event)),
        );
    }
    lines.join("\n")
}
