//! The properties in one content header frame: whether lapin can read them, and what it reads
//! instead.
//!
//! lapin reads tables recursively and without a limit, on a thread whose stack size cannot be
//! chosen, and closes the connection over a text that is not UTF-8. The broker passes both on
//! unchanged, and redelivers the message on the next connection. So properties are checked here
//! first, without recursion. Those that lapin cannot read are replaced by a table with their first
//! bytes and a reason; the message itself becomes a dead letter.

use bureaucrat_wire::{UNREADABLE_BYTES_MAX, UNREADABLE_HEADER, UNREADABLE_RAW_HEADER};

/// The deepest nesting of header tables and lists that is read; RabbitMQ's own headers nest 3 deep.
/// lapin's recursion takes less than 4 KiB of stack per level (it overflows 2 MiB between 500 and
/// 1,000), so this is 128 KiB of 2 MiB.
pub(super) const DEPTH_MAX: usize = 32;
/// The most values in all tables and lists of one message: each takes about 100 bytes in memory,
/// compared with 3 in its frame.
pub(super) const VALUES_MAX: usize = 4_096;

/// Class, weight and size of the body, which come before the properties.
const FIXED: usize = 2 + 2 + 8;
/// The most bytes in a frame of replaced properties besides the original ones: names, lengths, the
/// reason. The smallest frame that AMQP allows has 4,096.
const OTHER_BYTES: usize = 512;
/// The flag for headers.
const HEADERS_FLAG: u16 = 1 << 13;

/// Why properties cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("a short text is not UTF-8")]
    Text,
    #[error("a header has a type that AMQP does not know")]
    Type,
    #[error("lengths do not fit together")]
    Length,
    #[error("headers nest deeper than {DEPTH_MAX} levels")]
    Depth,
    #[error("headers hold more than {VALUES_MAX} values")]
    Count,
    #[error("they do not fit into a frame of this connection")]
    Size,
}

/// Reads up to an end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize, end: usize) -> Result<&'a [u8], Trouble> {
        let to = self.at.checked_add(count).filter(|to| *to <= end);
        let taken = to.and_then(|to| self.bytes.get(self.at..to));
        let taken = taken.ok_or(Trouble::Length)?;
        self.at += count;
        Ok(taken)
    }

    fn byte(&mut self, end: usize) -> Result<u8, Trouble> {
        Ok(self.take(1, end)?[0])
    }

    fn long(&mut self, end: usize) -> Result<usize, Trouble> {
        let bytes = self.take(4, end)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn short_text(&mut self, end: usize) -> Result<(), Trouble> {
        let length = usize::from(self.byte(end)?);
        let text = self.take(length, end)?;
        std::str::from_utf8(text)
            .map(drop)
            .map_err(|_| Trouble::Text)
    }

    /// A table and all of its contents.
    fn table(&mut self, end: usize) -> Result<(), Trouble> {
        let mut open = Vec::with_capacity(DEPTH_MAX);
        let mut values = 0;
        self.open(&mut open, Kind::Table, end)?;
        while let Some((kind, end)) = open.last().copied() {
            if self.at == end {
                open.pop();
                continue;
            }
            match kind {
                Kind::Table => self.short_text(end)?,
                Kind::List => {}
            }
            values += 1;
            if values > VALUES_MAX {
                return Err(Trouble::Count);
            }
            let count = match self.byte(end)? {
                b'V' => 0,
                b't' | b'b' | b'B' => 1,
                b's' | b'U' | b'u' => 2,
                b'I' | b'i' | b'f' => 4,
                b'D' => 5,
                b'L' | b'l' | b'd' | b'T' => 8,
                b'S' | b'x' => self.long(end)?,
                b'A' => {
                    self.open(&mut open, Kind::List, end)?;
                    0
                }
                b'F' => {
                    self.open(&mut open, Kind::Table, end)?;
                    0
                }
                _ => return Err(Trouble::Type),
            };
            self.take(count, end)?;
        }
        Ok(())
    }

    fn open(
        &mut self,
        open: &mut Vec<(Kind, usize)>,
        kind: Kind,
        end: usize,
    ) -> Result<(), Trouble> {
        if open.len() >= DEPTH_MAX {
            return Err(Trouble::Depth);
        }
        let length = self.long(end)?;
        let inner = self.at.checked_add(length).filter(|inner| *inner <= end);
        open.push((kind, inner.ok_or(Trouble::Length)?));
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Table,
    List,
}

/// Whether lapin can read this payload of a content header frame.
pub(super) fn scan(payload: &[u8]) -> Result<(), Trouble> {
    let end = payload.len();
    let mut reader = Reader {
        bytes: payload,
        at: 0,
    };
    reader.take(FIXED, end)?;
    let flags = reader.take(2, end)?;
    let flags = u16::from_be_bytes([flags[0], flags[1]]);
    // Bit 0 would mean that more flags follow, bit 1 is no property; neither is ever set.
    if flags & 0b11 != 0 {
        return Err(Trouble::Type);
    }
    for bit in (2..16).rev() {
        if flags & (1 << bit) == 0 {
            continue;
        }
        match bit {
            13 => reader.table(end)?,
            // The delivery mode and the priority.
            11 | 12 => drop(reader.take(1, end)?),
            // The timestamp.
            6 => drop(reader.take(8, end)?),
            _ => reader.short_text(end)?,
        }
    }
    if reader.at == end {
        Ok(())
    } else {
        Err(Trouble::Length)
    }
}

/// The payload that lapin gets instead of one that it cannot read, for a frame of at most
/// `frame_max` bytes. `known` is what was kept of the payload, `bytes` its original length.
pub(super) fn replaced(known: &[u8], bytes: usize, frame_max: usize, trouble: Trouble) -> Vec<u8> {
    let raw = known.get(FIXED..).unwrap_or_default();
    let room = UNREADABLE_BYTES_MAX.min(frame_max.saturating_sub(OTHER_BYTES));
    let raw = &raw[..raw.len().min(room)];
    let reason = format!(
        "properties of {} bytes: {trouble}",
        bytes.saturating_sub(FIXED)
    );
    let mut table = Vec::new();
    for (name, kind, value) in [
        (UNREADABLE_HEADER, b'S', reason.as_bytes()),
        (UNREADABLE_RAW_HEADER, b'x', raw),
    ] {
        // Names are constants of a few bytes, values are bounded above.
        table.push(u8::try_from(name.len()).unwrap_or(0));
        table.extend_from_slice(name.as_bytes());
        table.push(kind);
        table.extend_from_slice(&length(value));
        table.extend_from_slice(value);
    }
    let mut payload = known.get(..FIXED).unwrap_or(&[0; FIXED]).to_vec();
    payload.extend_from_slice(&HEADERS_FLAG.to_be_bytes());
    payload.extend_from_slice(&length(&table));
    payload.extend_from_slice(&table);
    payload
}

/// A length in AMQP's format.
pub(super) fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}
