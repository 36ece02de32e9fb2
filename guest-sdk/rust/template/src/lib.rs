//! The worked example in Rust: nested fields, a loop over a list, a comparison of texts, errors; and
//! its native tests.

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

#[cfg(test)]
mod tests {
    use super::*;
    use bureaucrat_guest::mock;

    #[test]
    fn prices_count() {
        mock::set(r#"{"order": {"amount": 9999, "items": [{"price": 1}, {"price": 1}]}}"#);
        assert_eq!(is_high(), Ok(true));
        mock::set(r#"{"order": {"amount": 9999, "items": [{"price": 1}]}}"#);
        assert_eq!(is_high(), Ok(false));
        mock::set(r#"{"order": {"amount": "9999"}}"#);
        assert_eq!(
            is_high(),
            Err("TypeError: `/order/amount` is a text, not an integer".into())
        );
        mock::set(r#"{"order": {"amount": 1, "items": [{}]}}"#);
        assert_eq!(
            is_high(),
            Err("KeyError: nothing at `/order/items/0/price`".into())
        );
    }

    #[test]
    fn countries_are_compared() {
        for (country, foreign) in [(r#""NL""#, false), (r#""BE""#, true), ("null", false)] {
            mock::set(&format!(r#"{{"order": {{"country": {country}}}}}"#));
            assert_eq!(is_foreign(), Ok(foreign), "{country}");
        }
    }
}
