//! `retry`: retries a parked process of the running engine.

use super::ordered;
use crate::{
    Exit,
    arguments::{Options, Retry},
};
use bureaucrat_host::commands::Order;

/// Orders the retry, and prints the outcome.
pub fn run(options: &Options, retry: &Retry) -> anyhow::Result<Exit> {
    ordered::run(options, &retry.process, Order::Retry, retry.json, "retried")
}
