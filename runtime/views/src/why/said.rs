//! What is said of one thing: the cause, the facts behind it, what would make it continue, and what
//! an operator can do.

use schemars::JsonSchema;
use serde::Serialize;

/// Something that an operator can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    pub words: String,
    /// What to type.
    pub command: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Whole sentences.
    pub cause: Vec<String>,
    /// Under a heading each.
    pub facts: Vec<(&'static str, Vec<String>)>,
    /// What would make it continue.
    pub continues: Vec<String>,
    pub steps: Vec<Step>,
}

impl Said {
    pub fn cause(&mut self, sentence: impl Into<String>) {
        self.cause.push(sentence.into());
    }

    pub fn fact(&mut self, heading: &'static str, facts: Vec<String>) {
        if !facts.is_empty() {
            self.facts.push((heading, facts));
        }
    }

    pub fn continues(&mut self, when: impl Into<String>) {
        self.continues.push(when.into());
    }

    /// What can be done without a command of ours.
    pub fn advice(&mut self, words: impl Into<String>) {
        self.steps.push(Step {
            words: words.into(),
            command: None,
        });
    }

    pub fn step(&mut self, words: impl Into<String>, command: impl Into<String>) {
        self.steps.push(Step {
            words: words.into(),
            command: Some(command.into()),
        });
    }
}
