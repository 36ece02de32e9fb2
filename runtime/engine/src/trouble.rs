//! What goes wrong in an instruction, before it becomes a fault.

use bureaucrat_model::{FaultCode, FaultSource, JsonText, Millis};

/// Why a fiber fails, before the place is known.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub code: FaultCode,
    pub message: String,
    pub source: FaultSource,
    pub data: Option<JsonText>,
    /// How long the participant wants to have peace before another attempt.
    pub retry_after: Option<Millis>,
    /// Where it happened, if that is more exact than the line of the activity.
    pub line: Option<u32>,
}

impl Trouble {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: FaultCode::new(code),
            message: message.into(),
            source: FaultSource::Other,
            data: None,
            retry_after: None,
            line: None,
        }
    }

    /// What a participant failed with.
    pub fn of_participant(code: FaultCode, message: impl Into<String>) -> Self {
        Self {
            source: FaultSource::Participant,
            ..Self::new(code.as_str(), message)
        }
    }

    /// The program is not one that `Program::check` accepts, or not the one that the instance was
    /// made from.
    pub fn program(what: &str) -> Self {
        Self::new(FaultCode::PROGRAM_ERROR, what)
    }
}
