//! Where in its definition a fiber is, in words and as an object.

use crate::waits::AttemptSchema;
use bureaucrat_host::query::{Attempt, PlaceView, ScopePhase, ScopeView};
use schemars::JsonSchema;
use serde::Serialize;
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

/// An element around an activity that has handlers, a `finally` or its own fields.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Scope {
    pub activity: String,
    pub id: Option<String>,
    pub title: Option<String>,
    pub line: u32,
    /// `body`, `handling`, `interrupted` or `finally`.
    pub phase: &'static str,
    /// The code that is being handled.
    pub fault: Option<String>,
    #[schemars(with = "Option<AttemptSchema>")]
    pub attempt: Option<Attempt>,
    /// Those that it declares.
    pub fields: Value,
}

impl Scope {
    pub fn of(scope: &ScopeView) -> Self {
        let (phase, fault) = match &scope.phase {
            ScopePhase::Body => ("body", None),
            ScopePhase::Handling { code } => ("handling", Some(code.to_string())),
            ScopePhase::Interrupted => ("interrupted", None),
            ScopePhase::Finally => ("finally", None),
        };
        Self {
            activity: scope.at.activity.clone(),
            id: scope.at.id.clone(),
            title: scope.at.title.clone(),
            line: scope.at.line,
            phase,
            fault,
            attempt: scope.attempt,
            fields: scope.fields.clone(),
        }
    }
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
