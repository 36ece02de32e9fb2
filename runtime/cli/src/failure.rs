//! How a command fails: its kind, the exit code that follows from it, and what is said.
//!
//! Every failure is told here, in one form: `error: WORDS` on standard error; or, where the command
//! was asked for JSON, one line `{"failure", "message", "exit_code"}` there. What comes from outside
//! can't steer a terminal by it.

use crate::{
    Exit,
    configuration::{Mistakes, Unfit},
    screen,
};
use bureaucrat_client::LaunchError;
use serde_json::json;
use std::fmt;

/// Why a command failed, as far as a program may want to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command line can't be understood.
    Usage,
    /// A setting has a value that it can't have.
    Setting,
    /// No engine runs on the storage.
    NoEngine,
    /// There is no such process or letter.
    Unknown,
    /// What was given could mean several.
    Ambiguous,
    /// The broker refuses, or can't be reached.
    Broker,
    /// The engine refuses what was sent.
    Rejected,
    /// The time passed before what was waited for came.
    TimedOut,
    /// The storage can't be read.
    Unreadable,
    /// Anything else.
    Other,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Setting => "setting",
            Self::NoEngine => "no_engine",
            Self::Unknown => "unknown",
            Self::Ambiguous => "ambiguous",
            Self::Broker => "broker",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed_out",
            Self::Unreadable => "unreadable",
            Self::Other => "other",
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Usage | Self::Unreadable => Exit::Unusable,
            Self::TimedOut => Exit::TimedOut,
            Self::Setting
            | Self::NoEngine
            | Self::Unknown
            | Self::Ambiguous
            | Self::Broker
            | Self::Rejected
            | Self::Other => Exit::Failed,
        }
    }
}

/// A failure whose kind is known where it is found.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    words: String,
}

impl Failure {
    pub fn new(kind: Kind, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { kind, words }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Failure {}

/// In which form failures are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Words,
    Json,
}

/// Tells why a command failed, and returns its exit code.
pub fn tell(error: &anyhow::Error, form: Form) -> Exit {
    let kind = kind_of(error);
    tell_words(kind, &words(error), form);
    kind.exit()
}

/// Names a mistake in the command line.
pub fn tell_usage(words: &str, form: Form) -> Exit {
    tell_words(Kind::Usage, words, form);
    Kind::Usage.exit()
}

fn tell_words(kind: Kind, words: &str, form: Form) {
    match form {
        Form::Json => {
            let exit_code = kind.exit().code();
            let line = json!({"failure": kind.name(), "message": words, "exit_code": exit_code});
            screen::tell(&line.to_string());
        }
        Form::Words if kind == Kind::Usage => screen::tell(&format!(
            "error: {words}\n\nFor more information, try '--help'."
        )),
        Form::Words => screen::tell(&format!("error: {words}")),
    }
}

fn kind_of(error: &anyhow::Error) -> Kind {
    let known = error.chain().find_map(|cause| {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return Some(failure.kind);
        }
        if cause.is::<Unfit>() || cause.is::<Mistakes>() {
            return Some(Kind::Setting);
        }
        match cause.downcast_ref::<LaunchError>()? {
            LaunchError::Connect(_)
            | LaunchError::Unroutable(_)
            | LaunchError::Refused(_)
            | LaunchError::Closed => Some(Kind::Broker),
            LaunchError::Rejected { .. } => Some(Kind::Rejected),
            LaunchError::TimedOut(_) => Some(Kind::TimedOut),
            LaunchError::Address(_)
            | LaunchError::Merge(_)
            | LaunchError::EventName { .. }
            | LaunchError::EventKey { .. }
            | LaunchError::EventKeep(_)
            | LaunchError::Reply(_)
            | LaunchError::OutOfOrder
            | LaunchError::Random(_) => None,
        }
    });
    known.unwrap_or(Kind::Other)
}

/// An error with its causes. Some errors have the words of their cause in their own; nothing is said
/// twice.
fn words(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if words.contains(&cause) {
            continue;
        }
        if !words.is_empty() {
            words += ": ";
        }
        words += &cause;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use bureaucrat_model::Fields;

    #[test]
    fn nothing_is_said_twice() {
        let fields = Fields::parse(r#"{"a": 1}"#).unwrap_or_default();
        let merge = bureaucrat_wire::merge_fields("<nothing>", &fields);
        let merge = merge
            .map_err(LaunchError::from)
            .map_err(anyhow::Error::from);
        let said = words(&merge.expect_err("not a definition"));
        let (start, reason) = said.split_once("definition: ").unwrap_or((&said, ""));
        assert_eq!(start, "cannot put the fields into the ");
        assert_eq!(said.matches(reason).count(), 1, "{said}");
        let error = std::io::Error::other("disk full");
        let error = anyhow::Error::from(error).context("cannot write x");
        assert_eq!(words(&error), "cannot write x: disk full");
    }

    #[test]
    fn the_kind_decides_the_exit_code() {
        let exit = |error: anyhow::Error| tell(&error, Form::Json);
        let failure = |kind| anyhow::Error::from(Failure::new(kind, "…")).context("outside");
        assert_eq!(exit(failure(Kind::Usage)), Exit::Unusable);
        assert_eq!(exit(failure(Kind::TimedOut)), Exit::TimedOut);
        assert_eq!(exit(failure(Kind::Unknown)), Exit::Failed);
        assert_eq!(exit(LaunchError::Closed.into()), Exit::Failed);
        assert_eq!(exit(anyhow::anyhow!("…")), Exit::Failed);
    }
}
