//! A host that is polled, to which definitions are deployed.

use bureaucrat_host::{
    HostConfig,
    audit::{Kind, audit, repair},
    broker::Source,
    commands::{Order, OrderOutcome},
    damage::Damages,
    deployed::{DefinitionAnswer, DefinitionCommand, DefinitionOrder},
    query::{
        Attribute, Detail, Place, ProcessDetail, ProcessSummary, Query, QueryAnswer, State, Wanted,
        WantedField,
    },
    questions::{Asked, answer},
    router::Incoming,
};
use bureaucrat_model::{DefinitionRef, HistoryEvent, Millis, Operator, ProcessId, Timestamp};
use bureaucrat_policy::Policy;
use bureaucrat_store::{Group, MemoryStore, Row, Store, Table, Unit, Write};
use bureaucrat_tests::{
    polled::{Polled, sandbox},
    simulation::SimulatedClock,
};
use bureaucrat_wire::{
    CODE_HEADER, DEFINITION_TYPE, HeaderValue, LAUNCH_TYPE, Outgoing, Properties,
};
use serde_json::{Value, json};
use std::sync::Arc;

const RETENTION: u64 = 2_000;

/// A definition that ends at once with its version in a field.
pub fn text(name: &str, version: u32) -> String {
    format!(
        r#"<process name="{name}"><context>
             <property name="amount" type="int">1</property>
             <property name="zip" type="str">none</property>
           </context><assign property="version">{version}</assign></process>"#
    )
}

pub struct Hosted {
    host: Option<Polled>,
    store: Arc<dyn Store>,
    clock: Arc<SimulatedClock>,
    pub config: HostConfig,
}

/// What became of a message: the reply, or the code and reasons of its dead letter.
#[derive(Debug)]
pub struct Became {
    pub reply: Value,
    pub dead: Option<String>,
    pub messages: Vec<Outgoing>,
}

impl Hosted {
    pub fn new(policy: Option<&str>) -> Self {
        let config = HostConfig {
            policy: policy.map(|text| Arc::new(Policy::parse(text).unwrap())),
            retention: Millis(RETENTION),
            unused_programs: 1,
            ..HostConfig::default()
        };
        let mut hosted = Self {
            host: None,
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(SimulatedClock::new(1_800_000_000_000)),
            config,
        };
        hosted.restart();
        hosted
    }

    /// Loses what is in memory.
    pub fn restart(&mut self) {
        self.restart_at_once();
        // What was published and not noted as such is published again.
        self.host().settle().unwrap();
    }

    /// The same; the new engine has done nothing yet.
    pub fn restart_at_once(&mut self) {
        self.host = None;
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let host = Polled::open(self.config.clone(), store, clock, &sandbox().unwrap());
        self.host = Some(host.unwrap());
    }

    pub fn host(&mut self) -> &mut Polled {
        self.host.as_mut().unwrap()
    }

    pub fn send(&mut self, user: Option<&str>, id: Option<&str>, kind: &str, body: &str) -> Became {
        let properties = Properties {
            content_type: Some(kind.to_owned()),
            user_id: user.map(str::to_owned),
            message_id: id.map(str::to_owned),
            reply_to: Some("client".to_owned()),
            ..Properties::default()
        };
        let host = self.host();
        let tag = host.deliver_with(Source::Launches, properties, body);
        let messages = host.settle().unwrap();
        assert!(host.acknowledged().contains(&tag), "{body}");
        let replies = messages.iter().filter(|sent| sent.routing_key == "client");
        let mut replies = replies.map(|sent| serde_json::from_slice::<Value>(&sent.body).unwrap());
        let reply = replies.next().unwrap_or_default();
        let headers = messages.iter().flat_map(|sent| &sent.properties.headers);
        let mut codes = headers.filter(|(name, _)| name == CODE_HEADER);
        let dead = codes.next().map(|(_, code)| {
            let HeaderValue::Text(code) = code else {
                panic!("{code:?}");
            };
            code.clone()
        });
        Became {
            reply,
            dead,
            messages,
        }
    }

    pub fn deploy(&mut self, user: Option<&str>, text: &str) -> Became {
        self.send(user, None, DEFINITION_TYPE, text)
    }

    /// Deploys; returns the version and whether it is new.
    pub fn deployed(&mut self, text: &str) -> (u64, String) {
        let became = self.deploy(None, text);
        let reply = &became.reply;
        assert_eq!(reply["status"], "deployed", "{became:?}");
        let outcome = reply["outcome"].as_str().unwrap().to_owned();
        (reply["version"].as_u64().unwrap(), outcome)
    }

    pub fn launch(&mut self, user: Option<&str>, body: &Value) -> Became {
        self.send(user, None, LAUNCH_TYPE, &body.to_string())
    }

    /// Launches by name; returns the final fields.
    pub fn launched(&mut self, process: &str) -> Value {
        let became = self.launch(None, &json!({"process": process}));
        ended(&became)
    }

    /// Why a launch by name is refused, with the code of its dead letter.
    pub fn refused(&mut self, body: &Value) -> (String, String) {
        let became = self.launch(None, body);
        assert_eq!(became.reply["status"], "rejected", "{became:?}");
        let reason = became.reply["reasons"][0].as_str().unwrap().to_owned();
        (became.dead.unwrap(), reason)
    }

    pub fn order(&mut self, order: DefinitionOrder) -> DefinitionAnswer {
        let (command, answer) = DefinitionCommand::new(order, Operator::named("ops"));
        let host = self.host();
        host.send(Incoming::OrderedDefinition(command));
        host.settle().unwrap();
        answer.try_recv().unwrap()
    }

    pub fn retire(&mut self, text: &str) -> DefinitionAnswer {
        let wanted: DefinitionRef = text.parse().unwrap();
        self.order(DefinitionOrder::Retire(wanted))
    }

    /// Makes the host remove everything that has ended, and the programs that nothing uses.
    pub fn later(&mut self) {
        for _ in 0..20 {
            self.clock.advance(RETENTION);
            self.host().settle().unwrap();
        }
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Millis) {
        self.clock.advance(time.0);
        self.host().settle().unwrap();
    }

    pub fn rows(&self, table: Table) -> Vec<Row> {
        self.store.scan(table, &[], &[u8::MAX; 160], 1_000).unwrap()
    }

    pub fn write(&self, write: Write) {
        let units = vec![Unit::of(vec![write])];
        self.store.commit(&Group { units }).unwrap();
    }

    /// The ids of the processes that `list --key` shows.
    pub fn keyed(&self, key: &str) -> Vec<String> {
        let damages = Damages::default();
        let asked = Asked {
            store: &*self.store,
            now: Timestamp(0),
            damages: &damages,
        };
        let query = Query::List {
            wanted: Wanted {
                attributes: vec![Attribute::Key(key.to_owned())],
                ..Wanted::default()
            },
            after: None,
            limit: 50,
        };
        let Some(QueryAnswer::Processes { processes, .. }) = answer(&asked, &query) else {
            panic!("no list");
        };
        let ids = processes.iter().map(|summary| summary.process.to_string());
        ids.collect()
    }

    /// Publishes an event; returns what was published because of it.
    pub fn event(&mut self, name: &str) -> Vec<Outgoing> {
        let body = json!({"event": name}).to_string();
        let host = self.host();
        host.deliver(Source::Events, None, &body);
        host.settle().unwrap()
    }

    /// Delivers a launch by name, and does nothing yet.
    pub fn begin(&mut self, body: &str) {
        let properties = Properties {
            content_type: Some(LAUNCH_TYPE.to_owned()),
            ..Properties::default()
        };
        let host = self.host();
        host.deliver_with(Source::Launches, properties, body);
    }

    pub fn asked(&self, query: &Query) -> QueryAnswer {
        let damages = Damages::default();
        let asked = Asked {
            store: &*self.store,
            now: Timestamp(0),
            damages: &damages,
        };
        answer(&asked, query).unwrap()
    }

    /// The processes of a name that have not ended.
    pub fn named(&self, name: &str) -> Vec<ProcessSummary> {
        let query = Query::List {
            wanted: Wanted {
                states: vec![State::Running],
                ..Wanted::default()
            },
            after: None,
            limit: 50,
        };
        let QueryAnswer::Processes { mut processes, .. } = self.asked(&query) else {
            panic!("no list");
        };
        processes.retain(|summary| summary.name == name);
        processes
    }

    /// A page of the ids of processes with these searchable fields, and where the next one begins.
    pub fn searched(
        &self,
        fields: Vec<WantedField>,
        after: Option<Place>,
        limit: usize,
    ) -> (Vec<String>, Option<Place>) {
        let wanted = Wanted {
            fields,
            ..Wanted::default()
        };
        let query = Query::List {
            wanted,
            after,
            limit,
        };
        let QueryAnswer::Processes {
            processes, next, ..
        } = self.asked(&query)
        else {
            panic!("no list");
        };
        let ids = processes.iter().map(|summary| summary.process.to_string());
        (ids.collect(), next)
    }

    /// Carries out an operator's order, after which the storage has no findings.
    pub fn obeyed(&mut self, process: ProcessId, order: Order) -> OrderOutcome {
        let outcome = self.host().order(process, order);
        self.is_clean();
        outcome.unwrap().unwrap()
    }

    pub fn history(&self, process: ProcessId) -> Vec<HistoryEvent> {
        let history = Detail::History;
        let QueryAnswer::Process(detail) = self.asked(&Query::Show { process, history }) else {
            panic!("no process");
        };
        let entries = detail.history.unwrap().into_iter();
        entries.map(|numbered| numbered.entry.event).collect()
    }

    pub fn detail(&self, process: ProcessId) -> ProcessDetail {
        let history = Detail::State;
        let QueryAnswer::Process(detail) = self.asked(&Query::Show { process, history }) else {
            panic!("no process");
        };
        *detail
    }

    /// The state of a process, and why it is an incident.
    pub fn shown(&self, process: ProcessId) -> (String, String) {
        let history = Detail::State;
        let QueryAnswer::Process(detail) = self.asked(&Query::Show { process, history }) else {
            panic!("no process");
        };
        let state = serde_json::to_value(detail.summary.state).unwrap();
        let state = state.as_str().unwrap().to_owned();
        (state, detail.summary.incident.unwrap_or_default())
    }

    /// Time passes while no host runs.
    pub fn off(&mut self, millis: u64) {
        self.host = None;
        self.clock.advance(millis);
    }

    /// Time passes.
    pub fn pass(&mut self, millis: u64) -> Vec<Outgoing> {
        self.clock.advance(millis);
        self.host().settle().unwrap()
    }

    /// Carries out the repairs that the audit proposes.
    pub fn repair(&self) {
        let findings = audit(&*self.store, &self.config).unwrap().findings;
        let units = vec![repair::plan(&*self.store, &findings).unwrap().unit];
        self.store.commit(&Group { units }).unwrap();
    }

    pub fn is_clean(&self) {
        assert_eq!(audit(&*self.store, &self.config).unwrap().findings, []);
    }

    pub fn findings(&self) -> Vec<(Table, Kind)> {
        let audit = audit(&*self.store, &self.config).unwrap();
        let findings = audit.findings.iter();
        findings.map(|found| (found.table, found.kind)).collect()
    }
}

/// The final fields of a process that ended at once.
pub fn ended(became: &Became) -> Value {
    assert_eq!(became.reply["status"], "launched", "{became:?}");
    let replies = became.messages.iter();
    let replies = replies.filter(|sent| sent.routing_key == "client");
    let mut replies = replies.map(|sent| serde_json::from_slice::<Value>(&sent.body).unwrap());
    let ending = replies.find(|reply| reply["status"] == "completed");
    ending.unwrap_or_else(|| panic!("{became:?}"))["fields"].clone()
}
