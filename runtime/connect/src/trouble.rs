//! Why there is no connection: the cause, and what to do about it, in words for the person who runs
//! the program. Nothing here holds a password.

use crate::ear::{Said, Stage, printable};
use std::{io, path::PathBuf, time::Duration};

/// Why one broker could not be connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("cannot use the {what} {path}: {reason}", path = .path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        reason: String,
    },
    #[error("cannot resolve the host name ({0}); check the address, or the name server")]
    Unresolved(String),
    #[error("nothing listens there (connection refused); is RabbitMQ running, and on this port?")]
    Refused,
    #[error("cannot reach it: {0}")]
    Unreachable(String),
    #[error("{}", silent(*.stage, *.waited, *.port))]
    Silent {
        stage: Stage,
        waited: Duration,
        port: u16,
    },
    #[error("{}", ended(*.stage, .reason.as_deref(), *.port))]
    Ended {
        stage: Stage,
        reason: Option<String>,
        port: u16,
    },
    #[error("{}", foreign(.0))]
    Foreign(Vec<u8>),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("{}", said(.words, .user, .vhost))]
    Said {
        words: Said,
        user: String,
        vhost: String,
    },
    /// What the AMQP library says, where nothing better is known.
    #[error("{0}")]
    Library(String),
}

/// Why none of the brokers could be connected to: each with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures(pub(crate) Vec<(String, Trouble)>);

impl std::fmt::Display for Failures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (place, trouble)) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{place}: {trouble}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failures {}

impl Trouble {
    pub(crate) fn of_socket(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            return Self::Refused;
        }
        Self::Unreachable(error.to_string())
    }
}

/// What usually listens on a port that is near AMQP's own, and what to do.
const fn usual(port: u16) -> Option<&'static str> {
    Some(match port {
        5671 => "port 5671 is usually RabbitMQ's port for TLS: use amqps:// in place of amqp://",
        15671 | 15672 => {
            "port 15672 is usually RabbitMQ's management interface, which speaks HTTP; its AMQP \
             port is usually 5672"
        }
        25672 | 4369 => {
            "RabbitMQ's nodes talk to each other on this port; its AMQP port is usually 5672"
        }
        _ => return None,
    })
}

fn silent(stage: Stage, waited: Duration, port: u16) -> String {
    let seconds = waited.as_secs_f32();
    match (stage, usual(port)) {
        (Stage::Silence, Some(usual)) => format!("no answer within {seconds} s; {usual}"),
        (Stage::Silence, None) => format!(
            "no answer within {seconds} s; is this an AMQP port? A TLS port waits like this for a \
             client that speaks amqp:// instead of amqps://; or a firewall may be in between"
        ),
        (Stage::Greeted | Stage::LoggedIn | Stage::Open, _) => format!(
            "the broker began to answer but did not finish within {seconds} s; it may be busy or \
             short of memory or disk, see its log"
        ),
    }
}

fn ended(stage: Stage, reason: Option<&str>, port: u16) -> String {
    let reason = reason.map(|reason| format!(" ({reason})"));
    let reason = reason.unwrap_or_default();
    match (stage, usual(port)) {
        (Stage::Silence, Some(usual)) => {
            format!("the connection was closed before the broker said anything{reason}; {usual}")
        }
        (Stage::Silence, None) => format!(
            "the connection was closed before the broker said anything{reason}; is this an AMQP \
             port? A TLS port does this to amqp:// (use amqps://), and so does a proxy without a \
             broker behind it"
        ),
        (Stage::Greeted, _) => format!(
            "the broker closed the connection while the user logged in{reason}; check user and \
             password, and the broker's log"
        ),
        (Stage::LoggedIn | Stage::Open, _) => {
            format!("the broker closed the connection without a word{reason}; see its log")
        }
    }
}

/// What answered in the place of a broker of AMQP 0-9-1.
fn foreign(bytes: &[u8]) -> String {
    if let Some([id, major, minor, revision]) = bytes
        .strip_prefix(b"AMQP")
        .and_then(|rest| rest.first_chunk::<4>())
    {
        let version = match (id, major, minor, revision) {
            (0 | 2 | 3, 1, 0, 0) => "AMQP 1.0".to_owned(),
            (0, 0, 9, 1) => "AMQP 0-9-1, but refuses this connection".to_owned(),
            _ => format!("AMQP {major}-{minor}-{revision}"),
        };
        return format!(
            "the broker there speaks {version}; bureaucrat needs AMQP 0-9-1, as RabbitMQ speaks it"
        );
    }
    if bytes.first() == Some(&0x15) {
        return "this port speaks TLS; use amqps:// in place of amqp://".to_owned();
    }
    let line = bytes.split(|byte| [b'\r', b'\n'].contains(byte)).next();
    let line = printable(line.unwrap_or_default());
    if bytes.starts_with(b"HTTP/") {
        return format!(
            "this port speaks HTTP (`{line}`), not AMQP; RabbitMQ's AMQP port is usually 5672, or \
             5671 with TLS"
        );
    }
    format!("this port doesn't speak AMQP; it answered `{line}`; check host and port")
}

/// The broker's words over something that was asked of a queue or an exchange, and what to do.
pub fn advised(code: u16, words: &str) -> String {
    let words = printable(words.as_bytes());
    let advice = match code {
        403 if words.contains("exclusive use") => "Another connection consumes it alone",
        403 => {
            "Give this user the permissions to configure, write and read it, with `rabbitmqctl \
             set_permissions`"
        }
        404 => "Check the name; it may have been deleted",
        405 => "Another connection has exclusive use of it",
        406 if words.contains("acknowledgement") => {
            "A delivery was unacknowledged for longer than the broker's consumer_timeout"
        }
        406 if words.contains("inequivalent") => {
            "It exists with other properties: use another name, or delete it if nobody needs its \
             contents"
        }
        _ => return format!("{words} ({code})"),
    };
    format!("{words} ({code}). {advice}")
}

/// The broker's words, and what to do.
pub(crate) fn said(said: &Said, user: &str, vhost: &str) -> String {
    let Said { code, words, stage } = said;
    let lower = words.to_lowercase();
    let has = |part: &str| lower.contains(part);
    let advice = match code {
        403 if *stage <= Stage::Greeted => format!(
            "Check the user `{user}` and its password; `guest` may only come from the broker's own \
             machine"
        ),
        530 if has("not found") => format!(
            "There is no virtual host `{vhost}`: correct the address, or create it with \
             `rabbitmqctl add_vhost`"
        ),
        530 if has("limit") => {
            "The limit of connections is reached: close some, or raise it on the broker".to_owned()
        }
        403 | 530 if *stage == Stage::LoggedIn => format!(
            "Give the user `{user}` permissions on the virtual host `{vhost}` with `rabbitmqctl \
             set_permissions`, or correct the address"
        ),
        320 => "The broker shuts down, or an operator closed the connection".to_owned(),
        506 | 541 => "Something is wrong on the broker; its log says more".to_owned(),
        _ => "The broker's log says more".to_owned(),
    };
    let words = words.trim_end_matches('.');
    format!("the broker says: {words} ({code}). {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_says_what_to_do() {
        let of_broker = |code, stage, words: &str| Trouble::Said {
            words: Said {
                code,
                words: words.to_owned(),
                stage,
            },
            user: "ada".to_owned(),
            vhost: "shop".to_owned(),
        };
        let login = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN";
        let vhost = "NOT_ALLOWED - vhost shop not found";
        let limit = "NOT_ALLOWED - access to vhost 'shop' refused for user 'ada': connection \
                     limit (1) is reached";
        let denied = "NOT_ALLOWED - access to vhost 'shop' refused for user 'ada'";
        for (trouble, expected) in [
            (
                of_broker(403, Stage::Greeted, login),
                "Check the user `ada` and its password",
            ),
            (
                of_broker(530, Stage::LoggedIn, vhost),
                "There is no virtual host `shop`",
            ),
            (
                of_broker(530, Stage::LoggedIn, limit),
                "The limit of connections",
            ),
            (
                of_broker(530, Stage::LoggedIn, denied),
                "Give the user `ada` permissions",
            ),
            (
                of_broker(320, Stage::Open, "CONNECTION_FORCED - x"),
                "The broker shuts down",
            ),
            (
                of_broker(541, Stage::Open, "INTERNAL_ERROR"),
                "(541). Something is wrong",
            ),
            (
                Trouble::Silent {
                    stage: Stage::Silence,
                    waited: Duration::from_secs(2),
                    port: 5671,
                },
                "no answer within 2 s; port 5671 is usually RabbitMQ's port for TLS",
            ),
            (
                Trouble::Silent {
                    stage: Stage::Silence,
                    waited: Duration::from_secs(2),
                    port: 5672,
                },
                "is this an AMQP port?",
            ),
            (
                Trouble::Ended {
                    stage: Stage::Silence,
                    reason: None,
                    port: 25_672,
                },
                "its AMQP port is usually 5672",
            ),
            (
                Trouble::Foreign(b"HTTP/1.1 400 Bad Request\r\n".to_vec()),
                "(`HTTP/1.1 400 Bad",
            ),
            (
                Trouble::Foreign(vec![0x15, 3, 1, 0, 2, 2, 80]),
                "use amqps://",
            ),
            (
                Trouble::Foreign(b"AMQP\x03\x01\x00\x00".to_vec()),
                "speaks AMQP 1.0",
            ),
            (
                Trouble::Foreign(b"220 mail ESMTP\r\n".to_vec()),
                "it answered `220 mail ESMTP`",
            ),
        ] {
            let words = trouble.to_string();
            assert!(words.contains(expected), "{words}");
        }
    }

    #[test]
    fn what_is_refused_of_a_queue_is_explained() {
        for (code, words, expected) in [
            (
                403,
                "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
                "consumes it alone",
            ),
            (
                403,
                "ACCESS_REFUSED - configure access to queue 'q' refused",
                "Give this user",
            ),
            (
                404,
                "NOT_FOUND - no queue 'q' in vhost '/'",
                "Check the name",
            ),
            (
                405,
                "RESOURCE_LOCKED - cannot obtain exclusive access",
                "exclusive use of it",
            ),
            (
                406,
                "PRECONDITION_FAILED - inequivalent arg 'durable'",
                "other properties",
            ),
            (
                406,
                "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out",
                "longer",
            ),
            (
                406,
                "PRECONDITION_FAILED - unknown delivery tag 7",
                "delivery tag 7 (406)",
            ),
        ] {
            let advised = advised(code, words);
            assert!(
                advised.starts_with(words) && advised.contains(expected),
                "{advised}"
            );
        }
    }
}
