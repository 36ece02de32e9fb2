//! A plot for the terminal: one band of rows for each figure, time from left to right.

use crate::samples::Sample;
use std::fmt::Write as _;

/// Columns of a band, and its rows.
const COLUMNS: usize = 90;
const ROWS: usize = 4;
/// Eighths of a character's height.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// All figures over the whole time.
pub fn plot(samples: &[Sample]) -> String {
    let seconds = samples.last().map_or(0.0, |sample| sample.at);
    let mut text = format!("over {seconds:.0} s, each band from 0 to its highest\n");
    band(&mut text, "memory, MiB", samples, |of| of.memory);
    band(&mut text, "file handles", samples, |of| of.handles);
    band(&mut text, "disk, MiB", samples, |of| Some(of.disk));
    band(&mut text, "write-ahead log, MiB", samples, |of| {
        Some(of.log)
    });
    band(&mut text, "messages waiting", samples, |of| of.queued);
    band(&mut text, "ended a second", samples, |of| Some(of.rate));
    text
}

fn band(text: &mut String, name: &str, samples: &[Sample], of: impl Fn(&Sample) -> Option<f64>) {
    // If samples share a column, the highest is drawn, so that no peak is lost.
    let width = COLUMNS.min(samples.len());
    let mut columns = vec![None::<f64>; width];
    for (number, sample) in samples.iter().enumerate() {
        if let Some(column) = columns.get_mut(number * width / samples.len()) {
            *column = match (*column, of(sample)) {
                (Some(there), Some(value)) => Some(there.max(value)),
                (there, value) => there.or(value),
            };
        }
    }
    let highest = columns.iter().flatten().copied().fold(0.0, f64::max);
    let _ = writeln!(text, "{name}, up to {highest:.1}");
    for row in (0..ROWS).rev() {
        let line: String = columns
            .iter()
            .map(|column| bar(column.unwrap_or(0.0) / highest.max(1e-9), row))
            .collect();
        let _ = writeln!(text, "  |{line}|");
    }
}

/// The character for a part of the whole height, in one of its rows.
fn bar(part: f64, row: usize) -> char {
    let eighths = (part * (ROWS * 8) as f64).round() as usize;
    let here = eighths.saturating_sub(row * 8).min(8);
    BARS.get(here).copied().unwrap_or(' ')
}
