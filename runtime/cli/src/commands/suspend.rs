//! `suspend` and `resume`: whether a process of the running engine continues.

use super::ordered;
use crate::{
    Exit,
    arguments::{Options, Resume, Suspend},
};
use bureaucrat_host::commands::Order;

/// Suspends the process, and prints the outcome.
pub fn run(options: &Options, suspend: &Suspend) -> anyhow::Result<Exit> {
    let reason = suspend.reason.clone();
    let order = Order::Suspend { reason };
    ordered::run(options, &suspend.target, order, "suspended")
}

/// Resumes the process, and prints the outcome.
pub fn resume(options: &Options, resume: &Resume) -> anyhow::Result<Exit> {
    let reason = resume.reason.clone();
    ordered::run(options, &resume.target, Order::Resume { reason }, "resumed")
}
