//! Time as the engine sees it: milliseconds, passed in, never read from a clock.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Milliseconds since the Unix epoch, in the engine's own time, which never runs backwards.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// A span of time in milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// The longest wait: 100 years.
    pub const LONGEST: Self = Self(100 * 366 * 24 * 3_600_000);
}

impl Timestamp {
    /// `span` later. Saturates instead of overflowing.
    pub const fn after(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long ago `earlier` was; zero if it is in the future.
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds, by the civil-from-days formula of Howard Hinnant's "chrono-Compatible
    /// Low-Level Date Algorithms".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute, second, milli) = (
            rest / 3_600_000,
            rest / 60_000 % 60,
            rest / 1_000 % 60,
            rest % 1_000,
        );
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
        )
    }
}

impl fmt::Display for Millis {
    /// As people write it: `250 ms`, `1.5 s`, `1 min 30 s`, `2 h`, `3 d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0 / 1_000, self.0 % 1_000);
        if seconds == 0 && millis > 0 {
            return write!(f, "{millis} ms");
        }
        let mut between = "";
        for (count, unit) in [
            (seconds / 86_400, "d"),
            (seconds / 3_600 % 24, "h"),
            (seconds / 60 % 60, "min"),
        ] {
            if count > 0 {
                write!(f, "{between}{count} {unit}")?;
                between = " ";
            }
        }
        match (seconds % 60, millis) {
            (0, 0) if self.0 > 0 => Ok(()),
            (seconds, 0) => write!(f, "{between}{seconds} s"),
            (seconds, millis) => {
                let decimals = format!("{millis:03}");
                write!(f, "{between}{seconds}.{} s", decimals.trim_end_matches('0'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_print_as_people_write_them() {
        for (millis, words) in [
            (0, "0 s"),
            (250, "250 ms"),
            (1_500, "1.5 s"),
            (1_050, "1.05 s"),
            (90_000, "1 min 30 s"),
            (60_001, "1 min 0.001 s"),
            (7_200_000, "2 h"),
            (90_061_000, "1 d 1 h 1 min 1 s"),
            (Millis::LONGEST.0, "36600 d"),
        ] {
            assert_eq!(Millis(millis).to_string(), words);
        }
    }

    #[test]
    fn timestamps_print_as_rfc_3339() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            Timestamp(951_782_400_001).to_string(),
            "2000-02-29T00:00:00.001Z"
        );
        assert_eq!(
            Timestamp(1_795_478_399_999).to_string(),
            "2026-11-23T23:59:59.999Z"
        );
    }
}
