//! The worked example in Rust without the standard library: nested fields, a loop over a list, a
//! comparison of texts, errors.
#![no_std]

use bureaucrat_guest::{
    Fault, export,
    fields::{self, Path},
};

fn is_high() -> Result<bool, Fault> {
    let mut total = fields::integer("/order/amount")?;
    let count = match fields::is_set("/order/items") {
        true => fields::items("/order/items")?,
        false => 0,
    };
    for index in 0..count {
        let price = fields::integer(&Path::of("/order/items").item(index).key("price"))?;
        total = total
            .checked_add(price)
            .ok_or("OverflowError: the total does not fit 64 bits")?;
    }
    Ok(total > 10_000)
}

fn is_foreign() -> Result<bool, Fault> {
    if !fields::is_set("/order/country") {
        return Ok(false);
    }
    Ok(fields::text("/order/country")? != "NL")
}

export! {
    verdict "is-high" = is_high;
    verdict "is-foreign" = is_foreign;
}
