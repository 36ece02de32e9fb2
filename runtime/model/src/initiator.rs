//! Who gives orders: an operator, a message, or another process's launch.
//!
//! An operator's name is what the operating system says of the user who asks; what a client says about itself is never
//! taken for it.

use crate::ids::ProcessId;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};

/// The reason of an order whose giver says none, or an empty one.
pub const NO_REASON: &str = "no reason given";

/// A user of the engine's machine who gives orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Operator(String);

impl Operator {
    /// The most bytes of a name that are kept.
    const NAME_BYTES: usize = 64;

    /// An operator of this name, which is shortened, and has `?` in place of what no terminal should get.
    pub fn named(name: &str) -> Self {
        let printable = |sign: char| if sign.is_control() { '?' } else { sign };
        let mut name: String = name.chars().take(Self::NAME_BYTES).map(printable).collect();
        name.truncate(name.floor_char_boundary(Self::NAME_BYTES));
        Self(name)
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Who gave an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Initiator {
    #[serde(rename = "1")]
    Operator(Operator),
    /// A message, from this user if the broker has one for it.
    #[serde(rename = "2")]
    Message { user: Option<String> },
    /// A launch with the same business key, whose process takes its place.
    #[serde(rename = "3")]
    Replacement { process: ProcessId },
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operator {}", self.0)
    }
}

impl fmt::Display for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(operator) => write!(f, "{operator}"),
            Self::Message { user: Some(user) } => {
                f.write_str("a message of user ")?;
                // A broker may have users with new lines in their names, which would be lines of a log.
                user.chars().try_for_each(|sign| match sign.is_control() {
                    true => write!(f, "\\u{:04x}", u32::from(sign)),
                    false => f.write_char(sign),
                })
            }
            Self::Message { user: None } => f.write_str("a message without a user"),
            Self::Replacement { process } => {
                write!(f, "the launch of process {process}, which has the same key")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_the_broker_forges_no_line_of_a_log() {
        let user = Some("O'Brien\n2026-11-30 ok\u{9b}".to_owned());
        let words = Initiator::Message { user }.to_string();
        assert_eq!(
            words,
            "a message of user O'Brien\\u000a2026-11-30 ok\\u009b"
        );
    }

    #[test]
    fn a_name_is_short_and_has_no_control_characters() {
        assert_eq!(Operator::named("ada").name(), "ada");
        assert_eq!(Operator::named("a\nb\u{1b}[2J").name(), "a?b?[2J");
        let long = Operator::named(&"ä".repeat(1_000));
        assert_eq!(long.name(), "ä".repeat(32));
    }
}
