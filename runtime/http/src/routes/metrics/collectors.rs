//! Metrics that are made of what the engine has counted, each time somebody asks.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter},
    registry::Unit,
};
use std::fmt;

/// A histogram of spans of time.
#[derive(Debug)]
pub struct Taken {
    pub name: &'static str,
    pub help: &'static str,
    /// The sum in seconds, and how many were in each bucket.
    pub spans: (f64, Vec<(f64, u64)>),
}

impl Collector for Taken {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (sum, buckets) = &self.spans;
        let count = buckets.iter().map(|(_, count)| count).sum();
        let kind = MetricType::Histogram;
        let unit = Unit::Seconds;
        let mut metric = encoder.encode_descriptor(self.name, self.help, Some(&unit), kind)?;
        metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
    }
}

/// Launches that were refused, by why.
#[derive(Debug)]
pub struct Refusals(pub [(&'static str, u64); 6]);

impl Collector for Refusals {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let kind = MetricType::Counter;
        let help = "Launches that were refused";
        let mut metrics = encoder.encode_descriptor("launch_refusals", help, None, kind)?;
        for (reason, count) in self.0 {
            let labels = [("reason", reason)];
            ConstCounter::new(count).encode(metrics.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
