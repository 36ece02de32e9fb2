//! The catalogue of attacks: what a stranger may try, what stops it, and how it is tried. The
//! documentation (docs/attacks.md), the tests and the load test all come from this table.
//!
//! An attack that another test already tries is included by reference ([`How::Elsewhere`]); the
//! test of this table checks that the other test exists.

mod definitions;
mod guests;
pub mod load;
mod messages;
pub mod orders;
mod perform;
pub mod relay;
mod uploads;
pub mod wat;

pub use perform::{Seen, perform};

#[derive(Debug, Clone)]
pub struct Attack {
    pub name: &'static str,
    /// For people.
    pub stopped_by: &'static str,
    pub stop: Stop,
    pub how: How,
}

/// How an attack ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The process fails with this code.
    Fault(&'static str),
    /// The definition or module is refused; the reason contains these words.
    Refused(&'static str),
    /// The message becomes a dead letter with this code.
    DeadLetter(&'static str),
    /// It does no harm: the outcome is right.
    Harmless,
}

/// How an attack is tried.
#[derive(Debug, Clone)]
pub enum How {
    /// A guest's function `evaluate` on fields, twice.
    Guest {
        component: Vec<u8>,
        /// As JSON.
        fields: String,
    },
    /// A module that is uploaded.
    Upload(Vec<u8>),
    /// A definition that is launched.
    Definition(Vec<u8>),
    /// An inline expression on fields.
    Expression {
        text: String,
        /// As JSON.
        fields: String,
    },
    /// A definition that compiles, run by a host. Its participant `hand` answers with the
    /// definition as field `d`.
    Process(String),
    /// The body of an answer.
    Answer(Vec<u8>),
    /// The body of an event.
    Event(Vec<u8>),
    /// Another test tries it: its file, and what the file must contain.
    Elsewhere {
        /// From the repository's root.
        file: &'static str,
        /// The test's name, or words of the case.
        holds: &'static str,
    },
}

/// All attacks, in the order of their numbers, which begin with 1.
pub fn catalogue() -> Vec<Attack> {
    [
        guests::attacks(),
        uploads::attacks(),
        definitions::attacks(),
        messages::attacks(),
    ]
    .concat()
}

/// The catalogue as a table for the documentation.
pub fn table() -> String {
    let mut table =
        String::from("| | attack | what stops it | how it ends |\n| --- | --- | --- | --- |\n");
    for (index, attack) in catalogue().iter().enumerate() {
        let end = match attack.stop {
            Stop::Fault(code) => match code.starts_with("sandbox.") {
                true => format!("fault [{code}](errors/{code}.md)"),
                false => format!("fault `{code}`"),
            },
            Stop::Refused(words) => format!("refused: \"{words}\""),
            Stop::DeadLetter(code) => format!("dead letter [{code}](errors/{code}.md)"),
            Stop::Harmless => "harmless".to_owned(),
        };
        let reference = match &attack.how {
            How::Elsewhere { file, holds } => format!(" (`{file}`, {holds})"),
            How::Guest { .. }
            | How::Upload(_)
            | How::Definition(_)
            | How::Expression { .. }
            | How::Process(_)
            | How::Answer(_)
            | How::Event(_) => String::new(),
        };
        table.push_str(&format!(
            "| {} | {} | {} | {end}{reference} |\n",
            index + 1,
            attack.name,
            attack.stopped_by
        ));
    }
    table
}

/// An attack of the table.
pub(crate) fn attack(name: &'static str, stopped_by: &'static str, stop: Stop, how: How) -> Attack {
    Attack {
        name,
        stopped_by,
        stop,
        how,
    }
}

/// An attack that another test tries.
pub(crate) fn elsewhere(
    name: &'static str,
    stopped_by: &'static str,
    stop: Stop,
    file: &'static str,
    holds: &'static str,
) -> Attack {
    attack(name, stopped_by, stop, How::Elsewhere { file, holds })
}
