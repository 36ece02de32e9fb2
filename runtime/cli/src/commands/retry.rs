//! `retry`: lets a parked process of the running engine be tried again.

use super::ordered;
use crate::{
    Exit,
    arguments::{Options, Retry},
};
use bureaucrat_host::commands::Order;

/// Orders the try, and tells what became of it.
pub fn run(options: &Options, retry: &Retry) -> anyhow::Result<Exit> {
    ordered::run(
        options,
        &retry.process,
        Order::Retry,
        retry.json,
        "tried again",
    )
}
