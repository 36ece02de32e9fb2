//! What operators are told about the engine: its answers as the objects of `--json` (docs/json.md), and as words.
//!
//! The command line prints these, and the HTTP API sends them, so that both say the same. The types
//! here have schemas, from which the API's description is made. Asking, printing and laying out on a
//! terminal or a page are left to others.
#![forbid(unsafe_code)]

pub mod astray;
pub mod audit_log;
pub mod bulk;
pub mod counting;
pub mod definitions;
pub mod fault;
pub mod history;
pub mod letters;
pub mod orders;
pub mod processes;
pub mod shown;
pub mod text;
pub mod verified;
pub mod waits;
pub mod why;

use bureaucrat_host::query::{Query, QueryAnswer};

/// What answers questions: the control socket of an engine, or the engine itself.
pub trait Ask {
    type Error;

    /// # Errors
    /// If there is no answer.
    fn ask(&mut self, query: &Query) -> Result<QueryAnswer, Self::Error>;
}
