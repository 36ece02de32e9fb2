//! Schedules: when a cron line fires next, in a time zone.
//!
//! The crate computes only: it reads no clock, and it brings its own table of time zones, so that the
//! same line gives the same instants on every machine. A local time that a clock change skips fires
//! when the gap ends; one that comes twice fires once. A line with `*` or a step in its hours or
//! minutes fires through the clock change as time passes. The crate leaves it to others what happens
//! then, and what becomes of instants that were missed.
#![forbid(unsafe_code)]

use bureaucrat_model::Timestamp;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{
    Zoned,
    tz::{TimeZone, db},
};

/// The longest cron line, in bytes.
pub const CRON_BYTES: usize = 128;

/// When something happens again and again.
#[derive(Debug, Clone)]
pub struct Timetable {
    cron: Cron,
    zone: TimeZone,
}

/// Why a text is no timetable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimetableError {
    #[error(
        "it has {fields} fields, but a cron line has five: minute, hour, day of the month, month, \
         day of the week, as in `30 2 * * MON-FRI`"
    )]
    Fields { fields: usize },
    #[error("it has {bytes} bytes; at most {CRON_BYTES} are allowed")]
    Long { bytes: usize },
    #[error("{0}")]
    Cron(String),
    #[error("it never fires: there is no such day")]
    Never,
    #[error("there is no time zone with this name; {}", hint(meant.as_deref()))]
    Zone { meant: Option<String> },
}

fn hint(meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "use a name from the IANA database, such as `Europe/Berlin`, or `UTC`".to_owned(),
    }
}

impl Timetable {
    /// The timetable of a cron line with five fields.
    ///
    /// # Errors
    /// If the line or the name of the zone is none, or the line never fires.
    pub fn new(cron: &str, zone: &str) -> Result<Self, TimetableError> {
        let zone = read_zone(zone)?;
        let cron = read_cron(cron)?;
        let timetable = Self { cron, zone };
        // Any instant will do: the calendar repeats itself.
        match timetable.after(Timestamp(1_767_225_600_000)) {
            Some(_) => Ok(timetable),
            None => Err(TimetableError::Never),
        }
    }

    /// The first instant after this one.
    pub fn after(&self, at: Timestamp) -> Option<Timestamp> {
        let millis = i64::try_from(at.0).ok()?;
        let from = jiff::Timestamp::from_millisecond(millis).ok()?;
        let from: Zoned = from.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&from, false).ok()?;
        let millis = next.timestamp().as_millisecond();
        u64::try_from(millis).ok().map(Timestamp)
    }
}

fn read_zone(name: &str) -> Result<TimeZone, TimetableError> {
    let known = |name: &str| db().available().any(|other| other.as_str() == name);
    match TimeZone::get(name) {
        Ok(zone) if known(name) => Ok(zone),
        Ok(_) | Err(_) => Err(TimetableError::Zone {
            meant: nearest(name),
        }),
    }
}

/// The zone that a person most likely means.
fn nearest(name: &str) -> Option<String> {
    let small = name.to_lowercase().replace(' ', "_");
    if small.len() > 64 {
        return None;
    }
    let names = db().available().map(|known| known.as_str().to_owned());
    let far = |known: &String| {
        let known = known.to_lowercase();
        // `Berlin` means `Europe/Berlin`.
        let city = known.rsplit('/').next().unwrap_or(&known);
        strsim::damerau_levenshtein(&small, &known).min(strsim::damerau_levenshtein(&small, city))
    };
    let near = names.map(|known| (far(&known), known)).min();
    near.filter(|(slips, known)| *slips <= (known.len() / 6).max(1))
        .map(|(_, known)| known)
}

fn read_cron(line: &str) -> Result<Cron, TimetableError> {
    let bytes = line.len();
    if bytes > CRON_BYTES {
        return Err(TimetableError::Long { bytes });
    }
    let is_nickname = line.trim().starts_with('@');
    let fields = line.split_whitespace().count();
    if fields != 5 && !is_nickname {
        return Err(TimetableError::Fields { fields });
    }
    if line.trim().to_ascii_lowercase().starts_with("@every") {
        let words = "`@every` is not known; every five minutes is `*/5 * * * *`, every two hours \
                     `0 */2 * * *`";
        return Err(TimetableError::Cron(words.to_owned()));
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser.parse(line).map_err(|error| {
        // The library does not say which field it means.
        let wrong = line
            .split_whitespace()
            .zip(FIELDS)
            .enumerate()
            .find(|(place, (field, _))| {
                let mut alone = ["*"; 5];
                if let Some(slot) = alone.get_mut(*place) {
                    *slot = field;
                }
                parser.parse(&alone.join(" ")).is_err()
            });
        TimetableError::Cron(match wrong {
            Some((_, (field, (name, range)))) => {
                format!("its {name}, {field:?}, is not {range}, a list, a range or a step of these")
            }
            None => words(&error.to_string()),
        })
    })
}

/// The fields of a line, and what may be in each.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59, `*`"),
    ("hour", "0 to 23, `*`"),
    ("day of the month", "1 to 31, `L`, `*`"),
    ("month", "1 to 12, `JAN` to `DEC`, `*`"),
    ("day of the week", "0 to 7, `SUN` to `SAT`, `*`"),
];

/// The library's reason as the rest of a sentence.
fn words(reason: &str) -> String {
    let reason = reason
        .trim_start_matches("Component error: ")
        .trim_start_matches("Invalid pattern: ")
        .trim_end_matches('.');
    let mut letters = reason.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => "it is not a cron line".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn times(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let timetable = Timetable::new(cron, zone).unwrap();
        let mut next = at(from);
        let mut found = Vec::new();
        for _ in 0..count {
            next = timetable.after(next).unwrap();
            found.push(next.to_string());
        }
        found
    }

    fn refused(cron: &str, zone: &str) -> String {
        Timetable::new(cron, zone).unwrap_err().to_string()
    }

    #[test]
    fn a_line_fires_in_the_time_of_its_zone() {
        let found = times("30 2 * * *", "Europe/Berlin", "2026-12-01T00:00:00Z", 2);
        assert_eq!(found[0], at("2026-12-01T01:30:00Z").to_string());
        assert_eq!(found[1], at("2026-12-02T01:30:00Z").to_string());
        let found = times("0 9 * * MON-FRI", "UTC", "2026-12-04T10:00:00Z", 1);
        assert_eq!(found[0], at("2026-12-07T09:00:00Z").to_string());
        let found = times("*/20 * * * *", "UTC", "2026-12-04T10:00:00.5Z", 3);
        assert_eq!(found[2], at("2026-12-04T11:00:00Z").to_string());
    }

    /// On 2026-03-29 the clocks of Berlin go from 2:00 to 3:00, on 2026-10-25 from 3:00 back to 2:00.
    #[test]
    fn clock_changes_neither_drop_nor_repeat_an_instant() {
        let found = times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
        assert_eq!(found[0], at("2026-03-29T01:00:00Z").to_string());
        assert_eq!(found[1], at("2026-03-30T00:30:00Z").to_string());
        let found = times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(found[0], at("2026-10-25T00:30:00Z").to_string());
        assert_eq!(found[1], at("2026-10-26T01:30:00Z").to_string());
    }

    #[test]
    fn what_is_no_timetable_is_refused_with_why() {
        assert!(refused("0 0 31 2 *", "UTC").contains("never fires"));
        assert!(refused("0 0 0 1 1 *", "UTC").contains("it has 6 fields"));
        assert!(refused("", "UTC").contains("it has 0 fields"));
        assert!(refused("61 * * * *", "UTC").contains("its minute, \"61\", is not 0 to 59"));
        assert!(refused("0 0 * * FOO", "UTC").contains("its day of the week, \"FOO\""));
        assert!(refused(&"1".repeat(200), "UTC").contains("200 bytes"));
        assert!(refused("0 0 * * *", "Berlin").contains("`Europe/Berlin`"));
        assert!(refused("0 0 * * *", "Europe/Berlim").contains("`Europe/Berlin`"));
        assert!(refused("0 0 * * *", "").contains("no time zone"));
    }
}
