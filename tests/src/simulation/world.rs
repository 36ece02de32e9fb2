//! The world of one run: people, broker, machine and engine; one step after the other, each drawn from the seed.

use super::{
    Disk, Engine, Facts, Link, Plan, Random, Report, SOURCES, SimulatedBroker, SimulatedClock,
    Trouble,
    people::{self, People},
    rival::Rival,
};
use bureaucrat_broker_amqp::Stragglers;
use bureaucrat_host::{HostConfig, events::EventRecord};
use bureaucrat_model::{EngineLimits, Millis};
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::StoreError;
use bureaucrat_wire::Dialect;
use std::{collections::VecDeque, fmt::Display, sync::Arc};

/// Steps that a trace keeps.
const TRACE: usize = 200;

/// What did not hold, and how it came to that.
#[derive(Debug, Clone)]
pub struct Failure {
    pub step: u64,
    /// What did not hold.
    pub what: String,
    /// The last steps, when a trace was asked for.
    pub trace: Vec<String>,
}

/// Whether a run notes its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    /// It does not.
    Off,
    /// It keeps the last ones.
    On,
}

pub struct World {
    pub(super) plan: Plan,
    pub(super) random: Random,
    pub(super) clock: Arc<SimulatedClock>,
    pub(super) broker: Arc<SimulatedBroker>,
    pub(super) facts: Arc<Facts>,
    pub(super) disk: Arc<Disk>,
    pub(super) people: People,
    pub(super) config: HostConfig,
    pub(super) sandbox: Sandbox,
    pub(super) engine: Option<Engine>,
    pub(super) engines: u64,
    pub(super) rival: Option<Rival>,
    step: u64,
    trace: Option<VecDeque<String>>,
}

impl World {
    /// The world of a plan.
    pub fn new(plan: Plan, sandbox: Sandbox, tracing: Tracing) -> Self {
        let mut random = Random::new(plan.seed);
        let config = config(&plan, &mut random.fork());
        let (known, definitions) = people::launches(&plan, &mut random.fork(), config.dialect);
        let facts = Arc::new(Facts::new(known.clone(), config.seen_retention));
        let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
        let disk = Arc::new(Disk::new(facts.clone(), clock.clone(), plan.seam_fault));
        let broker = Arc::new(SimulatedBroker::new(facts.clone(), plan.seam_fault));
        let people = People::new(
            &broker,
            &facts,
            config.dialect,
            definitions,
            &known,
            &mut random.fork(),
        );
        Self {
            plan,
            random,
            clock,
            broker,
            facts,
            disk,
            people,
            config,
            sandbox,
            engine: None,
            engines: 0,
            rival: None,
            step: 0,
            trace: (tracing == Tracing::On).then(VecDeque::new),
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// The first thing that did not hold.
    pub fn run(mut self) -> Result<Report, Failure> {
        match self.play() {
            Ok(()) => Ok(Report::of(&self.facts, self.step, &self.disk)),
            Err(what) => Err(Failure {
                step: self.step,
                what: self.facts.violation().unwrap_or(what),
                trace: self.trace.unwrap_or_default().into(),
            }),
        }
    }

    fn play(&mut self) -> Result<(), String> {
        for _ in 0..self.plan.steps {
            self.step()?;
            self.holds()?;
        }
        self.calm()
    }

    pub(super) fn holds(&self) -> Result<(), String> {
        self.facts.violation().map_or(Ok(()), Err)
    }

    pub(super) fn note(&mut self, what: impl Display) {
        if let Some(trace) = &mut self.trace {
            if trace.len() == TRACE {
                trace.pop_front();
            }
            trace.push_back(format!("{:>6}  {what}", self.step));
        }
    }

    /// Counts steps of the calm after the trouble, too.
    pub(super) const fn tick(&mut self) {
        self.step += 1;
    }

    fn step(&mut self) -> Result<(), String> {
        self.tick();
        if self.engine.is_none() && self.random.once_in(12) {
            self.start();
        }
        match self.random.below(100) {
            0..5 => self.people.launch(&mut self.random, &self.plan),
            5..21 => self.deliver(),
            21..37 => self.arrive(),
            37..50 => self.poll()?,
            50..57 => {
                let most = 1 + self.random.place(4);
                self.commit(most);
            }
            57..62 => self.job(),
            62..69 => self.route(),
            69..76 => self.confirm(),
            76..83 => {
                self.people.participate(&mut self.random, &self.plan)?;
            }
            83..85 => self.people.event(&mut self.random, &self.plan, false),
            85..88 => self.flush(),
            88..90 => self.acknowledgements_arrive(),
            90..94 => {
                let millis = self.random.below(400);
                self.clock.advance(millis);
            }
            94 | 95 => self.connect(),
            96 => self.operator()?,
            _ => self.trouble()?,
        }
        Ok(())
    }

    /// Starts the machine and the engine on it; after a failure it is tried again later.
    pub(super) fn start(&mut self) {
        self.engines += 1;
        self.disk.start(&mut self.random);
        self.facts.start();
        let link = Arc::new(Link::new(
            self.broker.clone(),
            self.engines,
            self.facts.clone(),
        ));
        match Engine::start(
            self.config.clone(),
            self.disk.clone(),
            link,
            &self.clock,
            &self.sandbox,
        ) {
            Ok(engine) => {
                let number = self.engines;
                self.note(format_args!("engine {number} starts"));
                self.facts.count("starts");
                self.engine = Some(engine);
            }
            Err(error) => {
                let number = self.engines;
                self.note(format_args!("engine {number} does not start: {error}"));
                self.facts.count("starts that failed");
                self.broker.engine_gone(self.engines, &mut self.random);
            }
        }
    }

    /// The engine is gone with everything in memory.
    pub(super) fn fall(&mut self, why: &'static str) {
        if self.engine.take().is_some() {
            self.note(why);
            self.facts.count(why);
            self.broker.engine_gone(self.engines, &mut self.random);
            // A machine that was down finds another time.
            if self.plan.has(Trouble::Clock) && self.random.once_in(4) {
                let millis = i64::try_from(self.random.below(7_200_000)).unwrap_or(0) - 3_600_000;
                self.clock.jump(millis);
            }
        }
    }

    fn deliver(&mut self) {
        let source = SOURCES[self.random.place(3)];
        if self.broker.deliver(self.engines, source) {
            self.note(format_args!("the broker sends from {source:?}"));
        }
    }

    fn arrive(&mut self) {
        let source = SOURCES[self.random.place(3)];
        let Some(engine) = &self.engine else { return };
        if let Some(event) = self.broker.arrive(self.engines, source) {
            engine.receive(event);
            self.note(format_args!("a delivery of {source:?} arrives"));
        }
    }

    pub(super) fn poll(&mut self) -> Result<(), String> {
        let Some(engine) = &mut self.engine else {
            return Ok(());
        };
        let polled = engine.poll();
        self.told_at_once();
        match polled {
            Ok(()) => Ok(()),
            Err(error) => self.failed(&error),
        }
    }

    /// Batches that were submitted are written, together.
    pub(super) fn commit(&mut self, most: usize) {
        let Some(engine) = &self.engine else { return };
        let count = engine.commit(most);
        // Most steps find nothing to do; a trace of them would tell nothing.
        if count > 0 {
            self.note(format_args!("{count} batches are committed"));
        }
        if self.disk.power_is_gone() {
            self.fall("power cuts during a commit");
        }
    }

    fn told_at_once(&self) {
        let Some(engine) = &self.engine else { return };
        while let Some(event) = self.broker.told_at_once(self.engines) {
            engine.receive(event);
        }
    }

    /// A shard can't go on: the others finish what they have in hand, as far as the disk lets them.
    fn failed(&mut self, error: &StoreError) -> Result<(), String> {
        match error {
            StoreError::Write(_) | StoreError::Read { .. } => {}
            StoreError::Locked { .. }
            | StoreError::Unusable { .. }
            | StoreError::Format { .. }
            | StoreError::LostTail { .. }
            | StoreError::Fenced { .. }
            | StoreError::Damaged { .. } => return Err(error.to_string()),
        }
        self.note(format_args!("the engine can't go on: {error}"));
        if self.disk.power_is_gone() {
            self.fall("power cuts during a commit");
            return Ok(());
        }
        if let Some(engine) = &self.engine {
            engine.stop();
            // What was submitted before may still reach the disk.
            engine.commit(usize::MAX);
        }
        self.holds()?;
        self.fall("failures of the disk");
        Ok(())
    }

    fn job(&mut self) {
        let place = self.random.place(3);
        if let Some(engine) = &self.engine
            && engine.do_job(place)
        {
            self.note("a job is done");
        }
    }

    fn route(&mut self) {
        let refuses = self.plan.has(Trouble::Queues);
        if self.broker.route(self.engines, &mut self.random, refuses) {
            self.note("a publish reaches the broker");
        }
    }

    fn confirm(&mut self) {
        let Some(engine) = &self.engine else { return };
        if let Some(event) = self.broker.confirm(self.engines, &mut self.random) {
            let told = format!("the engine hears: {event:?}");
            engine.receive(event);
            self.note(told);
        }
    }

    fn flush(&mut self) {
        let source = SOURCES[self.random.place(3)];
        let stragglers = if self.random.once_in(2) {
            Stragglers::Go
        } else {
            Stragglers::Wait
        };
        self.broker.flush(self.engines, source, stragglers);
    }

    fn acknowledgements_arrive(&mut self) {
        let source = SOURCES[self.random.place(3)];
        self.broker.acknowledgements_arrive(self.engines, source);
    }

    pub(super) fn connect(&mut self) {
        self.broker.notice(&mut self.random);
        let Some(engine) = &self.engine else { return };
        if let Some(event) = self.broker.publish_up(self.engines) {
            engine.receive(event);
            self.note("publishing works");
        }
        if !self.broker.consumes(self.engines) && self.broker.consume(self.engines) {
            self.note("the engine consumes");
        }
    }
}

/// The host's configuration: small bounds meet windows and portions.
fn config(plan: &Plan, random: &mut Random) -> HostConfig {
    let dialect = if random.once_in(2) {
        Dialect::Workitem
    } else {
        Dialect::Message
    };
    let small_of = |random: &mut Random, usual: usize, least: u64, most: u64| {
        let drawn = least + random.below(most - least + 1);
        let is_small = random.once_in(2) && plan.has(Trouble::Bounds);
        if is_small {
            usize::try_from(drawn).unwrap_or(usual)
        } else {
            usual
        }
    };
    // Numbers of their own, so that what else a seed draws stays as it was.
    let mut own = Random::new(random.clone().next().rotate_left(32));
    let group_bytes = small_of(&mut own, 1 << 20, 1, 2_000);
    let large_bytes = small_of(&mut own, 64 << 10, 1, 600);
    let large_under_way = small_of(&mut own, 16 << 20, 1, 2_000);
    let mut small = |usual, least, most| small_of(random, usual, least, most);
    HostConfig {
        dialect,
        publishes_in_flight: small(50, 1, 4),
        group_inputs: small(256, 1, 4),
        group_bytes,
        large_bytes,
        large_under_way,
        residents: small(100, 1, 5),
        definitions: small(100, 1, 3),
        unused_programs: small(64, 1, 4),
        outbox_rows: small(100_000, 6, 30),
        history_entries: small(1_000, 3, 12) as u64,
        engine_limits: EngineLimits {
            ops_per_step: u32::try_from(small(1_000, 1, 9)).unwrap_or(1_000),
            ..EngineLimits::default()
        },
        retention: Millis(2_000 + random.below(20_000)),
        incident_retry: Millis(2_000),
        ..HostConfig::default()
    }
}

/// The number that an event's publisher gave it.
pub(super) fn unique(record: &EventRecord) -> u64 {
    record
        .event
        .to_value()
        .and_then(|event| event["unique"].as_u64())
        .unwrap_or(0)
}
