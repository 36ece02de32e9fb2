//! The audit log: the orders that were carried out, who gave each, and what it was about.
//!
//! An entry is written in the commit of its order, so none is there for an order that did not take effect, and none is
//! missing for one that did. Orders that were refused are not in it; neither are dry runs, launches and events, and what a
//! bulk job does to each of its processes, of which the histories tell. Its entries are of bounded size and number.

mod about;
mod looking;

use super::{
    commands::{Command, Order, Reply},
    letters::LetterOrder,
};
pub use about::{About, Part};
use bureaucrat_model::{Change, DefinitionRef, Initiator, Instance, PartOf, Timestamp, Version};
pub(crate) use looking::look;
pub use looking::{AuditPage, AuditQuery};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The most bytes of a reason that are kept.
const REASON_BYTES_MAX: usize = 1_000;
/// The most bytes of any other text.
const TEXT_BYTES_MAX: usize = 300;
/// The most versions or fields that are named.
const NAMED_MAX: usize = 20;

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// As in its key.
    pub number: u64,
    pub at: Timestamp,
    pub entry: AuditEntry,
}

/// Who ordered what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub by: Initiator,
    pub verb: Verb,
    pub about: About,
    /// Empty if none was given.
    pub reason: String,
}

macro_rules! verbs {
    ($($number:literal $name:literal $variant:ident,)*) => {
        /// What was ordered. The names are those of the operations over HTTP.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Verb {
            $(#[serde(rename = $number)] $variant,)*
        }

        impl Verb {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

verbs! {
    "1" "cancel" Cancel,
    "2" "retry" Retry,
    "3" "suspend" Suspend,
    "4" "resume" Resume,
    "5" "terminate" Terminate,
    "6" "skip" Skip,
    "7" "set" Set,
    "8" "move" Move,
    "9" "migrate" Migrate,
    "10" "start_job" StartJob,
    "11" "stop_job" StopJob,
    "12" "deploy_definition" DeployDefinition,
    "13" "retire_definition" RetireDefinition,
    "14" "deploy_module" DeployModule,
    "15" "set_alias" SetAlias,
    "16" "remove_module" RemoveModule,
    "17" "restore_module" RestoreModule,
    "18" "resend_letter" ResendLetter,
    "19" "discard_letter" DiscardLetter,
}

impl Verb {
    pub const fn of(order: &Order) -> Self {
        match order {
            Order::Cancel { .. } => Self::Cancel,
            Order::Retry { .. } => Self::Retry,
            Order::Suspend { .. } => Self::Suspend,
            Order::Resume { .. } => Self::Resume,
            Order::Terminate { .. } => Self::Terminate,
            Order::Migrate(_) => Self::Migrate,
            Order::Modify(modification) => match &modification.change {
                Change::Retry => Self::Retry,
                Change::Skip { .. } => Self::Skip,
                Change::Set { .. } => Self::Set,
                Change::Move { .. } => Self::Move,
            },
        }
    }

    pub(crate) const fn of_letter(order: LetterOrder) -> Self {
        match order.sends() {
            true => Self::ResendLetter,
            false => Self::DiscardLetter,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Verb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|verb| verb.name() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|verb| verb.name()).collect();
            format!("the orders are {}", names.join(", "))
        })
    }
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

impl AuditEntry {
    pub(crate) fn new(by: Initiator, verb: Verb, about: About) -> Self {
        let by = match by {
            Initiator::Message { user } => Initiator::Message {
                user: user.map(|user| cut(&user, TEXT_BYTES_MAX)),
            },
            Initiator::Operator(_) | Initiator::Replacement { .. } => by,
        };
        Self {
            by,
            verb,
            about,
            reason: String::new(),
        }
    }

    /// The entry of an order about a process, which was carried out; none for what is not an operator's own.
    pub(crate) fn of(command: &Command, instance: Option<&Instance>) -> Option<Self> {
        match (&command.reply, &command.by) {
            (Reply::Operator(_), Initiator::Operator(_)) => {}
            (Reply::Bulk(_), _)
            | (_, Initiator::Message { .. } | Initiator::Replacement { .. }) => return None,
        }
        let mut about = About::process(command.process);
        if let About::Process {
            definition,
            version,
            user,
            part,
            fields,
            to,
            ..
        } = &mut about
        {
            if let Some(instance) = instance {
                *definition = cut(&instance.name, TEXT_BYTES_MAX);
                *version = instance.version;
                *user = instance.user.clone();
            }
            match &command.order {
                Order::Modify(modification) => {
                    *part = named_part(&modification.part);
                    match &modification.change {
                        Change::Retry => {}
                        Change::Skip { fields: given } => {
                            *fields = names(given.iter().map(|(name, _)| name));
                        }
                        Change::Set {
                            fields: given,
                            removed,
                        } => {
                            let given = given.iter().map(|(name, _)| name);
                            *fields = names(given.chain(removed.iter().map(String::as_str)));
                        }
                        Change::Move { to: activity } => *to = Some(cut(activity, TEXT_BYTES_MAX)),
                    }
                }
                // The migration itself adds the versions.
                Order::Migrate(_) => {}
                Order::Cancel { .. }
                | Order::Retry { .. }
                | Order::Suspend { .. }
                | Order::Resume { .. }
                | Order::Terminate { .. } => {}
            }
        }
        let entry = Self::new(command.by.clone(), Verb::of(&command.order), about);
        Some(entry.because(command.order.reason()))
    }

    /// It has a process continue as another version.
    pub(crate) fn migrated(mut self, from: Option<Version>, new: &DefinitionRef) -> Self {
        if let About::Process { version, to, .. } = &mut self.about {
            *version = from;
            *to = Some(new.to_string());
        }
        self
    }

    /// The version of which a process was, and the one as which it continues, if it was migrated.
    pub fn versions(&self) -> Option<(Option<Version>, &str)> {
        match (&self.about, self.verb) {
            (About::Process { version, to, .. }, Verb::Migrate) => Some((*version, to.as_deref()?)),
            (_, _) => None,
        }
    }

    pub(crate) fn because(self, reason: &str) -> Self {
        Self {
            reason: cut(reason, REASON_BYTES_MAX),
            ..self
        }
    }

    /// The name of who gave the order, as filters have it.
    pub fn name(&self) -> Option<&str> {
        match &self.by {
            Initiator::Operator(operator) => Some(operator.name()),
            Initiator::Message { user } => user.as_deref(),
            Initiator::Replacement { .. } => None,
        }
    }
}

fn named_part(part: &PartOf) -> Option<Part> {
    match part {
        PartOf::Only => None,
        PartOf::Activity(activity) => Some(Part::Activity(cut(activity, TEXT_BYTES_MAX))),
        PartOf::Fiber(number) => Some(Part::Number(*number)),
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut left = TEXT_BYTES_MAX;
    let mut kept = Vec::new();
    for name in names.take(NAMED_MAX) {
        let name = cut(name, left);
        left -= name.len();
        if name.is_empty() {
            break;
        }
        kept.push(name);
    }
    kept
}
