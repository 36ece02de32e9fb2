//! Each instruction, with everything that it can have.

use super::samples::fields;
use bureaucrat_model::{
    Alternative, Bond, CallTarget, Carries, CodePattern, ConditionIndex, ConditionRange, FaultCode,
    FieldPath, Handler, Interrupt, ItemNames, Join, JsonText, Listener, Millis, Op, OpIndex,
    Operand, Part, Retry, Since, Taking, Timeout, Via, Way, When,
};

fn names() -> ItemNames {
    ItemNames {
        item: Some("line".into()),
        index: Some("n".into()),
    }
}

fn retry(conditions: ConditionRange) -> Retry {
    Retry {
        attempts: 5,
        delay: Millis(500),
        factor: 1_500,
        max_delay: Millis(60_000),
        jitter: 200,
        on: CodePattern::new("shop.*").into_iter().collect(),
        conditions,
    }
}

pub fn every() -> Vec<Op> {
    let range = ConditionRange {
        first: ConditionIndex(0),
        count: 2,
    };
    vec![
        Op::action("worker", OpIndex(0)),
        Op::delay(Millis(1_500)),
        Op::wait_for("paid", range, OpIndex(3)),
        Op::call("inner"),
        Op::Call {
            target: CallTarget::Named(Operand::Fixed("order@3".into())),
            bond: Bond::Detached,
            inputs: None,
            taking: Taking::Into(FieldPath::new("id").unwrap()),
        },
        Op::Deadline {
            span: Operand::Computed,
        },
        Op::Test {
            conditions: range,
            otherwise: OpIndex(8),
        },
        Op::Fork {
            branches: vec![OpIndex(6)],
            join: Join::First,
            next: OpIndex(7),
        },
        Op::EndBranch,
        Op::Jump { target: OpIndex(4) },
        Op::Action {
            participant: Operand::Computed,
            way: Some(Box::new(Way {
                via: Some(Via::CeleryWorkitem),
                queue: Some(Operand::Fixed("shop".into())),
                exchange: None,
                routing_key: Some(Operand::Computed),
                priority: Some(Operand::Fixed(5)),
            })),
            carries: Carries::Fields(vec!["amount".into()]),
            taking: Taking::Into(FieldPath::new("receipt").unwrap()),
            timeout: Some(Operand::Fixed(Millis(30_000))),
            heartbeat: Some(Operand::Computed),
            attempt: OpIndex(8),
            retry: Some(retry(range)),
        },
        Op::EnterScope {
            handlers: vec![Handler {
                codes: CodePattern::new("KeyError").into_iter().collect(),
                conditions: range,
                at: OpIndex(12),
                retry: None,
            }],
            finally: Some(OpIndex(12)),
            compensation: Some(OpIndex(11)),
            next: OpIndex(13),
        },
        Op::Fault {
            code: Some(Operand::Fixed(FaultCode::new("shop.Declined"))),
            message: Operand::Fixed("no credit".into()),
            data: Some(Operand::Computed),
        },
        Op::Constant {
            value: JsonText::parse(r#"{"tea": [2.5, null]}"#).unwrap(),
        },
        Op::Evaluate {
            function: ConditionIndex(1),
        },
        Op::Store {
            targets: vec![FieldPath::new("/n/x").unwrap()],
        },
        Op::Delay {
            when: When::At(Operand::Computed),
        },
        Op::Await {
            alternatives: vec![Alternative {
                event: Operand::Fixed("paid".into()),
                key: Some(Operand::Computed),
                conditions: range,
                taking: Taking::Functions,
                since: Some(Since::Span(Millis(3_600_000))),
                at: OpIndex(3),
            }],
            timeout: Some(Timeout {
                when: When::After(Operand::Computed),
                at: Some(OpIndex(4)),
            }),
        },
        Op::Emit {
            event: Operand::Fixed("paid".into()),
            key: None,
            keep: Some(Millis(60_000)),
            fields: vec!["n".into()],
        },
        Op::Send {
            exchange: Some(Operand::Computed),
            routing_key: Some(Operand::Fixed("audit".into())),
            content_type: "application/json".into(),
            headers: vec!["tenant".into()],
            body: Part::Computed,
        },
        Op::Within {
            span: Operand::Fixed(Millis(600_000)),
        },
        Op::Declare {
            fixed: fields(),
            computed: Some("local".into()),
        },
        Op::EnterItems,
        Op::NextItem {
            names: names(),
            end: OpIndex(12),
        },
        Op::ForkItems {
            names: names(),
            parallel: 4,
            end: OpIndex(12),
        },
        Op::Collect,
        Op::StoreCollected {
            target: FieldPath::new("list").unwrap(),
        },
        Op::Listen {
            listeners: vec![Listener {
                at: OpIndex(3),
                waits: OpIndex(4),
            }],
            end: OpIndex(12),
        },
        Op::Receive {
            event: Operand::Computed,
            key: Some(Operand::Fixed("k".into())),
            since: Some(Since::Launch),
            conditions: range,
            taking: Taking::Fields,
            interrupt: Interrupt::Yes,
        },
        Op::Alarm {
            when: When::After(Operand::Fixed(Millis(5_000))),
            interrupt: Interrupt::No,
        },
        Op::Forget,
        Op::TryAgain {
            retry: retry(range),
            start: OpIndex(8),
        },
        Op::Compensate {
            scope: Some(OpIndex(9)),
        },
        Op::LeaveScope,
        Op::Complete,
    ]
}
