//! Rules: what a user may do. A policy has rules for every user.

use crate::{Glob, Globs, PublicKey, Quota, Quotas, Sends};
use bureaucrat_model::{ModuleHash, ModuleName, Unhandled};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, sync::Arc};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Allowed,
    Refused,
}

/// The modules that definitions may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Modules {
    /// Any, including modules in the definition.
    Any,
    /// Only these, by hash or by the name under which they are deployed; without any of both, none.
    Only {
        hashes: Vec<ModuleHash>,
        names: Globs,
    },
}

impl Modules {
    /// Whether a module is one of these, by its hash or by its name.
    pub fn has(&self, name: Option<&ModuleName>, hash: Option<ModuleHash>) -> bool {
        match self {
            Self::Any => true,
            Self::Only { hashes, names } => {
                name.is_some_and(|name| names.matches(name.as_str()))
                    || hash.is_some_and(|hash| hashes.contains(&hash))
            }
        }
    }

    /// No module at all.
    pub fn none() -> Self {
        Self::Only {
            hashes: Vec::new(),
            names: Globs::default(),
        }
    }
}

/// Classes of modules, by what they need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ModuleClass {
    /// Guests that start within microseconds.
    #[serde(rename = "1")]
    Small,
    /// Guests with a language runtime (Go, JavaScript, Python).
    #[serde(rename = "2")]
    Runtime,
}

/// A rule that can be violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Whether the user may launch processes.
    Launches,
    /// The participants that definitions may name.
    Participants,
    /// The events that definitions may await.
    Awaits,
    /// The events that the user may publish.
    Publishes,
    /// The participants for which the user may answer.
    Answers,
    /// The queues that may receive replies.
    ReplyTo,
    /// The modules that definitions may use.
    Modules,
    ModuleClass,
    /// Whose signatures modules must have.
    ModuleSigners,
    Calls,
    /// The definitions of others that the user may launch by name.
    Definitions,
    /// The definitions of others that the user may deploy versions of.
    Deploys,
    /// Where definitions may send messages.
    Sends,
    /// The users whose processes the user may cancel, other than its own.
    Cancels,
    Quota(Quota),
}

impl Rule {
    /// Every rule except the quotas.
    pub const PERMISSIONS: [Self; 14] = [
        Self::Launches,
        Self::Participants,
        Self::Awaits,
        Self::Publishes,
        Self::Answers,
        Self::ReplyTo,
        Self::Modules,
        Self::ModuleClass,
        Self::ModuleSigners,
        Self::Calls,
        Self::Definitions,
        Self::Deploys,
        Self::Sends,
        Self::Cancels,
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
            Self::ModuleSigners => "module_signers",
            Self::Calls => "calls",
            Self::Definitions => "definitions",
            Self::Deploys => "deploys",
            Self::Sends => "sends",
            Self::Cancels => "cancels",
            Self::Quota(quota) => quota.name(),
        }
    }

    /// The code of its dead letters.
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
            Self::ModuleSigners => "policy.module-signers",
            Self::Calls => "policy.calls",
            Self::Definitions => "policy.definitions",
            Self::Deploys => "policy.deploys",
            Self::Sends => "policy.sends",
            Self::Cancels => "policy.cancels",
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
            | Self::ModuleSigners
            | Self::Calls
            | Self::Definitions
            | Self::Deploys
            | Self::Sends
            | Self::Cancels => f.write_str(self.name()),
        }
    }
}

/// What a user may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub section: String,
    pub launches: Permission,
    pub participants: Globs,
    pub awaits: Globs,
    pub publishes: Globs,
    pub answers: Globs,
    pub reply_to: Globs,
    pub modules: Modules,
    /// The most expensive class of module that is allowed.
    pub module_class: ModuleClass,
    /// Modules must be signed by one of these keys; need not be signed if there are none.
    pub module_signers: Vec<PublicKey>,
    pub calls: Permission,
    pub definitions: Globs,
    pub deploys: Globs,
    pub sends: Sends,
    pub cancels: Globs,
    /// What becomes of a fault that nothing handles, where the definition does not say; none for what the settings say.
    pub on_fault: Option<Unhandled>,
    pub quotas: Quotas,
}

impl Rules {
    /// What stands for the section when there is no policy file.
    pub(crate) const OPEN: &str = "no policy";

    /// Everything is allowed, within the engine's own limits. Applies without a policy file.
    pub fn open() -> Self {
        Self {
            section: Self::OPEN.to_owned(),
            launches: Permission::Allowed,
            participants: Globs::all(),
            awaits: Globs::all(),
            publishes: Globs::all(),
            answers: Globs::all(),
            reply_to: Globs::all(),
            modules: Modules::Any,
            module_class: ModuleClass::Runtime,
            module_signers: Vec::new(),
            calls: Permission::Allowed,
            definitions: Globs::all(),
            deploys: Globs::all(),
            sends: Sends::Anywhere,
            cancels: Globs::all(),
            on_fault: None,
            quotas: Quotas::unbounded(),
        }
    }

    /// The defaults of a section in a policy file: launches that affect nobody else, with quotas
    /// for strangers.
    pub fn strict() -> Self {
        Self {
            section: "default".to_owned(),
            launches: Permission::Allowed,
            participants: Globs::default(),
            awaits: Globs::default(),
            publishes: Globs::default(),
            answers: Globs::default(),
            reply_to: Globs::default(),
            modules: Modules::none(),
            module_class: ModuleClass::Small,
            module_signers: Vec::new(),
            calls: Permission::Refused,
            definitions: Globs::default(),
            deploys: Globs::default(),
            sends: Sends::Only(Vec::new()),
            cancels: Globs::default(),
            on_fault: None,
            quotas: Quotas::strict(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// For users without rules of their own.
    pub(crate) default: Arc<Rules>,
    /// For messages without `user_id`.
    pub(crate) anonymous: Arc<Rules>,
    pub(crate) named: BTreeMap<String, Arc<Rules>>,
    /// By pattern, the most specific first.
    pub(crate) patterns: Vec<(Glob, Arc<Rules>)>,
}

impl Default for Policy {
    fn default() -> Self {
        Self::open()
    }
}

impl Policy {
    /// Everyone may do everything, within the engine's own limits.
    pub fn open() -> Self {
        let rules = Arc::new(Rules::open());
        Self {
            default: rules.clone(),
            anonymous: rules,
            named: BTreeMap::new(),
            patterns: Vec::new(),
        }
    }

    /// Whether a signature by this key counts for anybody; without a policy file each may.
    pub fn counts(&self, key: PublicKey) -> bool {
        let named = self.named.values();
        let patterns = self.patterns.iter().map(|(_, rules)| rules);
        let mut all = named
            .chain(patterns)
            .chain([&self.default, &self.anonymous]);
        self.default.section == Rules::OPEN || all.any(|rules| rules.module_signers.contains(&key))
    }

    /// The rules for a user, or for a message without one: those under the exact name, otherwise
    /// those of the matching pattern with the most bytes, otherwise the default.
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
