//! What a policy must know about a compiled definition, computed once and kept with it.

use crate::ModuleClass;
use bureaucrat_model::{Guest, Millis, ModuleHash, Op, Program, Span};
use std::collections::{BTreeMap, BTreeSet};

/// What a policy must know about a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleFacts {
    pub class: ModuleClass,
    pub bytes: u64,
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
                Op::Action { participant } => {
                    let entry = profile.participants.entry(participant.clone());
                    entry.or_insert(span);
                }
                Op::Delay { duration } => {
                    profile.timers += 1;
                    if *duration >= profile.delay.0 {
                        profile.delay = (*duration, span);
                    }
                }
                Op::Await { event, .. } => {
                    profile.events.entry(event.clone()).or_insert(span);
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
                Op::Test { .. } => {}
                Op::Jump { .. } | Op::EndBranch | Op::Complete => continue,
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
}
