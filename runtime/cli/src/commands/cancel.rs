//! `cancel`: ends a process of the running engine.

use super::ordered;
use crate::{
    Exit,
    arguments::{Cancel, Options},
};
use bureaucrat_host::commands::Order;

/// Cancels the process, and prints the outcome.
pub fn run(options: &Options, cancel: &Cancel) -> anyhow::Result<Exit> {
    let order = Order::Cancel {
        reason: cancel.reason.clone(),
    };
    ordered::run(options, &cancel.process, order, cancel.json, "cancelled")
}
