//! What `why` asks beyond what `show` shows: how queues are now, which the broker knows, and what the
//! fields hold that a condition reads.
//!
//! Nothing here changes anything. Answers are bounded: names and queues in number, values in bytes.

use bureaucrat_model::{FiberId, ProcessId};
use bureaucrat_store::{Store, StoreError, instances::read_instance};
use serde::{Deserialize, Serialize};

/// The most names or queues in a question.
pub const ASKED_MAX: usize = 64;
/// A value is cut to so many bytes.
pub const VALUE_BYTES_MAX: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "facts")]
pub enum FactQuery {
    /// How these queues are, asked of the broker.
    Queues { queues: Vec<String> },
    /// What these fields hold where a fiber sees them.
    Values {
        process: ProcessId,
        fiber: FiberId,
        names: Vec<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "facts")]
pub enum FactAnswer {
    /// In the order of the question.
    Queues {
        queues: Vec<QueueState>,
        /// Why the broker takes no messages at the moment, in its words.
        blocked: Option<String>,
    },
    /// JSON texts, in the order of the question; none where there is no such field.
    Values { values: Vec<Option<String>> },
}

/// A queue, as the broker sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum QueueState {
    /// `messages` are those that wait for a consumer: what consumers have in hand is not counted.
    There {
        consumers: u32,
        messages: u32,
    },
    Missing,
    /// The broker does not say; its words.
    Refused {
        words: String,
    },
    /// The broker did not answer in time, or can't be reached.
    Silent {
        words: String,
    },
}

pub(super) fn values(
    store: &dyn Store,
    process: ProcessId,
    fiber: FiberId,
    names: &[String],
) -> Result<FactAnswer, StoreError> {
    let stored = read_instance(store, process)?;
    let fields = stored.and_then(|stored| stored.instance.fibers.visible(fiber));
    let value = |name: &String| {
        let text = fields.as_ref()?.get(name)?.as_str();
        Some(cut(text))
    };
    let names = names.iter().take(ASKED_MAX);
    let values = names.map(value).collect();
    Ok(FactAnswer::Values { values })
}

/// A text of at most [`VALUE_BYTES_MAX`] bytes; one that is cut ends with an ellipsis.
pub fn cut(text: &str) -> String {
    if text.len() <= VALUE_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(VALUE_BYTES_MAX);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = "ä".repeat(VALUE_BYTES_MAX);
        let cut_text = cut(&long);
        assert_eq!(cut_text.chars().count(), VALUE_BYTES_MAX / 2 + 1);
        assert!(cut_text.ends_with('…'));
        assert_eq!(cut("\"short\""), "\"short\"");
    }
}
