//! Where in its definition an instruction is, and what people call the activity there.

use crate::{ids::ActivityPath, indexes::Span};
use serde::{Deserialize, Serialize};

/// The activity that an instruction belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Site {
    pub path: ActivityPath,
    pub span: Span,
    /// Boxed, because few activities have one and each instruction has a site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Box<Label>>,
}

impl Site {
    /// A site without a label.
    pub const fn new(path: ActivityPath, span: Span) -> Self {
        Self {
            path,
            span,
            label: None,
        }
    }
}

/// What its author calls an activity, for people. The activity's path is what travels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Label {
    /// Unique in its definition.
    pub id: Option<String>,
    pub title: Option<String>,
}
