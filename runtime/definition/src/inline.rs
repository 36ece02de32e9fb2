//! The only place that knows the expression compiler.
//!
//! Equal texts share one function; a function has the name of the first condition that it belongs to, `c` and its index.

pub(crate) use bureaucrat_expression::Kind;

use bureaucrat_expression::Function;
use std::collections::HashMap;

/// Why an expression is refused, and where in its text; both from 1, the column in characters.
pub(crate) struct Refused {
    pub(crate) reason: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// The expressions of a definition.
#[derive(Default)]
pub(crate) struct Inline {
    functions: Vec<Function>,
    /// The function of each text. Only looked up, so that its order never matters.
    names: HashMap<(Kind, String), String>,
    bytes: usize,
    over: bool,
}

impl Inline {
    /// Adds the text of the condition or value at `index`; the name of its function.
    pub(crate) fn add(&mut self, text: &str, kind: Kind, index: usize) -> Result<String, Refused> {
        let key = (kind, text.to_owned());
        if let Some(name) = self.names.get(&key) {
            return Ok(name.clone());
        }
        let expression = bureaucrat_expression::parse(text).map_err(|refusal| Refused {
            reason: refusal.reason,
            line: refusal.line,
            column: refusal.column,
        })?;
        let name = format!("c{index}");
        self.names.insert(key, name.clone());
        self.bytes += text.len();
        self.functions.push(Function {
            name: name.clone(),
            expression,
            kind,
        });
        Ok(name)
    }

    /// Whether the texts together have become longer than `limit` bytes; said once.
    pub(crate) fn went_over(&mut self, limit: usize) -> bool {
        let over = self.bytes > limit;
        let news = over && !self.over;
        self.over = over;
        news
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The component that holds all functions; no bytes when there are none.
    pub(crate) fn compile(&self) -> Result<Vec<u8>, String> {
        if self.functions.is_empty() {
            return Ok(Vec::new());
        }
        bureaucrat_expression::compile(&self.functions).map_err(|error| error.to_string())
    }
}
