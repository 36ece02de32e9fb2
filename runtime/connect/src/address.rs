//! Addresses, as they are once everything about them is known.

use crate::{
    AddressError, Password, Secret,
    parse::{self, HostPort},
    percent::encoded,
};
use lapin::uri::SASLMechanism;
use std::{fmt, path::PathBuf, time::Duration};

/// Files for TLS, in PEM; without a CA the system's are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// The name that the broker's certificate must have, where it is not the host's.
    pub server_name: Option<String>,
}

/// What an address gets that doesn't say otherwise.
#[derive(Debug, Clone)]
pub struct Defaults {
    pub user: String,
    pub password: Password,
    pub tls: Tls,
    pub heartbeat: Duration,
    pub connect_timeout: Duration,
    /// The name of the connections, as the broker's operators see it.
    pub name: String,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            user: "guest".to_owned(),
            password: Password::Known(Secret::new("guest")),
            tls: Tls::default(),
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            name: "bureaucrat".to_owned(),
        }
    }
}

/// Whether a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Tls(Tls),
}

/// One broker. `Debug` and `Display` leave the password out.
#[derive(Debug, Clone)]
pub struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) vhost: String,
    pub(crate) user: String,
    pub(crate) password: Password,
    pub(crate) transport: Transport,
    pub(crate) heartbeat: u16,
    pub(crate) connect_timeout: Duration,
    pub(crate) frame_max: Option<u32>,
    pub(crate) channel_max: Option<u16>,
    pub(crate) mechanism: Option<SASLMechanism>,
    pub(crate) name: String,
}

impl Address {
    /// Where the broker is, for log lines.
    pub fn place(&self) -> String {
        format!("{} {}", HostPort::of(&self.host, self.port), self.vhost)
    }

    pub const fn is_tls(&self) -> bool {
        matches!(self.transport, Transport::Tls(_))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls() { "amqps" } else { "amqp" };
        let (user, vhost) = (encoded(&self.user), encoded(&self.vhost));
        let place = HostPort::of(&self.host, self.port);
        write!(f, "{scheme}://{user}@{place}/{vhost}")
    }
}

/// The brokers to try, one at least.
#[derive(Debug, Clone)]
pub struct Addresses {
    first: Address,
    others: Vec<Address>,
    remarks: Vec<String>,
}

impl Addresses {
    /// The virtual host of the first one.
    pub fn virtual_host(&self) -> &str {
        &self.first.vhost
    }

    /// Reads a list of addresses, separated by commas or semicolons.
    ///
    /// # Errors
    /// When one of them can't be read. The error repeats nothing of it: it may be a password.
    pub fn parse(text: &str, defaults: &Defaults) -> Result<Self, AddressError> {
        let (addresses, remarks) = parse::addresses(text, defaults)?;
        Self::new(addresses, remarks)
    }

    /// The addresses that parts make: a host or several, each with or without a port.
    ///
    /// # Errors
    /// When a host can't be read.
    pub fn of_parts(
        hosts: &str,
        port: Option<u16>,
        vhost: &str,
        encryption: Encryption,
        defaults: &Defaults,
    ) -> Result<Self, AddressError> {
        let addresses = parse::parts(hosts, port, vhost, encryption, defaults)?;
        Self::new(addresses, Vec::new())
    }

    fn new(addresses: Vec<Address>, mut remarks: Vec<String>) -> Result<Self, AddressError> {
        remarks.sort();
        remarks.dedup();
        let mut addresses = addresses.into_iter();
        let first = addresses.next().ok_or(AddressError::Empty)?;
        Ok(Self {
            first,
            others: addresses.collect(),
            remarks,
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The same; connecting to all of them takes no longer than this.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        let count = u32::try_from(self.count()).unwrap_or(u32::MAX);
        for address in std::iter::once(&mut self.first).chain(&mut self.others) {
            address.connect_timeout = address.connect_timeout.min(time / count);
        }
        self
    }

    pub fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// What in the addresses has no effect, one sentence per item.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.others
            .iter()
            .try_for_each(|address| write!(f, ", {address}"))
    }
}

/// Whether parts make addresses with or without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    Plain,
    Tls,
}
