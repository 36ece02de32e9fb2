//! The world of one run: people, broker, machine and engine; one step after the other, each
//! determined by the seed.

use super::{
    Disk, Engine, Facts, Link, Plan, Random, Report, SimulatedBroker, SimulatedClock, Trouble,
    away::Away, config::config, content, people::People, replaced::Replaced, rival::Rival,
    sharing::Sharers, versions::Versions,
};
use bureaucrat_host::{HostConfig, Sharing, events::EventRecord};
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::StoreError;
use std::{collections::VecDeque, fmt::Display, sync::Arc};

/// Why an engine ends that was taken for dead.
pub(super) const FENCED: &str = "has learnt that it was replaced";

/// Steps that a trace keeps.
const TRACE: usize = 200;

/// A violation, and what led to it.
#[derive(Debug, Clone)]
pub struct Failure {
    pub step: u64,
    /// The violation.
    pub what: String,
    /// The last steps, if a trace was requested.
    pub trace: Vec<String>,
}

/// Whether a run records its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    Off,
    /// Keeps the last ones.
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
    /// The number of the present engine, and that of the last one that was started.
    pub(super) engines: u64,
    pub(super) started: u64,
    /// The engines that share the store, but for the present one.
    pub(super) sharers: Option<Sharers>,
    pub(super) versions: Option<Versions>,
    pub(super) rival: Option<Rival>,
    pub(super) away: Away,
    /// An engine that was presumed dead, and wakes up when the next one has its shards.
    pub(super) ghost: Option<Engine>,
    /// An engine that was suspended while another one took over.
    pub(super) replaced: Option<Replaced>,
    /// For takeovers alone.
    pub(super) dice: Random,
    /// The generation of a consuming connection whose end the engine may not know yet.
    pub(super) ended: Option<u64>,
    step: u64,
    trace: Option<VecDeque<String>>,
}

impl World {
    /// The world of a plan.
    pub fn new(plan: Plan, sandbox: Sandbox, tracing: Tracing) -> Self {
        let mut random = Random::new(plan.seed);
        let dice = Random::new(plan.seed.rotate_left(32) ^ 0x7a6b);
        let config = config(&plan, &mut random.fork());
        let dialect = config.routes.default_via().dialect().unwrap_or_default();
        let (known, definitions) = content::launches(&plan, &mut random.fork(), dialect);
        let facts = Arc::new(Facts::new(known.clone(), config.seen_retention));
        let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
        let disk = Arc::new(Disk::new(facts.clone(), clock.clone()));
        let broker = Arc::new(SimulatedBroker::new(facts.clone()));
        let sharers = Sharers::new(&plan, &disk);
        let versions = Versions::new(&plan).filter(|_| sharers.is_some());
        let disk = match &sharers {
            Some(_) => Arc::new(disk.shared()),
            None => disk,
        };
        if sharers.is_some() {
            facts.is_shared();
        }
        let people = People::new(
            &broker,
            &facts,
            dialect,
            definitions,
            &known,
            &mut random.fork(),
        );
        Self {
            away: Away::new(plan.seed),
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
            started: 0,
            sharers,
            versions,
            rival: None,
            ghost: None,
            replaced: None,
            dice,
            ended: None,
            step: 0,
            trace: (tracing == Tracing::On).then(VecDeque::new),
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// The first violation.
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

    /// Counts the steps of the calm too.
    pub(super) const fn tick(&mut self) {
        self.step += 1;
    }

    fn step(&mut self) -> Result<(), String> {
        self.tick();
        self.turn();
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
            // An operator's question would wait, too.
            96 if self.is_away() => {}
            96 => self.operator()?,
            _ => self.trouble()?,
        }
        self.takeovers()?;
        self.moves()?;
        self.raises();
        self.outages()
    }

    /// Starts the machine and the engine on it; after a failure it is retried later.
    pub(super) fn start(&mut self) {
        if self.is_away() {
            self.facts.count("starts for which the store was away");
            return;
        }
        if !self.take_groups() {
            return;
        }
        self.started += 1;
        self.engines = self.started;
        self.disk.start(&mut self.random);
        self.facts.start();
        let link = Arc::new(Link::new(
            self.broker.clone(),
            self.engines,
            self.facts.clone(),
        ));
        if let Sharing::Shared(share) = &self.config.sharing {
            self.broker.share(self.engines, share.groups);
        }
        match Engine::start(
            self.config.clone(),
            self.store(),
            link,
            &self.clock,
            &self.sandbox,
        ) {
            Ok(engine) => {
                let number = self.engines;
                self.note(format_args!("engine {number} starts"));
                self.facts.count("starts");
                self.engine = Some(engine);
                // What the previous engine had submitted is fenced.
                if let Some(ghost) = self.ghost.take()
                    && ghost.commit(usize::MAX) > 0
                {
                    self.facts
                        .count("commits of an engine that was taken for dead");
                }
                self.disk.forget_fenced();
            }
            Err(error) => {
                let number = self.engines;
                self.note(format_args!("engine {number} does not start: {error}"));
                self.facts.count("starts that failed");
                self.broker.engine_gone(self.engines, &mut self.random);
                self.give_up_groups();
            }
        }
    }

    /// The engine is lost, with everything in memory.
    pub(super) fn fall(&mut self, why: &'static str) {
        self.ended = None;
        self.away.engine_gone();
        self.give_up_groups();
        if let Some(engine) = self.engine.take() {
            self.ghost = Some(engine)
                .filter(|_| self.random.once_in(2))
                .filter(|_| !self.disk.is_cut_off());
            self.note(why);
            self.facts.count(why);
            self.broker.engine_gone(self.engines, &mut self.random);
            // The time has changed while the machine was down.
            if self.plan.has(Trouble::Clock) && self.random.once_in(4) {
                let millis = i64::try_from(self.random.below(7_200_000)).unwrap_or(0) - 3_600_000;
                self.clock.jump(millis);
            }
        }
    }

    pub(super) fn poll(&mut self) -> Result<(), String> {
        let Some(engine) = &mut self.engine else {
            return Ok(());
        };
        if self.plan.has(Trouble::Inline) {
            self.facts.committing(engine.next_batch());
        }
        let polled = engine.poll();
        if let Some(generation) = self.ended
            && engine.has_heard()
        {
            self.facts.connection_ended(generation, engine.submitted());
            self.ended = None;
        }
        self.told_at_once();
        match polled {
            Ok(()) => Ok(()),
            Err(error) => self.failed(&error),
        }
    }

    /// Writes submitted batches together.
    pub(super) fn commit(&mut self, most: usize) {
        if self.disk.outage().is_some() {
            self.commit_waits(most);
            return;
        }
        let Some(engine) = &self.engine else { return };
        self.facts.committing(engine.next_batch());
        let count = engine.commit(most);
        // Most steps have nothing to do; tracing them would be useless.
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

    /// A shard cannot continue: the others finish what they have in progress, as far as the disk
    /// allows.
    fn failed(&mut self, error: &StoreError) -> Result<(), String> {
        match error {
            StoreError::Write(_) | StoreError::Read { .. } => {}
            StoreError::Fenced { .. } if self.has_lost_groups() => {
                self.fall(FENCED);
                return Ok(());
            }
            StoreError::Fenced { .. } => {
                let unit = self.disk.fenced();
                return Err(format!("{error}: it wrote {unit:?}"));
            }
            // The next start says that a newer one is needed.
            StoreError::Damaged { .. } if self.is_out_of_date() => {
                self.fall("has found records of the next version");
                return Ok(());
            }
            StoreError::Locked { .. }
            | StoreError::Unusable { .. }
            | StoreError::Format { .. }
            | StoreError::Held { .. }
            | StoreError::LostTail { .. }
            | StoreError::LostCommits { .. }
            | StoreError::Damaged { .. } => return Err(error.to_string()),
        }
        self.note(format_args!("the engine cannot continue: {error}"));
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
        self.fall(match self.is_away() {
            true => "ends since the store was away",
            false => "failures of the disk",
        });
        Ok(())
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
