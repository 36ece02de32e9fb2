//! Where in its definition a fiber is, in words and as JSON.

use bureaucrat_host::query::{PlaceView, ScopePhase, ScopeView};
use serde_json::{Value, json};

/// The activity that waits.
pub(super) fn activity(at: &PlaceView) -> String {
    let (activity, label) = (&at.activity, labelled(at));
    match at.line {
        0 => format!("activity {activity}{label}"),
        line => format!("line {line} of the definition, activity {activity}{label}"),
    }
}

/// A scope around it, what happens there, and its fields.
pub(super) fn scope(scope: &ScopeView) -> Vec<String> {
    let phase = match &scope.phase {
        ScopePhase::Body => String::new(),
        ScopePhase::Handling { code } if scope.attempt.is_some() => format!(", after {code}"),
        ScopePhase::Handling { code } => format!(", whose handler handles {code}"),
        ScopePhase::Interrupted => ", which was interrupted".to_owned(),
        ScopePhase::Finally => ", which runs its `finally`".to_owned(),
    };
    let attempt = scope.attempt.map(|attempt| {
        let (number, of) = (attempt.number, attempt.of);
        format!(", attempt {number} of {of}")
    });
    let (at, attempt) = (&scope.at, attempt.unwrap_or_default());
    let (activity, label) = (&at.activity, labelled(at));
    let line = at.line;
    let scope_at =
        format!("in the scope of line {line}, activity {activity}{label}{attempt}{phase}");
    let fields = scope.fields.as_object().filter(|fields| !fields.is_empty());
    let fields = fields.map(|fields| format!("with its fields {}", json!(fields)));
    [Some(scope_at), fields].into_iter().flatten().collect()
}

pub(super) fn scope_json(scope: &ScopeView) -> Value {
    let (phase, code) = match &scope.phase {
        ScopePhase::Body => ("body", Value::Null),
        ScopePhase::Handling { code } => ("handling", json!(code.as_str())),
        ScopePhase::Interrupted => ("interrupted", Value::Null),
        ScopePhase::Finally => ("finally", Value::Null),
    };
    json!({
        "activity": scope.at.activity,
        "id": scope.at.id,
        "title": scope.at.title,
        "line": scope.at.line,
        "phase": phase,
        "fault": code,
        "attempt": scope.attempt,
        "fields": scope.fields,
    })
}

/// What its author calls an activity.
pub fn label(at: &PlaceView) -> String {
    match (&at.id, &at.title) {
        (Some(id), Some(title)) => format!("`{id}`: {title}"),
        (Some(id), None) => format!("`{id}`"),
        (None, Some(title)) => title.clone(),
        (None, None) => String::new(),
    }
}

/// The same in brackets, behind something else.
fn labelled(at: &PlaceView) -> String {
    match label(at).as_str() {
        "" => String::new(),
        label => format!(" [{label}]"),
    }
}
