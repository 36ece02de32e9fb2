//! Listens to what the broker sends, beside lapin: what it speaks, how far the handshake came, and
//! the words with which it closes the connection, all of which lapin may keep to itself.
//!
//! Pure: bytes in, findings out. It holds no more of a frame than [`HELD_MAX`].

/// The longest part of a method that is looked at: `connection.close` has 255 bytes of words.
const HELD_MAX: usize = 512;
/// How much of something that isn't AMQP is kept, to say what it is.
const FOREIGN_MAX: usize = 64;

const METHOD: u8 = 1;
const PREFIX: usize = 1 + 2 + 4;
const CONNECTION: u16 = 10;

/// How far the handshake came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing came.
    Silence,
    /// `connection.start`: the broker speaks AMQP 0-9-1 and waits for the user's name.
    Greeted,
    /// `connection.tune`: it took the user.
    LoggedIn,
    /// `connection.open-ok`: it took the virtual host.
    Open,
}

/// The words with which the broker closed the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub code: u16,
    pub words: String,
    pub stage: Stage,
}

/// What was heard that ends the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Closed(Said),
    /// The beginning of what something that isn't a broker of AMQP 0-9-1 sent.
    Foreign(Vec<u8>),
}

#[derive(Debug)]
pub(crate) struct Ear {
    stage: Stage,
    /// The frame that is coming, as far as it is kept.
    held: Vec<u8>,
    /// How many bytes of it are still to come, once its prefix is there.
    missing: usize,
    foreign: Option<Vec<u8>>,
}

impl Ear {
    pub const fn new() -> Self {
        Self {
            stage: Stage::Silence,
            held: Vec::new(),
            missing: 0,
            foreign: None,
        }
    }

    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Takes what came; returns what of it ends the connection.
    pub fn listen(&mut self, mut bytes: &[u8]) -> Option<Heard> {
        if let Some(foreign) = &mut self.foreign {
            let room = FOREIGN_MAX.saturating_sub(foreign.len());
            foreign.extend_from_slice(&bytes[..bytes.len().min(room)]);
            return Some(Heard::Foreign(foreign.clone()));
        }
        let mut heard = None;
        while !bytes.is_empty() {
            if self.missing > 0 {
                let (taken, rest) = bytes.split_at(bytes.len().min(self.missing));
                let room = HELD_MAX.saturating_sub(self.held.len());
                self.held.extend_from_slice(&taken[..taken.len().min(room)]);
                self.missing -= taken.len();
                bytes = rest;
                if self.missing == 0 {
                    heard = heard.or_else(|| self.frame());
                    self.held.clear();
                }
                continue;
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(PREFIX - self.held.len()));
            self.held.extend_from_slice(taken);
            if self.stage == Stage::Silence && self.held[0] != METHOD {
                let mut begun = std::mem::take(&mut self.held);
                let room = FOREIGN_MAX.saturating_sub(begun.len());
                begun.extend_from_slice(&rest[..rest.len().min(room)]);
                self.foreign = Some(begun.clone());
                return Some(Heard::Foreign(begun));
            }
            if let [_, _, _, size @ ..] = self.held.as_slice()
                && let Ok(size) = <[u8; 4]>::try_from(size)
            {
                // The byte that ends a frame counts too.
                self.missing = u32::from_be_bytes(size) as usize + 1;
            }
            bytes = rest;
        }
        heard
    }

    /// A whole frame, or its beginning.
    fn frame(&mut self) -> Option<Heard> {
        let frame = &self.held;
        if frame[0] != METHOD {
            return None;
        }
        let number = |at: usize| {
            let bytes = frame.get(PREFIX + at..PREFIX + at + 2)?;
            Some(u16::from_be_bytes([bytes[0], bytes[1]]))
        };
        if number(0)? != CONNECTION {
            return None;
        }
        match number(2)? {
            10 => self.stage = self.stage.max(Stage::Greeted),
            30 => self.stage = self.stage.max(Stage::LoggedIn),
            41 => self.stage = Stage::Open,
            50 => {
                let length = usize::from(*frame.get(PREFIX + 6)?);
                let words = frame.get(PREFIX + 7..PREFIX + 7 + length)?;
                let (code, stage) = (number(4)?, self.stage);
                let words = printable(words);
                return Some(Heard::Closed(Said { code, words, stage }));
            }
            _ => {}
        }
        None
    }
}

/// Words from elsewhere, fit for a terminal and a log.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars()
        .map(plain)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(method: u16, arguments: &[u8]) -> Vec<u8> {
        let payload = [&[0, 10], method.to_be_bytes().as_slice(), arguments].concat();
        let size = u32::try_from(payload.len()).unwrap_or_default();
        [&[1, 0, 0], size.to_be_bytes().as_slice(), &payload, &[0xce]].concat()
    }

    fn close(code: u16, words: &str) -> Vec<u8> {
        let length = u8::try_from(words.len()).unwrap_or_default();
        let text = [&[length], words.as_bytes(), &[0, 10, 0, 40]].concat();
        frame(50, &[code.to_be_bytes().as_slice(), &text].concat())
    }

    /// Feeds bytes in pieces of a size.
    fn heard(bytes: &[u8], size: usize) -> (Option<Heard>, Stage) {
        let mut ear = Ear::new();
        let mut last = None;
        for piece in bytes.chunks(size) {
            last = ear.listen(piece).or(last);
        }
        (last, ear.stage())
    }

    #[test]
    fn the_words_are_heard_however_the_bytes_come() {
        let start = frame(10, &[7; 3_000]);
        let tune = frame(30, &[0; 8]);
        let body = [&[3, 0, 1, 0, 0, 0, 5], b"hello".as_slice(), &[0xce]].concat();
        let forced = close(320, "CONNECTION_FORCED - bye\u{7}");
        let bytes = [start, tune, frame(41, &[0]), body, forced].concat();
        for size in [1, 2, 3, 7, 8, 100, bytes.len()] {
            let said = Said {
                code: 320,
                words: "CONNECTION_FORCED - bye".to_owned(),
                stage: Stage::Open,
            };
            let expected = (Some(Heard::Closed(said)), Stage::Open);
            assert_eq!(heard(&bytes, size), expected, "pieces of {size}");
        }
    }

    #[test]
    fn the_stage_is_that_of_the_moment() {
        let bytes = [frame(10, &[]), close(403, "ACCESS_REFUSED")].concat();
        let (said, stage) = heard(&bytes, 4);
        assert_eq!(stage, Stage::Greeted);
        assert!(matches!(
            said,
            Some(Heard::Closed(Said {
                code: 403,
                stage: Stage::Greeted,
                ..
            }))
        ));
    }

    #[test]
    fn what_is_no_amqp_is_kept_for_a_look() {
        let http = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        let (said, stage) = heard(http, 5);
        let Some(Heard::Foreign(bytes)) = said else {
            panic!("{said:?}");
        };
        assert!(bytes.starts_with(b"HTTP/1.1 400"), "{bytes:?}");
        assert_eq!(stage, Stage::Silence);
    }

    #[test]
    fn lengths_that_lie_do_no_harm() {
        for bytes in [
            vec![
                1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 10, 0, 50, 1, 64, 255, b'x',
            ],
            frame(50, &[1, 64, 200, b'x']),
            frame(50, &[]),
            vec![1, 0, 0, 0, 0, 0, 0, 0xce],
        ] {
            assert_eq!(heard(&bytes, 3).0, None, "{bytes:?}");
        }
    }
}
