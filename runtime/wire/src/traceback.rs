//! What a fault keeps of a traceback, and its data around that.

use crate::WireLimits;
use bureaucrat_model::JsonText;
use serde_json::{Map, Value, json};

/// What is kept: the end, which says the most.
const BYTES: usize = 2_048;

/// The last bytes of a traceback.
pub(crate) fn ending(traceback: &str) -> Value {
    let before = traceback.len().saturating_sub(BYTES);
    json!(traceback[traceback.ceil_char_boundary(before)..])
}

/// The data of a fault of which nothing is known but its traceback, and the code that it may not
/// have.
pub(crate) fn data(code: Option<String>, traceback: &str, limits: &WireLimits) -> Option<JsonText> {
    let mut data = Map::new();
    data.extend(code.map(|code| ("code".to_owned(), json!(code))));
    if !traceback.is_empty() {
        data.insert("traceback".to_owned(), ending(traceback));
    }
    within(data, limits.text_bytes)
}

/// The data of a fault, without the traceback if its escapes make it too large.
pub(crate) fn within(mut data: Map<String, Value>, bytes: usize) -> Option<JsonText> {
    let whole = JsonText::of(&data.clone().into());
    if data.is_empty() || whole.as_str().len() <= bytes {
        return (!data.is_empty()).then_some(whole);
    }
    data.remove("traceback");
    (!data.is_empty()).then(|| JsonText::of(&data.into()))
}
