//! What a body holds once its wrapping is off: AMQP 1.0's type codes, compression, a byte order
//! mark.
//!
//! [`content`] looks at a message's properties and at the first bytes of its body, and says where
//! its text is. Nothing is unpacked before the host has room for it: that is [`Packed::unpack`],
//! within the limit. Whatever is not taken is refused with the name of the property that says so. A
//! module's bytes pass as they are.

use crate::{EncodingProblem, HeaderValue, Properties, Unreadable, cut};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::{io::Read, ops::Range};

/// The property `type` of a message whose AMQP 1.0 sections RabbitMQ left in the body.
const AMQP_1_0: &str = "amqp-1.0";
/// Where kombu, Celery's transport, says that it compressed a body.
const COMPRESSION_HEADER: &str = "compression";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const MODULE_START: &[u8] = b"\0asm";
/// How much of a property's value an error shows, in bytes.
const SHOWN_BYTES_MAX: usize = 80;

/// Where the content of a body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A part of the body.
    Plain(Range<usize>),
    Packed(Packed),
}

/// A compressed part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    range: Range<usize>,
    property: &'static str,
    encoding: String,
    compression: Compression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    Gzip,
    /// Zlib's format, as HTTP means it and kombu writes it, or the bare one that many write
    /// instead.
    Deflate,
}

/// What an encoding's name means.
enum Meaning {
    Text,
    Packed(Compression),
    Other,
}

/// Finds the content of a body.
///
/// # Errors
/// When the body is wrapped in a way that is not taken.
pub fn content(properties: &Properties, body: &[u8]) -> Result<Content, Unreadable> {
    let range = match properties.kind.as_deref() {
        Some(AMQP_1_0) => section(body)?,
        Some(_) | None => 0..body.len(),
    };
    for (property, encoding) in encodings(properties) {
        match meaning(encoding) {
            Meaning::Text => {}
            Meaning::Packed(compression) => {
                return Ok(Content::Packed(Packed {
                    range,
                    property,
                    encoding: cut(encoding, SHOWN_BYTES_MAX).to_owned(),
                    compression,
                }));
            }
            Meaning::Other if is_plain_anyway(&body[range.clone()]) => {}
            Meaning::Other => {
                return Err(encoded(property, encoding, EncodingProblem::Unknown));
            }
        }
    }
    let skipped = mark(&body[range.clone()])?;
    Ok(Content::Plain(range.start + skipped..range.end))
}

impl Packed {
    /// Unpacks it, to at most `limit` bytes.
    ///
    /// # Errors
    /// When it is not what the property says, or larger.
    pub fn unpack(&self, body: &[u8], limit: usize) -> Result<Vec<u8>, Unreadable> {
        let problem = |problem| encoded(self.property, &self.encoding, problem);
        // One byte more than may be tells that there is more.
        let (mut unpacked, end) = self.read(body, limit.saturating_add(1));
        if unpacked.len() > limit {
            return Err(problem(EncodingProblem::TooLarge { limit }));
        }
        if end == End::Damaged {
            return Err(problem(EncodingProblem::Damaged));
        }
        let skipped = mark(&unpacked)?;
        unpacked.drain(..skipped);
        Ok(unpacked)
    }

    /// As much of its first bytes as can be unpacked: enough to see whose answer it was to be.
    pub fn start(&self, body: &[u8], most: usize) -> Vec<u8> {
        self.read(body, most).0
    }

    fn read(&self, body: &[u8], most: usize) -> (Vec<u8>, End) {
        let packed = body.get(self.range.clone()).unwrap_or_default();
        let mut reader: Box<dyn Read + '_> = if packed.starts_with(b"\x1f\x8b") {
            Box::new(MultiGzDecoder::new(packed))
        } else if is_zlib(packed) {
            Box::new(ZlibDecoder::new(packed))
        } else if self.compression == Compression::Deflate {
            Box::new(DeflateDecoder::new(packed))
        } else {
            return (Vec::new(), End::Damaged);
        };
        let (mut unpacked, most) = (Vec::new(), u64::try_from(most).unwrap_or(u64::MAX));
        match reader.by_ref().take(most).read_to_end(&mut unpacked) {
            Ok(_) => (unpacked, End::Reached),
            Err(_) => (unpacked, End::Damaged),
        }
    }
}

/// How unpacking ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// At the end, or at the bound.
    Reached,
    Damaged,
}

/// What a message says of the encoding of its body: first how it is compressed, then its
/// characters.
fn encodings(properties: &Properties) -> impl Iterator<Item = (&'static str, &str)> {
    let compression = properties.headers.iter().find_map(|(name, value)| {
        let HeaderValue::Text(value) = value else {
            return None;
        };
        (name == COMPRESSION_HEADER).then_some(("the header `compression`", value.as_str()))
    });
    let encoding = properties.content_encoding.as_deref();
    compression
        .into_iter()
        .chain(encoding.map(|encoding| ("content_encoding", encoding)))
}

fn meaning(encoding: &str) -> Meaning {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "utf-8" | "utf8" | "utf-8-sig" | "us-ascii" | "ascii" | "identity" | "binary" => {
            Meaning::Text
        }
        "gzip" | "x-gzip" | "application/gzip" | "application/x-gzip" => {
            Meaning::Packed(Compression::Gzip)
        }
        "deflate" | "zlib" | "application/zlib" => Meaning::Packed(Compression::Deflate),
        _ => Meaning::Other,
    }
}

/// Whether bytes are what is wanted whatever their encoding's name: a module, or JSON or XML in
/// ASCII alone.
fn is_plain_anyway(content: &[u8]) -> bool {
    let is_text = content.is_ascii() && !content.contains(&0);
    let start = content.trim_ascii_start().first();
    content.starts_with(MODULE_START) || (is_text && matches!(start, Some(b'{' | b'[' | b'<')))
}

/// A header of zlib's format: deflate with a window, and a checksum over both bytes.
fn is_zlib(packed: &[u8]) -> bool {
    match packed {
        [first, second, ..] => {
            first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
        }
        [] | [_] => false,
    }
}

/// How many bytes a byte order mark takes.
fn mark(content: &[u8]) -> Result<usize, Unreadable> {
    match content {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{' | b'<', 0, ..] | [0, b'{' | b'<', ..] => {
            Err(Unreadable::Utf16)
        }
        [0x1f, 0x8b, ..] => Err(Unreadable::Gzip),
        content if content.starts_with(BYTE_ORDER_MARK) => Ok(BYTE_ORDER_MARK.len()),
        _ => Ok(0),
    }
}

fn encoded(property: &'static str, encoding: &str, problem: EncodingProblem) -> Unreadable {
    Unreadable::Encoding {
        property,
        encoding: cut(encoding, SHOWN_BYTES_MAX).to_owned(),
        problem,
    }
}

/// The content of the one section that a body of AMQP 1.0 has.
fn section(body: &[u8]) -> Result<Range<usize>, Unreadable> {
    let refused = |what| Err(Unreadable::Amqp1 { what });
    // A descriptor: a small unsigned long, or one in full.
    let (kind, start) = match body {
        [0, 0x53, kind, ..] => (*kind, 3),
        [0, 0x80, 0, 0, 0, 0, 0, 0, 0, kind, ..] => (*kind, 10),
        _ => return refused("has no section"),
    };
    match kind {
        0x75 | 0x77 => {}
        0x76 => return refused("is a sequence"),
        _ => return refused("has a section of another kind"),
    }
    let (length, start) = match body[start..] {
        // Binary and text, with a length of one byte or of four.
        [0xa0 | 0xa1, length, ..] => (usize::from(length), start + 2),
        [0xb0 | 0xb1, a, b, c, d, ..] => {
            let length = u32::from_be_bytes([a, b, c, d]);
            (usize::try_from(length).unwrap_or(usize::MAX), start + 5)
        }
        [0xc1 | 0xd1, ..] => return refused("is a map"),
        [0x45 | 0xc0 | 0xd0, ..] => return refused("is a list"),
        [0xe0 | 0xf0, ..] => return refused("is an array"),
        [0x40, ..] => return refused("is null"),
        [0x41 | 0x42 | 0x56, ..] => return refused("is a truth value"),
        [0xa3 | 0xb3, ..] => return refused("is a symbol"),
        [0x50..=0x5f | 0x43 | 0x44 | 0x60..=0x8f, ..] => {
            return refused("is a number or another plain value");
        }
        [] => return refused("is cut off"),
        _ => return refused("is of a type that is not known"),
    };
    let end = start.saturating_add(length);
    match end.cmp(&body.len()) {
        std::cmp::Ordering::Equal => Ok(start..end),
        std::cmp::Ordering::Greater => refused("is cut off"),
        std::cmp::Ordering::Less => refused("has several sections"),
    }
}
