//! Stored processes of all kinds, as many as wanted, and the searches that find them.
//!
//! The processes that were launched first have what no others have, so that a search for it has the longest way.

use anyhow::{Context, Result, anyhow};
use bureaucrat_definition::{Limits, compile};
use bureaucrat_host::query::{Attribute, State, Wanted, WantedField};
use bureaucrat_model::{
    ActivityPath, Ending, Expiry, Fault, FaultCode, FaultSource, Fiber, FiberId, FiberState,
    Fields, Head, HistoryHead, Instance, Op, OpIndex, Parking, ProcessId, Program, ProgramHash,
    Recall, Recorded, Searched, Status, Subscription, Term, Timestamp, Turn, Untaken, Version,
    Wait, WaitKind,
};
use bureaucrat_store::{
    Group, Store, Table, Unit, Write,
    instances::{InstanceRows, write_instance},
};

/// So many were launched first, and every so manieth of them is rare.
const FIRST: u64 = 10_000;
const RARE_IN: u64 = 150;
/// Processes of a commit.
const TOGETHER: u64 = 1_000;

const DEFINITION: &[u8] = br#"<process name="d0"><action id="pay" participant="p0"/></process>"#;

/// When the first one was launched.
pub const BEGAN: Timestamp = Timestamp(1_800_000_000_000);

/// Processes in a store.
pub struct Population<'a> {
    store: &'a dyn Store,
    program: ProgramHash,
    pay: OpIndex,
    count: u64,
}

impl<'a> Population<'a> {
    /// None yet.
    ///
    /// # Errors
    /// If the store fails.
    pub fn new(store: &'a dyn Store) -> Result<Self> {
        let compiled = compile(DEFINITION, &Limits::default());
        let program = compiled.map_err(|errors| anyhow!("{errors:?}"))?.program;
        let is_action = |op: &Op| matches!(op, Op::Action { .. });
        let pay = program.ops.iter().position(is_action);
        let pay = OpIndex(u32::try_from(pay.context("no action")?)?);
        let value = program.encode()?;
        let hash = Program::hash(&value);
        let writes = vec![Write::Put {
            table: Table::Programs,
            key: hash.0.to_vec(),
            value,
        }];
        let units = vec![Unit::of(writes)];
        store.commit(&Group { units })?;
        Ok(Self {
            store,
            program: hash,
            pay,
            count: 0,
        })
    }

    /// The same store, opened again: so many are there already.
    ///
    /// # Errors
    /// If the store fails.
    pub fn after(store: &'a dyn Store, count: u64) -> Result<Self> {
        Ok(Self {
            count,
            ..Self::new(store)?
        })
    }

    /// Stores more, until there are so many.
    ///
    /// # Errors
    /// If the store fails.
    pub fn grow(&mut self, count: u64) -> Result<()> {
        while self.count < count {
            let mut unit = Unit::default();
            for _ in 0..TOGETHER.min(count - self.count) {
                let mut instance = self.instance(self.count);
                let mut rows = InstanceRows::default();
                write_instance(&mut instance, &mut rows, &mut unit.writes)?;
                self.count += 1;
            }
            self.store.commit(&Group { units: vec![unit] })?;
        }
        Ok(())
    }

    fn instance(&self, number: u64) -> Instance {
        let is_rare = number < FIRST && number % RARE_IN == 7;
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let of = |kind: &str, count: u64, shift: u32| match is_rare {
            true => format!("{kind}-rare"),
            false => format!("{kind}{}", (mixed >> shift) % count),
        };
        let mut id = [0; 16];
        id[..8].copy_from_slice(&mixed.to_be_bytes());
        id[8..].copy_from_slice(&number.to_be_bytes());
        let fault = Fault {
            code: FaultCode::new(&of("f", 10, 40)),
            message: "it failed".into(),
            activity: ActivityPath(vec![0]),
            line: 1,
            data: None,
            source: FaultSource::Other,
        };
        let suspended = Status::Parked {
            parking: Parking::Suspended,
            reason: "later".into(),
            inputs: Vec::new(),
        };
        let answer = WaitKind::Answer {
            participant: of("p", 20, 30),
            activity: None,
            way: None,
            fields: None,
            expiry: Expiry {
                timeout: None,
                begun: BEGAN,
                within: None,
                heartbeat: None,
            },
            progress: None,
        };
        let event = WaitKind::Event {
            subscriptions: vec![Subscription {
                event: of("e", 10, 35),
                key: None,
                since: None,
            }],
            check: None,
            recall: Recall::Over,
            untaken: Untaken::default(),
        };
        let (status, wait) = match (number / RARE_IN) % 20 {
            0 => (Status::Ended(Ending::Failed(fault)), None),
            1 => (
                Status::Running,
                Some(WaitKind::Operator {
                    fault,
                    evidence: Box::default(),
                }),
            ),
            2..=4 => (Status::Ended(Ending::Completed(Fields::new())), None),
            5 => (suspended, Some(answer)),
            6..=9 => (Status::Running, Some(event)),
            _ => (Status::Running, Some(answer)),
        };
        let field = |name: &str, value| Searched {
            name: name.into(),
            term: Some(Term::Text(value)),
        };
        let ended = matches!(status, Status::Ended(_));
        let head = Head {
            process: ProcessId::from_bytes(id),
            program: self.program,
            name: of("d", 50, 20),
            user: Some(of("u", 100, 25)),
            reply_to: None,
            caller: None,
            launched_at: Timestamp(BEGAN.0 + number * 2),
            ended_at: ended.then_some(Timestamp(BEGAN.0 + number * 2 + 1)),
            status,
            next_fiber: 1,
            next_turn: 2,
            next_call: 0,
            history: HistoryHead::EMPTY,
            ops_without_waiting: 0,
            cause_depth: 0,
            cancelled: None,
            failed_fields: Fields::new(),
            version: Some(Version::FIRST),
            key: Some(format!("k{number}")),
            deadline: None,
            stuck: u32::from(matches!(wait, Some(WaitKind::Operator { .. }))),
            recorded: Recorded::Full,
            searched: vec![field("customer", of("c", 100, 45))],
        };
        let fiber = wait.map(|kind| {
            let mut fiber = Fiber::new(self.pay, Fields::new(), None);
            fiber.state = FiberState::Waiting(Wait {
                turn: Turn(1),
                since: BEGAN,
                kind,
                timer: None,
            });
            (FiberId(0), fiber)
        });
        Instance::new(head, fiber)
    }
}

/// Searches, each with a name: for what many processes have, and for what few have; with one criterion, and with several.
pub fn searches() -> Vec<(&'static str, Wanted)> {
    let having = |attributes: &[Attribute]| Wanted {
        attributes: attributes.to_vec(),
        ..Wanted::default()
    };
    let state = |state, attributes: &[Attribute]| Wanted {
        states: vec![state],
        ..having(attributes)
    };
    let customer = |value: &str| Wanted {
        fields: vec![WantedField {
            name: "customer".into(),
            value: value.into(),
        }],
        ..Wanted::default()
    };
    let definition = |name: &str| Attribute::Definition(name.into());
    let participant = |name: &str| Attribute::Participant(name.into());
    let event = |name: &str| Attribute::Event(name.into());
    let fault = |code: &str| Attribute::Fault(code.into());
    let user = |name: &str| Attribute::User(name.into());
    vec![
        ("all", Wanted::default()),
        ("state running", state(State::Running, &[])),
        ("state incident", state(State::Incident, &[])),
        ("state suspended", state(State::Suspended, &[])),
        ("state failed", state(State::Failed, &[])),
        ("definition", having(&[definition("d3")])),
        ("definition, rare", having(&[definition("d-rare")])),
        (
            "version",
            having(&[Attribute::Version("d3".into(), Version::FIRST)]),
        ),
        ("key", having(&[Attribute::Key("k4711".into())])),
        ("user", having(&[user("u5")])),
        ("user, rare", having(&[user("u-rare")])),
        ("participant", having(&[participant("p7")])),
        ("participant, rare", having(&[participant("p-rare")])),
        ("event", having(&[event("e3")])),
        ("event, rare", having(&[event("e-rare")])),
        ("fault", having(&[fault("f2")])),
        ("fault, rare", having(&[fault("f-rare")])),
        ("searchable field", customer("c17")),
        ("searchable field, rare", customer("c-rare")),
        ("nothing has it", having(&[participant("nobody")])),
        (
            "launched before",
            Wanted {
                launched_before: Some(Timestamp(BEGAN.0 + 5_000)),
                ..Wanted::default()
            },
        ),
        (
            "activity and definition",
            Wanted {
                activity: Some("pay".into()),
                ..having(&[definition("d3")])
            },
        ),
        (
            "incident and definition",
            state(State::Incident, &[definition("d3")]),
        ),
        ("incident and fault", state(State::Incident, &[fault("f2")])),
        (
            "running and participant, rare",
            state(State::Running, &[participant("p-rare")]),
        ),
        (
            "definition and participant",
            having(&[definition("d3"), participant("p7")]),
        ),
        (
            "definition and user, rare",
            having(&[definition("d3"), user("u-rare")]),
        ),
    ]
}
