//! The cookie of a session.
//!
//! Over TLS its name begins with `__Host-`, so a browser takes it from this host and path alone.

use crate::{server::Scheme, sessions::SESSION_SECONDS};
use axum::http::{HeaderMap, header};

const NAME: &str = "bureaucrat-session";

fn name(scheme: Scheme) -> String {
    match scheme {
        Scheme::Https => format!("__Host-{NAME}"),
        Scheme::Http => NAME.to_owned(),
    }
}

/// The session in a request's headers.
pub fn of(headers: &HeaderMap, scheme: Scheme) -> Option<&str> {
    let wanted = name(scheme);
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

/// What has a browser keep a session.
pub fn set(session: &str, scheme: Scheme) -> String {
    written(session, SESSION_SECONDS, scheme)
}

/// What has a browser forget it.
pub fn removed(scheme: Scheme) -> String {
    written("", 0, scheme)
}

fn written(value: &str, seconds: u64, scheme: Scheme) -> String {
    let secure = match scheme {
        Scheme::Https => "; Secure",
        Scheme::Http => "",
    };
    let name = name(scheme);
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "cookie",
            "a=1; bureaucrat-session=abc; b=2".parse().unwrap(),
        );
        assert_eq!(of(&headers, Scheme::Http), Some("abc"));
        // One that was set without TLS doesn't count over TLS.
        assert_eq!(of(&headers, Scheme::Https), None);
    }

    #[test]
    fn no_script_and_no_other_site_gets_it() {
        for (scheme, secure) in [(Scheme::Http, false), (Scheme::Https, true)] {
            let text = set("abc", scheme);
            assert!(
                text.contains("HttpOnly") && text.contains("SameSite=Strict"),
                "{text}"
            );
            assert_eq!(text.contains("Secure"), secure, "{text}");
        }
    }
}
