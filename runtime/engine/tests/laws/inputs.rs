//! Random outcomes, answers and ends of called processes.

use bureaucrat_engine::{Environment, launch};
use bureaucrat_model::{
    ActivityPath, Answer, Change, DeployedProgram, Effect, Ending, EngineLimits, Evaluation,
    EvaluationBounds, EvaluationOutcome, EventSource, Fault, FaultCode, FiberId, Fields, Initiator,
    Input, Instance, JsonText, Launch, Modification, Operator, PartOf, ProcessId, Program,
    ProgramHash, Ran, Subscription, Timestamp, Turn, Unhandled, Version,
};

pub const SECRET: [u8; 32] = [7; 32];

pub fn cancelled() -> Fault {
    Fault::from_outside(FaultCode::CANCELLED, "by the test")
}

/// Who gives the orders.
pub fn operator() -> Initiator {
    Initiator::Operator(Operator::named("law"))
}

/// What an operator may want, sensible or not.
pub fn modification(program: &Program, detail: u64) -> Modification {
    let place = |detail: u64| {
        let sites = &program.sites;
        let site = sites.get(usize::try_from(detail).unwrap_or(0) % sites.len().max(1));
        let path = site.map(|site| site.path.to_string());
        path.unwrap_or_else(|| "_9".into())
    };
    let fields = |text: &str| Fields::parse(text).unwrap();
    let change = match detail % 7 {
        0 | 1 => Change::Retry,
        2 | 3 => Change::Skip {
            fields: fields(["{}", r#"{"v": [1]}"#, r#"{"inst:x": 1}"#][(detail / 7 % 3) as usize]),
        },
        4 => Change::Set {
            fields: fields(r#"{"v": [2.50], "w": "ä"}"#),
            removed: vec!["a".into()],
        },
        _ => Change::Move {
            to: place(detail / 7),
        },
    };
    let part = match detail / 64 % 8 {
        0 => PartOf::Only,
        1 => PartOf::Activity(place(detail / 512)),
        _ => PartOf::Fiber(FiberId((detail / 512 % 6) as u32)),
    };
    Modification {
        part,
        change,
        reason: "law".into(),
        dry_run: false,
    }
}

fn ran() -> Box<Ran> {
    Box::new(Ran {
        fields: Fields::parse(r#"{"seen": [1.50]}"#).unwrap(),
        bounds: EvaluationBounds::default(),
    })
}

pub fn evaluation(detail: usize, wants_value: bool) -> Evaluation {
    let values = ["[1, 2]", "\"2s\"", "0.02", r#"{"v": [1.50]}"#, "1"];
    let outcome = match detail % 16 {
        3..=15 if wants_value => {
            EvaluationOutcome::Value(JsonText::parse(values[detail % 5]).unwrap())
        }
        0 => EvaluationOutcome::Fault {
            code: FaultCode::new("KeyError"),
            message: "ü".repeat(99),
            data: JsonText::parse(r#"{"log": ["ä"]}"#).ok(),
            ran: detail.is_multiple_of(32).then(ran),
        },
        1..=5 => EvaluationOutcome::Value(JsonText::parse(r#"{"v": [1.50]}"#).unwrap()),
        other => EvaluationOutcome::Verdict(other % 2 == 0),
    };
    Evaluation {
        outcome,
        fuel: detail as u64,
    }
}

pub fn answer(detail: usize) -> Answer {
    let fields = |text: &str| Fields::parse(text).unwrap();
    match detail % 20 {
        0 => Answer::Fault {
            code: FaultCode::new("Declined"),
            message: "c".into(),
            data: Some(JsonText::text("d")),
            retry_after: Some(bureaucrat_model::Millis(detail as u64 % 7)),
        },
        1 => Answer::Unreadable("u".into()),
        2 => Answer::Suspended("s".into()),
        3 => Answer::Progress(JsonText::text("half")),
        13 => Answer::Value(JsonText::parse(r#"{"v": [1.50]}"#).unwrap()),
        4..=9 => Answer::Replace(fields(r#"{"d": "<process/>", "y": 1e2}"#)),
        10 => Answer::Update(fields(&format!(r#"{{"z": "{}"}}"#, "z".repeat(3_000)))),
        11 => Answer::Update(fields(&format!(r#"{{"l": "{}"}}"#, "l".repeat(5_000)))),
        12 => Answer::Update(many(detail)),
        _ => Answer::Update(fields(r#"{"z": {"k": 1}, "x": null}"#)),
    }
}

/// Fields that take more than one row.
fn many(detail: usize) -> Fields {
    let value = JsonText::text(&"m".repeat(200));
    let name = |place| format!("m{}", place * (1 + detail % 3));
    (0..30).map(|place| (name(place), value.clone())).collect()
}

/// What the host says to what a fiber wants to be done.
pub fn admission(fiber: FiberId, turn: Turn, detail: usize) -> Input {
    match detail % 4 {
        0 => Input::Refused {
            fiber,
            turn,
            code: FaultCode::new(FaultCode::SEND_REFUSED),
            reason: "not there".into(),
        },
        _ => Input::Admitted { fiber, turn },
    }
}

pub fn event(fiber: FiberId, turn: Turn, wanted: Subscription, detail: usize) -> Input {
    let source = match detail % 3 {
        0 => EventSource::Live { sequence: 7 },
        1 => EventSource::Kept { sequence: 7 },
        _ => EventSource::Recalled {
            sequence: 7,
            at: Timestamp(detail as u64),
        },
    };
    Input::Event {
        fiber,
        turn,
        name: wanted.event,
        key: wanted.key,
        depth: detail as u32 % 34,
        event: JsonText::parse(r#"{"event": "e"}"#).unwrap(),
        source,
    }
}

pub fn ended(fiber: FiberId, turn: Turn, detail: usize) -> Input {
    let ending = match detail % 4 {
        0 => {
            let reason = "no definition".into();
            return Input::ChildRefused {
                fiber,
                turn,
                reason,
            };
        }
        1 => Ending::Failed(Fault {
            code: FaultCode::new("CallError"),
            message: "x".into(),
            activity: ActivityPath(vec![1]),
            line: 2,
            data: None,
            source: bureaucrat_model::FaultSource::Other,
        }),
        _ => Ending::Completed(Fields::parse(r#"{"c": 1}"#).unwrap()),
    };
    Input::ChildEnded {
        fiber,
        turn,
        ending,
    }
}

pub fn found(fiber: FiberId, turn: Turn, detail: usize) -> Input {
    if detail.is_multiple_of(3) {
        let reason = "no such definition".into();
        return Input::ChildRefused {
            fiber,
            turn,
            reason,
        };
    }
    Input::DefinitionFound {
        fiber,
        turn,
        definition: DeployedProgram {
            name: "order".parse().unwrap(),
            version: Version::FIRST,
            program: ProgramHash::of(b"order"),
        },
    }
}

pub fn start(program: &Program, limits: &EngineLimits) -> (Instance, Vec<Effect>) {
    let start = Launch {
        message_id: Some("m".into()),
        ..Launch::new(ProcessId::from_seed([1; 16]), ProgramHash::of(b"random"))
    };
    let environment = Environment {
        now: Timestamp(0),
        secret: &SECRET,
        limits,
        unhandled: Unhandled::Fails,
    };
    launch(program, &start, &environment)
}
