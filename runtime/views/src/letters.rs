//! Dead letters as objects.

use bureaucrat_host::letters::{LetterDetail, LetterView};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A dead letter in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Letter {
    /// Its number.
    pub letter: u64,
    pub at: u64,
    /// The exchange that it was sent to, for one that a process sent; else empty.
    pub exchange: String,
    /// The queue that the message came from, or the routing key that it was sent with.
    pub queue: String,
    /// Why it is one, as in docs/errors.
    pub code: String,
    pub reason: String,
    /// The size of the body.
    pub bytes: u64,
}

impl Letter {
    pub fn of(letter: &LetterView) -> Self {
        Self {
            letter: letter.letter,
            at: letter.at.0,
            exchange: letter.exchange.clone(),
            queue: letter.queue.clone(),
            code: letter.code.clone(),
            reason: letter.reason.clone(),
            bytes: letter.bytes,
        }
    }
}

/// A dead letter with its message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WholeLetter {
    #[serde(flatten)]
    pub letter: Letter,
    /// Those of the message, as in the header `bureaucrat-original`.
    pub properties: Value,
    /// Its body, where bytes that are not UTF-8 are replaced; null for one with more than 1 MiB.
    pub body: Option<String>,
}

impl WholeLetter {
    pub fn of(detail: &LetterDetail) -> Self {
        let body = detail.body.as_ref();
        Self {
            letter: Letter::of(&detail.view),
            properties: detail.properties.clone(),
            // What is not UTF-8 is shown as far as it can be.
            body: body.map(|body| String::from_utf8_lossy(body).into_owned()),
        }
    }
}
