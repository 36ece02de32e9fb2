//! The business keys that definitions compute for their processes.
//!
//! A key is computed before its process begins, over what that begins with, on the driver's thread:
//! a key that needs more than a portion of fuel is refused, so that a launch waits for no job.

use super::{Planner, evaluating::Attempt};
use crate::definitions::Loaded;
use bureaucrat_engine::view_at_launch;
use bureaucrat_model::{ConditionIndex, Duplicate, EvaluationOutcome, JsonText, KeyText, Launch};
use bureaucrat_wire::KEY_BYTES_MAX;

/// A business key, and what happens if another process has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaunchKey {
    pub text: String,
    pub duplicate: Duplicate,
}

/// Why a process gets no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoKey {
    /// The definition's fault, or that of the fields.
    #[error("the key of `{name}` can't be computed: {reason}")]
    Refused { name: String, reason: String },
    /// It may be there another time.
    #[error("{0}")]
    Environment(String),
}

impl Planner {
    /// The key that the definition gives a process that is about to begin.
    pub(crate) fn key_at_launch(
        &self,
        launch: &Launch,
        loaded: &Loaded,
    ) -> Result<Option<LaunchKey>, NoKey> {
        let Some(rule) = &loaded.program.conduct.key else {
            return Ok(None);
        };
        let text = match &rule.text {
            KeyText::Fixed(text) => text.clone(),
            KeyText::Computed(function) => self.computed_key(launch, loaded, *function)?,
        };
        let problem = match text.len() {
            0 => "it is empty".to_owned(),
            bytes if bytes > KEY_BYTES_MAX => {
                format!("it has {bytes} bytes, at most {KEY_BYTES_MAX} are allowed")
            }
            _ if text.chars().any(char::is_control) => "it has a control character".to_owned(),
            _ => {
                let duplicate = rule.duplicate;
                return Ok(Some(LaunchKey { text, duplicate }));
            }
        };
        Err(refused(loaded, problem))
    }

    fn computed_key(
        &self,
        launch: &Launch,
        loaded: &Loaded,
        function: ConditionIndex,
    ) -> Result<String, NoKey> {
        let user = launch.user.as_ref();
        let limits = self.limits_of_user(user);
        let environment = self.environment(user, &limits);
        let view = view_at_launch(&loaded.program, launch, &environment, function);
        let found = loaded.program.condition(function);
        let found = found.and_then(|named| Some((loaded.guest(named.guest)?, named)));
        let Some((guest, named)) = found else {
            let reason = format!("function {} has no guest", function.0);
            return Err(NoKey::Environment(reason));
        };
        let budget = self.budget_of_user(user);
        let attempt = self.evaluate_now((guest, named), user, &view, budget);
        match attempt.map_err(NoKey::Environment)? {
            Attempt::NeedsMore => {
                let most = self.shared.config.inline_fuel;
                let reason = format!("it takes more than {most} units of fuel");
                Err(refused(loaded, reason))
            }
            Attempt::Outcome(evaluation) => match evaluation.outcome {
                EvaluationOutcome::Value(value) => Ok(plain(&value)),
                EvaluationOutcome::Fault { code, message, .. } => {
                    Err(refused(loaded, format!("{code}: {message}")))
                }
                EvaluationOutcome::Verdict(_) => {
                    Err(refused(loaded, "its function returns a verdict".into()))
                }
            },
        }
    }
}

fn refused(loaded: &Loaded, reason: String) -> NoKey {
    NoKey::Refused {
        name: loaded.program.name.clone(),
        reason,
    }
}

fn plain(value: &JsonText) -> String {
    let text = value.as_text();
    text.unwrap_or_else(|| value.as_str().to_owned())
}
