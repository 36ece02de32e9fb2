//! The rule by which a figure counts as flat.
//!
//! The first quarter of the samples is warm-up. In the rest, the median of the last third may
//! exceed the median of the first third by a proportion and a fixed amount. Memory and handles are
//! those of the engine's last life, which is the longest, so that a leak cannot hide behind a
//! restart. Growth by design is allowed: remembered messages (24 hours) and tombstones of removed
//! processes (seven days), up to a number of bytes per launch. The write-ahead log has its own
//! limit. The rate of a third is what ended in it divided by its time, until the last launch has
//! ended, and may not fall below a part of the requested rate.

use crate::samples::Sample;
use std::fmt::Write as _;

/// What is stored for days for each launch: a message's id and its process, and tombstones of that
/// process and of the one that it called.
const KEPT_A_LAUNCH_BYTES: f64 = 512.0;
/// RocksDB keeps this many MiB of recent records before it writes them to files
/// (`store-rocksdb/src/options.rs`). How soon it gets there depends on the load, so a short life
/// may still be growing towards it.
const BUFFERS_MIB: f64 = 64.0;
/// The write-ahead log may reach 128 MiB before RocksDB drops its oldest part (the same file),
/// which takes it a moment.
const LOG_MIB: f64 = 144.0;
/// The part of the requested rate that must be reached in the last third.
const RATE_PART: f64 = 0.8;

#[derive(Debug)]
pub struct Row {
    name: &'static str,
    first: f64,
    last: f64,
    highest: f64,
    limit: Limit,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
    /// Never more than this.
    Never(f64),
    /// Too few samples to prove anything.
    Unseen,
}

impl Row {
    pub fn is_flat(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.last <= limit,
            Limit::AtLeast(limit) => self.last >= limit,
            Limit::Never(limit) => self.highest <= limit,
            Limit::Unseen => false,
        }
    }
}

pub fn judge(samples: &[Sample], rate: u32) -> Vec<Row> {
    let last_pid = samples.last().map_or(0, |sample| sample.pid);
    let life: Vec<Sample> = samples
        .iter()
        .filter(|sample| sample.pid == last_pid)
        .copied()
        .collect();
    let launches = {
        let warm = warm(samples);
        let [first, last] = outer_thirds(warm);
        let ended = |part: &[Sample]| median(part.iter().map(|sample| sample.ended as f64));
        (ended(last) - ended(first)).max(0.0)
    };
    let kept = launches * KEPT_A_LAUNCH_BYTES / f64::from(1 << 20);
    vec![
        grows("memory, MiB", &life, |of| of.memory, 0.15, BUFFERS_MIB),
        grows("file handles", &life, |of| of.handles, 0.10, 8.0),
        grows("disk, MiB", samples, |of| Some(of.disk), 0.20, 32.0 + kept),
        bounded("log, MiB", samples, |of| Some(of.log), LOG_MIB),
        grows("messages waiting", samples, |of| of.queued, 0.20, 100.0),
        keeps_up(samples, rate),
    ]
}

fn warm(samples: &[Sample]) -> &[Sample] {
    samples.get(samples.len() / 4..).unwrap_or_default()
}

fn outer_thirds(samples: &[Sample]) -> [&[Sample]; 2] {
    let third = samples.len() / 3;
    [
        samples.get(..third).unwrap_or_default(),
        samples.get(samples.len() - third..).unwrap_or_default(),
    ]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn grows(
    name: &'static str,
    samples: &[Sample],
    of: impl Fn(&Sample) -> Option<f64>,
    part: f64,
    fixed: f64,
) -> Row {
    let warm = warm(samples);
    let [first, last] = outer_thirds(warm).map(|third| median(third.iter().filter_map(&of)));
    let highest = warm.iter().filter_map(&of).fold(f64::NAN, f64::max);
    let limit = if first.is_nan() || last.is_nan() {
        Limit::Unseen
    } else {
        Limit::AtMost(first * (1.0 + part) + fixed)
    };
    Row {
        name,
        first,
        last,
        highest,
        limit,
    }
}

/// A figure with its own limit, which it may reach at any time.
fn bounded(
    name: &'static str,
    samples: &[Sample],
    of: impl Fn(&Sample) -> Option<f64>,
    bound: f64,
) -> Row {
    Row {
        limit: Limit::Never(bound),
        ..grows(name, samples, of, 0.0, 0.0)
    }
}

/// What ended in a third divided by its time, including outages and the catching up after them.
fn keeps_up(samples: &[Sample], rate: u32) -> Row {
    let all = samples.last().map_or(0, |sample| sample.ended);
    let end = samples.partition_point(|sample| sample.ended < all);
    let under_way = samples.get(..=end).unwrap_or(samples);
    let warm = warm(under_way);
    let [first, last] = outer_thirds(warm).map(rate_of);
    Row {
        name: "ended a second",
        first,
        last,
        highest: warm.iter().map(|of| of.rate).fold(f64::NAN, f64::max),
        limit: if last.is_nan() {
            Limit::Unseen
        } else {
            Limit::AtLeast(f64::from(rate) * RATE_PART)
        },
    }
}

fn rate_of(part: &[Sample]) -> f64 {
    match part {
        [first, .., last] if last.at > first.at => {
            (last.ended - first.ended) as f64 / (last.at - first.at)
        }
        _ => f64::NAN,
    }
}

/// The table that people read.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<18}{:>12}{:>12}{:>12}   {:<16}\n",
        "after warm-up", "first third", "last third", "highest", "allowed"
    );
    for row in rows {
        let allowed = match row.limit {
            Limit::AtMost(limit) => format!("at most {limit:.1}"),
            Limit::AtLeast(limit) => format!("at least {limit:.1}"),
            Limit::Never(limit) => format!("never over {limit:.0}"),
            Limit::Unseen => "too few samples".into(),
        };
        let verdict = if row.is_flat() { "flat" } else { "NOT FLAT" };
        let _ = writeln!(
            text,
            "{:<18}{:>12.1}{:>12.1}{:>12.1}   {allowed:<18}{verdict}",
            row.name, row.first, row.last, row.highest
        );
    }
    text
}
