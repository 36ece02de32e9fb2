//! Values that are selected from others, as they are written.

use crate::fields::JsonText;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One step from a value into it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SelectStep {
    /// Into a record.
    #[serde(rename = "1")]
    Name(String),
    /// Into a list; a negative index counts from its end.
    #[serde(rename = "2")]
    Index(i64),
}

impl JsonText {
    /// The value that a step leads to, as it is written; `None` if the step finds nothing.
    pub fn at(&self, step: &SelectStep) -> Option<Self> {
        match step {
            SelectStep::Name(name) => {
                let record: IndexMap<String, &RawValue> =
                    serde_json::from_str(self.as_str()).ok()?;
                record.get(name).copied().map(Self::from)
            }
            SelectStep::Index(index) => {
                let items: Vec<&RawValue> = serde_json::from_str(self.as_str()).ok()?;
                let length = i64::try_from(items.len()).ok()?;
                let place = if *index < 0 {
                    index.checked_add(length)?
                } else {
                    *index
                };
                let place = usize::try_from(place).ok()?;
                items.get(place).copied().map(Self::from)
            }
        }
    }
}
