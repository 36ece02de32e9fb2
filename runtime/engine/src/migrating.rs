//! Migrations: an instance continues as another version of its definition.
//!
//! Each part keeps what it waits for: its task, timer, subscription or called process, under its turn. Everything that
//! follows is that of the new version. Where a part has no place there, nothing changes at all.

mod mapping;
mod structure;

use crate::machine::Machine;
use bureaucrat_model::{
    ActivityPath, Fiber, FiberId, FiberState, HistoryEvent, Initiator, Input, Instance, Misfit,
    Obstacle, OpIndex, Program, ProgramHash, Relocation, Status, Version, WaitKind,
};
use mapping::{Mapping, Placed};
use std::collections::BTreeMap;

/// The version that an instance migrates to.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub program: &'a Program,
    pub hash: ProgramHash,
    pub version: Version,
}

/// The most obstacles that are named.
const OBSTACLES_MAX: usize = 20;

/// Where each part of the instance will be.
pub(crate) fn plan(
    old: &Program,
    new: &Program,
    instance: &Instance,
) -> Result<BTreeMap<FiberId, Placed>, Vec<Obstacle>> {
    let mut mapping = Mapping::new(old, new);
    let mut placed = BTreeMap::new();
    let mut obstacles = Vec::new();
    // What is in a branch says where the fork around it is, so branches come before what forked them.
    let mut fibers: Vec<(FiberId, &Fiber)> = instance.fibers.iter().collect();
    fibers.sort_by_key(|(id, _)| std::cmp::Reverse((depth(instance, *id), *id)));
    for (id, fiber) in fibers {
        match mapping.place(fiber) {
            Ok(place) => drop(placed.insert(id, place)),
            Err(reason) => obstacles.push(Obstacle {
                fiber: id,
                activity: activity(old, fiber.at),
                reason,
            }),
        }
    }
    // A branch is where its fork is.
    for (id, fiber) in instance.fibers.iter() {
        let parent = fiber.branch.as_ref().map(|branch| branch.parent);
        let forked = parent.and_then(|parent| instance.fibers.get(parent));
        let (Some(forked), Some(place)) = (forked, placed.get(&id)) else {
            continue;
        };
        let fork = activity(old, forked.at);
        let wanted = parent.and_then(|parent| placed.get(&parent));
        if wanted.is_some_and(|wanted| !mapping.is_below(&fork, wanted, place)) {
            obstacles.push(Obstacle {
                fiber: id,
                activity: activity(old, fiber.at),
                reason: Misfit::OtherScopes {
                    to: place.to.clone(),
                },
            });
        }
    }
    if obstacles.is_empty() {
        return Ok(placed);
    }
    obstacles.sort_by_key(|obstacle| obstacle.fiber);
    obstacles.truncate(OBSTACLES_MAX);
    Err(obstacles)
}

fn depth(instance: &Instance, fiber: FiberId) -> usize {
    let parent = |fiber: &FiberId| {
        let found = instance.fibers.get(*fiber)?;
        found.branch.as_ref().map(|branch| branch.parent)
    };
    // No fiber is below itself; a damaged record may say so.
    std::iter::successors(Some(fiber), parent)
        .take(instance.fibers.len())
        .count()
}

pub(crate) fn activity(program: &Program, at: OpIndex) -> ActivityPath {
    let found = program.op(at).map(|(_, site)| site.path.clone());
    found.unwrap_or_default()
}

/// The plan, for a person.
pub(crate) fn relocations(
    old: &Program,
    new: &Program,
    instance: &Instance,
) -> Result<Vec<Relocation>, Vec<Obstacle>> {
    let placed = plan(old, new, instance)?;
    let relocation = |(id, place): (FiberId, Placed)| {
        let fiber = instance.fibers.get(id)?;
        let label = new.op(place.at).and_then(|(_, site)| site.label.as_ref());
        Some(Relocation {
            fiber: id,
            from: activity(old, fiber.at),
            to: place.to,
            id: label.and_then(|label| label.id.clone()),
        })
    };
    Ok(placed.into_iter().filter_map(relocation).collect())
}

/// Puts each part where it will be, and runs what can run unless the instance is parked. `machine` has the new program.
pub(crate) fn carry_out(
    machine: &mut Machine<'_>,
    placed: BTreeMap<FiberId, Placed>,
    target: &Target<'_>,
    (reason, by): (String, Initiator),
) {
    let event = HistoryEvent::Migrated {
        from: machine.instance.version,
        to: target.version,
        program: target.hash,
        reason: machine.shortened(reason),
        by,
    };
    machine.record(event);
    let instance = &mut *machine.instance;
    instance.program = target.hash;
    instance.version = Some(target.version);
    instance.recorded = target.program.conduct.recorded;
    instance.searched = crate::searched(target.program);
    for (id, place) in placed {
        instance.fibers.change(id, |fiber| settle(fiber, place));
    }
    machine.refresh_budget();
    match machine.instance.status {
        Status::Running => machine.run(),
        Status::Parked { .. } => continue_later(machine.instance),
        Status::Ended(_) => {}
    }
}

/// A parked process runs when it resumes; one that waits for its turn to do so does it once.
pub(crate) fn continue_later(instance: &mut Instance) {
    let can_run = instance.fibers.first_ready().is_some();
    if can_run
        && let Status::Parked { inputs, .. } = &instance.status
        && !inputs.contains(&Input::Continue)
        && let Status::Parked { inputs, .. } = &mut instance.status
    {
        inputs.insert(0, Input::Continue);
    }
}

fn settle(fiber: &mut Fiber, place: Placed) {
    for (scope, (entered, compensation)) in fiber.scopes.iter_mut().zip(place.scopes) {
        scope.entered = entered;
        scope.compensation = compensation;
    }
    fiber.answered = place.answered;
    fiber.at = place.at;
    if let Some(entered) = place.undoes
        && let FiberState::Waiting(wait) = &mut fiber.state
        && let WaitKind::Compensation { scope } = &mut wait.kind
    {
        *scope = entered;
    }
    // What its task says stays what an answer says.
    if let FiberState::Waiting(wait) = &mut fiber.state
        && let WaitKind::Answer { activity, .. } = &mut wait.kind
    {
        let sent = activity.take().unwrap_or(place.from);
        *activity = (sent != place.to).then_some(sent);
    }
    if place.begins_again {
        fiber.values.clear();
        if let FiberState::Waiting(wait) = &fiber.state
            && matches!(wait.kind, WaitKind::Condition { .. })
        {
            fiber.state = FiberState::Ready;
        }
    }
}
