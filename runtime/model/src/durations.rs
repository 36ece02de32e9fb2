//! Spans and times as people and expressions write them.
//!
//! Spans are seconds, numbers with a unit, and those of ISO 8601. Times are those of ISO 8601 with an offset, and seconds
//! since the Unix epoch.

use crate::time::{Millis, Timestamp};
use ::time::{OffsetDateTime, format_description::well_known::Iso8601};

/// How many milliseconds each unit has.
const UNITS: [(&str, f64); 6] = [
    ("ms", 1.0),
    ("s", 1_000.0),
    ("m", 60_000.0),
    ("h", 3_600_000.0),
    ("d", 86_400_000.0),
    ("w", 604_800_000.0),
];

impl Millis {
    /// A span, rounded to the nearest millisecond: a number of seconds (`90`, `1.5`), a number and a unit (`500ms`, `5m`), or
    /// ISO 8601 without years and months (`PT1H30M`, `P3D`). None for what is negative, infinite or something else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let millis = match text.strip_prefix('P') {
            Some(period) => iso(period)?,
            None => {
                let unit = text.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
                match UNITS.into_iter().find(|(name, _)| *name == unit) {
                    Some((name, factor)) => number(text.strip_suffix(name)?)? * factor,
                    None => number(text)? * 1_000.0,
                }
            }
        };
        Some(Self(rounded(millis)))
    }
}

impl Timestamp {
    /// A time: ISO 8601 with an offset or `Z`, or seconds since the Unix epoch. Times before the epoch are the epoch. None for
    /// what is no time.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(seconds) = number(text) {
            return Some(Self(rounded(seconds * 1_000.0)));
        }
        // A space between date and time is what `str()` of a Python datetime has.
        let text = text.replacen(' ', "T", 1);
        let read = OffsetDateTime::parse(&text, &Iso8601::DEFAULT).ok()?;
        let millis = read.unix_timestamp_nanos() / 1_000_000;
        Some(Self(u64::try_from(millis).unwrap_or(0)))
    }
}

impl Millis {
    /// Whether a text is a duration of ISO 8601 with years or months, which are of several lengths.
    pub fn is_calendar(text: &str) -> bool {
        let text = text.trim();
        let Some(period) = text.strip_prefix('P') else {
            return false;
        };
        let (date, time) = period.split_once('T').unwrap_or((period, ""));
        let is_part = |c: char| c.is_ascii_digit() || ".,".contains(c);
        let is_date = date.chars().all(|c| is_part(c) || "YMWD".contains(c));
        let is_time = time.chars().all(|c| is_part(c) || "HMS".contains(c));
        is_date && is_time && date.contains(['Y', 'M']) && date.starts_with(is_part)
    }
}

impl Millis {
    /// What Python's `str` makes of a timedelta that is not negative: `1:00:00`, `2 days, 0:30:00.500000`.
    pub fn parse_timedelta(text: &str) -> Option<Self> {
        let (days, clock) = match text.split_once(" day") {
            Some((days, rest)) => (days, rest.trim_start_matches('s').strip_prefix(", ")?),
            None => ("0", text),
        };
        let mut parts = clock.split(':').map(number);
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        if parts.next().is_some() || minutes >= 60.0 || seconds >= 60.0 {
            return None;
        }
        let minutes = (number(days)? * 24.0 + hours) * 60.0 + minutes;
        Some(Self(rounded((minutes * 60.0 + seconds) * 1_000.0)))
    }
}

// The cast stays at the end of the range, which is beyond every limit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is not negative, and casts of floats saturate"
)]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// A number that is neither negative nor infinite.
fn number(text: &str) -> Option<f64> {
    let is_number = |c: char| c.is_ascii_digit() || ".eE+-".contains(c);
    if !text.chars().all(is_number) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// What follows the `P`: `1W`, `3D`, `1DT12H`, `T1H30M`, `T0.5S`, in this order and each at most once.
fn iso(period: &str) -> Option<f64> {
    let (date, time) = match period.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (period, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let date = parts(date, &[('W', 604_800_000.0), ('D', 86_400_000.0)])?;
    let time = parts(time, &[('H', 3_600_000.0), ('M', 60_000.0), ('S', 1_000.0)])?;
    Some(date + time)
}

fn parts(mut text: &str, units: &[(char, f64)]) -> Option<f64> {
    let mut total = 0.0;
    for (unit, factor) in units {
        if let Some((amount, rest)) = text.split_once(*unit) {
            if !amount.starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            total += number(&amount.replace(',', "."))? * factor;
            text = rest;
        }
    }
    text.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_to_the_millisecond() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(1_000)),
            ("0.5", Some(500)),
            (".25", Some(250)),
            ("5.", Some(5_000)),
            ("1e3", Some(1_000_000)),
            ("+2", Some(2_000)),
            (" 3 ", Some(3_000)),
            ("0.0004", Some(0)),
            ("-0", Some(0)),
            ("86400.001", Some(86_400_001)),
            ("1e300", Some(u64::MAX)),
            ("500ms", Some(500)),
            ("90s", Some(90_000)),
            ("1.5m", Some(90_000)),
            ("2h", Some(7_200_000)),
            ("3d", Some(259_200_000)),
            ("1w", Some(604_800_000)),
            ("PT1H30M", Some(5_400_000)),
            ("P3D", Some(259_200_000)),
            ("P1W", Some(604_800_000)),
            ("P1DT0.5S", Some(86_400_500)),
            ("PT1,5M", Some(90_000)),
            ("-1", None),
            ("-1s", None),
            ("", None),
            (".", None),
            ("s", None),
            ("1 s", None),
            ("1S", None),
            ("1y", None),
            ("1h30m", None),
            ("nan", None),
            ("inf", None),
            ("1e999", None),
            ("0x10", None),
            ("1_000", None),
            ("P", None),
            ("PT", None),
            ("P1Y", None),
            ("P1M", None),
            ("PT30M1H", None),
            ("PT1H1H", None),
            ("P-1D", None),
            ("PTH", None),
        ] {
            assert_eq!(Millis::parse(text), expected.map(Millis), "{text}");
        }
    }

    #[test]
    fn timedeltas_are_read_as_python_writes_them() {
        for (text, expected) in [
            ("1:00:00", Some(3_600_000)),
            ("0:00:00.500000", Some(500)),
            ("1 day, 0:00:01", Some(86_401_000)),
            ("12 days, 23:59:59", Some(1_123_199_000)),
            ("-1 day, 23:00:00", None),
            ("1:60:00", None),
            ("1:00", None),
            ("1:00:00:00", None),
            ("", None),
        ] {
            assert_eq!(
                Millis::parse_timedelta(text),
                expected.map(Millis),
                "{text}"
            );
        }
    }

    #[test]
    fn months_and_years_are_told_apart() {
        for text in ["P1M", "P1Y", "P1Y2M10DT2H", " P0.5Y "] {
            assert!(Millis::is_calendar(text), "{text}");
        }
        for text in ["PT1M", "P1D", "PM", "1M", "P1X", "P1MM T", "Payment"] {
            assert!(!Millis::is_calendar(text), "{text}");
        }
    }

    #[test]
    fn times_have_an_offset() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1795478399.999", Some(1_795_478_399_999)),
            ("2026-11-23T23:59:59.999Z", Some(1_795_478_399_999)),
            ("2026-11-24T01:59:59.999+02:00", Some(1_795_478_399_999)),
            ("2026-11-24 01:59:59.999000+02:00", Some(1_795_478_399_999)),
            ("2026-11-23T23:59Z", Some(1_795_478_340_000)),
            ("1969-12-31T00:00:00Z", Some(0)),
            ("2026-11-23T23:59:59", None),
            ("2026-11-23", None),
            ("2026-02-30T00:00:00Z", None),
            ("tomorrow", None),
            ("", None),
            ("-1", None),
        ] {
            assert_eq!(Timestamp::parse(text), expected.map(Timestamp), "{text}");
        }
    }
}
