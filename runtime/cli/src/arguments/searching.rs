//! What processes are searched by: the same options for each command that takes many.

use super::StateName;
use crate::screen;
use bureaucrat_host::query::{Attribute, AttributeKind, State, Wanted, WantedField};
use bureaucrat_model::Timestamp;
use clap::Args;

/// Which processes are meant: those that have everything that is given.
#[derive(Debug, Args)]
pub struct Search {
    /// Only processes in this state, or in one of several
    #[arg(long, value_delimiter = ',')]
    pub state: Vec<StateName>,
    /// Only processes of this definition, or of this version of it
    #[arg(long, value_name = "NAME[@VERSION]", value_parser = definition)]
    pub definition: Option<Attribute>,
    /// Only processes with this business key
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Only processes that this user launched
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Only processes that wait for an answer of this participant
    #[arg(long, value_name = "NAME")]
    pub participant: Option<String>,
    /// Only processes that wait for this event
    #[arg(long, value_name = "NAME")]
    pub event: Option<String>,
    /// Only processes that failed with this fault, or wait for an operator because of it
    #[arg(long, value_name = "CODE")]
    pub fault: Option<String>,
    /// Only processes of which a part waits at this activity: its id or path
    #[arg(long, value_name = "ACTIVITY")]
    pub activity: Option<String>,
    /// Only processes that were launched at this time or later: 2h (ago),
    /// 2026-11-29T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub launched_from: Option<Timestamp>,
    /// Only processes that were launched before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub launched_before: Option<Timestamp>,
    /// Only processes whose searchable field NAME has this value; may be given several times
    #[arg(long = "where", value_name = "NAME=VALUE", value_parser = wanted_field)]
    pub having: Vec<WantedField>,
}

impl Search {
    pub fn wanted(&self) -> Wanted {
        let mut attributes = Vec::new();
        attributes.extend(self.key.clone().map(Attribute::Key));
        attributes.extend(self.definition.clone());
        attributes.extend(self.participant.clone().map(Attribute::Participant));
        attributes.extend(self.event.clone().map(Attribute::Event));
        attributes.extend(self.fault.clone().map(Attribute::Fault));
        attributes.extend(self.user.clone().map(Attribute::User));
        Wanted {
            states: self.state.iter().copied().map(state).collect(),
            attributes,
            fields: self.having.clone(),
            activity: self.activity.clone(),
            launched_from: self.launched_from,
            launched_before: self.launched_before,
        }
    }
}

/// A definition's name, or one of its versions.
pub fn definition(text: &str) -> Result<Attribute, String> {
    Attribute::of_definition(text)
        .ok_or_else(|| "it must be a name, or NAME@VERSION with a number from 1".to_owned())
}

const fn state(name: StateName) -> State {
    match name {
        StateName::Running => State::Running,
        StateName::Incident => State::Incident,
        StateName::Suspended => State::Suspended,
        StateName::Completed => State::Completed,
        StateName::Failed => State::Failed,
    }
}

/// What processes are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountedBy {
    State,
    Attribute(AttributeKind),
}

/// What processes can be counted by, in one word.
///
/// # Errors
/// If it is nothing of these.
pub fn counted_by(text: &str) -> Result<CountedBy, String> {
    if text == "state" {
        return Ok(CountedBy::State);
    }
    text.parse().map(CountedBy::Attribute).map_err(|_| {
        "it must be state, definition, version, key, user, fault, participant, event, or field.NAME"
            .to_owned()
    })
}

/// A time, or how long ago.
pub fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = super::duration(text) {
        let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
        return Ok(Timestamp(screen::now().0.saturating_sub(ago)));
    }
    let read: Option<jiff::Timestamp> = text.parse().ok();
    let millis = read.and_then(|time| u64::try_from(time.as_millisecond()).ok());
    millis.map(Timestamp).ok_or_else(|| {
        "it must be how long ago (90, 15m, 2h, 3d) or a time, as in 2026-11-29T18:00:00Z or \
         2026-11-29T18:00:00+02:00"
            .to_owned()
    })
}

/// A searchable field and its value, as `NAME=VALUE`.
///
/// # Errors
/// What is wrong, in words.
fn wanted_field(text: &str) -> Result<WantedField, String> {
    match text.split_once('=') {
        None => Err(format!("it must be NAME=VALUE, as in `{text}=VALUE`")),
        Some(("", _)) => Err("the name of the field is missing before `=`".to_owned()),
        Some((name, value)) => Ok(WantedField {
            name: name.to_owned(),
            value: value.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bureaucrat_model::Version;

    #[test]
    fn a_version_is_a_number_after_the_last_sign() {
        let version = Version::new(3).unwrap();
        let of = |name: &str| Attribute::Version(name.into(), version);
        assert_eq!(definition("order@3"), Ok(of("order")));
        assert_eq!(definition("a@b@3"), Ok(of("a@b")));
        let name = Attribute::Definition("order".into());
        assert_eq!(definition("order"), Ok(name));
        for text in ["order@", "order@0", "order@x", "@", "@1"] {
            assert!(definition(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_written_or_so_long_ago() {
        let at = Timestamp(1_764_439_200_000);
        assert_eq!(time("2025-11-29T18:00:00Z"), Ok(at));
        assert_eq!(time("2025-11-29T20:00:00+02:00"), Ok(at));
        let (hour, now) = (time("1h").unwrap(), time("0").unwrap());
        assert!((3_600_000..3_700_000).contains(&(now.0 - hour.0)));
        for text in ["", "yesterday", "2025-11-29", "1800-01-01T00:00:00Z", "-5m"] {
            assert!(
                time(text).is_err_and(|error| error.contains("how long ago")),
                "{text}"
            );
        }
    }

    #[test]
    fn the_first_equals_sign_ends_the_name() {
        let wanted = |name: &str, value: &str| WantedField {
            name: name.into(),
            value: value.into(),
        };
        assert_eq!(wanted_field("a=b=c"), Ok(wanted("a", "b=c")));
        assert_eq!(wanted_field("a="), Ok(wanted("a", "")));
        for text in ["", "a", "=b"] {
            assert!(wanted_field(text).is_err(), "{text}");
        }
    }
}
