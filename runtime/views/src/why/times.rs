//! Times and spans as a colleague would say them: local, without the date of today, with how long ago.

use crate::text;
use bureaucrat_model::{Millis, Timestamp};
use jiff::{Zoned, tz::TimeZone};

/// The moment of the answer, from which all spans are told.
#[derive(Debug, Clone)]
pub struct Times {
    pub now: Timestamp,
    zone: TimeZone,
}

impl Times {
    pub fn new(now: Timestamp) -> Self {
        let zone = TimeZone::system();
        Self { now, zone }
    }

    /// `03:12:07`, or with its date when that is not today.
    pub fn clock(&self, at: Timestamp) -> String {
        let (Some(told), Some(now)) = (self.local(at), self.local(self.now)) else {
            return at.to_string();
        };
        let format = match told.date() == now.date() {
            true => "%H:%M:%S",
            false => "%Y-%m-%d %H:%M:%S",
        };
        told.strftime(format).to_string()
    }

    fn local(&self, at: Timestamp) -> Option<Zoned> {
        let millis = i64::try_from(at.0).ok()?;
        let at = jiff::Timestamp::from_millisecond(millis).ok()?;
        Some(at.to_zoned(self.zone.clone()))
    }

    /// `since 03:12:07 (2 h 10 min)`.
    pub fn since(&self, at: Timestamp) -> String {
        format!("since {} ({})", self.clock(at), span(self.now.since(at)))
    }

    /// `03:12:07 (2 h 10 min ago)`.
    pub fn ago(&self, at: Timestamp) -> String {
        format!("{} ({} ago)", self.clock(at), span(self.now.since(at)))
    }

    /// `05:12:07 (in 50 min)`, or that the time has come.
    pub fn ahead(&self, due: Timestamp) -> String {
        let clock = self.clock(due);
        match due > self.now {
            true => format!("{clock} (in {})", span(due.since(self.now))),
            false => format!("{clock} (now)"),
        }
    }
}

/// A span of time, with its minutes or hours where it is long; rounded, so that what began just now with
/// an hour to go has an hour to go.
pub fn span(span: Millis) -> String {
    let rounded = match span.0 {
        ..120_000 => span,
        millis => Millis(millis.saturating_add(30_000) / 60_000 * 60_000),
    };
    let minutes = rounded.0 / 60_000;
    let (hours, days) = (minutes / 60, minutes / 1_440);
    let two = |large: u64, unit: &str, small: u64, part: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {part}"),
    };
    match hours {
        0..2 => text::span(rounded),
        2..48 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "days", hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_spans_have_two_units() {
        let of = |minutes: u64| span(Millis(minutes * 60_000));
        assert_eq!(of(75), "75 min");
        assert_eq!(span(Millis(3_599_900)), "60 min");
        assert_eq!(span(Millis(59_900)), "59 s");
        assert_eq!(of(130), "2 h 10 min");
        assert_eq!(of(180), "3 h");
        assert_eq!(of(3 * 1_440 + 61), "3 days 1 h");
    }

    #[test]
    fn the_date_is_told_when_it_is_another() {
        let now = Timestamp(1_800_000_000_000);
        let zone = TimeZone::UTC;
        let times = Times { now, zone };
        assert_eq!(times.clock(now), "08:00:00");
        let day = Timestamp(now.0 - 86_400_000);
        assert_eq!(times.clock(day), "2027-01-14 08:00:00");
        let soon = Timestamp(now.0 + 7_800_000);
        assert_eq!(times.ahead(soon), "10:10:00 (in 2 h 10 min)");
        assert_eq!(times.ahead(now), "08:00:00 (now)");
    }
}
