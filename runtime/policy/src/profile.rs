//! What a policy must know about a compiled definition, computed once and kept with it.

use crate::{ModuleClass, PublicKey};
use bureaucrat_model::{Guest, Millis, ModuleHash, ModuleName, Op, Operand, Program, Span, When};
use std::collections::{BTreeMap, BTreeSet};

/// What a policy must know about a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleFacts {
    pub class: ModuleClass,
    pub bytes: u64,
}

/// What people did with a module: it changes, so it is asked for at each check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The names under which it is deployed.
    pub names: Vec<ModuleName>,
    /// Who signed it.
    pub signers: Vec<PublicKey>,
}

/// A module that a definition uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleUse {
    pub hash: ModuleHash,
    pub facts: ModuleFacts,
    /// The place of its first condition.
    pub span: Span,
}

/// The facts about a program. They depend only on the program, so they can be kept for all users.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The participants, each with the place of its first action.
    pub participants: BTreeMap<String, Span>,
    /// The awaited events, each with its first place.
    pub events: BTreeMap<String, Span>,
    /// The emitted events, each with its first place.
    pub emitted: BTreeMap<String, Span>,
    /// Where messages go, each with its first place: the exchange, and the routing key if it is written.
    pub sent: BTreeMap<(String, Option<String>), Span>,
    /// Where definitions send tasks, in the same form.
    pub routed: BTreeMap<(String, Option<String>), Span>,
    pub modules: Vec<ModuleUse>,
    /// The place of the first call.
    pub call: Option<Span>,
    pub activities: u64,
    /// The depth of the deepest activity, in levels below the process.
    pub depth: (u64, Span),
    /// The most branches of an `all`.
    pub branches: (u64, Span),
    pub conditions: u64,
    pub timers: u64,
    pub delay: (Millis, Span),
    pub context_bytes: u64,
}

impl Profile {
    /// The profile of a program; `facts` describes a module that it uses.
    pub fn of(program: &Program, facts: impl Fn(ModuleHash) -> ModuleFacts) -> Self {
        let mut profile = Self {
            conditions: program.conditions.len() as u64,
            context_bytes: program.context.size() as u64,
            ..Self::default()
        };
        let mut paths = BTreeSet::new();
        for (op, site) in program.ops.iter().zip(&program.sites) {
            let span = site.span;
            let depth = site.path.0.len() as u64;
            if depth > profile.depth.0 {
                profile.depth = (depth, span);
            }
            match op {
                Op::Action {
                    participant,
                    way,
                    timeout,
                    heartbeat,
                    retry,
                    ..
                } => {
                    // A computed name is checked when the task is sent.
                    if let Operand::Fixed(participant) = participant {
                        let entry = profile.participants.entry(participant.clone());
                        entry.or_insert(span);
                    }
                    if let Some(way) = way.as_ref().filter(|way| way.has_destination()) {
                        let (exchange, routing_key) = way.destination();
                        let place = destination(exchange, routing_key);
                        if let Some(place) = place {
                            profile.routed.entry(place).or_insert(span);
                        }
                    }
                    for limit in [timeout, heartbeat].into_iter().flatten() {
                        profile.time(limit, span);
                    }
                    if let Some(retry) = retry {
                        profile.time(&Operand::Fixed(retry.max_delay), span);
                    }
                }
                Op::Delay { when } => profile.when(when, span),
                Op::Await {
                    alternatives,
                    timeout,
                } => {
                    let names = alternatives.iter().map(|alternative| &alternative.event);
                    for name in names {
                        if let Operand::Fixed(event) = name {
                            profile.events.entry(event.clone()).or_insert(span);
                        }
                    }
                    if let Some(timeout) = timeout {
                        profile.when(&timeout.when, span);
                    }
                }
                Op::Emit { event, .. } => {
                    if let Operand::Fixed(event) = event {
                        profile.emitted.entry(event.clone()).or_insert(span);
                    }
                }
                Op::Receive { event, .. } => {
                    if let Operand::Fixed(event) = event {
                        profile.events.entry(event.clone()).or_insert(span);
                    }
                }
                Op::TryAgain { retry, .. } => {
                    profile.time(&Operand::Fixed(retry.max_delay), span);
                }
                Op::Alarm { when, .. } => profile.when(when, span),
                Op::Within { span: limit } | Op::Deadline { span: limit } => {
                    profile.time(limit, span);
                }
                Op::Send {
                    exchange,
                    routing_key,
                    ..
                } => {
                    let place = destination(exchange.as_ref(), routing_key.as_ref());
                    if let Some(place) = place {
                        profile.sent.entry(place).or_insert(span);
                    }
                }
                Op::Call { .. } => {
                    profile.call.get_or_insert(span);
                }
                Op::Fork { branches, .. } => {
                    let count = branches.len() as u64;
                    if count > profile.branches.0 {
                        profile.branches = (count, span);
                    }
                }
                Op::Test { .. }
                | Op::Store { .. }
                | Op::Fault { .. }
                | Op::EnterItems
                | Op::Compensate { .. }
                | Op::EnterScope { .. } => {}
                Op::Jump { .. }
                | Op::EndBranch
                | Op::Listen { .. }
                | Op::Forget
                | Op::Complete
                | Op::LeaveScope
                | Op::Evaluate { .. }
                | Op::Constant { .. }
                | Op::Declare { .. }
                | Op::NextItem { .. }
                | Op::ForkItems { .. }
                | Op::Collect
                | Op::StoreCollected { .. } => continue,
            }
            paths.insert(&site.path);
        }
        profile.activities = paths.len() as u64;
        for condition in &program.conditions {
            if let Guest::Module(hash) = condition.guest
                && profile.modules.iter().all(|module| module.hash != hash)
            {
                profile.modules.push(ModuleUse {
                    hash,
                    facts: facts(hash),
                    span: condition.span,
                });
            }
        }
        profile
    }

    /// Counts a timer; a computed span is no longer than the engine allows.
    fn time(&mut self, limit: &Operand<Millis>, span: Span) {
        self.timers += 1;
        if let Operand::Fixed(limit) = limit
            && *limit >= self.delay.0
        {
            self.delay = (*limit, span);
        }
    }

    fn when(&mut self, when: &When, span: Span) {
        match when {
            When::After(limit) => self.time(limit, span),
            When::At(_) => self.timers += 1,
        }
    }
}

/// Where a message goes: the exchange, unless it is computed, and the routing key if it is written.
fn destination(
    exchange: Option<&Operand<String>>,
    routing_key: Option<&Operand<String>>,
) -> Option<(String, Option<String>)> {
    let exchange = match exchange {
        None => String::new(),
        Some(Operand::Fixed(exchange)) => exchange.clone(),
        Some(Operand::Computed) => return None,
    };
    let routing_key = match routing_key {
        None => Some(String::new()),
        Some(Operand::Fixed(key)) => Some(key.clone()),
        Some(Operand::Computed) => None,
    };
    Some((exchange, routing_key))
}
