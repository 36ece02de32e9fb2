//! Values in which every kind of what is stored occurs.

use super::ops;
use bureaucrat_model::{
    ActivityPath, Answer, Caller, Condition, ConditionIndex, Conduct, Deadline, Decision,
    DeployedProgram, Duplicate, Ending, Evaluation, EvaluationOutcome, EventSource, Fault,
    FaultCode, Fiber, FiberId, FiberState, Fields, Guest, Head, HistoryHash, HistoryHead, Input,
    Instance, Items, JsonText, KeyRule, KeyText, LastUntaken, LeftOut, Locals, Millis, Missed,
    ModuleHash, OpIndex, Phase, ProcessId, Program, ProgramHash, Ran, Reads, Recorded, ReplyTo,
    Schedule, Scope, Searched, Site, Span, Status, Term, Timestamp, Turn, Unhandled, Untaken,
    Version, Wait, WaitKind,
};
use bureaucrat_store::{
    attributes::Attribute,
    keys::{self, WaitKey},
};

pub fn process(byte: u8) -> ProcessId {
    ProcessId::from_bytes([byte; 16])
}

pub fn fields() -> Fields {
    Fields::parse(r#"{"n": 1.50, "text": "ä", "list": [1, {"a": null}]}"#).unwrap()
}

pub fn path() -> ActivityPath {
    ActivityPath(vec![0, 300])
}

pub fn fault() -> Fault {
    Fault {
        code: FaultCode::new(FaultCode::ACTION_ERROR),
        message: "why".into(),
        activity: path(),
        line: 12,
        data: Some(JsonText::text("more")),
        source: bureaucrat_model::FaultSource::Other,
    }
}

pub fn program() -> Program {
    let ops = ops::every();
    let span = Span { line: 3, column: 5 };
    let condition = |guest, function: &str, text: &str| Condition {
        guest,
        function: function.into(),
        text: text.into(),
        span,
        selects: Vec::new(),
        reads: Reads::Reserved,
    };
    Program {
        name: "everything".into(),
        context: fields(),
        sites: ops.iter().map(|_| Site::new(path(), span)).collect(),
        ops,
        conditions: vec![
            condition(Guest::Inline, "c-0", "context[\"n\"] < 2"),
            condition(
                Guest::Module(ModuleHash([7; 32])),
                "is-high",
                "risk#is-high",
            ),
        ],
        inline_guest: vec![0, 97, 115, 109],
        conduct: Conduct {
            key: Some(KeyRule {
                text: KeyText::Computed(ConditionIndex(0)),
                duplicate: Duplicate::Replace,
            }),
            unhandled: Some(Unhandled::Waits),
            schedule: Some(Schedule {
                cron: "30 2 * * *".into(),
                zone: "Europe/Berlin".into(),
                missed: Missed::Once,
            }),
            recorded: Recorded::Ends,
            searchable: vec!["customer".into()],
        },
    }
}

pub fn instance(status: Status, fibers: Vec<Fiber>) -> Instance {
    let failed = matches!(status, Status::Ended(Ending::Failed(_)));
    let head = Head {
        process: process(1),
        program: ProgramHash([2; 32]),
        name: "everything".into(),
        user: Some("ada".into()),
        reply_to: Some(ReplyTo {
            queue: "replies".into(),
            correlation_id: Some("id".into()),
        }),
        caller: Some(Caller {
            process: process(3),
            fiber: FiberId(4),
            turn: Turn(5),
            depth: 1,
        }),
        launched_at: Timestamp(1_800_000_000_000),
        ended_at: matches!(status, Status::Ended(_)).then_some(Timestamp(1_800_000_000_001)),
        status,
        next_fiber: u32::try_from(fibers.len()).unwrap(),
        next_turn: 9,
        next_call: 1,
        history: HistoryHead {
            entries: 300,
            left_out: Some(LeftOut { from: 3, to: 200 }),
            newest: HistoryHash([9; 32]),
        },
        ops_without_waiting: 70_000,
        cause_depth: 2,
        cancelled: Some(fault()),
        failed_fields: if failed { fields() } else { Fields::new() },
        version: Version::new(3),
        key: Some("k-7".into()),
        deadline: Some(Deadline::Ahead {
            due: Timestamp(1_800_000_900_000),
            turn: Turn(1),
        }),
        stuck: 1,
        recorded: Recorded::Decisions,
        searched: vec![
            Searched {
                name: "customer".into(),
                term: Some(Term::Text("Ada".into())),
            },
            Searched {
                name: "total".into(),
                term: Some(Term::Number("5".into())),
            },
            Searched {
                name: "paid".into(),
                term: Some(Term::Truth(true)),
            },
            Searched::new("lines".into()),
        ],
    };
    Instance::new(head, (0..).map(FiberId).zip(fibers))
}

pub fn fiber(state: FiberState) -> Fiber {
    Fiber {
        state,
        answered: Some(OpIndex(1)),
        failed: 1,
        values: vec![JsonText::text("computed")],
        given: Some(JsonText::text("given")),
        within: Some(Timestamp(1_800_000_600_000)),
        scopes: vec![Scope {
            entered: OpIndex(9),
            phase: Phase::Handling(fault()),
            locals: Locals {
                names: ["n".to_owned()].into(),
                fields: fields(),
            },
            items: Some(Items {
                items: fields(),
                next: 1,
                collected: Fields::new(),
            }),
            compensation: Some(OpIndex(6)),
            completed: vec![FiberId(4)],
            decision: Some(Decision {
                fault: fault(),
                handler: None,
            }),
            tried_again: 1,
        }],
        ..Fiber::new(OpIndex(4), fields(), None)
    }
}

pub fn waiting(kind: WaitKind) -> Fiber {
    fiber(FiberState::Waiting(Wait {
        turn: Turn(8),
        since: Timestamp(1_800_000_000_000),
        kind,
        timer: Some(Timestamp(1_800_000_030_000)),
    }))
}

pub fn inputs() -> Vec<Input> {
    let (fiber, turn) = (FiberId(1), Turn(2));
    let answer = |answer| Input::Answer {
        activity: path(),
        turn: Some(turn),
        answer,
        unusable: Vec::new(),
    };
    let evaluated = |outcome| Input::Evaluated {
        fiber,
        turn,
        condition: ConditionIndex(1),
        evaluation: Evaluation { outcome, fuel: 99 },
    };
    let ended = |ending| Input::ChildEnded {
        fiber,
        turn,
        ending,
    };
    vec![
        answer(Answer::Replace(fields())),
        answer(Answer::Update(fields())),
        answer(Answer::Value(JsonText::text("result"))),
        answer(Answer::Fault {
            code: FaultCode::new("Declined"),
            message: "no".into(),
            data: Some(JsonText::text("more")),
            retry_after: Some(Millis(5_000)),
        }),
        answer(Answer::Progress(JsonText::text("half"))),
        answer(Answer::Suspended("later".into())),
        answer(Answer::Unreadable("what?".into())),
        Input::TimerFired { fiber, turn },
        Input::Event {
            fiber,
            turn,
            name: "paid".into(),
            key: Some("k".into()),
            depth: 1,
            event: JsonText::parse(r#"{"event": "paid"}"#).unwrap(),
            source: EventSource::Recalled {
                sequence: 7,
                at: Timestamp(1_800_000_000_000),
            },
        },
        Input::Recalled { fiber, turn },
        ended(Ending::Completed(fields())),
        ended(Ending::Failed(fault())),
        Input::ChildRefused {
            fiber,
            turn,
            reason: "no definition".into(),
        },
        evaluated(EvaluationOutcome::Verdict(true)),
        evaluated(EvaluationOutcome::Value(JsonText::text("v"))),
        evaluated(EvaluationOutcome::Fault {
            code: FaultCode::new("KeyError"),
            message: "'x'".into(),
            data: None,
            ran: None,
        }),
        evaluated(EvaluationOutcome::Fault {
            code: FaultCode::new("sandbox.trap"),
            message: "unreachable: no rates".into(),
            data: JsonText::parse(r#"{"log": ["no rates"]}"#).ok(),
            ran: Some(Box::new(Ran {
                fields: fields(),
                bounds: super::whole::bounds(),
            })),
        }),
        Input::Continue,
        Input::Admitted { fiber, turn },
        Input::Refused {
            fiber,
            turn,
            code: FaultCode::new(FaultCode::SEND_REFUSED),
            reason: "not there".into(),
        },
        Input::TaskRefused {
            turn: Turn(9),
            reason: "too large".into(),
        },
        Input::TaskDelayed {
            turn: Turn(9),
            until: Timestamp(1_800_000_000_000),
        },
        Input::DefinitionFound {
            fiber: FiberId(1),
            turn: Turn(9),
            definition: deployed(),
        },
        Input::Detached {
            fiber: FiberId(1),
            turn: Turn(9),
        },
        Input::Retry,
    ]
}

pub fn deployed() -> DeployedProgram {
    DeployedProgram {
        name: "order".parse().unwrap(),
        version: Version::FIRST,
        program: ProgramHash([2; 32]),
    }
}

/// The keys of what is kept for those who wait later, and of searchable fields.
pub fn kept_keys(wait: WaitKey, at: Timestamp) -> Vec<(String, Vec<u8>)> {
    let searched = |term: &Term| {
        let place = keys::Place {
            launched_at: at,
            process: process(1),
        };
        let attribute = Attribute::Field("customer".into(), term.clone());
        keys::searched(&attribute, place)
    };
    let named = |attribute: fn(String) -> Attribute| {
        let place = keys::Place {
            launched_at: at,
            process: process(1),
        };
        keys::searched(&attribute("name".into()), place)
    };
    let keys = [
        ("kept", keys::kept("paid", None, 258)),
        ("kept-with-key", keys::kept("paid", Some("k"), 258)),
        (
            "taken-by-fiber",
            keys::taken_by_fiber(258, wait.process, wait.fiber),
        ),
        ("kept-until", keys::kept_until(at, 258)),
        ("recall", keys::recall(wait)),
        ("taken", keys::taken(258, process(1))),
        ("searched-text", searched(&Term::Text("Ada".into()))),
        ("searched-number", searched(&Term::Number("5".into()))),
        ("searched-truth", searched(&Term::Truth(true))),
        ("searched-definition", named(Attribute::Definition)),
        (
            "searched-version",
            named(|name| Attribute::Version(name, Version::FIRST)),
        ),
        ("searched-key", named(Attribute::Key)),
        ("searched-user", named(Attribute::User)),
        ("searched-fault", named(Attribute::Fault)),
        ("searched-participant", named(Attribute::Participant)),
        ("searched-event", named(Attribute::Event)),
        ("audit-entry", keys::audit_entry(258)),
        ("bulk-job", keys::bulk_job(258)),
        (
            "bulk-outcome",
            keys::bulk_outcome(
                258,
                keys::Place {
                    launched_at: at,
                    process: process(1),
                },
            ),
        ),
    ];
    keys.map(|(name, key)| (name.to_owned(), key)).into()
}

/// What a wait keeps of events that it did not take.
pub fn untaken() -> Untaken {
    let event = JsonText::parse(r#"{"event":"paid"}"#).unwrap();
    let last = LastUntaken {
        at: Timestamp(5),
        alternative: 1,
        event: Some(event),
    };
    Untaken {
        events: 2,
        error: Some("KeyError: 'limit'".into()),
        last: Some(Box::new(last)),
    }
}
