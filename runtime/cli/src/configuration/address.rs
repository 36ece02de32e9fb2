//! The broker's address: made of parts, given a password, shown without one.

use std::fmt::Write;

/// The address made of the parts that the INI file and the defaults give.
pub fn assemble(host: &str, port: Option<&str>, user: &str, password: &str, vhost: &str) -> String {
    // An IPv6 address stands in brackets; a port may be part of the host, as in `mq:5673`.
    let host = if host.matches(':').count() > 1 && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "amqp://{}:{}@{host}{port}/{}",
        encoded(user),
        encoded(password),
        encoded(vhost)
    )
}

/// `url` with a user and a password where it has none.
pub fn with_credentials(url: &str, user: &str, password: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (given, host) = match authority.rsplit_once('@') {
        Some((given, host)) => (Some(given), host),
        None => (None, authority),
    };
    match given {
        Some(given) if given.contains(':') => url.to_owned(),
        Some(given) => format!("{scheme}://{given}:{}@{host}{tail}", encoded(password)),
        None => format!(
            "{scheme}://{}:{}@{host}{tail}",
            encoded(user),
            encoded(password)
        ),
    }
}

/// `url` without its password, for logs.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((given, _)) => {
            let user = given.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{}", &rest[given.len() + 1..])
        }
        None => url.to_owned(),
    }
}

/// Percent-encoding (RFC 3986) of everything but unreserved characters.
fn encoded(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                // Writing to a string can't fail.
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_encoded() {
        assert_eq!(
            assemble("mq", None, "a@b", "p/w:%", "/"),
            "amqp://a%40b:p%2Fw%3A%25@mq/%2F"
        );
        assert_eq!(
            assemble("::1", Some("5673"), "u", "p", "v"),
            "amqp://u:p@[::1]:5673/v"
        );
        assert_eq!(
            assemble("mq:5673", None, "u", "p", "v"),
            "amqp://u:p@mq:5673/v"
        );
    }

    #[test]
    fn credentials_fill_gaps_only() {
        assert_eq!(with_credentials("amqp://mq/v", "u", "p"), "amqp://u:p@mq/v");
        assert_eq!(
            with_credentials("amqp://x@mq/v", "u", "p"),
            "amqp://x:p@mq/v"
        );
        assert_eq!(
            with_credentials("amqps://x:y@mq", "u", "p"),
            "amqps://x:y@mq"
        );
        assert_eq!(
            with_credentials("amqp://mq?heartbeat=5", "u", "p"),
            "amqp://u:p@mq?heartbeat=5"
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("amqp://u:p@mq:1/v"), "amqp://u@mq:1/v");
        assert_eq!(without_password("amqp://mq:1/v"), "amqp://mq:1/v");
    }
}
