//! Which deliveries of one channel must be acknowledged, and how: together where that is safe.
//!
//! A cumulative acknowledgement covers everything below the lowest delivery that the host still
//! works on, and never names one that was already acknowledged singly: RabbitMQ closes the channel
//! over an unknown tag. Pure; the caller sends.

use std::collections::{BTreeSet, btree_set};

/// One `basic.ack` to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// This tag and all lower ones.
    UpTo(u64),
    One(u64),
}

/// Whether acknowledgements that wait behind an open delivery are sent singly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stragglers {
    /// They wait: the gap may close soon, and then one acknowledgement covers all.
    Wait,
    Go,
}

/// The deliveries of a channel; tags count from 1.
#[derive(Debug, Default)]
pub struct Tracker {
    /// The highest delivered tag.
    delivered: u64,
    /// The host has acknowledged every tag below.
    low: u64,
    /// Tags from `low` up that the host acknowledged and that were not sent yet.
    waiting: BTreeSet<u64>,
    /// Tags from `low` up that were sent singly.
    single: BTreeSet<u64>,
    /// The highest tag below `low` that was not sent yet; the next cumulative acknowledgement names
    /// it.
    up_to: Option<u64>,
}

impl Tracker {
    /// The deliveries of a newly opened channel.
    pub fn new() -> Self {
        Self {
            low: 1,
            ..Self::default()
        }
    }

    pub fn delivered(&mut self, tag: u64) {
        self.delivered = self.delivered.max(tag);
    }

    /// The host is done with a delivery. Tags that never came, or that were already acknowledged,
    /// change nothing.
    pub fn acknowledge(&mut self, tag: u64) {
        if tag < self.low || tag > self.delivered || self.single.contains(&tag) {
            return;
        }
        self.waiting.insert(tag);
        loop {
            if self.waiting.remove(&self.low) {
                self.up_to = Some(self.low);
            } else if !self.single.remove(&self.low) {
                return;
            }
            self.low += 1;
        }
    }

    /// How many acknowledgements wait behind an open delivery.
    pub fn stragglers(&self) -> usize {
        self.waiting.len()
    }

    /// What to send now, in this order.
    pub fn take(&mut self, stragglers: Stragglers) -> Vec<Ack> {
        let mut acks: Vec<Ack> = self.up_to.take().map(Ack::UpTo).into_iter().collect();
        match stragglers {
            Stragglers::Wait => {}
            Stragglers::Go => {
                let waiting: btree_set::IntoIter<u64> =
                    std::mem::take(&mut self.waiting).into_iter();
                for tag in waiting {
                    self.single.insert(tag);
                    acks.push(Ack::One(tag));
                }
            }
        }
        acks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_go_together_and_gaps_hold_back() {
        let mut tracker = Tracker::new();
        (1..=5).for_each(|tag| tracker.delivered(tag));
        [2, 1, 4]
            .into_iter()
            .for_each(|tag| tracker.acknowledge(tag));
        assert_eq!(tracker.take(Stragglers::Wait), [Ack::UpTo(2)]);
        assert_eq!(tracker.take(Stragglers::Wait), []);
        assert_eq!(tracker.take(Stragglers::Go), [Ack::One(4)]);
        tracker.acknowledge(3);
        assert_eq!(
            tracker.take(Stragglers::Go),
            [Ack::UpTo(3)],
            "4 is gone already and may not be named"
        );
        tracker.acknowledge(9);
        tracker.acknowledge(1);
        assert_eq!(tracker.take(Stragglers::Go), []);
    }

    /// What RabbitMQ does with acknowledgements: unknown tags are an error.
    #[derive(Default)]
    struct Channel {
        open: BTreeSet<u64>,
    }

    impl Channel {
        fn acknowledge(&mut self, ack: Ack, done: &BTreeSet<u64>) -> Result<(), String> {
            let (Ack::UpTo(tag) | Ack::One(tag)) = ack;
            if !self.open.contains(&tag) {
                return Err(format!("unknown tag {tag}"));
            }
            let acknowledged: Vec<u64> = match ack {
                Ack::UpTo(tag) => self.open.range(..=tag).copied().collect(),
                Ack::One(tag) => vec![tag],
            };
            for tag in acknowledged {
                if !done.contains(&tag) {
                    return Err(format!("{tag} is not durable yet"));
                }
                self.open.remove(&tag);
            }
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn only_what_is_done_is_acknowledged_and_all_of_it(steps in prop::collection::vec((0..4_u8, 1..40_u64), 0..200)) {
            let mut tracker = Tracker::new();
            let mut channel = Channel::default();
            let mut done = BTreeSet::new();
            let mut next = 1;
            let finish = [(2, 0)];
            for (step, tag) in steps.into_iter().chain(finish) {
                let stragglers = match step {
                    0 => {
                        tracker.delivered(next);
                        channel.open.insert(next);
                        next += 1;
                        continue;
                    }
                    1 => {
                        if tag < next {
                            done.insert(tag);
                        }
                        tracker.acknowledge(tag);
                        continue;
                    }
                    2 => Stragglers::Go,
                    _ => Stragglers::Wait,
                };
                for ack in tracker.take(stragglers) {
                    channel.acknowledge(ack, &done).map_err(TestCaseError::fail)?;
                }
            }
            prop_assert!(channel.open.is_disjoint(&done));
        }
    }
}
