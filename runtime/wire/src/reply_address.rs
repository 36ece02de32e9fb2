//! Where a reply may go: the queue that a launcher names in `reply_to`, checked before anything is
//! sent to it.
//!
//! RabbitMQ before 3.11 closes the connection over a direct reply-to address that it can't decode,
//! and any version closes the channel over a routing key that is too long. So an address is taken
//! only in the form in which RabbitMQ itself writes it. AMQP 1.0 clients name a queue by an address,
//! `/queues/NAME`. Whether somebody listens there, only the broker knows.

use crate::{Mandatory, Routes, SHORT_TEXT_BYTES_MAX};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// What a requester writes to receive direct replies; RabbitMQ replaces it by an address.
const DIRECT: &str = "amq.rabbitmq.reply-to";
/// The prefix of every `taskqueue` worker's queue.
const WORKER_PREFIX: &str = "worker_";
/// How AMQP 1.0 addresses of queues begin: RabbitMQ 4's, and two of earlier versions.
const QUEUE_ADDRESSES: [&str; 3] = ["/queues/", "/queue/", "/amq/queue/"];
/// How its addresses of exchanges begin.
const EXCHANGE_ADDRESSES: [&str; 3] = ["/exchanges/", "/exchange/", "/topic/"];

/// Erlang's external term format: the version, a process id, and its node's name as a text with a
/// two-byte length.
const PID_START: [u8; 3] = [131, 88, 118];
/// The node's name in an address: this, and a hash of the real name.
const NODE_PREFIX: &str = "reply@";
/// The numbers of a process id after the node's name: id, serial, creation.
const PID_NUMBERS_BYTES: usize = 12;
/// The key that distinguishes the requests of a channel.
const KEY_BYTES: usize = 16;
/// Erlang's hash of a node's name is below this.
const NODE_HASHES: u32 = 1 << 27;

/// Queues that may not receive replies.
#[derive(Debug, Clone, Copy)]
pub struct Reserved<'a> {
    pub engine_queues: &'a [String],
    /// The engine's own exchanges, to which nobody else's messages go.
    pub engine_exchanges: &'a [String],
    pub routes: &'a Routes,
    /// The participants of the process to launch.
    pub participants: &'a [String],
}

impl Reserved<'_> {
    pub(crate) fn owner(&self, queue: &str) -> Option<&'static str> {
        if self.engine_queues.iter().any(|own| own == queue) {
            return Some("the engine");
        }
        let is_of_workers =
            queue.starts_with(WORKER_PREFIX) || self.routes.is_of_workers(queue, self.participants);
        is_of_workers.then_some("a participant")
    }
}

/// An address that may receive a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyAddress {
    queue: String,
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyAddressError {
    #[error("reply_to is empty")]
    Empty,
    #[error("reply_to has {bytes} bytes, more than the {SHORT_TEXT_BYTES_MAX} of a queue's name")]
    TooLong { bytes: usize },
    /// The broker would have replaced it; a message that arrived another way cannot be answered.
    #[error(
        "reply_to is `{DIRECT}` itself, which only the broker turns into an address: publish on \
         the channel that consumes from `{DIRECT}`, on this broker"
    )]
    NotReplaced,
    #[error("reply_to begins like a direct reply-to address, but is not one that RabbitMQ makes")]
    Malformed,
    #[error(
        "reply_to is the address of an exchange, `{address}`; replies go to queues, so name one: \
         `/queues/NAME`"
    )]
    Exchange { address: String },
    #[error("reply_to is `{address}`, whose percent-encoding is not UTF-8 text, or names no queue")]
    BadAddress { address: String },
    #[error("reply_to may not name `{queue}`: that queue belongs to {owner}")]
    Reserved { queue: String, owner: &'static str },
}

impl ReplyAddress {
    /// Reads a launcher's address.
    ///
    /// # Errors
    /// If no reply can go there, or none may.
    pub fn parse(text: &str, reserved: &Reserved<'_>) -> Result<Self, ReplyAddressError> {
        if text.is_empty() {
            return Err(ReplyAddressError::Empty);
        }
        let text = &*queue_of(text)?;
        if text.len() > SHORT_TEXT_BYTES_MAX {
            return Err(ReplyAddressError::TooLong { bytes: text.len() });
        }
        if let Some(rest) = text.strip_prefix(DIRECT) {
            let token = rest.strip_prefix('.');
            return match token {
                None if rest.is_empty() => Err(ReplyAddressError::NotReplaced),
                Some(token) if node(token).is_some() => Ok(Self { queue: text.into() }),
                Some(_) | None => Err(ReplyAddressError::Malformed),
            };
        }
        match reserved.owner(text) {
            Some(owner) => Err(ReplyAddressError::Reserved {
                queue: text.into(),
                owner,
            }),
            None => Ok(Self { queue: text.into() }),
        }
    }

    /// Whether messages with a routing key go directly to a client's channel, without a queue.
    pub fn is_direct(routing_key: &str) -> bool {
        token(routing_key).is_some()
    }

    /// The node of a direct address's channel, as a hash of its name; `None` if RabbitMQ would not
    /// write such an address.
    pub fn direct_node(routing_key: &str) -> Option<u32> {
        node(token(routing_key)?)
    }

    /// The queue, which is the routing key in the default exchange.
    pub fn into_queue(self) -> String {
        self.queue
    }
}

/// The queue that an AMQP 1.0 address names; any other text is a queue's name itself.
fn queue_of(text: &str) -> Result<Cow<'_, str>, ReplyAddressError> {
    let starts = |prefix: &&str| text.starts_with(*prefix);
    if EXCHANGE_ADDRESSES.iter().any(starts) {
        let address = text.to_owned();
        return Err(ReplyAddressError::Exchange { address });
    }
    let Some(prefix) = QUEUE_ADDRESSES.into_iter().find(|prefix| starts(prefix)) else {
        return Ok(text.into());
    };
    match percent_decode_str(&text[prefix.len()..]).decode_utf8() {
        Ok(name) if !name.is_empty() => Ok(name),
        Ok(_) | Err(_) => Err(ReplyAddressError::BadAddress {
            address: text.to_owned(),
        }),
    }
}

/// Whether the engine asks to be told that a reply cannot be routed. RabbitMQ returns mandatory
/// messages to direct addresses even if it delivers them, so nothing can be learned there.
pub(crate) fn mandatory(queue: &str) -> Mandatory {
    if ReplyAddress::is_direct(queue) {
        Mandatory::No
    } else {
        Mandatory::Yes
    }
}

/// The part after the prefix of a direct address.
fn token(routing_key: &str) -> Option<&str> {
    routing_key.strip_prefix(DIRECT)?.strip_prefix('.')
}

/// The node in a token in RabbitMQ's format: an Erlang process id and a key, each in base64,
/// separated by a dot.
fn node(token: &str) -> Option<u32> {
    let (process, key) = token.split_once('.')?;
    let (process, key) = (STANDARD.decode(process).ok()?, STANDARD.decode(key).ok()?);
    let [high, low, rest @ ..] = process.strip_prefix(&PID_START)? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let (name, numbers) = rest.split_at_checked(length)?;
    let hash = std::str::from_utf8(name).ok()?.strip_prefix(NODE_PREFIX)?;
    let is_number = hash.bytes().all(|byte| byte.is_ascii_digit());
    let is_form = key.len() == KEY_BYTES && numbers.len() == PID_NUMBERS_BYTES && is_number;
    let hash = hash.parse().ok().filter(|hash| *hash < NODE_HASHES);
    hash.filter(|_| is_form)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Via;
    use proptest::prelude::*;

    fn reserved(default: Via) -> Result<(), ReplyAddressError> {
        let engine_queues = ["bureaucrat".to_owned(), "bureaucrat.storage".to_owned()];
        let participants = ["shop.pack".to_owned()];
        let reserved = Reserved {
            engine_queues: &engine_queues,
            engine_exchanges: &[],
            routes: &Routes::new(default, Vec::new()),
            participants: &participants,
        };
        for queue in [
            "bureaucrat",
            "bureaucrat.storage",
            "/queues/bureaucrat%2Estorage",
            "worker_",
            "worker_x",
            "/queues/worker_x",
        ] {
            let error = ReplyAddress::parse(queue, &reserved).unwrap_err();
            assert!(
                matches!(error, ReplyAddressError::Reserved { .. }),
                "{queue}"
            );
        }
        ReplyAddress::parse("replies", &reserved)?;
        ReplyAddress::parse("celery", &reserved)?;
        ReplyAddress::parse("shop", &reserved)?;
        Ok(())
    }

    fn parse(text: &str) -> Result<String, ReplyAddressError> {
        let reserved = Reserved {
            engine_queues: &[],
            engine_exchanges: &[],
            routes: &Routes::new(Via::Taskqueue, Vec::new()),
            participants: &[],
        };
        ReplyAddress::parse(text, &reserved).map(ReplyAddress::into_queue)
    }

    fn token(node: &str, numbers: &[u8], key: &[u8]) -> String {
        let length = u16::try_from(node.len()).unwrap().to_be_bytes();
        let process = [&PID_START, &length[..], node.as_bytes(), numbers].concat();
        format!(
            "{DIRECT}.{}.{}",
            STANDARD.encode(process),
            STANDARD.encode(key)
        )
    }

    /// Written by RabbitMQ 3.10.8.
    const WRITTEN: &str = "amq.rabbitmq.reply-to.g1h2AA5yZXBseUA5MjczMTA3NgAAAs0AAAAAawpqGQ==.P0ymMyROW+5zRycATQ0ATA==";

    #[test]
    fn addresses_are_taken_as_rabbitmq_writes_them() {
        assert_eq!(parse("a queue/of.mine"), Ok("a queue/of.mine".to_owned()));
        assert_eq!(parse(WRITTEN), Ok(WRITTEN.to_owned()));
        assert!(ReplyAddress::is_direct(WRITTEN));
        assert_eq!(ReplyAddress::direct_node(WRITTEN), Some(92_731_076));
        assert_eq!(ReplyAddress::direct_node("queue"), None);
        assert_eq!(mandatory(WRITTEN), Mandatory::No);
        assert_eq!(mandatory("amq.rabbitmq.reply-to"), Mandatory::Yes);
        let other_broker = token("reply@134217727", &[1; 12], &[2; 16]);
        assert_eq!(parse(&other_broker), Ok(other_broker.clone()));
    }

    #[test]
    fn addresses_of_other_forms_are_refused() {
        assert_eq!(parse(""), Err(ReplyAddressError::Empty));
        let bytes = 256;
        assert_eq!(
            parse(&"q".repeat(bytes)),
            Err(ReplyAddressError::TooLong { bytes })
        );
        assert_eq!(parse(DIRECT), Err(ReplyAddressError::NotReplaced));
        let node = "reply@7";
        for text in [
            "amq.rabbitmq.reply-to.".to_owned(),
            "amq.rabbitmq.reply-to.x.y".to_owned(),
            "amq.rabbitmq.reply-to.YWJj.YWJj".to_owned(),
            "amq.rabbitmq.reply-tox".to_owned(),
            format!("{WRITTEN}."),
            format!("{WRITTEN}="),
            WRITTEN[..WRITTEN.len() - 1].to_owned(),
            token("rabbit@7", &[1; 12], &[2; 16]),
            token("reply@", &[1; 12], &[2; 16]),
            token("reply@-1", &[1; 12], &[2; 16]),
            token("reply@134217728", &[1; 12], &[2; 16]),
            token(node, &[1; 11], &[2; 16]),
            token(node, &[1; 13], &[2; 16]),
            token(node, &[1; 12], &[2; 15]),
        ] {
            assert_eq!(parse(&text), Err(ReplyAddressError::Malformed), "{text}");
        }
    }

    #[test]
    fn queues_of_the_engine_and_of_participants_are_refused() {
        let refused = |queue: &str| {
            Err(ReplyAddressError::Reserved {
                queue: queue.to_owned(),
                owner: "a participant",
            })
        };
        assert_eq!(reserved(Via::Message), Ok(()));
        assert_eq!(reserved(Via::CeleryWorkitem), refused("celery"));
        assert_eq!(reserved(Via::CeleryMessage), refused("celery"));
    }

    #[test]
    fn addresses_of_amqp_1_0_name_queues() {
        let cases = [
            ("/queues/replies", "replies"),
            ("/queues/my%20replies%2Ffor%C3%BC", "my replies/forü"),
            ("/queue/replies", "replies"),
            ("/amq/queue/replies", "replies"),
            ("queues/replies", "queues/replies"),
            ("/other/replies", "/other/replies"),
        ];
        for (address, queue) in cases {
            assert_eq!(parse(address), Ok(queue.to_owned()), "{address}");
        }
        let address = || "/exchanges/shop/replies".to_owned();
        assert_eq!(
            parse(&address()),
            Err(ReplyAddressError::Exchange { address: address() })
        );
        for address in ["/queues/", "/queues/%ff"] {
            let address = address.to_owned();
            assert_eq!(
                parse(&address),
                Err(ReplyAddressError::BadAddress {
                    address: address.clone()
                })
            );
        }
        assert_eq!(parse(&format!("/queues/{WRITTEN}")), Ok(WRITTEN.to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_taken_can_be_a_routing_key(text in "\\PC{0,300}") {
            if let Ok(queue) = parse(&text) {
                prop_assert!(!queue.is_empty() && queue.len() <= SHORT_TEXT_BYTES_MAX);
                prop_assert!(queue == text || text.starts_with('/'));
            }
        }
    }
}
