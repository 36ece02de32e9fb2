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
//! ```text
//! with `finally` and `compensate`      with `events`
//!   enter-scope → 3                      enter-scope → 4
//!   …; leave-scope                       listen [1, 2] → 3
//!   1: finally; leave-scope              body; end-branch
//!   2: compensate; end-branch            1: receive; …; end-branch
//!   3:                                   2: alarm; …; end-branch (leave-scope if it interrupts)
//!                                        3: leave-scope
//!                                        4:
//! ```
//!
//! Sequences and switches have no instruction of their own. Every instruction belongs to an activity: the tests and jumps
//! of a case to the case, those of a loop to the loop, the end of a branch to the branch, the end of all to the process.

mod events;
mod flow;
mod scopes;

use crate::checked::{self, Activity, ActivityKind, Body, Case, Inputs, Process, Written};
use bureaucrat_model::{
    ActivityPath, CallTarget, ConditionIndex, ConditionRange, Conduct, Join, KeyRule, KeyText, Op,
    OpIndex, Operand, Program, Site, Taking, Timeout, When,
};
use std::collections::BTreeMap;

/// The program of a process, with its inline guest.
pub(crate) fn program(process: Process, inline_guest: Vec<u8>) -> Program {
    let mut emitter = Emitter::default();
    if let Some(span) = emitter.optional(process.whole.deadline.as_ref(), &process.site) {
        emitter.push(Op::Deadline { span }, &process.site);
    }
    emitter.body(&process.body, &process.site);
    emitter.push(Op::Complete, &process.site);
    emitter.name_scopes(&process.compensable);
    Program {
        name: process.name,
        context: process.context.fields,
        ops: emitter.ops,
        sites: emitter.sites,
        conditions: process.conditions,
        inline_guest,
        conduct: Conduct {
            key: process.whole.key.map(|(text, duplicate)| KeyRule {
                text: match text {
                    Written::Fixed(text) => KeyText::Fixed(text),
                    Written::Computed(function) => KeyText::Computed(function),
                },
                duplicate,
            }),
            unhandled: process.whole.unhandled,
            schedule: process.whole.schedule,
            recorded: process.whole.recorded,
            searchable: process.context.searchable,
        },
    }
}

#[derive(Default)]
struct Emitter {
    ops: Vec<Op>,
    sites: Vec<Site>,
    /// Where the scopes are entered that can be compensated.
    compensable: BTreeMap<ActivityPath, OpIndex>,
    /// The instructions that compensate one scope, and its id.
    compensating: Vec<(usize, String)>,
}

impl Emitter {
    fn push(&mut self, op: Op, site: &Site) -> usize {
        self.ops.push(op);
        self.sites.push(site.clone());
        self.ops.len() - 1
    }

    /// Every scope has its place: makes what compensates one of them say which.
    fn name_scopes(&mut self, ids: &BTreeMap<String, ActivityPath>) {
        for (place, id) in std::mem::take(&mut self.compensating) {
            let found = ids.get(&id).and_then(|path| self.compensable.get(path));
            if let (Some(Op::Compensate { scope }), Some(at)) = (self.ops.get_mut(place), found) {
                *scope = Some(*at);
            }
        }
    }

    /// The place of the next instruction.
    fn here(&self) -> OpIndex {
        index_of(self.ops.len())
    }

    fn body(&mut self, body: &Body, site: &Site) {
        self.scope(&body.scope, Needed::No, Rounds::No, site, |emitter| {
            emitter.all_of(&body.activities);
        });
    }

    fn evaluate(&mut self, function: ConditionIndex, site: &Site) {
        self.push(Op::Evaluate { function }, site);
    }

    /// Computes the operand, unless it is written.
    fn operand<T: Clone>(&mut self, written: &Written<T>, site: &Site) -> Operand<T> {
        match written {
            Written::Fixed(value) => Operand::Fixed(value.clone()),
            Written::Computed(function) => {
                self.evaluate(*function, site);
                Operand::Computed
            }
        }
    }

    fn optional<T: Clone>(
        &mut self,
        written: Option<&Written<T>>,
        site: &Site,
    ) -> Option<Operand<T>> {
        written.map(|written| self.operand(written, site))
    }

    fn when(&mut self, when: &checked::When, site: &Site) -> When {
        match when {
            checked::When::After(span) => When::After(self.operand(span, site)),
            checked::When::At(time) => When::At(self.operand(time, site)),
        }
    }

    /// Computes what is sent; the names of the fields.
    fn inputs(&mut self, inputs: &Inputs, site: &Site) -> Vec<String> {
        let mut names = Vec::with_capacity(inputs.len());
        for (name, function) in inputs {
            self.evaluate(*function, site);
            names.push(name.clone());
        }
        names
    }

    /// What sets fields from what came back.
    fn outputs(&mut self, taking: &checked::Taking, site: &Site) {
        if let checked::Taking::Out(out) = taking {
            let mut targets = Vec::with_capacity(out.len());
            for (target, function) in out {
                self.evaluate(*function, site);
                targets.push(target.clone());
            }
            self.push(Op::Store { targets }, site);
        }
    }

    fn all_of(&mut self, activities: &[Activity]) {
        for activity in activities {
            self.activity(activity);
        }
    }

    fn activity(&mut self, activity: &Activity) {
        let site = &activity.site;
        let op = match &activity.kind {
            ActivityKind::Sequence { body, retry: None } => return self.body(body, site),
            ActivityKind::Sequence {
                body,
                retry: Some(retry),
            } => return self.tried_again(body, retry, site),
            ActivityKind::Switch(cases) => return self.switch(cases),
            ActivityKind::All(body) => return self.forked(body, Join::All, site),
            ActivityKind::Race(body) => return self.forked(body, Join::First, site),
            ActivityKind::While { conditions, body } => {
                return self.scope(&body.scope, Needed::No, Rounds::Yes, site, |emitter| {
                    let start = emitter.here();
                    // What a round declares is gone before the next one.
                    if !body.scope.locals.is_empty() {
                        emitter.push(Op::Forget, site);
                    }
                    let test = emitter.test(*conditions, site);
                    emitter.declare(&body.scope.locals, site);
                    emitter.all_of(&body.activities);
                    emitter.push(Op::Jump { target: start }, site);
                    emitter.land(test);
                });
            }
            ActivityKind::Foreach(foreach) => return self.foreach(foreach, site),
            ActivityKind::Pick { on, after } => return self.pick(on, after.as_deref(), site),
            ActivityKind::Action(action) => return self.action(action, site),
            ActivityKind::Call {
                target,
                bond,
                inputs,
                taking,
            } => {
                let target = match target {
                    checked::Called::Field(field) => CallTarget::Field(field.clone()),
                    checked::Called::Named(name) => CallTarget::Named(self.operand(name, site)),
                };
                let inputs = inputs.as_ref().map(|inputs| self.inputs(inputs, site));
                let op = Op::Call {
                    target,
                    bond: *bond,
                    inputs,
                    taking: taken(taking),
                };
                self.push(op, site);
                return self.outputs(taking, site);
            }
            ActivityKind::Delay { when } => Op::Delay {
                when: self.when(when, site),
            },
            ActivityKind::Await { expected, timeout } => {
                let mut alternative = self.alternative(expected, site);
                let timeout = self.optional(timeout.as_ref(), site);
                alternative.at = self.here().next();
                let op = Op::Await {
                    alternatives: vec![alternative],
                    timeout: timeout.map(|span| Timeout {
                        when: When::After(span),
                        at: None,
                    }),
                };
                self.push(op, site);
                return self.outputs(&expected.taking, site);
            }
            ActivityKind::Emit {
                event,
                key,
                keep,
                fields,
            } => {
                let event = self.operand(event, site);
                let key = self.optional(key.as_ref(), site);
                let fields = self.inputs(fields, site);
                Op::Emit {
                    event,
                    key,
                    keep: *keep,
                    fields,
                }
            }
            ActivityKind::Send(send) => self.message(send, site),
            ActivityKind::Assign { target, value } => {
                self.evaluate(*value, site);
                Op::Store {
                    targets: vec![target.clone()],
                }
            }
            ActivityKind::Compensate { scope } => {
                let place = self.push(Op::Compensate { scope: None }, site);
                self.compensating
                    .extend(scope.clone().map(|id| (place, id)));
                return;
            }
            ActivityKind::Fault {
                code,
                message,
                data,
            } => {
                let data = data.map(Written::Computed);
                Op::Fault {
                    code: self.optional(code.as_ref(), site),
                    message: self.operand(message, site),
                    data: self.optional(data.as_ref(), site),
                }
            }
        };
        self.push(op, site);
    }

    fn forked(&mut self, body: &Body, join: Join, site: &Site) {
        self.scope(&body.scope, Needed::No, Rounds::No, site, |emitter| {
            emitter.fork(&body.activities, join, site);
        });
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

    fn fork(&mut self, branches: &[Activity], join: Join, site: &Site) {
        let next = OpIndex::default();
        let fork = Op::Fork {
            branches: Vec::new(),
            join,
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

/// Whether an element is a scope whatever its context holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needed {
    Yes,
    No,
}

/// Whether an element declares its fields in rounds, instead of once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounds {
    Yes,
    No,
}

/// A scope without anything; where it ends is not known yet.
fn plain_scope() -> Op {
    Op::EnterScope {
        handlers: Vec::new(),
        finally: None,
        compensation: None,
        next: OpIndex::default(),
    }
}

fn index_of(place: usize) -> OpIndex {
    // The limits of a definition keep programs far below this.
    OpIndex(u32::try_from(place).unwrap_or(u32::MAX))
}

/// What becomes of what comes back, without the functions that follow.
fn taken(taking: &checked::Taking) -> Taking {
    match taking {
        checked::Taking::Fields => Taking::Fields,
        checked::Taking::Into(target) => Taking::Into(target.clone()),
        checked::Taking::Out(_) => Taking::Functions,
    }
}
