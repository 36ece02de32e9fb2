//! The worked example in Rust: nested fields, a loop over a list, a comparison of texts, two errors; and its native tests.

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
        assert_eq!(is_high(), Err("KeyError: no integer at /order/amount".into()));
        mock::set(r#"{"order": {"amount": 1, "items": [{}]}}"#);
        assert_eq!(is_high(), Err("TypeError: a price is no integer".into()));
    }

    #[test]
    fn countries_are_compared() {
        for (country, foreign) in [(r#""NL""#, false), (r#""BE""#, true), ("null", false)] {
            mock::set(&format!(r#"{{"order": {{"country": {country}}}}}"#));
            assert_eq!(is_foreign(), Ok(foreign), "{country}");
        }
    }

    #[test]
    fn subtrees_become_types() {
        mock::set(r#"{"order": {"codes": [1, 2]}}"#);
        assert_eq!(fields::read("/order/codes"), Ok(vec![1, 2]));
        assert!(fields::read::<Vec<String>>("/order/codes").is_err());
        assert_eq!(fields::keys("/order"), Some(vec!["codes".to_owned()]));
    }
}
