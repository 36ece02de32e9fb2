//! Reads addresses as other AMQP clients do, and says what is wrong without repeating any of it.
//!
//! Where clients differ this one takes what they have in common: `amqp://h`, `amqp://h/` and
//! `amqp://h//` all mean the virtual host `/`. What could be a password cut in two is refused, not
//! guessed at.

use crate::{
    Address, Defaults, Password, Secret,
    address::{Encryption, Transport},
    parameters::Parameters,
    percent::decoded,
};
use std::{fmt, net::Ipv6Addr};

/// The longest list of addresses, in bytes, and the most addresses in it.
const TEXT_BYTES_MAX: usize = 64 << 10;
const COUNT_MAX: usize = 64;

/// The longest virtual host, user and password that AMQP can carry.
const SHORT_TEXT_BYTES_MAX: usize = 255;

/// Why an address can't be read. It repeats nothing of the address, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("there is no address")]
    Empty,
    #[error("the list of addresses is longer than {TEXT_BYTES_MAX} bytes or {COUNT_MAX} addresses")]
    TooMany,
    #[error(
        "an address begins with amqp:// or amqps://, as in amqp://USER:PASSWORD@HOST:PORT/VHOST"
    )]
    Scheme,
    #[error(
        "an address begins with amqp:// or amqps://; http belongs to the management interface; \
         the AMQP port is usually 5672"
    )]
    Http,
    #[error(
        "the address can't be understood: if the user, the password or the virtual host has a \
         character such as @ / ? # or %, write it percent-encoded: @ is %40, / is %2F, ? is %3F, \
         # is %23, % is %25. Or leave the password out and give it in BUREAUCRAT_AMQP_PASSWORD or \
         in a file with --amqp-password-file"
    )]
    Ambiguous,
    #[error(
        "in the {0}, a % is not followed by two hexadecimal digits, or the result is not UTF-8; \
         write % itself as %25"
    )]
    Percent(&'static str),
    #[error("the {0} has more than {SHORT_TEXT_BYTES_MAX} bytes, which AMQP can't carry")]
    TooLong(&'static str),
    #[error(
        "the port is not a number from 1 to 65535; if it is part of the password, write : / ? # \
         and @ percent-encoded"
    )]
    Port,
    #[error("the host is not a name or an IP address")]
    Host,
    #[error(
        "bureaucrat needs RabbitMQ, or another broker of AMQP 0-9-1: an address begins with \
         amqp:// or amqps://; this one is for another kind of broker"
    )]
    OtherBroker,
    #[error("an IPv6 address is written in brackets, as in amqp://[fd00::7]:5672/")]
    Brackets,
    #[error("the parameter {0} must be {1}")]
    Parameter(&'static str, &'static str),
}

/// The addresses of a list, with what in them has no effect.
pub(crate) fn addresses(
    text: &str,
    defaults: &Defaults,
) -> Result<(Vec<Address>, Vec<String>), AddressError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(AddressError::TooMany);
    }
    let (mut addresses, mut remarks) = (Vec::new(), Vec::new());
    for text in split(text) {
        addresses.extend(address(text, defaults, &mut remarks)?);
    }
    if addresses.len() > COUNT_MAX {
        return Err(AddressError::TooMany);
    }
    Ok((addresses, remarks))
}

/// Splits a list. A comma or semicolon separates only where another address follows, or nothing:
/// passwords may hold either.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let begins = |at: &usize| {
            let after = text[at + 1..].trim_start();
            after.is_empty() || after.find("://").is_some_and(|end| is_word(&after[..end]))
        };
        let separators = text.match_indices([',', ';']).map(|(at, _)| at);
        let Some(at) = separators.into_iter().find(begins) else {
            return Some(text.trim());
        };
        rest = Some(&text[at + 1..]).filter(|rest| !rest.trim().is_empty());
        Some(text[..at].trim())
    })
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
}

fn encryption(scheme: &str) -> Result<Encryption, AddressError> {
    match scheme.to_ascii_lowercase().as_str() {
        // Celery's names for the same.
        "amqp" | "pyamqp" | "librabbitmq" => Ok(Encryption::Plain),
        "amqps" | "pyamqps" => Ok(Encryption::Tls),
        "http" | "https" => Err(AddressError::Http),
        "redis" | "rediss" | "sqs" | "kafka" | "mqtt" | "nats" | "sentinel" | "memory" => {
            Err(AddressError::OtherBroker)
        }
        _ => Err(AddressError::Scheme),
    }
}

/// One address, or several of the same user when it names several hosts.
fn address(
    text: &str,
    defaults: &Defaults,
    remarks: &mut Vec<String>,
) -> Result<Vec<Address>, AddressError> {
    let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
    let encryption = encryption(scheme)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    // Behind the host nobody has an @ or a #: it is a password that holds one of / ? #.
    if tail.contains(['@', '#']) {
        return Err(AddressError::Ambiguous);
    }
    let (user_info, hosts) = match authority.rsplit_once('@') {
        Some((user_info, hosts)) => (Some(user_info), hosts),
        None => (None, authority),
    };
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let vhost = match path.strip_prefix('/') {
        None | Some("") => "/".to_owned(),
        Some(vhost) => text_of("virtual host", vhost)?,
    };
    let (user, password) = credentials(user_info, defaults)?;
    let mut parameters = Parameters::parse(query, encryption)?;
    let transport = parameters.transport(encryption, &defaults.tls);
    let model = Address {
        host: String::new(),
        port: 0,
        vhost,
        user,
        password,
        transport,
        heartbeat: parameters.heartbeat.unwrap_or_else(|| seconds(defaults)),
        connect_timeout: parameters
            .connect_timeout
            .unwrap_or(defaults.connect_timeout),
        frame_max: parameters.frame_max,
        channel_max: parameters.channel_max,
        mechanism: parameters.mechanism,
        name: parameters
            .name
            .take()
            .unwrap_or_else(|| defaults.name.clone()),
    };
    let hosts = hosts_of(hosts, Form::Url, None, encryption)?;
    remarks.append(&mut parameters.remarks);
    Ok(hosts
        .into_iter()
        .map(|HostPort { host, port }| Address {
            host,
            port,
            ..model.clone()
        })
        .collect())
}

/// The addresses that parts make.
pub(crate) fn parts(
    hosts: &str,
    port: Option<u16>,
    vhost: &str,
    encryption: Encryption,
    defaults: &Defaults,
) -> Result<Vec<Address>, AddressError> {
    let transport = match encryption {
        Encryption::Plain => Transport::Plain,
        Encryption::Tls => Transport::Tls(defaults.tls.clone()),
    };
    let hosts = hosts_of(hosts, Form::Loose, port, encryption)?;
    let vhost = fitting("virtual host", vhost.to_owned())?;
    let user = fitting("user", defaults.user.clone())?;
    Ok(hosts
        .into_iter()
        .map(|HostPort { host, port }| Address {
            host,
            port,
            vhost: vhost.clone(),
            user: user.clone(),
            password: defaults.password.clone(),
            transport: transport.clone(),
            heartbeat: seconds(defaults),
            connect_timeout: defaults.connect_timeout,
            frame_max: None,
            channel_max: None,
            mechanism: None,
            name: defaults.name.clone(),
        })
        .collect())
}

fn seconds(defaults: &Defaults) -> u16 {
    u16::try_from(defaults.heartbeat.as_secs()).unwrap_or(u16::MAX)
}

fn credentials(
    user_info: Option<&str>,
    defaults: &Defaults,
) -> Result<(String, Password), AddressError> {
    let Some(user_info) = user_info else {
        return Ok((defaults.user.clone(), defaults.password.clone()));
    };
    let (user, password) = match user_info.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (user_info, None),
    };
    let user = match user {
        "" => defaults.user.clone(),
        user => text_of("user", user)?,
    };
    let password = match password {
        None => defaults.password.clone(),
        Some(password) => {
            let password = decoded(password).ok_or(AddressError::Percent("password"))?;
            Password::Known(Secret::new(password))
        }
    };
    Ok((user, password))
}

fn text_of(what: &'static str, text: &str) -> Result<String, AddressError> {
    fitting(what, decoded(text).ok_or(AddressError::Percent(what))?)
}

fn fitting(what: &'static str, text: String) -> Result<String, AddressError> {
    match text.len() <= SHORT_TEXT_BYTES_MAX {
        true => Ok(text),
        false => Err(AddressError::TooLong(what)),
    }
}

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub host: String,
    pub port: u16,
}

impl HostPort {
    pub fn of(host: &str, port: u16) -> Self {
        let host = host.to_owned();
        Self { host, port }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.host, self.port);
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

/// How a host is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// IPv6 in brackets.
    Url,
    /// IPv6 as it is, or in brackets.
    Loose,
}

/// The hosts of a list with commas; `port` is that of a host without one.
fn hosts_of(
    text: &str,
    form: Form,
    port: Option<u16>,
    encryption: Encryption,
) -> Result<Vec<HostPort>, AddressError> {
    let usual = port.unwrap_or(match encryption {
        Encryption::Plain => 5672,
        Encryption::Tls => 5671,
    });
    let hosts = text.split(',').map(str::trim);
    hosts.map(|host| host_port(host, form, usual)).collect()
}

fn host_port(text: &str, form: Form, usual: u16) -> Result<HostPort, AddressError> {
    if let Some(inner) = text.strip_prefix('[') {
        let (host, rest) = inner.split_once(']').ok_or(AddressError::Brackets)?;
        let host = decoded(host).ok_or(AddressError::Host)?;
        let without_zone = host.split('%').next().unwrap_or_default();
        without_zone
            .parse::<Ipv6Addr>()
            .map_err(|_| AddressError::Brackets)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port_of(port, usual)?,
            None if rest.is_empty() => usual,
            None => return Err(AddressError::Host),
        };
        return Ok(HostPort { host, port });
    }
    if form == Form::Loose && text.parse::<Ipv6Addr>().is_ok() {
        return Ok(HostPort::of(text, usual));
    }
    let (host, port) = match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => return Err(AddressError::Brackets),
        Some((host, port)) => (host, port_of(port, usual)?),
        None => (text, usual),
    };
    let host = match host {
        "" => "localhost".to_owned(),
        host => decoded(host).ok_or(AddressError::Host)?,
    };
    let is_name = |c: char| c.is_alphanumeric() || ['.', '-', '_'].contains(&c);
    match host.len() <= SHORT_TEXT_BYTES_MAX && host.chars().all(is_name) {
        true => Ok(HostPort { host, port }),
        false => Err(AddressError::Host),
    }
}

fn port_of(text: &str, usual: u16) -> Result<u16, AddressError> {
    if text.is_empty() {
        return Ok(usual);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| *port != 0 && is_number);
    port.ok_or(AddressError::Port)
}
