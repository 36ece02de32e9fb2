//! Random programs: structured ones as a compiler makes them, and arbitrary lists of instructions.

use super::compiler::Compiler;
use bureaucrat_model::{
    ActivityPath, Bond, CallTarget, CodePattern, ConditionIndex, ConditionRange, FieldPath, Fields,
    Handler, Interrupt, ItemNames, Join, JsonText, Listener, Millis, Op, OpIndex, Operand, Program,
    Retry, Since, Taking, When,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub enum Block {
    Action,
    /// An action that is tried so often.
    Retry(u32),
    Delay(u64),
    Await(u32),
    Call(&'static str),
    /// Of a deployed definition, and whether it is waited for.
    Named(Bond),
    Deadline(u64),
    Sequence(Vec<Block>),
    Switch(Vec<(u32, Block)>),
    While(u32, Box<Block>),
    All(Vec<Block>),
    /// A place that there is, or not, beside the fields of the context.
    Assign(&'static str),
    Fault(&'static str),
    /// Only in a handler: throws again what it handles.
    Again,
    Scope(Box<Guarded>),
    /// So many attempts at a body, after any fault or a participant's, with so many conditions.
    Attempts(u32, bool, u32, Box<Block>),
    /// Only in a handler or at an end: undoes what completed.
    Compensate,
    /// An action with inputs, its own times, and something that it gives.
    Timed(Times),
    /// Events with so many conditions and what follows; a time and what follows, or the fault.
    Pick(Vec<(u32, Block)>, Option<(u64, Option<Box<Block>>)>),
    Race(Vec<Block>),
    /// How many at once, or one after the other; a body.
    ForEach(Option<u32>, Box<Block>),
    /// Fields of the scope that it makes, and a body.
    Local(Box<Block>),
    Emit,
    Send,
}

/// A body, and what belongs to its scope.
#[derive(Debug, Clone)]
pub struct Guarded {
    pub body: Block,
    /// What each catches (an empty text for all), how many conditions it has, and what it does.
    pub handlers: Vec<(&'static str, u32, Block)>,
    pub finally: Option<Block>,
    pub compensation: Option<Block>,
    pub events: Vec<Listened>,
}

/// An event with so many conditions, or a time; whether it stops the body; what is done then.
#[derive(Debug, Clone)]
pub struct Listened {
    pub what: Result<u32, u64>,
    pub interrupt: Interrupt,
    pub block: Block,
}

fn guarded(inner: impl Strategy<Value = Block> + Clone) -> impl Strategy<Value = Guarded> {
    let what = prop_oneof![(0_u32..3).prop_map(Ok), (0_u64..200).prop_map(Err)];
    let interrupt = prop_oneof![Just(Interrupt::Yes), Just(Interrupt::No)];
    let listened = (what, interrupt, inner.clone()).prop_map(|(what, interrupt, block)| Listened {
        what,
        interrupt,
        block,
    });
    (
        inner.clone(),
        prop::collection::vec((caught(), 0_u32..3, inner.clone()), 0..3),
        prop::option::of(inner.clone()),
        prop::option::of(inner),
        prop::collection::vec(listened, 0..3),
    )
        .prop_map(|(body, handlers, finally, compensation, events)| Guarded {
            body,
            handlers,
            finally,
            compensation,
            events,
        })
}

#[derive(Debug, Clone)]
pub struct Times {
    pub timeout: Option<u64>,
    pub heartbeat: Option<u64>,
    pub within: Option<u64>,
    pub inputs: usize,
    pub retry: u32,
    pub taking: usize,
}

fn times() -> impl Strategy<Value = Times> {
    let span = || prop::option::of(0_u64..200);
    (span(), span(), span(), 0_usize..3, 0_u32..4, 0_usize..3).prop_map(
        |(timeout, heartbeat, within, inputs, retry, taking)| Times {
            timeout,
            heartbeat,
            within,
            inputs,
            retry,
            taking,
        },
    )
}

const PLACES: [&str; 5] = ["a", "/r/s", "/x/0", "/x/7", "/number/n"];

pub fn block() -> impl Strategy<Value = Block> {
    let leaf = prop_oneof![
        3 => Just(Block::Action),
        1 => (0_u32..4).prop_map(Block::Retry),
        1 => (0_u64..50).prop_map(Block::Delay),
        1 => (0_u32..3).prop_map(Block::Await),
        1 => prop_oneof![Just("d"), Just("number"), Just("missing")].prop_map(Block::Call),
        1 => prop_oneof![Just(Bond::Awaited), Just(Bond::Detached)].prop_map(Block::Named),
        1 => (0_u64..300).prop_map(Block::Deadline),
        1 => prop_oneof![Just("a"), Just("b"), Just("Cancelled")].prop_map(Block::Fault),
        1 => Just(Block::Again),
        1 => Just(Block::Compensate),
        2 => prop::sample::select(PLACES.as_slice()).prop_map(Block::Assign),
        2 => times().prop_map(Block::Timed),
        1 => Just(Block::Emit),
        1 => Just(Block::Send),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Block::Sequence),
            1 => prop::collection::vec((0_u32..3, inner.clone()), 0..3).prop_map(Block::Switch),
            1 => (0_u32..3, inner.clone()).prop_map(|(count, body)| Block::While(count, Box::new(body))),
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Block::All),
            3 => guarded(inner.clone()).prop_map(|guarded| Block::Scope(Box::new(guarded))),
            1 => (
                prop::collection::vec((0_u32..3, inner.clone()), 0..3),
                prop::option::of((
                    0_u64..200,
                    prop::option::of(inner.clone().prop_map(Box::new))
                )),
            )
                .prop_map(|(events, after)| Block::Pick(events, after)),
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Block::Race),
            1 => (prop::option::of(0_u32..4), inner.clone())
                .prop_map(|(parallel, body)| Block::ForEach(parallel, Box::new(body))),
            1 => (0_u32..4, any::<bool>(), 0_u32..2, inner.clone()).prop_map(
                |(attempts, any, conditions, body)| Block::Attempts(
                    attempts,
                    any,
                    conditions,
                    Box::new(body)
                )
            ),
            1 => inner.prop_map(|body| Block::Local(Box::new(body))),
        ]
    })
}

pub fn retry(attempts: u32) -> Retry {
    Retry {
        attempts,
        delay: Millis(3),
        factor: 2_000,
        max_delay: Millis(9),
        jitter: 500,
        on: Vec::new(),
        conditions: ConditionRange::default(),
    }
}

/// The action, tried so often.
pub fn tried(mut op: Op, attempts: u32) -> Op {
    if let Op::Action { retry: place, .. } = &mut op {
        *place = (attempts > 0).then(|| retry(attempts));
    }
    op
}

/// Waits for events of one name, as a listener does.
pub fn receive(conditions: ConditionRange, interrupt: Interrupt, since: Option<Since>) -> Op {
    Op::Receive {
        event: Operand::Fixed("e".into()),
        key: None,
        since,
        conditions,
        taking: Taking::Fields,
        interrupt,
    }
}

/// A call of a deployed definition; what it is called by is computed when it is detached.
pub fn named_call(bond: Bond) -> Op {
    let name = match bond {
        Bond::Awaited => Operand::Fixed("order".to_owned()),
        Bond::Detached => Operand::Computed,
    };
    Op::Call {
        target: CallTarget::Named(name),
        bond,
        inputs: None,
        taking: Taking::Into(FieldPath::new("a").unwrap()),
    }
}

pub fn plain_scope(next: OpIndex) -> Op {
    Op::EnterScope {
        handlers: Vec::new(),
        finally: None,
        compensation: None,
        next,
    }
}

fn caught() -> impl Strategy<Value = &'static str> {
    const CODES: [&str; 7] = [
        "",
        "a",
        "*",
        "ActionError",
        "KeyError",
        "Cancelled",
        "Deadline",
    ];
    prop::sample::select(CODES.as_slice())
}

/// Compiles the block as the definition compiler would.
pub fn program(block: &Block) -> Program {
    let mut compiler = Compiler::default();
    compiler.block(block, &ActivityPath(vec![0]));
    compiler.push(Op::Complete, &ActivityPath::default());
    compiler.finish()
}

/// A program of these instructions, each a separate activity.
pub fn flat(ops: Vec<Op>) -> Program {
    let mut compiler = Compiler::default();
    for (place, op) in ops.into_iter().enumerate() {
        compiler.push(op, &ActivityPath(vec![place as u32]));
    }
    compiler.conditions = 4;
    compiler.finish()
}

/// Any instruction, with indexes that may be invalid.
pub fn any_op() -> impl Strategy<Value = Op> {
    let place = || (0_u32..10).prop_map(OpIndex);
    let range = || {
        (0_u32..6, 0_u32..4).prop_map(|(first, count)| ConditionRange {
            first: ConditionIndex(first),
            count,
        })
    };
    prop_oneof![
        (0_u32..3, place()).prop_map(|(attempts, at)| tried(Op::action("p", at), attempts)),
        (0_u64..9).prop_map(|span| Op::delay(Millis(span))),
        Just(Op::Delay {
            when: When::At(Operand::Computed)
        }),
        (range(), place()).prop_map(|(conditions, at)| Op::wait_for("e", conditions, at)),
        Just(Op::call("d")),
        prop_oneof![Just(Bond::Awaited), Just(Bond::Detached)].prop_map(named_call),
        Just(Op::Deadline {
            span: Operand::Computed
        }),
        Just(Op::Constant {
            value: JsonText::text("constant")
        }),
        (0_u32..5).prop_map(|function| Op::Evaluate {
            function: ConditionIndex(function)
        }),
        Just(Op::EnterItems),
        Just(Op::Collect),
        place().prop_map(|end| Op::NextItem {
            names: ItemNames::default(),
            end
        }),
        (0_u32..3, place()).prop_map(|(parallel, end)| Op::ForkItems {
            names: ItemNames::default(),
            parallel,
            end
        }),
        Just(Op::StoreCollected {
            target: FieldPath::new("l").unwrap()
        }),
        Just(Op::Declare {
            fixed: Fields::new(),
            computed: Some("a".into())
        }),
        Just(Op::Within {
            span: Operand::Computed
        }),
        place().prop_map(|target| Op::Jump { target }),
        (range(), place()).prop_map(|(conditions, otherwise)| Op::Test {
            conditions,
            otherwise
        }),
        (prop::collection::vec(place(), 0..4), place(), any::<bool>()).prop_map(
            |(branches, next, all)| Op::Fork {
                branches,
                join: if all { Join::All } else { Join::First },
                next
            }
        ),
        Just(Op::EndBranch),
        Just(Op::Complete),
        prop::sample::select(PLACES.as_slice()).prop_map(|place| Op::Store {
            targets: vec![FieldPath::new(place).unwrap()],
        }),
        Just(Op::LeaveScope),
        prop::option::of(place()).prop_map(|scope| Op::Compensate { scope }),
        (prop::collection::vec((place(), place()), 0..3), place()).prop_map(|(listeners, end)| {
            Op::Listen {
                listeners: listeners
                    .into_iter()
                    .map(|(at, waits)| Listener { at, waits })
                    .collect(),
                end,
            }
        }),
        (range(), any::<bool>(), any::<bool>()).prop_map(|(conditions, stops, recalls)| receive(
            conditions,
            if stops { Interrupt::Yes } else { Interrupt::No },
            recalls.then_some(Since::Launch)
        )),
        Just(Op::Alarm {
            when: When::After(Operand::Fixed(Millis(5))),
            interrupt: Interrupt::Yes
        }),
        prop::option::of(Just("a")).prop_map(|code| Op::throw(code, "")),
        (
            prop::collection::vec((caught(), range(), place()), 0..3),
            prop::option::of(place()),
            prop::option::of(place()),
            place()
        )
            .prop_map(|(handlers, finally, compensation, next)| {
                let handler = |(code, conditions, at): (&str, ConditionRange, OpIndex)| Handler {
                    codes: CodePattern::new(code).into_iter().collect(),
                    conditions,
                    at,
                    retry: None,
                };
                Op::EnterScope {
                    handlers: handlers.into_iter().map(handler).collect(),
                    finally,
                    compensation,
                    next,
                }
            }),
    ]
}
