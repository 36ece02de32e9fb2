//! What is compared: the engine, the durable relay and the bare relay, each in its own process with
//! its own queues and participant. All run for the whole benchmark; one whose participant holds its
//! tasks is idle.

use crate::{
    clerk::Clerk,
    participant::Participant,
    relay::{self, Relay},
    subject::Subject,
};
use anyhow::{Context, Result, bail};
use bureaucrat_tests::engine::{Engine, broker_url};
use std::path::Path;

/// An endless loop over a condition and an action.
const DEFINITION: &str = "<process><context>\
    <property name=\"n\" type=\"int\">0</property>\
    <property name=\"text\" type=\"str\">some text that goes along</property></context>\
    <while><condition>True</condition><action participant=\"PARTICIPANT\"/></while></process>";

enum Worker {
    Engine(Box<Engine>),
    Relay(Relay),
}

pub struct Contender {
    worker: Worker,
    pub participant: Participant,
    /// The message that puts another one in flight, and its destination.
    seed: (String, Vec<u8>),
    in_flight: u64,
}

impl Contender {
    /// The engine, with its state in `folder`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn engine(
        clerk: &mut Clerk,
        subject: &Subject,
        folder: &Path,
        prefix: &str,
    ) -> Result<Self> {
        Self::engine_with(clerk, subject, folder, prefix, DEFINITION)
    }

    /// The same with processes of another definition, whose only participant is `PARTICIPANT`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn engine_with(
        clerk: &mut Clerk,
        subject: &Subject,
        folder: &Path,
        prefix: &str,
        definition: &str,
    ) -> Result<Self> {
        let url = broker_url()?;
        let mut engine = subject.engine(folder, prefix)?;
        clerk.declare_queues_of(&engine)?;
        let participant_name = format!("{prefix}-participant");
        let tasks = format!("worker_{participant_name}");
        clerk.declare(&tasks)?;
        engine.start()?;
        let definition = definition.replace("PARTICIPANT", &participant_name);
        Ok(Self {
            participant: Participant::start(&url, &tasks, &engine.name("answers"))?,
            seed: (engine.name("launches"), definition.into_bytes()),
            worker: Worker::Engine(Box::new(engine)),
            in_flight: 0,
        })
    }

    /// A relay of messages with this body; durable if it has a folder for its log.
    ///
    /// # Errors
    /// If it does not start.
    pub fn relay(clerk: &mut Clerk, log: Option<&Path>, prefix: &str, body: &[u8]) -> Result<Self> {
        let queue = |of| format!("{prefix}.{of}");
        for of in ["tasks", "answers"] {
            clerk.declare(&queue(of))?;
        }
        let relay = Relay::start(&relay::Settings {
            from: queue("answers"),
            to: queue("tasks"),
            log: log.map(Path::to_owned),
            flood_from: None,
            flood_to: None,
        })?;
        Ok(Self {
            worker: Worker::Relay(relay),
            participant: Participant::start(&broker_url()?, &queue("tasks"), &queue("answers"))?,
            seed: (queue("tasks"), body.to_vec()),
            in_flight: 0,
        })
    }

    /// Increases the number of messages in flight to this many, all held by the participant.
    ///
    /// # Errors
    /// If they do not arrive there.
    pub fn fill(&mut self, clerk: &Clerk, in_flight: u64) -> Result<()> {
        let (queue, body) = &self.seed;
        clerk.put(queue, body, in_flight - self.in_flight)?;
        self.in_flight = in_flight;
        self.settle()
    }

    /// Waits until the participant, told to hold, holds everything in flight.
    ///
    /// # Errors
    /// If something is lost or has ended.
    pub fn settle(&mut self) -> Result<()> {
        let settled = self.participant.holds(self.in_flight);
        match &mut self.worker {
            Worker::Engine(engine) => {
                settled.with_context(|| format!("the engine's log:\n{}", engine.log_tail()))
            }
            Worker::Relay(relay) => relay.check().and(settled),
        }
    }

    /// # Errors
    /// When this is a relay.
    pub fn engine_mut(&mut self) -> Result<&mut Engine> {
        match &mut self.worker {
            Worker::Engine(engine) => Ok(engine),
            Worker::Relay(_) => bail!("a relay is no engine"),
        }
    }

    /// # Errors
    /// When it does not run.
    pub fn pid(&self) -> Result<u32> {
        match &self.worker {
            Worker::Engine(engine) => engine.pid().context("the engine does not run"),
            Worker::Relay(relay) => Ok(relay.pid()),
        }
    }
}
