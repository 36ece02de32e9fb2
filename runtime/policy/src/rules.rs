//! Rules: what a user may do; and the policy, which has rules for every user.

use crate::{Glob, Globs, Quota, Quotas};
use bureaucrat_model::ModuleHash;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Allowed,
    /// It may not.
    Refused,
}

/// The modules that definitions may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Modules {
    /// Any, also such as come within the definition.
    Any,
    /// These alone; no list of them forbids modules.
    Only(Vec<ModuleHash>),
}

/// Sorts of modules, by what they need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModuleClass {
    /// Guests that start in microseconds.
    Small,
    /// Guests with a language runtime inside (Go, JavaScript, Python).
    Runtime,
}

/// A rule that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Whether the user may launch at all.
    Launches,
    /// The participants that definitions may name.
    Participants,
    /// The events that definitions may await.
    Awaits,
    /// The events that the user may publish.
    Publishes,
    /// The participants for whom the user may answer.
    Answers,
    /// The queues that replies may go to.
    ReplyTo,
    /// The modules that definitions may use.
    Modules,
    ModuleClass,
    Calls,
    Quota(Quota),
}

impl Rule {
    /// Every rule but the quotas.
    pub const PERMISSIONS: [Self; 9] = [
        Self::Launches,
        Self::Participants,
        Self::Awaits,
        Self::Publishes,
        Self::Answers,
        Self::ReplyTo,
        Self::Modules,
        Self::ModuleClass,
        Self::Calls,
    ];

    /// Its key in the policy file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Launches => "launches",
            Self::Participants => "participants",
            Self::Awaits => "awaits",
            Self::Publishes => "publishes",
            Self::Answers => "answers",
            Self::ReplyTo => "reply_to",
            Self::Modules => "modules",
            Self::ModuleClass => "module_class",
            Self::Calls => "calls",
            Self::Quota(quota) => quota.name(),
        }
    }

    /// The code of a dead letter that tells of it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Launches => "policy.launches",
            Self::Participants => "policy.participants",
            Self::Awaits => "policy.awaits",
            Self::Publishes => "policy.publishes",
            Self::Answers => "policy.answers",
            Self::ReplyTo => "policy.reply-to",
            Self::Modules => "policy.modules",
            Self::ModuleClass => "policy.module-class",
            Self::Calls => "policy.calls",
            Self::Quota(quota) => quota.code(),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota(quota) => write!(f, "quotas.{quota}"),
            Self::Launches
            | Self::Participants
            | Self::Awaits
            | Self::Publishes
            | Self::Answers
            | Self::ReplyTo
            | Self::Modules
            | Self::ModuleClass
            | Self::Calls => f.write_str(self.name()),
        }
    }
}

/// What a user may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The section of the policy file that they come from.
    pub section: String,
    /// Whether the user may launch.
    pub launches: Permission,
    /// The participants that definitions may name.
    pub participants: Globs,
    /// The events that definitions may await.
    pub awaits: Globs,
    /// The events that the user may publish.
    pub publishes: Globs,
    /// The participants for whom the user may answer.
    pub answers: Globs,
    /// The queues that replies may go to.
    pub reply_to: Globs,
    /// The modules that definitions may use.
    pub modules: Modules,
    /// The dearest class of module.
    pub module_class: ModuleClass,
    pub calls: Permission,
    pub quotas: Quotas,
}

impl Rules {
    /// Everything is allowed, within the engine's own bounds: what holds without a policy file.
    pub fn open() -> Self {
        Self {
            section: "no policy".to_owned(),
            launches: Permission::Allowed,
            participants: Globs::all(),
            awaits: Globs::all(),
            publishes: Globs::all(),
            answers: Globs::all(),
            reply_to: Globs::all(),
            modules: Modules::Any,
            module_class: ModuleClass::Runtime,
            calls: Permission::Allowed,
            quotas: Quotas::unbounded(),
        }
    }

    /// What a section of a policy file begins from: launches that touch nobody, within quotas that suit strangers.
    pub fn strict() -> Self {
        Self {
            section: "default".to_owned(),
            launches: Permission::Allowed,
            participants: Globs::default(),
            awaits: Globs::default(),
            publishes: Globs::default(),
            answers: Globs::default(),
            reply_to: Globs::default(),
            modules: Modules::Only(Vec::new()),
            module_class: ModuleClass::Small,
            calls: Permission::Refused,
            quotas: Quotas::strict(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Of whoever has no rules of their own.
    pub(crate) default: Arc<Rules>,
    /// Of messages without `user_id`.
    pub(crate) anonymous: Arc<Rules>,
    pub(crate) named: BTreeMap<String, Arc<Rules>>,
    /// By pattern, the most telling first.
    pub(crate) patterns: Vec<(Glob, Arc<Rules>)>,
}

impl Default for Policy {
    fn default() -> Self {
        Self::open()
    }
}

impl Policy {
    /// Everybody may do everything, within the engine's own bounds.
    pub fn open() -> Self {
        let rules = Arc::new(Rules::open());
        Self {
            default: rules.clone(),
            anonymous: rules,
            named: BTreeMap::new(),
            patterns: Vec::new(),
        }
    }

    /// The rules of a user, or of a message without one: those under the very name, else those of the pattern that fits
    /// with the most bytes, else the default.
    pub fn of(&self, user: Option<&str>) -> &Arc<Rules> {
        let Some(user) = user else {
            return &self.anonymous;
        };
        if let Some(rules) = self.named.get(user) {
            return rules;
        }
        self.patterns
            .iter()
            .find(|(glob, _)| glob.matches(user))
            .map_or(&self.default, |(_, rules)| rules)
    }
}
