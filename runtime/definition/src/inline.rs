//! The only place that uses the expression compiler.
//!
//! Equal texts share one function. A function is named after its first condition: `c` and the
//! index.

pub(crate) use bureaucrat_expression::{Kind, Refusal};

use bureaucrat_expression::{Function, Selection, Step, Template};
use bureaucrat_model::{JsonText, SelectStep};
use std::collections::HashMap;

/// The value of a text that is a literal: it needs no function.
pub(crate) fn literal(text: &str) -> Option<JsonText> {
    let may_be =
        text.starts_with(|first: char| "\"'[{(-+.NTF".contains(first) || first.is_ascii_digit());
    let expression = may_be.then(|| bureaucrat_expression::parse_unexplained(text).ok());
    JsonText::parse(&expression.flatten()?.literal()?).ok()
}

/// Whether anybody reads why an expression is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Explained {
    Yes,
    No,
}

/// The expressions of a definition.
#[derive(Default)]
pub(crate) struct Inline {
    functions: Vec<Function>,
    /// The function of each text. It is only used for lookups, so its order never matters.
    names: HashMap<(Kind, String), String>,
    bytes: usize,
    over: bool,
}

impl Inline {
    /// Adds the text of the condition or value at `index`; the name of its function. When refusals are not shown any more, none
    /// is explained.
    pub(crate) fn add(
        &mut self,
        text: &str,
        kind: Kind,
        index: usize,
        explained: Explained,
    ) -> Result<String, Refusal> {
        let key = (kind, text.to_owned());
        if let Some(name) = self.names.get(&key) {
            return Ok(name.clone());
        }
        let expression = match explained {
            Explained::Yes => bureaucrat_expression::parse(text)?,
            Explained::No => bureaucrat_expression::parse_unexplained(text)?,
        };
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

    /// Adds a template, as [`Self::add`] adds an expression; none if it is plain.
    pub(crate) fn add_template(
        &mut self,
        text: &str,
        index: usize,
        explained: Explained,
    ) -> Result<Option<String>, Refusal> {
        let template = match explained {
            Explained::Yes => bureaucrat_expression::template(text)?,
            Explained::No => bureaucrat_expression::template_unexplained(text)?,
        };
        let Template::Computed(expression) = template else {
            return Ok(None);
        };
        let name = format!("c{index}");
        self.bytes += text.len();
        self.functions.push(Function {
            name: name.clone(),
            expression: *expression,
            kind: Kind::Value,
        });
        Ok(Some(name))
    }

    /// The way into the fields of a function that does nothing but select.
    pub(crate) fn selects(&self, name: &str) -> Vec<SelectStep> {
        let found = self.functions.iter().find(|function| function.name == name);
        let found = found.filter(|function| function.kind == Kind::Value);
        let selection = found.and_then(|function| function.expression.selection());
        let steps = selection.iter().flat_map(Selection::steps);
        steps
            .map(|step| match step {
                Step::Name(name) => SelectStep::Name(name.clone()),
                Step::Index(index) => SelectStep::Index(*index),
            })
            .collect()
    }

    /// Whether the texts together have just exceeded `limit` bytes; true only once.
    pub(crate) fn went_over(&mut self, limit: usize) -> bool {
        let over = self.bytes > limit;
        let news = over && !self.over;
        self.over = over;
        news
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The component with all functions; empty if there are none.
    pub(crate) fn compile(&self) -> Result<Vec<u8>, String> {
        if self.functions.is_empty() {
            return Ok(Vec::new());
        }
        bureaucrat_expression::compile(&self.functions).map_err(|error| error.to_string())
    }
}
