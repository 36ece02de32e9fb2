//! Laws that hold for every program and every order of inputs, sensible or not.
#![allow(clippy::unwrap_used)]

mod compiler;
mod costs;
mod counts;
mod generator;
mod held;
mod inputs;
mod migrated;
mod scoped;
mod waits;
mod world;
mod written;

use bureaucrat_model::{EngineLimits, Op, OpIndex};
use generator::Block;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::collections::BTreeSet;
use world::{
    World,
    ordered::{VERBS, WAITS},
};

/// As many as `BUREAUCRAT_LAW_CASES` says, for thorough runs.
fn cases() -> u32 {
    let wanted = std::env::var("BUREAUCRAT_LAW_CASES").ok();
    wanted.and_then(|cases| cases.parse().ok()).unwrap_or(3_000)
}

/// Worlds that are made to see each order at each kind of wait. Conditions about faults are rare.
const WORLDS_MAX: u32 = 100_000;

/// Limits that random processes reach now and then.
fn limits() -> impl Strategy<Value = EngineLimits> {
    let sent = 1_usize..10_000;
    (1_u32..20, sent, 20_u64..400, 3_u32..40, 60_usize..40_000).prop_map(
        |(ops_per_step, sent_per_step, ops_without_waiting, fibers, fields_bytes)| EngineLimits {
            ops_per_step,
            sent_per_step,
            ops_without_waiting,
            fibers,
            fields_bytes,
            instance_bytes: fields_bytes * 6,
            call_depth: 1,
            fault_message_bytes: 100,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_books_balance(
        block in generator::block(),
        limits in limits(),
        choices in prop::collection::vec(any::<u64>(), 0..80),
    ) {
        let program = generator::program(&block);
        prop_assert_eq!(program.check(), Ok(()));
        let mut world = World::launch(&program, &limits);
        for choice in choices {
            world.act(choice);
        }
        world.check_replay();
    }

    #[test]
    fn branches_begin_in_their_order(count in 1_usize..9) {
        let program = generator::program(&Block::All(vec![Block::Action; count]));
        let limits = EngineLimits::default();
        let world = World::launch(&program, &limits);
        prop_assert_eq!(world.asked().len(), count);
        prop_assert!(world.asked().is_sorted());
    }

    #[test]
    fn no_program_makes_it_panic(
        ops in prop::collection::vec(generator::any_op(), 0..8),
        choices in prop::collection::vec(any::<u64>(), 0..30),
    ) {
        let ops = if ops.is_empty() { vec![Op::Jump { target: OpIndex(9) }] } else { ops };
        let program = generator::flat(ops);
        let limits = EngineLimits { ops_per_step: 50, ops_without_waiting: 200, fibers: 20, ..EngineLimits::default() };
        let mut world = World::launch(&program, &limits);
        for choice in choices {
            world.act(choice);
        }
        world.check_replay();
    }
}

/// Random worlds contain every order at every kind of wait, sooner or later.
#[test]
fn each_order_comes_at_each_kind_of_wait() {
    let choices = prop::collection::vec(any::<u64>(), 0..80);
    let random = (generator::block(), limits(), choices);
    let mut runner = TestRunner::deterministic();
    let cells = WAITS
        .iter()
        .flat_map(|wait| VERBS.map(|verb| (verb, *wait)));
    let mut missing: BTreeSet<_> = cells.collect();
    for _ in 0..WORLDS_MAX {
        let (block, limits, choices) = random.new_tree(&mut runner).unwrap().current();
        let program = generator::program(&block);
        let mut world = World::launch(&program, &limits);
        choices.into_iter().for_each(|choice| world.act(choice));
        missing.retain(|cell| !world.ordered.contains(cell));
        if missing.is_empty() {
            return;
        }
    }
    panic!("no run had {missing:?}");
}
