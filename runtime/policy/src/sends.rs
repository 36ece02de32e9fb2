//! Where definitions may send messages: patterns of exchanges and routing keys.
//!
//! `EXCHANGE` allows every routing key of an exchange, `EXCHANGE/KEY` some of them, `/QUEUE` a queue
//! by the default exchange. The two parts are compared apart, so that a name with a slash never
//! matches more than its own part. No pattern but `/…` allows the default exchange.

use crate::{Glob, GlobError};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendPattern {
    /// None for the default exchange.
    exchange: Option<Glob>,
    /// None for every routing key.
    routing_key: Option<Glob>,
}

impl SendPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// If a part is empty or too long.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        match text.split_once('/') {
            None => Ok(Self {
                exchange: Some(Glob::new(text)?),
                routing_key: None,
            }),
            Some((exchange, key)) => Ok(Self {
                exchange: match exchange {
                    "" => None,
                    named => Some(Glob::new(named)?),
                },
                routing_key: Some(Glob::new(key)?),
            }),
        }
    }

    /// Whether it allows the exchange, and with it the routing key, if that is known.
    fn matches(&self, exchange: &str, routing_key: Option<&str>) -> bool {
        let is_exchange = match &self.exchange {
            None => exchange.is_empty(),
            Some(glob) => !exchange.is_empty() && glob.matches(exchange),
        };
        let key = self.routing_key.as_ref().zip(routing_key);
        is_exchange && key.is_none_or(|(glob, key)| glob.matches(key))
    }
}

impl fmt::Display for SendPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(exchange) = &self.exchange {
            exchange.fmt(f)?;
        }
        match &self.routing_key {
            Some(key) => write!(f, "/{key}"),
            None => Ok(()),
        }
    }
}

/// Where messages may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sends {
    Anywhere,
    /// Where one of these allows it.
    Only(Vec<SendPattern>),
}

impl Sends {
    /// Whether a message may go there. Without a routing key: whether one with some key may.
    pub fn allow(&self, exchange: &str, routing_key: Option<&str>) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Only(patterns) => patterns
                .iter()
                .any(|pattern| pattern.matches(exchange, routing_key)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_default_exchange_is_allowed_by_name_alone_and_parts_are_compared_apart() {
        let allows = |pattern: &str, exchange: &str, key| {
            let pattern = SendPattern::new(pattern).unwrap();
            Sends::Only(vec![pattern]).allow(exchange, key)
        };
        for (pattern, exchange, key, expected) in [
            ("shop", "shop", Some("any"), true),
            ("shop", "shops", Some("any"), false),
            ("*", "shop", Some(""), true),
            ("*", "", Some("audit"), false),
            ("/audit", "", Some("audit"), true),
            ("/audit", "", Some("other"), false),
            ("/*", "", Some("other"), true),
            ("/*", "shop", Some("other"), false),
            ("shop/order.*", "shop", Some("order.new"), true),
            ("shop/order.*", "shop", Some("pay"), false),
            ("shop/order.*", "shop", None, true),
            ("a/b*", "a/b", Some("c"), false),
        ] {
            assert_eq!(
                allows(pattern, exchange, key),
                expected,
                "{pattern} {exchange}"
            );
        }
        for text in ["", "shop/", "/"] {
            assert_eq!(SendPattern::new(text), Err(GlobError::Empty), "{text}");
        }
        for text in ["shop", "shop/a.*", "/audit"] {
            assert_eq!(SendPattern::new(text).unwrap().to_string(), text);
        }
        assert!(Sends::Anywhere.allow("", Some("audit")));
    }
}
