//! Where processes stand when operators give orders: what their parts wait for, and in which scopes.

use super::Process;
use bureaucrat_host::commands::Order;
use bureaucrat_model::{
    ActivityPath, Fiber, FiberState, Join, Modification, Op, PartOf, Site, WaitKind,
};
use std::collections::BTreeSet;

/// An order, and where the parts stood that it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    pub verb: &'static str,
    pub places: BTreeSet<&'static str>,
}

/// All verbs.
pub const VERBS: [&str; 8] = [
    "cancel",
    "retry",
    "suspend",
    "resume",
    "terminate",
    "skip",
    "set",
    "move",
];

/// What a part can wait for when an order comes. A condition, that of a handler, and the engine itself are
/// waited for within one commit, before which no order comes.
pub const WAITS: [&str; 16] = [
    "answer",
    "pause between attempts",
    "pause of a sequence",
    "delay",
    "event",
    "one of several events",
    "called process",
    "branches of all",
    "branches of race",
    "parallel foreach",
    "scope with events",
    "stopped branches",
    "compensation",
    "on of events",
    "after of events",
    "operator",
];

/// The scopes that a part can be in.
pub const SCOPES: [&str; 7] = [
    "in a branch",
    "in a foreach",
    "in a scope",
    "in a handler",
    "in a finally",
    "in a compensation",
    "in events",
];

pub(super) fn whole(order: &Order, process: &Process) -> Ordered {
    let verb = match order {
        Order::Cancel { .. } => "cancel",
        Order::Retry { .. } => "retry",
        Order::Suspend { .. } => "suspend",
        Order::Resume { .. } => "resume",
        Order::Terminate { .. } => "terminate",
        Order::Modify(modification) => modification.change.verb(),
        Order::Migrate(_) => "migrate",
    };
    Ordered {
        verb,
        places: places(process, |_, _, _| true),
    }
}

pub(super) fn part(modification: &Modification, process: &Process) -> Ordered {
    let is_meant = |number: u32, site: &Site, wait: &WaitKind| match &modification.part {
        PartOf::Only => !is_for_others(wait),
        PartOf::Fiber(fiber) => fiber.0 == number,
        PartOf::Activity(name) => {
            let label = site.label.as_ref();
            site.path.to_string() == *name
                || label.and_then(|label| label.id.as_ref()) == Some(name)
        }
    };
    Ordered {
        verb: modification.change.verb(),
        places: places(process, is_meant),
    }
}

/// Whether what waits so is no part by itself.
const fn is_for_others(wait: &WaitKind) -> bool {
    matches!(
        wait,
        WaitKind::Branches { .. }
            | WaitKind::Stopping { .. }
            | WaitKind::Compensation { .. }
            | WaitKind::Listening { .. }
    )
}

fn places(
    process: &Process,
    is_meant: impl Fn(u32, &Site, &WaitKind) -> bool,
) -> BTreeSet<&'static str> {
    let mut places = BTreeSet::new();
    for (id, fiber) in process.instance.fibers.iter() {
        let FiberState::Waiting(wait) = &fiber.state else {
            continue;
        };
        let Some((op, site)) = process.program.op(fiber.at) else {
            continue;
        };
        if is_meant(id.0, site, &wait.kind) {
            places.extend(waits(&wait.kind, op));
            // What has completed is in no scope.
            if !fiber.is_compensation() {
                places.extend(scopes(fiber, &site.path));
            }
        }
    }
    places
}

fn waits(wait: &WaitKind, op: &Op) -> Option<&'static str> {
    Some(match (wait, op) {
        (WaitKind::Answer { .. }, _) => "answer",
        (WaitKind::Timer { .. }, Op::Action { .. }) => "pause between attempts",
        (WaitKind::Timer { .. }, Op::TryAgain { .. }) => "pause of a sequence",
        (WaitKind::Timer { .. }, Op::Alarm { .. }) => "after of events",
        (WaitKind::Timer { .. }, _) => "delay",
        (WaitKind::Event { subscriptions, .. }, _) if subscriptions.len() > 1 => {
            "one of several events"
        }
        (WaitKind::Event { .. }, _) => "event",
        (WaitKind::Child { .. }, _) => "called process",
        (WaitKind::Branches { .. }, Op::ForkItems { .. }) => "parallel foreach",
        (WaitKind::Branches { .. }, Op::Listen { .. }) => "scope with events",
        (
            WaitKind::Branches { .. },
            Op::Fork {
                join: Join::First, ..
            },
        ) => "branches of race",
        (WaitKind::Branches { .. }, _) => "branches of all",
        (WaitKind::Stopping { .. }, _) => "stopped branches",
        (WaitKind::Compensation { .. }, _) => "compensation",
        (WaitKind::Listening { .. }, _) => "on of events",
        (WaitKind::Operator { .. }, _) => "operator",
        (WaitKind::Condition { .. } | WaitKind::Fault { .. } | WaitKind::Admission, _) => {
            return None;
        }
    })
}

fn scopes(fiber: &Fiber, path: &ActivityPath) -> Vec<&'static str> {
    let is_in = |region| path.0.contains(&region);
    let all = [
        (fiber.branch.is_some(), "in a branch"),
        (
            fiber.scopes.iter().any(|scope| scope.items.is_some())
                || fiber
                    .branch
                    .as_ref()
                    .is_some_and(|branch| branch.item.is_some()),
            "in a foreach",
        ),
        (!fiber.scopes.is_empty(), "in a scope"),
        (is_in(ActivityPath::FAULTS), "in a handler"),
        (is_in(ActivityPath::FINALLY), "in a finally"),
        (is_in(ActivityPath::COMPENSATE), "in a compensation"),
        (is_in(ActivityPath::EVENTS), "in events"),
    ];
    let found = all.into_iter().filter(|(is_there, _)| *is_there);
    found.map(|(_, scope)| scope).collect()
}
