//! What messages to the engine are, known to their publishers.

use super::{
    Definition, Expected, Message, Plan, Random, Trouble, deploying,
    services::{self, Starter},
};
use bureaucrat_model::{ActivityPath, ProcessId, Turn};
use bureaucrat_store::keys::Place;
use bureaucrat_wire::{Dialect, Duplicate};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// One launch of so many, and one answer, is compressed.
pub const COMPRESSED: u64 = 5;

impl Message {
    /// The same, compressed.
    #[must_use]
    pub fn compressed(mut self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(&self.body);
        if let Ok(body) = written.and_then(|()| encoder.finish()) {
            self.body = body;
            self.properties.content_encoding = Some("gzip".to_owned());
        }
        self
    }
}

/// What a message to the engine is, known to its publisher.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// The launch with this number.
    Launch(usize),
    /// An answer that counts at most once.
    Answer {
        process: ProcessId,
        path: ActivityPath,
        turn: Turn,
    },
    /// An answer that leaves the activity waiting.
    Suspended,
    /// The event with this number.
    Event(u64),
    /// A definition to deploy: the launch that names it, and which of its versions it is.
    Deployment { launch: usize, version: usize },
    /// A module to deploy: which of the names, and which of the modules it is.
    Module { name: usize, variant: usize },
    /// An event with this number for the waits of a group, from the engine that hands it out.
    Part { group: u8, origin: u64 },
    /// An order of a bulk job for a process of another engine.
    BulkOrder { job: u64, place: Place },
    /// What became of such an order.
    BulkNews,
    /// What an operator asks another engine.
    Question,
    /// What came to the queue of a group: another message, or what a worker brings back.
    Forwarded { group: u8, content: Box<Content> },
    /// Unreadable, or without a match: becomes a dead letter, whole.
    Hostile,
}

impl Content {
    /// Whether it is an answer that counts at most once.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Answer { .. } => true,
            Self::Forwarded { content, .. } => content.is_answer(),
            Self::Launch(_)
            | Self::Suspended
            | Self::Event(_)
            | Self::Deployment { .. }
            | Self::Module { .. }
            | Self::Part { .. }
            | Self::BulkOrder { .. }
            | Self::BulkNews
            | Self::Question
            | Self::Hostile => false,
        }
    }
}

/// What the model knows about a launch.
#[derive(Debug, Clone)]
pub struct LaunchFacts {
    /// The name of its process.
    pub name: String,
    /// Whether it has a message id.
    pub has_id: bool,
    /// How its process ends; `None` if it is refused.
    pub expected: Option<Expected>,
    /// The texts that are deployed under its name, and how each ends; empty for a launch with a
    /// definition of its own.
    pub versions: Vec<(String, Expected)>,
    /// The version that a launch by name asks for, if it does.
    pub pinned: Option<u32>,
    /// Whether its messages have a business key, and what each does to the process before.
    pub key: Option<Duplicate>,
    pub starter: Starter,
    /// Whether its definition calls others by name.
    pub calls: bool,
}

impl LaunchFacts {
    pub fn is_by_name(&self) -> bool {
        !self.versions.is_empty()
    }

    /// Whether clients launch it.
    pub fn is_launched(&self) -> bool {
        self.starter == Starter::People
    }
}

/// The launches of a plan, and their expected outcomes; then the definitions that they call.
pub fn launches(
    plan: &Plan,
    random: &mut Random,
    dialect: Dialect,
) -> (Vec<LaunchFacts>, Vec<Vec<Definition>>) {
    let broken = match dialect {
        Dialect::Workitem => "BadAnswer",
        Dialect::Message => "ActionError",
    };
    let faults = plan.has(Trouble::Faults);
    let mut of_services = random.fork();
    let starters = services::starters(&mut of_services, plan);
    let callable = services::callable(&starters);
    let launches = (0..plan.launches).map(|number| {
        // Each launch has its own random numbers, so that leaving one out does not change the
        // others.
        let mut random = random.fork();
        let has_id = !random.once_in(3);
        let refused = random.once_in(6) && plan.has(Trouble::Hostile);
        let definition = Definition::random(&mut random, faults, &callable);
        let expected = (!refused).then(|| definition.expected(number, broken));
        let mut facts = LaunchFacts {
            name: format!("L{number}"),
            has_id,
            expected,
            versions: Vec::new(),
            pinned: None,
            key: None,
            starter: Starter::People,
            calls: definition.calls(),
        };
        if refused {
            return (facts, Vec::new());
        }
        let definitions = match random.once_in(3) {
            true => deploying::versions(
                &mut facts,
                definition,
                number,
                &mut random,
                (faults, broken, &callable),
            ),
            false => vec![definition],
        };
        (facts, definitions)
    });
    let launches: Vec<_> = launches.collect();
    let services = starters.iter().enumerate().map(|(number, starter)| {
        let mut random = of_services.fork();
        services::service(number, *starter, broken, &mut random)
    });
    launches.into_iter().chain(services).unzip()
}
