//! Migrations: a refused one changes nothing; after one that is accepted everything still holds, and the process ends.

use super::{
    generator::{self, Block},
    held,
    inputs::{SECRET, operator},
    limits,
    world::World,
};
use bureaucrat_engine::{Environment, Target, migrate, planned_migration};
use bureaucrat_model::{
    EngineLimits, Label, Misfit, Program, ProgramHash, Timestamp, Unhandled, Version, WaitKind,
};
use proptest::prelude::*;

/// Another version of a definition.
#[derive(Debug, Clone)]
enum Edit {
    /// Nothing but its hash differs.
    None,
    /// An action is inserted before everything else; activities have ids.
    Inserted,
    /// It is another definition altogether.
    Other(Block),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => Just(Edit::None),
        4 => Just(Edit::Inserted),
        1 => generator::block().prop_map(Edit::Other),
    ]
}

/// A program with an `id` for each activity below the block, which is at this place of a sequence.
fn with_ids(block: &Block, place: u32) -> Program {
    let mut blocks = vec![Block::Action; place as usize];
    blocks.push(block.clone());
    let mut program = generator::program(&Block::Sequence(blocks));
    for site in &mut program.sites {
        if let [0, at, inner @ ..] = &*site.path.0
            && *at == place
        {
            let inner: Vec<String> = inner.iter().map(u32::to_string).collect();
            site.label = Some(Box::new(Label {
                id: Some(format!("block-{}", inner.join("-"))),
                title: None,
            }));
        }
    }
    program
}

fn programs(block: &Block, edit: &Edit) -> (Program, Program) {
    let (old, new) = match edit {
        Edit::None => (with_ids(block, 0), with_ids(block, 0)),
        Edit::Inserted => (with_ids(block, 0), with_ids(block, 1)),
        Edit::Other(other) => {
            let alone = |block: &Block| generator::program(&Block::Sequence(vec![block.clone()]));
            (alone(block), alone(other))
        }
    };
    assert_eq!((old.check(), new.check()), (Ok(()), Ok(())));
    (old, new)
}

/// Migrates; returns whether that was accepted.
fn migrated<'a>(world: &mut World<'a>, new: &'a Program, edit: &Edit, now: u64) -> bool {
    let limits: &EngineLimits = world.limits();
    let environment = Environment {
        now: Timestamp(now),
        secret: &SECRET,
        limits,
        unhandled: Unhandled::Fails,
    };
    let target = Target {
        program: new,
        hash: ProgramHash::of(b"new"),
        version: Version::FIRST,
    };
    let before = world.instance.clone();
    let planned = planned_migration(world.program, new, &before);
    let why = ("law".to_owned(), operator());
    let done = migrate(
        world.program,
        &target,
        &mut world.instance,
        &environment,
        why,
    );
    assert_eq!(planned.is_ok(), done.is_ok());
    match done {
        Ok(effects) => {
            assert_eq!(world.instance.program, ProgramHash::of(b"new"));
            world.program = new;
            world.follow(effects);
            held::check(&world.instance, limits);
            true
        }
        Err(obstacles) => {
            assert_eq!(before, world.instance, "{obstacles:?}");
            let left = world.instance.take_changes();
            assert_eq!(left, None, "{obstacles:?} leaves something to write");
            // With ids, only what is on its way is in the way.
            if matches!(edit, Edit::None | Edit::Inserted) {
                let all = obstacles
                    .iter()
                    .all(|obstacle| obstacle.reason == Misfit::OnItsWay);
                assert!(all, "{obstacles:?}");
            }
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_migrates_goes_on_in_the_other_version(
        block in generator::block(),
        edit in edit(),
        limits in limits(),
        before in prop::collection::vec(any::<u64>(), 0..40),
        after in prop::collection::vec(any::<u64>(), 0..40),
    ) {
        let (old, new) = programs(&block, &edit);
        let mut world = World::launch(&old, &limits);
        before.into_iter().for_each(|choice| world.act(choice));
        if !world.instance.has_ended() {
            let now = world.now();
            migrated(&mut world, &new, &edit, now);
        }
        after.into_iter().for_each(|choice| world.act(choice));
        // Cancelled twice, whatever waits ends.
        world.act(0);
        world.act(0);
        prop_assert!(world.instance.has_ended());
    }
}

/// Random worlds migrate at each kind of wait that a part can migrate at.
#[test]
fn each_kind_of_wait_migrates() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    use std::collections::BTreeSet;
    let random = (
        generator::block(),
        limits(),
        prop::collection::vec(any::<u64>(), 0..30),
    );
    let mut runner = TestRunner::deterministic();
    let mut missing: BTreeSet<&str> = super::WAITS.into_iter().collect();
    // A fault that is on its way, or what is being stopped, migrates nowhere.
    missing.remove("stopped");
    missing.remove("condition about a fault");
    for _ in 0..super::WORLDS_MAX {
        let (block, limits, choices) = random.new_tree(&mut runner).unwrap().current();
        let (old, new) = programs(&block, &Edit::Inserted);
        let mut world = World::launch(&old, &limits);
        choices.into_iter().for_each(|choice| world.act(choice));
        let waits: Vec<WaitKind> = world.waits();
        let now = world.now();
        if !world.instance.has_ended() && migrated(&mut world, &new, &Edit::Inserted, now) {
            for wait in &waits {
                missing.remove(super::world::ordered::waits_for(wait));
            }
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("no run migrated at {missing:?}");
}
