//! The worked example in Rust without the standard library: nested fields, a loop over a list, a comparison of texts, two
//! errors.
#![no_std]

extern crate alloc;

use alloc::format;
use bureaucrat_guest::{Fault, export, fields};

fn is_high() -> Result<bool, Fault> {
    let mut total = fields::integer("/order/amount").ok_or("KeyError: no integer at /order/amount")?;
    for index in 0..fields::items("/order/items").unwrap_or(0) {
        total += fields::integer(&format!("/order/items/{index}/price"))
            .ok_or("TypeError: a price is no integer")?;
    }
    Ok(total > 10_000)
}

fn is_foreign() -> Result<bool, Fault> {
    Ok(fields::text("/order/country").is_some_and(|country| country != "NL"))
}

export! {
    verdict "is-high" = is_high;
    verdict "is-foreign" = is_foreign;
}
