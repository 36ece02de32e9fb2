//! The policy: who may do what on this engine, and how much of it.
//!
//! [`Policy::parse`] reads a file in TOML and says of every problem where it stands; [`Policy::of`] gives the rules of a
//! user; [`Rules::check`] holds a compiled definition, by its [`Profile`], against them. Users are those whom RabbitMQ
//! vouches for in `user_id`. The crate promises that what it does not know it refuses: an unknown key, a value out of
//! range, a permission that no section gives. It leaves to others: counting what a user has (the host), and reading files.
#![forbid(unsafe_code)]

mod check;
mod file;
mod glob;
mod profile;
mod quota;
mod rules;

pub use check::Violation;
pub use file::{PolicyError, Problem};
pub use glob::{Glob, GlobError, Globs};
pub use profile::{ModuleFacts, ModuleUse, Profile};
pub use quota::{Quota, Quotas};
pub use rules::{ModuleClass, Modules, Permission, Policy, Rule, Rules};
