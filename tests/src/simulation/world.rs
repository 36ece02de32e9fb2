//! The world of one run: clients, participants, broker, machine and engine, and what must hold at the end.

use super::{CrashingStore, PowerCut, Random, SimulatedBroker, SimulatedClock};
use bureaucrat_host::{
    HostConfig, Opened,
    broker::{BrokerEvent, BrokerEvents, Source},
    clock::EngineTime,
    compute::{Compute, Job, perform},
    definitions::Definitions,
    router::Router,
    shard::{Progress, Shard, Shared},
};
use bureaucrat_model::Millis;
use bureaucrat_sandbox::Sandbox;
use bureaucrat_store::{MemoryStore, Store, Table};
use bureaucrat_wire::Properties;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

/// Everything a process can do, with an end that can be computed: `worker_add` adds one to `n`, `worker_left` and
/// `worker_right` set a field each, `worker_child` puts the inner definition into `inner`.
const DEFINITION: &str = r#"<process name="everything">
  <context><property name="n" type="int">0</property></context>
  <action participant="child"/>
  <while><condition>context["n"] &lt; 3</condition><action participant="add"/></while>
  <all><action participant="left"/><sequence><action participant="add"/><action participant="right"/></sequence></all>
  <switch>
    <case><condition>context["n"] == 4</condition><delay duration="1.5"/></case>
    <case><condition>True</condition><action participant="never"/></case>
  </switch>
  <await event="go"><condition>context["event"]["number"] == context["number"]</condition></await>
  <call process="$inner"/>
</process>"#;

const INNER: &str = r#"<process name="inner"><context><property name="m" type="int">0</property></context>
  <while><condition>context["m"] &lt; 2</condition><action participant="inner"/></while>
</process>"#;

/// Jobs that wait until the simulation does them.
#[derive(Default)]
struct Jobs(Mutex<VecDeque<Job>>);

impl Compute for Jobs {
    fn submit(&self, job: Job) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(job);
    }
}

/// The engine as it runs on the machine; gone with a power cut.
struct Engine {
    shards: Vec<Shard>,
    router: Arc<Router>,
    jobs: Arc<Jobs>,
    definitions: Arc<Definitions>,
    store: Arc<CrashingStore>,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Power cuts.
    pub power_cuts: u64,
    /// Lost connections.
    pub lost_connections: u64,
    /// Answers that participants gave twice.
    pub double_answers: u64,
    /// Launches that clients published twice.
    pub double_launches: u64,
    /// Tasks that participants saw.
    pub tasks: u64,
    /// Steps of the run.
    pub steps: u64,
    /// Everything that the store held at the end.
    pub rows: usize,
}

/// One run.
pub struct World {
    random: Random,
    clock: Arc<SimulatedClock>,
    broker: Arc<SimulatedBroker>,
    disk: Arc<MemoryStore>,
    sandbox: Sandbox,
    engine: Option<Engine>,
    publishing: bool,
    launched: u64,
    launches: u64,
    completed: BTreeMap<String, Value>,
    started: BTreeSet<String>,
    report: Report,
}

impl World {
    /// A world that launches `launches` processes.
    pub fn new(seed: u64, launches: u64, sandbox: Sandbox) -> Self {
        let broker = Arc::new(SimulatedBroker::default());
        for participant in ["child", "add", "left", "right", "inner"] {
            broker.declare(&format!("worker_{participant}"));
        }
        broker.declare("bureaucrat_dead");
        Self {
            random: Random::new(seed),
            clock: Arc::new(SimulatedClock::new(1_800_000_000_000)),
            broker,
            disk: Arc::new(MemoryStore::new()),
            sandbox,
            engine: None,
            publishing: false,
            launched: 0,
            launches,
            completed: BTreeMap::new(),
            started: BTreeSet::new(),
            report: Report {
                power_cuts: 0,
                lost_connections: 0,
                double_answers: 0,
                double_launches: 0,
                tasks: 0,
                steps: 0,
                rows: 0,
            },
        }
    }

    /// Runs to the end, and checks that every launch ended exactly once with the right fields and nothing is left.
    ///
    /// # Errors
    /// Says what did not hold.
    pub fn run(mut self) -> Result<Report, String> {
        // The first part is trouble; then the world is kind, and everything has to end.
        for _ in 0..3_000 {
            self.step(Weather::Foul)?;
        }
        let mut patience = 200_000;
        while !self.is_over() {
            self.step(Weather::Fair)?;
            patience -= 1;
            if patience == 0 {
                return Err(format!(
                    "{} of {} processes ended; then nothing moved",
                    self.completed.len(),
                    self.launches
                ));
            }
        }
        for _ in 0..4_000 {
            self.step(Weather::Still)?;
        }
        self.check()?;
        self.report.rows = self.disk.dump().len();
        Ok(self.report)
    }

    fn is_over(&self) -> bool {
        self.launched == self.launches
            && self.completed.len() as u64 == self.launches
            && self.broker.is_quiet()
    }

    fn step(&mut self, weather: Weather) -> Result<(), String> {
        self.report.steps += 1;
        if self.engine.is_none() {
            self.boot()?;
        }
        match self.random.below(100) {
            0..8 => self.launch(),
            8..30 => self.deliver(),
            30..55 => self.poll()?,
            55..62 => self.job(),
            62..75 => self.settle(),
            75..88 => self.participate()?,
            88..92 if weather != Weather::Still => self.event(),
            92..97 => self.clock.advance(self.random.below(400)),
            _ if weather != Weather::Foul => self.reconnect(),
            97 => self.lose_connections(),
            98 => self.reconnect(),
            _ => self.trouble_on_the_machine(),
        }
        Ok(())
    }

    fn boot(&mut self) -> Result<(), String> {
        let store = Arc::new(CrashingStore::new(self.disk.clone()));
        let config = HostConfig {
            shards: 3,
            // Small bounds, so that windows and portions are met.
            publishes_in_flight: 4,
            group_inputs: 4,
            residents: 5,
            definitions: 2,
            retention: Millis(86_400_000),
            ..HostConfig::default()
        };
        let opened =
            Opened::new(config, store.clone(), [7; 32]).map_err(|error| error.to_string())?;
        let jobs = Arc::new(Jobs::default());
        let definitions = Arc::new(Definitions::new(
            opened.config.clone(),
            store.clone(),
            self.sandbox.clone(),
        ));
        let shared = Arc::new(Shared {
            config: opened.config.clone(),
            store: store.clone(),
            broker: self.broker.clone(),
            time: EngineTime::new(self.clock.clone(), opened.kept),
            sequence: AtomicU64::new(opened.sequence),
            secret: opened.secret,
            sandbox: self.sandbox.clone(),
            compute: jobs.clone(),
            definitions: definitions.clone(),
            damages: opened.damages.clone(),
            router: opened.router.clone(),
        });
        let shards = Opened::shards(opened.receivers, opened.handouts, &shared)
            .map_err(|error| error.to_string())?;
        self.publishing = false;
        self.engine = Some(Engine {
            shards,
            router: opened.router,
            jobs,
            definitions,
            store,
        });
        Ok(())
    }

    /// The power goes: everything in memory is gone, and the broker notices.
    fn power_cut(&mut self) {
        self.engine = None;
        self.report.power_cuts += 1;
        let _ = self.broker.lose_connections(&mut self.random);
    }

    fn trouble_on_the_machine(&mut self) {
        match self.random.below(4) {
            0 => self.power_cut(),
            1 => self
                .clock
                .jump(i64::try_from(self.random.below(20_000)).unwrap_or(0) - 10_000),
            cut => {
                if let Some(engine) = &self.engine {
                    engine.store.cut_power(if cut == 2 {
                        PowerCut::BeforeCommit
                    } else {
                        PowerCut::AfterCommit
                    });
                }
            }
        }
    }

    fn launch(&mut self) {
        if self.launched == self.launches {
            return;
        }
        let number = self.launched;
        self.launched += 1;
        let body = DEFINITION.replace(
            "<context>",
            &format!(r#"<context><property name="number" type="int">{number}</property>"#),
        );
        let properties = Properties {
            message_id: Some(format!("launch-{number}")),
            ..Properties::default()
        };
        let twice = self.random.once_in(4);
        self.report.double_launches += u64::from(twice);
        for _ in 0..=u64::from(twice) {
            self.broker.publish_to_engine(
                Source::Launches,
                properties.clone(),
                body.clone().into_bytes(),
            );
        }
    }

    fn deliver(&mut self) {
        let source =
            [Source::Launches, Source::Answers, Source::Events][self.random.below(3) as usize];
        let Some(engine) = &self.engine else { return };
        if let Some(event) = self.broker.deliver(source) {
            engine.router.receive(event);
        }
    }

    fn poll(&mut self) -> Result<(), String> {
        let Some(engine) = &mut self.engine else {
            return Ok(());
        };
        let count = engine.shards.len() as u64;
        let place = self.random.below(count) as usize;
        match engine.shards[place].poll() {
            Ok(Progress::Busy | Progress::Idle) => Ok(()),
            Ok(Progress::Ended) => Err("a shard ended though nobody told it to".into()),
            Err(bureaucrat_store::StoreError::Write(_)) => {
                self.power_cut();
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn job(&mut self) {
        let Some(engine) = &self.engine else { return };
        let job = engine
            .jobs
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        if let Some(job) = job {
            let (shard, input) = perform(job, &engine.definitions, &self.sandbox);
            engine.router.send(shard, input);
        }
    }

    fn settle(&mut self) {
        let Some(engine) = &self.engine else { return };
        if self.publishing
            && let Some(event) = self.broker.settle(&mut self.random)
        {
            engine.router.receive(event);
        }
    }

    fn lose_connections(&mut self) {
        let Some(engine) = &self.engine else { return };
        self.report.lost_connections += 1;
        self.publishing = false;
        for event in self.broker.lose_connections(&mut self.random) {
            engine.router.receive(event);
        }
    }

    fn reconnect(&mut self) {
        let Some(engine) = &self.engine else { return };
        if !self.publishing {
            self.publishing = true;
            engine.router.receive(BrokerEvent::PublishingUp);
        }
    }

    /// Somebody outside takes a message.
    fn participate(&mut self) -> Result<(), String> {
        let waiting = self.broker.waiting();
        if waiting.is_empty() {
            return Ok(());
        }
        let place = self.random.below(waiting.len() as u64) as usize;
        let (exchange, routing_key) = &waiting[place];
        let Some(message) = self.broker.take(exchange, routing_key) else {
            return Ok(());
        };
        let mut body: Value = serde_json::from_slice(&message.body).map_err(|error| {
            format!(
                "{exchange}/{routing_key}: {error}: {}",
                String::from_utf8_lossy(&message.body)
            )
        })?;
        if exchange == "bureaucrat.processes" {
            return self.listen(&body);
        }
        if routing_key == "bureaucrat_dead" {
            return Err(format!(
                "a dead letter: {body}; {:?}",
                message.properties.headers
            ));
        }
        self.report.tasks += 1;
        let fields = body["fields"]
            .as_object_mut()
            .ok_or("a task without fields")?;
        let plus_one =
            |value: Option<&Value>| json!(value.and_then(Value::as_i64).unwrap_or(0) + 1);
        let (name, value) = match routing_key.as_str() {
            "worker_add" => ("n", plus_one(fields.get("n"))),
            "worker_inner" => ("m", plus_one(fields.get("m"))),
            "worker_left" => ("left", json!(1)),
            "worker_right" => ("right", json!(1)),
            "worker_child" => ("inner", json!(INNER)),
            other => return Err(format!("a task for {other}")),
        };
        fields.insert(name.into(), value);
        let answer = body.to_string().into_bytes();
        let twice = self.random.once_in(5);
        self.report.double_answers += u64::from(twice);
        for _ in 0..=u64::from(twice) {
            self.broker
                .publish_to_engine(Source::Answers, Properties::default(), answer.clone());
        }
        Ok(())
    }

    /// Somebody who listens to the engine hears of a process.
    fn listen(&mut self, notice: &Value) -> Result<(), String> {
        let process = notice["process"].as_str().unwrap_or_default().to_owned();
        let is_outer = notice["name"] == "everything";
        match notice["status"].as_str() {
            Some("launched") => {
                if is_outer {
                    self.started.insert(process);
                }
                Ok(())
            }
            Some("completed") if is_outer => {
                let fields = notice["fields"].clone();
                match self.completed.get(&process) {
                    Some(earlier) if *earlier != fields => {
                        Err(format!("{process} ended twice: {earlier} and {fields}"))
                    }
                    _ => {
                        self.completed.insert(process, fields);
                        Ok(())
                    }
                }
            }
            Some("completed") => Ok(()),
            _ => Err(format!("unexpected: {notice}")),
        }
    }

    fn event(&mut self) {
        if self.launched == 0 {
            return;
        }
        let number = self.random.below(self.launched);
        let body = json!({"event": "go", "number": number})
            .to_string()
            .into_bytes();
        self.broker
            .publish_to_engine(Source::Events, Properties::default(), body);
    }

    fn check(&self) -> Result<(), String> {
        let mut numbers = BTreeSet::new();
        for (process, fields) in &self.completed {
            for (name, value) in [("n", 4), ("m", 2), ("left", 1), ("right", 1)] {
                if fields[name] != value {
                    return Err(format!(
                        "{process}: {name} is {}, not {value}: {fields}",
                        fields[name]
                    ));
                }
            }
            if fields["event"]["number"] != fields["number"] {
                return Err(format!("{process} took another's event: {fields}"));
            }
            numbers.insert(fields["number"].as_u64());
        }
        if numbers.len() as u64 != self.launches {
            return Err(format!(
                "{} launches ended, of {}",
                numbers.len(),
                self.launches
            ));
        }
        for table in [Table::Subscriptions, Table::Events, Table::Outbox] {
            let left = self
                .disk
                .scan(table, &[], &[u8::MAX; 80], 10)
                .map_err(|error| error.to_string())?;
            if let Some((key, _)) = left.first() {
                return Err(format!("table {} still holds {key:02x?}", table.name()));
            }
        }
        let timers = self
            .disk
            .scan(Table::Timers, &[], &[u8::MAX; 80], 1_000)
            .map_err(|error| error.to_string())?;
        if timers.len() as u64 != self.launches * 2 {
            return Err(format!(
                "{} timers are left; one to remove each of {} processes was expected",
                timers.len(),
                self.launches * 2
            ));
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// Power cuts, lost connections, jumping clocks.
    Foul,
    /// None of it.
    Fair,
    /// Nobody publishes anything new either.
    Still,
}
