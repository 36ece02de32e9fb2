//! What the fibers of a process wait for, as its records and its program say.

use super::query::{
    Attempt, EventRole, EventWanted, ExpressionView, Heartbeat, MessageView, PlaceView,
    ProgressView, ScopePhase, ScopeView, UntakenView, WaitView, WaitsFor,
};
use bureaucrat_model::{
    ActivityId, ConditionIndex, ConditionRange, Fiber, FiberId, FiberState, Instance, JsonText, Op,
    OpIndex, Operand, Origin, Phase, ProcessId, Program, Subscription, Untaken, Wait, WaitKind,
    Way, WrittenWay,
};
use bureaucrat_store::{histories::History, instances::StoredFiber};
use std::collections::{BTreeMap, BTreeSet};

/// What is needed of a fiber, stored or not.
pub(super) struct Seen<'a> {
    pub id: FiberId,
    pub at: OpIndex,
    pub failed: u32,
    pub state: &'a FiberState,
    /// How often its innermost scope was tried again.
    pub tried_again: u32,
}

impl<'a> Seen<'a> {
    pub(super) fn of(id: FiberId, fiber: &'a Fiber) -> Self {
        Self {
            id,
            at: fiber.at,
            failed: fiber.failed,
            state: &fiber.state,
            tried_again: fiber.scopes.last().map_or(0, |scope| scope.tried_again),
        }
    }

    pub(super) fn stored(id: FiberId, fiber: &'a StoredFiber) -> Self {
        Self {
            id,
            at: fiber.at,
            failed: fiber.failed,
            state: &fiber.state,
            tried_again: fiber.scopes.last().map_or(0, |scope| scope.tried_again),
        }
    }
}

/// A process and, if it can be read, its program.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub process: ProcessId,
    pub program: Option<&'a Program>,
}

impl<'a> Told<'a> {
    /// What a fiber waits for, if it does.
    pub(super) fn wait(self, seen: &Seen<'_>) -> Option<WaitView> {
        let FiberState::Waiting(wait) = seen.state else {
            return None;
        };
        Some(WaitView {
            fiber: seen.id,
            turn: wait.turn,
            at: self.place(seen.at),
            since: wait.since,
            waits_for: self.waits_for(seen, wait),
            attempt: self.attempt(seen),
            scopes: Vec::new(),
            task: None,
            message: self.message(seen, wait),
        })
    }

    /// The message of the task whose answer a fiber waits for.
    fn message(self, seen: &Seen<'_>, wait: &Wait) -> Option<MessageView> {
        if !matches!(wait.kind, WaitKind::Answer { .. }) {
            return None;
        }
        let (op, site) = self.program?.op(seen.at)?;
        let Op::Action { way, .. } = op else {
            return None;
        };
        let activity = ActivityId {
            process: self.process,
            path: site.path.clone(),
        };
        let turn = Some(wait.turn);
        Some(MessageView {
            id: Origin { activity, turn }.to_string(),
            exchange: None,
            routing_key: None,
            way: way.as_deref().map_or(Some(Way::default()), written),
        })
    }

    fn place(self, at: OpIndex) -> PlaceView {
        let site = self.program.and_then(|program| program.op(at));
        let Some((_, site)) = site else {
            return PlaceView {
                activity: self.process.to_string(),
                id: None,
                title: None,
                line: 0,
            };
        };
        let (process, path) = (self.process, site.path.clone());
        let label = site.label.as_deref();
        PlaceView {
            activity: ActivityId { process, path }.to_string(),
            id: label.and_then(|label| label.id.clone()),
            title: label.and_then(|label| label.title.clone()),
            line: site.span.line,
        }
    }

    /// The activities that have an id or a title.
    pub(super) fn labels(self) -> Vec<PlaceView> {
        let sites = self.program.map_or(&[][..], |program| &program.sites);
        let mut labelled = BTreeMap::new();
        for (at, site) in (0..).zip(sites) {
            if site.label.is_some() {
                labelled.entry(&site.path).or_insert(OpIndex(at));
            }
        }
        labelled.into_values().map(|at| self.place(at)).collect()
    }

    /// The expressions that the entries of a history are about.
    pub(super) fn expressions(self, history: &History) -> Vec<ExpressionView> {
        let evaluated: BTreeSet<ConditionIndex> = history
            .entries()
            .filter_map(|(_, entry)| entry.event.expression())
            .collect();
        let view = |index: ConditionIndex| {
            let found = self.program?.condition(index)?;
            Some(ExpressionView {
                index,
                text: found.text.clone(),
                line: found.span.line,
            })
        };
        evaluated.into_iter().filter_map(view).collect()
    }

    fn instruction(self, at: OpIndex) -> Option<&'a Op> {
        self.program?.op(at).map(|(op, _)| op)
    }

    /// Which attempt at its action a fiber waits for the end of.
    fn attempt(self, seen: &Seen<'_>) -> Option<Attempt> {
        let Some(Op::Action {
            retry: Some(retry), ..
        }) = self.instruction(seen.at)
        else {
            return None;
        };
        Some(Attempt {
            number: seen.failed.saturating_add(1),
            of: retry.attempts,
        })
    }

    fn waits_for(self, seen: &Seen<'_>, wait: &Wait) -> WaitsFor {
        match &wait.kind {
            WaitKind::Answer {
                participant,
                expiry,
                progress,
                ..
            } => WaitsFor::Answer {
                participant: participant.clone(),
                timeout: expiry.timeout_ends(),
                within: expiry.within,
                heartbeat: expiry.heartbeat.map(|silence| Heartbeat {
                    silence,
                    due: progress.as_ref().map(|last| last.at.after(silence)),
                }),
                progress: progress
                    .as_ref()
                    .map(|last| ProgressView::new(last.at, &last.value)),
            },
            WaitKind::Timer { due, .. } => match self.next_attempt(seen) {
                Some(Attempt { number, of }) => WaitsFor::Attempt {
                    number,
                    of,
                    due: *due,
                },
                None => WaitsFor::Timer { due: *due },
            },
            WaitKind::Event {
                subscriptions,
                untaken,
                ..
            } => WaitsFor::Event {
                events: self.events(seen.at, subscriptions),
                timeout: wait.timer,
                role: EventRole::Awaited,
                untaken: not_taken(subscriptions, untaken),
            },
            WaitKind::Listening { subscription, .. } => WaitsFor::Event {
                events: self.events(seen.at, subscription.as_slice()),
                timeout: wait.timer,
                role: EventRole::Handled,
                untaken: None,
            },
            WaitKind::Child { child, .. } => WaitsFor::Process { process: *child },
            WaitKind::Operator { fault, .. } => WaitsFor::Operator {
                fault: fault.clone(),
            },
            WaitKind::Branches { remaining } => WaitsFor::Branches {
                remaining: *remaining,
            },
            WaitKind::Compensation { .. } => WaitsFor::Compensation,
            WaitKind::Condition { condition } | WaitKind::Fault { condition, .. } => {
                WaitsFor::Condition {
                    text: self.text(*condition),
                }
            }
            WaitKind::Admission => WaitsFor::Admission,
            WaitKind::Stopping { remaining, .. } => WaitsFor::Stopping {
                remaining: *remaining,
            },
        }
    }

    /// The attempt that follows a pause; none if the fiber waits for a time of its own.
    fn next_attempt(self, seen: &Seen<'_>) -> Option<Attempt> {
        if let Some(Op::TryAgain { retry, .. }) = self.instruction(seen.at) {
            return Some(Attempt {
                number: seen.tried_again.saturating_add(1),
                of: retry.attempts,
            });
        }
        self.attempt(seen).filter(|_| seen.failed > 0)
    }

    /// The events of a wait, with the conditions of each.
    fn events(self, at: OpIndex, subscriptions: &[Subscription]) -> Vec<EventWanted> {
        let ranges: Vec<ConditionRange> = match self.instruction(at) {
            Some(Op::Await { alternatives, .. }) => {
                let alternatives = alternatives.iter();
                alternatives.map(|found| found.conditions).collect()
            }
            Some(Op::Receive { conditions, .. }) => vec![*conditions],
            Some(_) | None => Vec::new(),
        };
        let mut events = Vec::new();
        for (place, wanted) in subscriptions.iter().enumerate() {
            let range = ranges.get(place).copied().unwrap_or_default();
            let indexes = (0..range.count).filter_map(|next| range.first.0.checked_add(next));
            let texts = indexes.filter_map(|index| self.text(ConditionIndex(index)));
            let found = EventWanted {
                event: wanted.event.clone(),
                key: wanted.key.clone(),
                since: wanted.since,
                conditions: texts.collect(),
            };
            if !events.contains(&found) {
                events.push(found);
            }
        }
        events
    }

    fn text(self, condition: ConditionIndex) -> Option<String> {
        let condition = self.program?.condition(condition)?;
        Some(condition.text.clone())
    }

    /// The scopes around a fiber, those of the fibers that it is a branch of first.
    pub(super) fn scopes(self, instance: &Instance, fiber: FiberId) -> Vec<ScopeView> {
        /// Forks in one another of which scopes are told; a guard against records that do not fit.
        const DEPTH: usize = 300;
        let (mut inside_out, mut next) = (Vec::new(), Some(fiber));
        while let Some(found) = next.and_then(|id| instance.fibers.get(id)) {
            inside_out.push(found);
            next = found.branch.as_ref().map(|branch| branch.parent);
            if inside_out.len() > DEPTH {
                break;
            }
        }
        let outside_in = inside_out.into_iter().rev();
        let scopes = outside_in.flat_map(|fiber| &fiber.scopes);
        let view = |scope: &bureaucrat_model::Scope| ScopeView {
            at: self.place(scope.entered),
            phase: match &scope.phase {
                Phase::Body => ScopePhase::Body,
                Phase::Handling(fault) => ScopePhase::Handling {
                    code: fault.code.clone(),
                },
                Phase::Interrupted => ScopePhase::Interrupted,
                Phase::Finally(_) => ScopePhase::Finally,
            },
            attempt: self.attempts_of(scope.entered).map(|of| Attempt {
                number: scope.tried_again.saturating_add(1),
                of,
            }),
            fields: serde_json::from_str(&scope.locals.fields.to_json())
                .unwrap_or(serde_json::Value::Null),
        };
        scopes.map(view).collect()
    }

    /// How often a scope is tried altogether, if its handler tries it again.
    fn attempts_of(self, entered: OpIndex) -> Option<u32> {
        let Some(Op::EnterScope { handlers, .. }) = self.instruction(entered) else {
            return None;
        };
        let mut retries = handlers.iter().filter_map(|handler| handler.retry.as_ref());
        retries.next().map(|retry| retry.attempts)
    }
}

/// The way of a task where nothing of it is computed.
fn written(way: &WrittenWay) -> Option<Way> {
    let fixed = |operand: &Option<Operand<String>>| match operand {
        None => Some(None),
        Some(Operand::Fixed(text)) => Some(Some(text.clone())),
        Some(Operand::Computed) => None,
    };
    Some(Way {
        via: way.via,
        queue: fixed(&way.queue)?,
        exchange: fixed(&way.exchange)?,
        routing_key: fixed(&way.routing_key)?,
        priority: None,
    })
}

fn not_taken(subscriptions: &[Subscription], untaken: &Untaken) -> Option<UntakenView> {
    let last = untaken.last.as_ref()?;
    let wanted = usize::try_from(last.alternative).ok();
    let wanted = wanted.and_then(|place| subscriptions.get(place));
    Some(UntakenView {
        count: untaken.events,
        at: last.at,
        event: wanted.map_or_else(String::new, |wanted| wanted.event.clone()),
        body: last.event.as_ref().and_then(JsonText::to_value),
        error: untaken.error.clone(),
    })
}
