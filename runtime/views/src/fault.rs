//! What went wrong in a process, and where.

use bureaucrat_model::{Fault as Fallen, JsonText, ProcessId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What went wrong, and where.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Fault {
    pub code: String,
    pub message: String,
    /// The id of the activity.
    pub activity: String,
    /// Its line in the definition; 0 for a fault from outside, such as a cancellation.
    pub line: u32,
    /// What came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl Fault {
    /// A fault of a process with its data.
    pub fn of(process: ProcessId, fault: &Fallen) -> Self {
        Self {
            data: fault.data.as_ref().and_then(JsonText::to_value),
            ..Self::without_data(process, fault)
        }
    }

    pub fn without_data(process: ProcessId, fault: &Fallen) -> Self {
        Self {
            code: fault.code.to_string(),
            message: fault.message.clone(),
            activity: format!("{process}{}", fault.activity),
            line: fault.line,
            data: None,
        }
    }
}
