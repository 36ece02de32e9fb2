//! Where a store is: a URL as libpq and its kin read it, shown without its password.

use bureaucrat_store::StoreError;
use std::{fmt, path::Path, str::FromStr, time::Duration};
use tokio_postgres::config::{Config, Host, SslMode, TargetSessionAttrs};

/// The schema that is used unless the address has `options=-csearch_path=…`.
const SCHEMA: &str = "bureaucrat";
/// A server that does not answer is given up after this time, and tried again.
const CONNECTING: Duration = Duration::from_secs(10);
/// A server that takes a connection must answer within this time.
const SETTING_UP: Duration = Duration::from_secs(5);
/// A connection over which nothing comes any more is noticed after about this time.
const SILENCE: Duration = Duration::from_secs(20);

/// The address of a database and of a schema in it.
#[derive(Clone)]
pub struct Address {
    config: Config,
    schema: String,
}

/// Why a text is no address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error(
        "it must be postgres://USER@HOST:PORT/DATABASE, with `?` and options such as \
         sslmode=require if needed: {0}"
    )]
    Unreadable(String),
    #[error("it names no {0}")]
    Missing(&'static str),
    #[error(
        "`search_path` in its options must be the name of one schema of yours: lowercase letters, digits and \
         underscores, at most 63, and none of PostgreSQL's own"
    )]
    Schema,
    #[error("it has a second `@`: in a user's name or a password, write %40 for `@`")]
    At,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(AddressError::Unreadable("it begins otherwise".into()));
        }
        let mut config: Config = text
            .parse()
            .map_err(|error: tokio_postgres::Error| AddressError::Unreadable(cause(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(AddressError::Missing("host"));
        }
        if config.get_hosts().iter().any(|of| host(of).contains('@')) {
            return Err(AddressError::At);
        }
        if config.get_user().is_none() {
            return Err(AddressError::Missing("user"));
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(AddressError::Missing("database"));
        }
        let schema = match config.get_options() {
            Some(options) => named_schema(options)?,
            None => SCHEMA.to_owned(),
        };
        let given_mode = text.contains("sslmode=");
        if !given_mode {
            config.ssl_mode(match config.get_hosts().iter().all(is_local) {
                true => SslMode::Disable,
                false => SslMode::Require,
            });
        }
        // A standby cannot take commits, and a server that has become one must not be read.
        config
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .application_name("bureaucrat")
            .connect_timeout(CONNECTING)
            .tcp_user_timeout(SILENCE)
            .keepalives_idle(SILENCE / 2)
            .keepalives_interval(SILENCE / 4)
            .keepalives_retries(2);
        Ok(Self { config, schema })
    }
}

impl Address {
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// The same with a password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }

    /// How long it may take to make a connection and to set it up, at whichever of the hosts.
    pub(crate) fn making(&self) -> Duration {
        let hosts = u32::try_from(self.config.get_hosts().len()).unwrap_or(u32::MAX);
        CONNECTING.saturating_mul(hosts).saturating_add(SETTING_UP)
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.config.get_ssl_mode() != SslMode::Disable
    }

    pub(crate) fn unusable(&self, reason: String) -> StoreError {
        StoreError::Unusable {
            path: self.to_string(),
            reason,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate();
        let hosts: Vec<String> = hosts
            .map(|(number, of)| match ports.get(number).or(ports.first()) {
                Some(port) => format!("{}:{port}", host(of)),
                None => host(of),
            })
            .collect();
        let user = self.config.get_user().unwrap_or_default();
        let database = self.config.get_dbname().unwrap_or_default();
        write!(
            f,
            "postgres://{user}@{}/{database} (schema {})",
            hosts.join(","),
            self.schema
        )
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .trim_matches(['[', ']'])
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(path) => path != Path::new(""),
    }
}

fn named_schema(options: &str) -> Result<String, AddressError> {
    let Some((_, rest)) = options.split_once("search_path=") else {
        return Ok(SCHEMA.to_owned());
    };
    let schema = rest.split_whitespace().next().unwrap_or_default();
    let is_name = (1..=63).contains(&schema.len())
        && schema
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !schema.starts_with("pg_")
        && schema != "information_schema";
    match is_name {
        true => Ok(schema.to_owned()),
        false => Err(AddressError::Schema),
    }
}

/// What a library's error says, with its cause, which has the reason.
pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_address_shows_no_password() {
        let address: Address = "postgres://ada:secret@db.example:5433/flows?connect_timeout=3"
            .parse()
            .unwrap();
        assert_eq!(
            address.to_string(),
            "postgres://ada@db.example:5433/flows (schema bureaucrat)"
        );
        assert!(!format!("{address:?}").contains("secret"));
        assert!(address.is_encrypted());
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_it_is_said_otherwise() {
        let is_encrypted = |text: &str| text.parse::<Address>().unwrap().is_encrypted();
        assert!(!is_encrypted("postgres://a@localhost/b"));
        assert!(!is_encrypted("postgres://a@127.0.0.1/b"));
        assert!(!is_encrypted("postgres://a@%2Frun%2Fpostgresql/b"));
        assert!(is_encrypted("postgres://a@localhost/b?sslmode=require"));
        assert!(!is_encrypted("postgres://a@db/b?sslmode=disable"));
        assert!(is_encrypted("postgres://a@localhost,db/b"));
    }

    #[test]
    fn a_schema_can_be_named() {
        let schema = |text: &str| text.parse::<Address>().map(|address| address.schema);
        assert_eq!(
            schema("postgres://a@h/b?options=-csearch_path%3Done").unwrap(),
            "one"
        );
        for bad in ["", "a%2Cb", "A", "a%22b", "pg_temp", "information_schema"] {
            let text = format!("postgres://a@h/b?options=-csearch_path%3D{bad}");
            assert_eq!(schema(&text), Err(AddressError::Schema), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("mysql://a@b/c", "begins otherwise"),
            ("postgres://a@h", "no database"),
            ("postgres:///b", "no host"),
            ("postgres://h/b", "no user"),
            ("postgres://a:ge@heim@h/b", "%40"),
            ("postgres://a@h/b?sslmode=maybe", "sslmode"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
