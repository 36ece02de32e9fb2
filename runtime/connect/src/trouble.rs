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
    /// A broker that worked before, at this address, is silent.
    #[error(
        "the broker does not answer within {} s; it may be busy, starting or stopping: see its log",
        .0.as_secs_f32()
    )]
    Unresponsive(Duration),
    /// It closes the connection at once.
    #[error(
        "the connection was closed before the broker said anything{}; it worked before: the broker \
         may be starting or stopping, or a proxy has no broker behind it now",
        bracketed(.0.as_deref())
    )]
    Cut(Option<String>),
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

    /// The same of an address that worked before: there is no need to ask whether it is right.
    pub(crate) fn of_a_broker(self) -> Self {
        match self {
            Self::Silent {
                stage: Stage::Silence,
                waited,
                ..
            } => Self::Unresponsive(waited),
            Self::Ended {
                stage: Stage::Silence,
                reason,
                ..
            } => Self::Cut(reason),
            other @ (Self::File { .. }
            | Self::Unresolved(_)
            | Self::Refused
            | Self::Unreachable(_)
            | Self::Silent { .. }
            | Self::Ended { .. }
            | Self::Unresponsive(_)
            | Self::Cut(_)
            | Self::Foreign(_)
            | Self::Tls(_)
            | Self::Said { .. }
            | Self::Library(_)) => other,
        }
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
    let reason = bracketed(reason);
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

/// Why a file can't be used.
pub(crate) fn of_file(error: &io::Error) -> String {
    let known = [
        (io::ErrorKind::NotFound, "it does not exist"),
        (io::ErrorKind::PermissionDenied, "no permission to read it"),
        (io::ErrorKind::IsADirectory, "it is a folder"),
    ];
    let words = known.iter().find(|(kind, _)| *kind == error.kind());
    words.map_or_else(|| error.to_string(), |(_, words)| (*words).to_owned())
}

fn bracketed(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
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
mod tests;
