//! Emits the checked tree as flat bytecode with jump targets.
//!
//! ```text
//! switch          while              all
//!   test A → 1      0: test A → 1      fork [a, b] → 1
//!   case A          body               a: …; end-branch
//!   jump → 2        jump → 0           b: …; end-branch
//!   1: test B → 2   1:                 1:
//!   case B
//!   2:
//! ```
//!
//! ```text
//! an element with handlers
//!   enter-scope [A → 1, B → 2] → 3
//!   …
//!   leave-scope
//!   1: handler of A
//!   leave-scope
//!   2: handler of B
//!   leave-scope
//!   3:
//! ```
//!
//! Sequences and switches have no instruction of their own. Every instruction belongs to an activity: the tests and jumps
//! of a case to the case, those of a loop to the loop, the end of a branch to the branch, the end of all to the process.

use crate::checked::{Activity, ActivityKind, Body, Case, Handler, Process};
use bureaucrat_model::{ConditionRange, Op, OpIndex, Program, Site};

/// The program of a process, with its inline guest.
pub(crate) fn program(process: Process, inline_guest: Vec<u8>) -> Program {
    let mut emitter = Emitter::default();
    emitter.body(&process.body, &process.site);
    emitter.push(Op::Complete, &process.site);
    Program {
        name: process.name,
        context: process.context,
        ops: emitter.ops,
        sites: emitter.sites,
        conditions: process.conditions,
        inline_guest,
    }
}

#[derive(Default)]
struct Emitter {
    ops: Vec<Op>,
    sites: Vec<Site>,
}

impl Emitter {
    fn push(&mut self, op: Op, site: &Site) -> usize {
        self.ops.push(op);
        self.sites.push(site.clone());
        self.ops.len() - 1
    }

    /// The place of the next instruction.
    fn here(&self) -> OpIndex {
        // The limits of a definition keep programs far below this.
        OpIndex(u32::try_from(self.ops.len()).unwrap_or(u32::MAX))
    }

    fn body(&mut self, body: &Body, site: &Site) {
        self.scope(&body.handlers, site, |emitter| {
            emitter.all_of(&body.activities);
        });
    }

    /// Emits what `inner` does, in a scope if there are handlers.
    fn scope(&mut self, handlers: &[Handler], site: &Site, inner: impl FnOnce(&mut Self)) {
        if handlers.is_empty() {
            return inner(self);
        }
        let next = OpIndex::default();
        let enter = Op::EnterScope {
            handlers: Vec::new(),
            next,
        };
        let enter = self.push(enter, site);
        inner(self);
        self.push(Op::LeaveScope, site);
        let mut entries = Vec::with_capacity(handlers.len());
        for handler in handlers {
            entries.push(bureaucrat_model::Handler {
                codes: handler.codes.clone(),
                at: self.here(),
            });
            self.body(&handler.body, &handler.site);
            self.push(Op::LeaveScope, &handler.site);
        }
        if let Some(Op::EnterScope { handlers, .. }) = self.ops.get_mut(enter) {
            *handlers = entries;
        }
        self.land(enter);
    }

    fn all_of(&mut self, activities: &[Activity]) {
        for activity in activities {
            self.activity(activity);
        }
    }

    fn activity(&mut self, activity: &Activity) {
        let site = &activity.site;
        let op = match &activity.kind {
            ActivityKind::Sequence(body) => return self.body(body, site),
            ActivityKind::Switch(cases) => return self.switch(cases),
            ActivityKind::All(body) => {
                return self.scope(&body.handlers, site, |emitter| {
                    emitter.fork(&body.activities, site);
                });
            }
            ActivityKind::While { conditions, body } => {
                return self.scope(&body.handlers, site, |emitter| {
                    let start = emitter.here();
                    let test = emitter.test(*conditions, site);
                    emitter.all_of(&body.activities);
                    emitter.push(Op::Jump { target: start }, site);
                    emitter.land(test);
                });
            }
            ActivityKind::Action { participant, retry } => Op::Action {
                participant: participant.clone(),
                retry: retry.clone(),
            },
            ActivityKind::Call { field } => Op::Call {
                field: field.clone(),
            },
            ActivityKind::Delay { duration } => Op::Delay {
                duration: *duration,
            },
            ActivityKind::Await { event, conditions } => Op::Await {
                event: event.clone(),
                conditions: *conditions,
            },
            ActivityKind::Assign { target, value } => Op::Assign {
                target: target.clone(),
                value: *value,
            },
            ActivityKind::Fault { code, message } => Op::Fault {
                code: code.clone(),
                message: message.clone(),
            },
        };
        self.push(op, site);
    }

    fn test(&mut self, conditions: ConditionRange, site: &Site) -> usize {
        let otherwise = OpIndex::default();
        let op = Op::Test {
            conditions,
            otherwise,
        };
        self.push(op, site)
    }

    /// Makes the jump, test or fork at `place` lead to the next instruction.
    fn land(&mut self, place: usize) {
        let here = self.here();
        if let Some(op) = self.ops.get_mut(place) {
            op.set_target(here);
        }
    }

    fn switch(&mut self, cases: &[Case]) {
        let mut ends = Vec::with_capacity(cases.len());
        for (place, case) in cases.iter().enumerate() {
            let site = &case.site;
            let test = case
                .conditions
                .map(|conditions| self.test(conditions, site));
            self.body(&case.body, site);
            if place + 1 < cases.len() {
                let target = OpIndex::default();
                ends.push(self.push(Op::Jump { target }, site));
            }
            if let Some(test) = test {
                self.land(test);
            }
        }
        for end in ends {
            self.land(end);
        }
    }

    fn fork(&mut self, branches: &[Activity], site: &Site) {
        let next = OpIndex::default();
        let fork = Op::Fork {
            branches: Vec::new(),
            next,
        };
        let fork = self.push(fork, site);
        let mut starts = Vec::with_capacity(branches.len());
        for branch in branches {
            starts.push(self.here());
            self.activity(branch);
            self.push(Op::EndBranch, &branch.site);
        }
        if let Some(Op::Fork { branches, .. }) = self.ops.get_mut(fork) {
            *branches = starts;
        }
        self.land(fork);
    }
}
