//! Where a part stands, and where it can go from there: what follows from a program and its paths.

use crate::machine::Machine;
use bureaucrat_model::{
    ActivityPath, Change, FiberId, FiberState, Op, OpIndex, Phase, Program, Refusal, Wait, WaitKind,
};

/// Where a part waits.
pub(super) struct Place {
    pub at: OpIndex,
    pub activity: ActivityPath,
    pub wait: Wait,
}

impl Place {
    pub fn of(machine: &Machine<'_>, fiber: FiberId) -> Result<Self, Refusal> {
        let found = machine.instance.fibers.get(fiber);
        let found = found.ok_or(Refusal::NothingWaits)?;
        let FiberState::Waiting(wait) = &found.state else {
            return Err(Refusal::NothingWaits);
        };
        Ok(Self {
            at: found.at,
            activity: machine.path(fiber),
            wait: wait.clone(),
        })
    }

    /// Whether the part can leave its activity.
    pub fn can_leave(&self, machine: &Machine<'_>) -> bool {
        let op = machine.program.ops.get(self.at.0 as usize);
        match &self.wait.kind {
            WaitKind::Answer { .. }
            | WaitKind::Event { .. }
            | WaitKind::Child { .. }
            | WaitKind::Condition { .. }
            | WaitKind::Operator { .. } => true,
            WaitKind::Timer { .. } => !matches!(op, Some(Op::Alarm { .. })),
            WaitKind::Branches { .. } => {
                matches!(op, Some(Op::Fork { .. } | Op::ForkItems { .. }))
            }
            WaitKind::Stopping { .. }
            | WaitKind::Fault { .. }
            | WaitKind::Compensation { .. }
            | WaitKind::Listening { .. }
            | WaitKind::Admission => false,
        }
    }

    /// Whether the part is a branch of the activity that it stands at, so that the activity does not end with it.
    pub fn is_in_a_branch_of_its_own(&self, machine: &Machine<'_>, fiber: FiberId) -> bool {
        let found = machine.instance.fibers.get(fiber);
        let branch = found.and_then(|found| found.branch.as_ref());
        let parent = branch.and_then(|branch| machine.instance.fibers.get(branch.parent));
        let forked = parent.and_then(|parent| machine.program.op(parent.at));
        forked.is_some_and(|(_, site)| is_within(&site.path, &self.activity))
    }

    /// How many of the fiber's scopes are around its activity.
    pub fn scopes_around(&self, machine: &Machine<'_>, fiber: FiberId) -> Result<usize, Refusal> {
        let found = machine.instance.fibers.get(fiber);
        let scopes = found.map(|found| &*found.scopes).unwrap_or_default();
        let mut kept = scopes.len();
        for (outer, scope) in scopes.iter().enumerate().rev() {
            let Some((op, site)) = machine.program.op(scope.entered) else {
                break;
            };
            if site.path.0.len() < self.activity.0.len() || !is_within(&site.path, &self.activity) {
                break;
            }
            if let Op::EnterScope {
                finally: Some(_), ..
            } = op
            {
                return Err(Refusal::Finally {
                    activity: site.path.clone(),
                });
            }
            kept = outer;
        }
        Ok(kept)
    }

    /// Where the part continues when its activity has ended, and how many of its scopes it keeps. A scope of the activity
    /// ends as usual, unless it is at its end already.
    pub fn exit(&self, machine: &Machine<'_>, fiber: FiberId) -> Result<(usize, OpIndex), Refusal> {
        let found = machine.instance.fibers.get(fiber);
        let scopes = found.map(|found| &*found.scopes).unwrap_or_default();
        let innermost = scopes.last().filter(|scope| {
            let entered = machine.program.op(scope.entered);
            entered.is_some_and(|(_, site)| is_within(&site.path, &self.activity))
        });
        if innermost.is_none_or(|innermost| innermost.phase == Phase::Body) {
            let end = match machine.program.ops.get(self.at.0 as usize) {
                Some(Op::Fork { next, .. }) => *next,
                Some(Op::ForkItems { end, .. }) => *end,
                Some(_) | None => end_of(machine.program, self.at, &self.activity),
            };
            return Ok((scopes.len(), end));
        }
        let kept = self.scopes_around(machine, fiber)?;
        let outermost = scopes.get(kept).map(|scope| scope.entered);
        match outermost.and_then(|entered| machine.program.op(entered)) {
            Some((Op::EnterScope { next, .. }, _)) => Ok((kept, *next)),
            Some(_) | None => Err(Refusal::NothingWaits),
        }
    }

    /// Why a verb means nothing for what the part waits for, and what can be done instead.
    pub fn meaningless(&self, machine: &Machine<'_>, fiber: FiberId, change: &Change) -> Refusal {
        let op = machine.program.ops.get(self.at.0 as usize);
        let (waits_for, instead) = match &self.wait.kind {
            WaitKind::Answer { .. } => ("an answer".to_owned(), "`skip` ends it".to_owned()),
            WaitKind::Timer { .. } if matches!(op, Some(Op::Alarm { .. })) => (
                "a time while its scope is active".to_owned(),
                "name a part of the scope".to_owned(),
            ),
            WaitKind::Timer { .. } => ("a time".to_owned(), "`skip` ends the wait".to_owned()),
            WaitKind::Event { .. } => (
                "an event".to_owned(),
                "`bureaucrat event` publishes one, and `skip` ends the wait".to_owned(),
            ),
            WaitKind::Child { child, .. } => (
                format!("process {child}, which it called"),
                format!("`bureaucrat show {child}` says what that one waits for"),
            ),
            WaitKind::Branches { .. } => (
                "its branches".to_owned(),
                "name a part in one of them".to_owned(),
            ),
            WaitKind::Condition { .. } | WaitKind::Fault { .. } => (
                "the outcome of a condition".to_owned(),
                "`bureaucrat retry` without an activity evaluates it again".to_owned(),
            ),
            WaitKind::Stopping { .. } => (
                "what was stopped below it".to_owned(),
                "that takes a minute at most".to_owned(),
            ),
            WaitKind::Compensation { .. } => (
                "a compensation that may never be needed".to_owned(),
                "name a part that runs".to_owned(),
            ),
            WaitKind::Listening { .. } => (
                "events while its scope is active".to_owned(),
                "name a part of the scope".to_owned(),
            ),
            WaitKind::Operator { .. } => (
                "an operator".to_owned(),
                "`retry`, `skip` and `move` are possible".to_owned(),
            ),
            WaitKind::Admission => ("the engine".to_owned(), "try again in a moment".to_owned()),
        };
        Refusal::Meaningless {
            verb: change.verb().to_owned(),
            fiber,
            waits_for,
            instead,
        }
    }
}

fn is_within(path: &ActivityPath, activity: &ActivityPath) -> bool {
    path.0.starts_with(&activity.0)
}

/// The first instruction after all those of the activity; where the branch or scope ends that consists of nothing else,
/// the one that ends it.
fn end_of(program: &Program, at: OpIndex, activity: &ActivityPath) -> OpIndex {
    let mut next = at;
    while let Some((op, site)) = program.op(next)
        && is_within(&site.path, activity)
    {
        let ends = matches!(op, Op::EndBranch | Op::LeaveScope | Op::Complete);
        if ends && site.path == *activity {
            break;
        }
        next = next.next();
    }
    next
}

/// The first instruction of the activity.
pub(super) fn beginning_of(program: &Program, activity: &ActivityPath) -> Option<OpIndex> {
    let mut sites = (0..).map(OpIndex).zip(&program.sites);
    let found = sites.find(|(_, site)| is_within(&site.path, activity));
    found.map(|(at, _)| at)
}
