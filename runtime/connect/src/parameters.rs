//! The parameters of an address, under the names that RabbitMQ's own clients give them.

use crate::{
    AddressError, Tls,
    address::{Encryption, Transport},
    percent::decoded,
};
use lapin::uri::SASLMechanism;
use std::{path::PathBuf, str::FromStr, time::Duration};

/// What has an effect, for remarks on what has none.
pub const PARAMETERS: [&str; 10] = [
    "auth_mechanism",
    "cacertfile",
    "certfile",
    "channel_max",
    "connection_name",
    "connection_timeout",
    "frame_max",
    "heartbeat",
    "keyfile",
    "server_name_indication",
];

/// The smallest frame that AMQP 0-9-1 allows, in bytes.
const FRAME_BYTES_MIN: u32 = 4_096;
/// So many channels are open at once on a connection, with some to spare.
const CHANNELS_MIN: u16 = 8;

/// The longest name of a parameter that is repeated in a remark, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// What an address says after its `?`.
#[derive(Default)]
pub(crate) struct Parameters {
    /// In seconds; 0 is none.
    pub heartbeat: Option<u16>,
    pub connect_timeout: Option<Duration>,
    pub frame_max: Option<u32>,
    pub channel_max: Option<u16>,
    pub mechanism: Option<SASLMechanism>,
    pub name: Option<String>,
    tls: Tls,
    pub remarks: Vec<String>,
}

impl Parameters {
    /// Reads `name=value&name=value`.
    ///
    /// # Errors
    /// When a known parameter has a value that it can't have.
    pub fn parse(query: &str, encryption: Encryption) -> Result<Self, AddressError> {
        let mut parameters = Self::default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or(AddressError::Percent("parameters"))?;
            // An empty value is none, as for every setting.
            if !value.is_empty() {
                parameters.set(name, &value, encryption)?;
            }
        }
        Ok(parameters)
    }

    fn set(&mut self, name: &str, value: &str, encryption: Encryption) -> Result<(), AddressError> {
        let file = Some(path(value));
        match name {
            "heartbeat" => self.heartbeat = Some(number("heartbeat", value, SECONDS)?),
            "connection_timeout" => {
                let millis: u32 = number("connection_timeout", value, MILLISECONDS)?;
                let positive = (millis > 0).then(|| Duration::from_millis(millis.into()));
                self.connect_timeout = positive;
            }
            "frame_max" => {
                let bytes = number("frame_max", value, BYTES)?;
                self.frame_max = Some(unlimited_or(bytes, FRAME_BYTES_MIN, "frame_max", BYTES)?);
            }
            "channel_max" => {
                let count = number("channel_max", value, COUNT)?;
                self.channel_max = Some(unlimited_or(count, CHANNELS_MIN, "channel_max", COUNT)?);
            }
            "auth_mechanism" => {
                self.mechanism = Some(match value.to_ascii_lowercase().as_str() {
                    "plain" => SASLMechanism::Plain,
                    "amqplain" => SASLMechanism::AMQPlain,
                    "external" => SASLMechanism::External,
                    _ => return Err(AddressError::Parameter("auth_mechanism", MECHANISMS)),
                });
            }
            "connection_name" | "name" => self.name = Some(value.to_owned()),
            "cacertfile" => self.tls.ca_file = file,
            "certfile" => self.tls.cert_file = file,
            "keyfile" => self.tls.key_file = file,
            "server_name_indication" => self.tls.server_name = Some(value.to_owned()),
            "verify" if value == "verify_peer" => {}
            "verify" => self.remark(
                "`verify` has no effect: the broker's certificate is always checked; name its CA \
                 with `cacertfile`",
            ),
            other => self.unknown(other),
        }
        let is_tls = [
            "cacertfile",
            "certfile",
            "keyfile",
            "server_name_indication",
        ];
        if is_tls.contains(&name) && encryption == Encryption::Plain {
            self.remark(&format!(
                "`{name}` has no effect: the address begins with amqp://, not with amqps://"
            ));
        }
        Ok(())
    }

    fn remark(&mut self, words: &str) {
        self.remarks
            .push(format!("in the broker's address, the parameter {words}"));
    }

    fn unknown(&mut self, name: &str) {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || [b'_', b'-', b'.'].contains(&byte);
        let is_shown = name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain);
        let name = if is_shown { name } else { "…" };
        self.remark(&format!(
            "`{name}` has no effect; known are {}",
            PARAMETERS.join(", ")
        ));
    }

    /// The transport, with the files of the settings where the address names none.
    pub fn transport(&mut self, encryption: Encryption, defaults: &Tls) -> Transport {
        let own = std::mem::take(&mut self.tls);
        match encryption {
            Encryption::Plain => Transport::Plain,
            Encryption::Tls => Transport::Tls(Tls {
                ca_file: own.ca_file.or_else(|| defaults.ca_file.clone()),
                // A certificate and a key belong together.
                key_file: match own.cert_file {
                    Some(_) => own.key_file,
                    None => own.key_file.or_else(|| defaults.key_file.clone()),
                },
                cert_file: own.cert_file.or_else(|| defaults.cert_file.clone()),
                server_name: own.server_name.or_else(|| defaults.server_name.clone()),
            }),
        }
    }
}

const SECONDS: &str = "a number of seconds from 0 to 65535";
const MILLISECONDS: &str = "a number of milliseconds";
const BYTES: &str = "a number of bytes from 4096, or 0 for no limit";
const COUNT: &str = "a number from 8 to 65535, or 0 for no limit";
const MECHANISMS: &str = "plain, amqplain or external";

fn number<T: FromStr>(
    name: &'static str,
    value: &str,
    wanted: &'static str,
) -> Result<T, AddressError> {
    let wrong = |_| AddressError::Parameter(name, wanted);
    value.parse().map_err(wrong)
}

/// Brokers take 0 as no limit.
fn unlimited_or<T: PartialOrd + From<u8>>(
    value: T,
    least: T,
    name: &'static str,
    wanted: &'static str,
) -> Result<T, AddressError> {
    match value == T::from(0) || value >= least {
        true => Ok(value),
        false => Err(AddressError::Parameter(name, wanted)),
    }
}

/// `~/` is the home here as in every path of the settings.
fn path(value: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (value.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(value),
    }
}
