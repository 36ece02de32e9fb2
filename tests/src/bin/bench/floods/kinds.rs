//! The floods: what is sent where, and what even a bare relay would have to do with it.

use super::Settings;
use crate::forward::persistent;
use clap::ValueEnum;
use lapin::BasicProperties;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Processes whose first task goes to a queue that is missing
    MissingQueue,
    /// Launches whose replies go to a queue that is gone
    DeadReplies,
    /// A large event for many waiters
    LargeEvents,
    /// Large messages that nobody can use
    LargeMessages,
}

/// One flood.
pub struct Flood {
    /// Which of the engine's queues it goes to.
    pub queue: &'static str,
    pub body: Vec<u8>,
    pub properties: BasicProperties,
    pub count: u64,
    /// Processes that are stored before the flood, and their definition.
    pub waiters: Option<(u64, String)>,
    /// Where a bare relay passes each message on to.
    pub relayed_to: Option<Passed>,
}

/// Where something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// To a queue that is missing.
    Nowhere,
    /// To the dead-letter queue.
    DeadLetters,
}

impl Kind {
    pub fn flood(self, settings: &Settings, missing: &str) -> Flood {
        let action = format!("<process><action participant=\"{missing}\"/></process>");
        let flood = |queue, body, count| Flood {
            queue,
            body,
            properties: persistent(),
            count,
            waiters: None,
            relayed_to: Some(Passed::Nowhere),
        };
        match self {
            Self::MissingQueue => flood("launches", action.into(), settings.rows()),
            Self::DeadReplies => Flood {
                properties: persistent()
                    .with_reply_to(missing.into())
                    .with_correlation_id("a launch".into()),
                ..flood("launches", b"<process/>".into(), settings.rows())
            },
            Self::LargeEvents => {
                let text = "e".repeat(1 << 20);
                let body = format!("{{\"event\": \"{missing}\", \"text\": \"{text}\"}}");
                let waiter = format!("<process><await event=\"{missing}\"/></process>");
                Flood {
                    waiters: Some((settings.waiters(), waiter)),
                    relayed_to: None,
                    ..flood("events", body.into(), settings.events)
                }
            }
            Self::LargeMessages => Flood {
                relayed_to: Some(Passed::DeadLetters),
                ..flood("launches", vec![b'x'; 16 << 20], settings.large())
            },
        }
    }
}
