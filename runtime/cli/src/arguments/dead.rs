//! `dead …`: what operators can say about dead letters.

use super::count;
use clap::{Args, Subcommand};
use std::{fmt, str::FromStr};

/// A letter's number, or the last digits of it. Numbers are long, and their last digits differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterEnd(String);

/// The most digits that a number of 64 bits has.
const DIGITS_MAX: usize = 20;

impl LetterEnd {
    /// The letters that are meant: the one with just this number, else all whose numbers end so.
    pub fn among(&self, letters: impl Iterator<Item = u64> + Clone) -> Vec<u64> {
        let is_this = |letter: &u64| letter.to_string() == self.0;
        if let Some(letter) = letters.clone().find(is_this) {
            return vec![letter];
        }
        let ends = |letter: &u64| letter.to_string().ends_with(&self.0);
        letters.filter(ends).collect()
    }
}

impl FromStr for LetterEnd {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match is_number && text.len() <= DIGITS_MAX {
            true => Ok(Self(text.to_owned())),
            false => Err("expected a letter's number, or the last digits of it"),
        }
    }
}

impl fmt::Display for LetterEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `dead …`.
#[derive(Debug, Subcommand)]
pub enum Dead {
    /// List the last dead letters, newest first
    List(DeadList),
    /// Show a dead letter: why it is one, its properties, its body
    Show(DeadShow),
    /// Send the message of a dead letter again, to the queue that it came from
    Resend(DeadResend),
    /// Forget the engine's copy of a dead letter
    Discard(DeadDiscard),
}

/// `dead list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat dead list
  bureaucrat dead list --limit 0 --json    all of them, one JSON object per line

The engine keeps copies of the last 1,000 letters that it put into its dead-letter queue, of \
at most 16 MiB together. Looking at them takes nothing off that queue. Letters share their \
numbers with everything else that the engine sends, so the numbers start at about a million and \
have gaps. The other commands accept the last few digits of a number.")]
pub struct DeadList {
    /// At most this many; 0 for all
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = count, allow_negative_numbers = true)]
    pub limit: usize,
    /// Print one JSON object per line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `dead show`.
#[derive(Debug, Args)]
pub struct DeadShow {
    /// The letter's number, as `dead list` prints it, or the last digits of it
    pub letter: LetterEnd,
    /// Print a JSON object (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `dead resend`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat dead resend 17 18

The engine sends the message as a new one: without its message id, its user and its \
expiration. Then it forgets its copy, unless --keep is given. The letter in the dead-letter \
queue stays there, since AMQP cannot take one message out of the middle of a queue; its header \
bureaucrat-letter has the same number.")]
pub struct DeadResend {
    /// Keep the engine's copy, to look at it or to send it again
    #[arg(long)]
    pub keep: bool,
    /// The letters' numbers, or the last digits of them
    #[arg(required = true)]
    pub letters: Vec<LetterEnd>,
    /// Print one JSON object per line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `dead discard`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat dead discard 17

The letter in the dead-letter queue stays there; its header bureaucrat-letter has the same \
number.")]
pub struct DeadDiscard {
    /// The letters' numbers, or the last digits of them
    #[arg(required = true)]
    pub letters: Vec<LetterEnd>,
    /// Print one JSON object per line (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_digits_mean_a_letter() {
        let letters = [1_048_577, 2_097_153, 17, 3_145_717];
        let among = |text: &str| {
            let end: LetterEnd = text.parse().unwrap();
            end.among(letters.into_iter())
        };
        assert_eq!(among("577"), [1_048_577]);
        assert_eq!(among("17"), [17], "a whole number means itself");
        assert_eq!(among("7"), [1_048_577, 17, 3_145_717]);
        assert_eq!(among("8"), [0; 0]);
        for wrong in ["", "1a", "-1", "123456789012345678901"] {
            assert!(wrong.parse::<LetterEnd>().is_err(), "{wrong}");
        }
    }
}
