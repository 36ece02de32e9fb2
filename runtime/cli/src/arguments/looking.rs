//! The commands that look at one process, and for whom an event is.

use bureaucrat_model::{IdPrefix, Millis, NameLimits};
use clap::Args;

/// `show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bureaucrat show --history 0c4b8a0e")]
pub struct Show {
    /// The process: its id, or the first 4 or more digits of it
    pub process: IdPrefix,
    /// Also print what happened to it
    #[arg(long)]
    pub history: bool,
    /// Print a JSON object (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `why`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat why 0c4b8a0e
  bureaucrat why 0c4b8a0e --json | jq -r '.parts[].cause[]'

Says in a few sentences what each part of the process waits for, what would make it continue, and \
what you can do. It asks the broker how the queues of its tasks are now. docs/why.md has an example \
of each situation; `bureaucrat show` prints all facts. The exit code is 0 if there is such a process.")]
pub struct Why {
    /// The process: its id, or the first 4 or more digits of it
    pub process: IdPrefix,
    /// Print a JSON object (docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// For whom an event is, and for how long.
#[derive(Debug, Args)]
pub struct Addressed {
    /// The event's key: it reaches those who wait for it with this key, and those who want none
    #[arg(long, value_name = "KEY", value_parser = event_key)]
    pub key: Option<String>,
    /// Keep it this long for those who wait for it later: 90 (seconds), 15m, 24h, 2d, PT1H
    #[arg(long, value_name = "TIME", value_parser = kept)]
    pub keep: Option<Millis>,
    /// The process that it is for alone: its id, or the first 4 or more digits of it
    #[arg(long, value_name = "PROCESS")]
    pub process: Option<IdPrefix>,
}

fn event_key(text: &str) -> Result<String, String> {
    match text.len() {
        1..=NameLimits::KEY => Ok(text.to_owned()),
        0 => Err("a key can't be empty".to_owned()),
        bytes => Err(format!(
            "it has {bytes} bytes; a key has at most {}",
            NameLimits::KEY
        )),
    }
}

fn kept(text: &str) -> Result<Millis, String> {
    match Millis::parse(text) {
        Some(Millis(0)) => Err("an event can't be kept for 0 seconds; omit --keep".to_owned()),
        Some(keep) if keep > Millis::LONGEST => Err(format!(
            "it is too long; at most {} is allowed",
            Millis::LONGEST
        )),
        Some(keep) => Ok(keep),
        None => Err("it must be a duration, such as 90 (seconds), 15m, 24h, 2d or PT1H".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_kept_for_a_time() {
        assert_eq!(kept("2d"), Ok(Millis(2 * 86_400_000)));
        for (text, words) in [
            ("0", "0 seconds"),
            ("soon", "a duration"),
            ("9999999d", "too long"),
        ] {
            assert!(
                kept(text).is_err_and(|error| error.contains(words)),
                "{text}"
            );
        }
        assert!(event_key("").is_err() && event_key(&"x".repeat(256)).is_err());
    }
}
