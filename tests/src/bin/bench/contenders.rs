//! What is compared: the engine, the durable relay and the bare relay, each in its own process with
//! its own queues and participant. All run for the whole benchmark; one whose participant holds its
//! tasks is idle.

use crate::{
    clerk::Clerk,
    participant::Participant,
    processes,
    relay::{self, Relay},
    subject::Subject,
};
use anyhow::{Context, Result, bail};
use bureaucrat_tests::engine::{Engine, broker_url};
use std::{path::Path, time::Duration};

/// An endless loop over a condition and so many actions.
pub fn looping(actions: usize) -> String {
    let action = "<action participant=\"PARTICIPANT\"/>".repeat(actions);
    format!(
        "<process><context><property name=\"n\" type=\"int\">0</property>\
         <property name=\"text\" type=\"str\">some text that goes along</property></context>\
         <while><condition>True</condition><sequence>{action}</sequence></while></process>"
    )
}

/// How long an engine may take to have groups of a database.
const PATIENCE: Duration = Duration::from_secs(60);

enum Worker {
    Engine(Box<Engine>),
    /// Engines that share this database.
    Engines(Vec<Engine>, String),
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
        Self::engine_with(clerk, subject, folder, prefix, &looping(1))
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

    /// Engines that share a database, with their state in folders in this one.
    ///
    /// # Errors
    /// When one does not start.
    pub fn engines(
        clerk: &mut Clerk,
        subject: &Subject,
        (folder, prefix): (&Path, &str),
        database: &str,
        count: usize,
    ) -> Result<Self> {
        let subject = subject
            .with_option("--store-sharing=on".to_owned())
            .with_option("--store-lease=3s".to_owned());
        let make = |number: usize| {
            let folder = folder.join(number.to_string());
            std::fs::create_dir_all(&folder)?;
            let engine = subject.engine(&folder, prefix)?;
            anyhow::Ok(engine.with_database(Some(database.to_owned())))
        };
        let mut engines = (0..count).map(make).collect::<Result<Vec<_>>>()?;
        let first = engines.first().context("no engine")?;
        clerk.declare_queues_of(first)?;
        let participant_name = format!("{prefix}-participant");
        let tasks = format!("worker_{participant_name}");
        clerk.declare(&tasks)?;
        let (answers, launches) = (first.name("answers"), first.name("launches"));
        for engine in &mut engines {
            engine.start()?;
            engine.answers(PATIENCE)?;
        }
        let definition = looping(1).replace("PARTICIPANT", &participant_name);
        Ok(Self {
            participant: Participant::start(&broker_url()?, &tasks, &answers)?,
            seed: (launches, definition.into_bytes()),
            worker: Worker::Engines(engines, database.to_owned()),
            in_flight: 0,
        })
    }

    /// A relay that commits the rows of an action to a database for each message.
    ///
    /// # Errors
    /// If it does not start.
    pub fn rows(clerk: &mut Clerk, database: &str, prefix: &str, body: &[u8]) -> Result<Self> {
        Self::relay_with(clerk, prefix, body, |settings| relay::Settings {
            rows: Some(database.to_owned()),
            ..settings
        })
    }

    /// A relay of messages with this body; durable if it has a folder for its log.
    ///
    /// # Errors
    /// If it does not start.
    pub fn relay(clerk: &mut Clerk, log: Option<&Path>, prefix: &str, body: &[u8]) -> Result<Self> {
        Self::relay_with(clerk, prefix, body, |settings| relay::Settings {
            log: log.map(Path::to_owned),
            ..settings
        })
    }

    fn relay_with(
        clerk: &mut Clerk,
        prefix: &str,
        body: &[u8],
        set: impl FnOnce(relay::Settings) -> relay::Settings,
    ) -> Result<Self> {
        let queue = |of| format!("{prefix}.{of}");
        for of in ["tasks", "answers"] {
            clerk.declare(&queue(of))?;
        }
        let relay = Relay::start(&set(relay::Settings {
            from: queue("answers"),
            to: queue("tasks"),
            log: None,
            rows: None,
            flood_from: None,
            flood_to: None,
        }))?;
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
            Worker::Engines(engines, _) => settled.with_context(|| {
                let tails = engines.iter().map(Engine::log_tail);
                format!("the engines' logs:\n{}", tails.collect::<String>())
            }),
            Worker::Relay(relay) => relay.check().and(settled),
        }
    }

    /// # Errors
    /// When this is a relay.
    pub fn engine_mut(&mut self) -> Result<&mut Engine> {
        match &mut self.worker {
            Worker::Engine(engine) => Ok(engine),
            Worker::Engines(..) | Worker::Relay(_) => bail!("this is not one engine"),
        }
    }

    /// The CPU time of its processes.
    ///
    /// # Errors
    /// When one does not run.
    pub fn cpu(&self) -> Result<Duration> {
        let Worker::Engines(engines, _) = &self.worker else {
            return processes::cpu(self.pid()?);
        };
        let times = engines.iter().map(|engine| {
            let pid = engine.pid().context("an engine does not run")?;
            processes::cpu(pid)
        });
        times.sum()
    }

    /// The database that its engines share.
    ///
    /// # Errors
    /// When they share none.
    pub fn database(&self) -> Result<&str> {
        match &self.worker {
            Worker::Engines(_, database) => Ok(database),
            Worker::Engine(_) | Worker::Relay(_) => bail!("these engines share nothing"),
        }
    }

    /// The queues of its engines for launches and for answers.
    ///
    /// # Errors
    /// When these are not several engines.
    pub fn queues(&mut self) -> Result<(String, String)> {
        let first = self.of_several(0)?;
        Ok((first.name("launches"), first.name("answers")))
    }

    /// Kills one of its engines.
    ///
    /// # Errors
    /// When there is no such.
    pub fn kill(&mut self, number: usize) -> Result<()> {
        self.of_several(number)?.kill()
    }

    /// Starts one of its engines again.
    ///
    /// # Errors
    /// When there is no such.
    pub fn start(&mut self, number: usize) -> Result<()> {
        self.of_several(number)?.start()
    }

    fn of_several(&mut self, number: usize) -> Result<&mut Engine> {
        match &mut self.worker {
            Worker::Engines(engines, _) => engines.get_mut(number).context("no such engine"),
            Worker::Engine(_) | Worker::Relay(_) => bail!("there is only one"),
        }
    }

    /// # Errors
    /// When it does not run.
    pub fn pid(&self) -> Result<u32> {
        match &self.worker {
            Worker::Engine(engine) => engine.pid().context("the engine does not run"),
            Worker::Engines(..) => bail!("these are several processes"),
            Worker::Relay(relay) => Ok(relay.pid()),
        }
    }
}
