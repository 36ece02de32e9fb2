//! Filters the bytes of one connection, from the broker to lapin, frame by frame.
//!
//! Bodies and heartbeats pass unchanged. Content headers and methods are held until they are
//! complete, and checked: properties that lapin cannot read are replaced ([`super::properties`]),
//! the names in `basic.deliver` are made UTF-8. Nothing larger than [`HELD_MAX`] is held.

use super::properties::{Trouble, length, replaced, scan};

/// The largest frame that is held, in bytes. A larger method passes; the rest of a larger content
/// header is dropped.
const HELD_MAX: usize = 1 << 20;

const METHOD: u8 = 1;
const CONTENT_HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const PREFIX: usize = 1 + 2 + 4;
const FRAME_END: u8 = 0xce;

/// `connection.tune`.
const TUNE: [u8; 4] = [0, 10, 0, 30];
/// `basic.deliver`.
const DELIVER: [u8; 4] = [0, 60, 0, 60];

/// The kind of an unfinished frame.
#[derive(Debug)]
enum Now {
    /// Its beginning, or all of a frame that is held; this many bytes of it were dropped.
    Held { dropped: usize },
    /// The remaining bytes of a frame that passes.
    Through(usize),
    /// This is not AMQP: everything passes, so that lapin reports it.
    Foreign,
}

/// The filter of one connection.
#[derive(Debug)]
pub(super) struct Filter {
    now: Now,
    held: Vec<u8>,
    /// The largest frame that lapin accepts, in bytes.
    frame_max: usize,
    /// What lapin has not read yet.
    ready: Vec<u8>,
    /// How much of it was read.
    read: usize,
    /// Bytes of bodies that arrived since the last call of `take_bodies`.
    bodies: usize,
}

impl Filter {
    /// For a connection that requests frames of at most `frame_max` bytes; 0 means unlimited.
    pub fn new(frame_max: u32) -> Self {
        Self {
            now: Now::Held { dropped: 0 },
            held: Vec::new(),
            frame_max: bound(frame_max),
            ready: Vec::new(),
            read: 0,
            bodies: 0,
        }
    }

    /// How many bytes of bodies have arrived, or are announced by a frame, since the last call.
    pub fn take_bodies(&mut self) -> usize {
        std::mem::take(&mut self.bodies)
    }

    /// Passes available bytes to lapin; `None` if there are none.
    pub fn read(&mut self, into: &mut [u8]) -> Option<usize> {
        let waiting = &self.ready[self.read..];
        if waiting.is_empty() {
            return None;
        }
        let count = waiting.len().min(into.len());
        into[..count].copy_from_slice(&waiting[..count]);
        self.read += count;
        if self.read == self.ready.len() {
            self.ready.clear();
            self.read = 0;
        }
        Some(count)
    }

    /// Takes bytes from the broker.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match &mut self.now {
                Now::Foreign => {
                    self.ready.extend_from_slice(bytes);
                    return;
                }
                Now::Through(left) => {
                    let (taken, rest) = bytes.split_at(bytes.len().min(*left));
                    self.ready.extend_from_slice(taken);
                    *left -= taken.len();
                    if *left == 0 {
                        self.now = Now::Held { dropped: 0 };
                    }
                    rest
                }
                Now::Held { dropped } => {
                    let dropped = *dropped;
                    self.hold(bytes, dropped)
                }
            };
        }
    }

    /// Holds a part of a frame; returns the remaining bytes.
    fn hold<'a>(&mut self, bytes: &'a [u8], dropped: usize) -> &'a [u8] {
        if self.held.len() < PREFIX {
            let (taken, rest) = bytes.split_at(bytes.len().min(PREFIX - self.held.len()));
            self.held.extend_from_slice(taken);
            self.begin();
            return rest;
        }
        let missing = self.whole().saturating_sub(self.held.len() + dropped);
        let (taken, rest) = bytes.split_at(bytes.len().min(missing));
        let kept = taken.len().min(HELD_MAX.saturating_sub(self.held.len()));
        self.held.extend_from_slice(&taken[..kept]);
        let dropped = dropped + taken.len() - kept;
        self.now = Now::Held { dropped };
        if taken.len() == missing {
            self.finish(dropped);
        }
        rest
    }

    /// Decides on a frame whose beginning is known.
    fn begin(&mut self) {
        let Some(kind) = self.held.first().copied() else {
            return;
        };
        if ![METHOD, CONTENT_HEADER, BODY, HEARTBEAT].contains(&kind) {
            self.ready.append(&mut self.held);
            self.now = Now::Foreign;
        } else if self.held.len() == PREFIX {
            let whole = self.whole();
            let held = kind == CONTENT_HEADER || (kind == METHOD && whole <= HELD_MAX);
            if !held {
                if kind == BODY {
                    self.bodies += whole - PREFIX - 1;
                }
                self.ready.append(&mut self.held);
                self.now = Now::Through(whole - PREFIX);
            }
        }
    }

    /// The size of the frame that is held, in bytes, with prefix and end.
    fn whole(&self) -> usize {
        let size = self.held.get(3..PREFIX).unwrap_or_default();
        let size = size
            .iter()
            .fold(0_usize, |size, byte| size << 8 | usize::from(*byte));
        PREFIX + size + 1
    }

    /// A frame is complete, except for what was dropped of it.
    fn finish(&mut self, dropped: usize) {
        let mut frame = std::mem::take(&mut self.held);
        self.now = Now::Held { dropped: 0 };
        let bytes = frame.len() + dropped - PREFIX - 1;
        let trouble = if frame[0] == METHOD {
            self.look_at(&mut frame);
            None
        } else if dropped > 0 || frame.len() > self.frame_max {
            Some(Trouble::Size)
        } else {
            scan(&frame[PREFIX..frame.len() - 1]).err()
        };
        let Some(trouble) = trouble else {
            self.ready.append(&mut frame);
            return;
        };
        tracing::debug!(%trouble, bytes, "the properties of a message are replaced");
        let known = match dropped {
            0 => &frame[PREFIX..frame.len() - 1],
            _ => &frame[PREFIX..],
        };
        let payload = replaced(known, bytes, self.frame_max, trouble);
        self.ready.extend_from_slice(&frame[..3]);
        self.ready.extend_from_slice(&length(&payload));
        self.ready.extend_from_slice(&payload);
        self.ready.push(FRAME_END);
    }

    /// Learns the frame size, and fixes names.
    fn look_at(&mut self, frame: &mut [u8]) {
        let payload = &mut frame[PREFIX..];
        let Some((method, arguments)) = payload.split_at_mut_checked(4) else {
            return;
        };
        if *method == TUNE {
            if let Some([a, b, c, d]) = arguments.get(2..6) {
                let theirs = bound(u32::from_be_bytes([*a, *b, *c, *d]));
                self.frame_max = self.frame_max.min(theirs);
            }
        } else if *method == DELIVER {
            mend_names(arguments);
        }
    }
}

fn bound(frame_max: u32) -> usize {
    match frame_max {
        0 => usize::MAX,
        bytes => bytes as usize,
    }
}

/// Makes the exchange and the routing key of a delivery, which its publisher chose, UTF-8; invalid
/// bytes become `?`.
fn mend_names(arguments: &mut [u8]) {
    // The consumer's tag; then the delivery's tag and the redelivered flag.
    let Some(tag) = arguments.first() else {
        return;
    };
    let mut at = 1 + usize::from(*tag) + 8 + 1;
    for _ in 0..2 {
        let Some(length) = arguments.get(at) else {
            return;
        };
        let end = at + 1 + usize::from(*length);
        let Some(name) = arguments.get_mut(at + 1..end) else {
            return;
        };
        if std::str::from_utf8(name).is_err() {
            name.iter_mut()
                .filter(|byte| !byte.is_ascii())
                .for_each(|byte| *byte = b'?');
        }
        at = end;
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
