//! The policy: who may do what on this engine, and how much.
//!
//! [`Policy::parse`] reads a TOML file and reports the place of every problem; [`Policy::of`]
//! returns the rules of a user; [`Rules::check`] checks a compiled definition, described by its
//! [`Profile`], against them. Users are those that RabbitMQ validated in `user_id`. The crate
//! promises to refuse what it does not know: an unknown key, a value out of range, a permission
//! that no section grants. It leaves to others: counting what a user has (the host), and reading
//! files.
#![forbid(unsafe_code)]

mod check;
mod file;
mod glob;
mod profile;
mod quota;
mod rules;
mod sends;
mod signature;

pub use check::Violation;
pub use file::{PolicyError, Problem};
pub use glob::{Glob, GlobError, Globs};
pub use profile::{ModuleFacts, ModuleUse, Profile, Standing};
pub use quota::{Quota, Quotas};
pub use rules::{ModuleClass, Modules, Permission, Policy, Rule, Rules};
pub use sends::{SendPattern, Sends};
pub use signature::{PublicKey, Signature, SignatureError};
