//! Medians, spreads and rates of a few samples.

use serde::Serialize;
use std::time::Duration;

/// A median with the quartiles around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// Of at least one sample.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        Self {
            median: quantile(&samples, 0.5),
            low: quantile(&samples, 0.25),
            high: quantile(&samples, 0.75),
        }
    }
}

/// The value below which this part of the sorted samples is, interpolated between neighbours.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    assert!(!sorted.is_empty(), "no samples");
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
}

pub fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let samples = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert_eq!(quantile(&samples, 0.0), 1.0);
        assert_eq!(quantile(&samples, 0.5), 4.0);
        assert_eq!(quantile(&samples, 0.99), 15.68);
        assert_eq!(quantile(&samples, 1.0), 16.0);
        assert_eq!(quantile(&[3.0], 0.99), 3.0);
    }

    #[test]
    fn a_spread_does_not_depend_on_the_order() {
        let spread = Spread::of([9.0, 1.0, 5.0, 3.0, 7.0]);
        let expected = Spread {
            median: 5.0,
            low: 3.0,
            high: 7.0,
        };
        assert_eq!(spread, expected);
        assert_eq!(Spread::of([2.0, 4.0]).median, 3.0);
    }

    #[test]
    fn a_rate_counts_by_the_second() {
        assert_eq!(per_second(10, Duration::from_millis(500)), 20.0);
    }
}
