//! Who wants the records, and who has them meanwhile.

use crate::session::HELD;
use bureaucrat_store::format::Formats;
use std::{fmt, time::Duration};

/// So many engines are named.
const NAMED: usize = 3;

/// An engine that wants leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The same for the next run of the same engine, which takes its leases back at once.
    pub name: String,
    /// How long it may be silent.
    pub term: Duration,
    pub formats: Formats,
    /// Where engines that share send each other what belongs to another: the name of the queues, and the virtual host. One
    /// with others than theirs would not be heard.
    pub queues: String,
}

/// How much an engine wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// All groups or none: it waits until nobody has any.
    All,
    /// As many as each of the other engines that share.
    Share,
}

/// What keeps somebody from having the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding(Reason);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// These engines have groups.
    Leases(Vec<String>),
    /// The lock of the schema.
    Lock,
    /// An engine's earlier session.
    Session(String),
}

impl Holding {
    /// Nobody knows whose it is.
    pub const fn unknown() -> Self {
        Self(Reason::Lock)
    }

    pub fn of_session(engine: &str) -> Self {
        Self(Reason::Session(engine.to_owned()))
    }

    /// Those of these engines that are not this one.
    pub fn of<'a>(holders: impl Iterator<Item = &'a String>, engine: &str) -> Self {
        let others = holders.filter(|holder| *holder != engine);
        let others: Vec<String> = others.cloned().collect();
        match others.is_empty() {
            true => Self::unknown(),
            false => Self(Reason::Leases(others)),
        }
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Leases(engines) => match engines.as_slice() {
                [engine] => write!(f, "the engine {engine} has them"),
                engines if engines.len() <= NAMED => {
                    write!(f, "the engines {} have them", engines.join(", "))
                }
                engines => {
                    let named = engines.get(..NAMED).unwrap_or_default().join(", ");
                    let more = engines.len() - NAMED;
                    write!(f, "the engines {named} and {more} more have them")
                }
            },
            Reason::Lock => f.write_str(HELD),
            Reason::Session(engine) => {
                write!(f, "an earlier session of the engine {engine} has not ended")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_engines_are_named() {
        let words = |count: usize| {
            let engines = ["a", "b", "c", "d", "e"].iter().take(count);
            let engines = engines.map(|name| (*name).to_owned()).collect();
            Holding(Reason::Leases(engines)).to_string()
        };
        assert_eq!(words(1), "the engine a has them");
        assert_eq!(words(3), "the engines a, b, c have them");
        assert_eq!(words(5), "the engines a, b, c and 2 more have them");
    }
}
