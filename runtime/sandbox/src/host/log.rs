//! What a guest leaves for people who look into an evaluation: the last words, bounded in bytes.

use bureaucrat_model::JsonText;
use std::collections::VecDeque;

/// The bytes that are kept of one evaluation, as JSON.
const BYTES_MAX: usize = 4_096;
/// What each text counts, in bytes, besides its JSON: empty ones are not free.
const EACH: usize = 16;
/// The bytes of a text: of a longer one, the beginning and the end are kept. As JSON, a text may take
/// six times as many.
const TEXT_BYTES_MAX: usize = 2_048;
/// The bytes of the last words that a fault's message gets.
const LAST_BYTES_MAX: usize = 1_024;
/// Where something was left out.
const LEFT_OUT: &str = " … ";

/// The texts that a guest wrote last, in their order; at most 4,096 bytes of JSON in all, of which each
/// text takes 16 besides its own. Of a text of more than 2,048 bytes, the beginning and the end are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    texts: VecDeque<String>,
    /// What they count.
    bytes: usize,
    /// How many were dropped.
    dropped: u64,
}

impl Log {
    pub(crate) fn write(&mut self, words: &[u8]) {
        let text = shortened(&String::from_utf8_lossy(words), TEXT_BYTES_MAX);
        let text = match bytes_of(&text) > BYTES_MAX {
            // Control characters take six bytes each.
            true => shortened(&text, BYTES_MAX / 8),
            false => text,
        };
        self.bytes += bytes_of(&text);
        self.texts.push_back(text);
        while self.bytes > BYTES_MAX
            && let Some(first) = self.texts.pop_front()
        {
            self.bytes -= bytes_of(&first);
            self.dropped += 1;
        }
    }

    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// How many earlier texts were dropped.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The data of a fault: a record whose `log` is the list of texts, and `log_dropped` how many earlier ones
    /// were dropped, if any were. None if there are none.
    pub fn to_data(&self) -> Option<JsonText> {
        if self.is_empty() {
            return None;
        }
        let texts: Vec<_> = self
            .texts()
            .map(|text| JsonText::text(text).as_str().to_owned())
            .collect();
        let texts = texts.join(", ");
        let data = match self.dropped {
            0 => format!(r#"{{"log": [{texts}]}}"#),
            dropped => format!(r#"{{"log": [{texts}], "log_dropped": {dropped}}}"#),
        };
        JsonText::parse(&data).ok()
    }

    /// A fault's message, which ends with the words that the guest left last, on one line.
    pub(crate) fn end(&self, message: &str) -> String {
        match self.texts.back() {
            Some(text) if !text.trim().is_empty() => {
                let words: Vec<_> = text.split_whitespace().collect();
                let words = shortened(&words.join(" "), LAST_BYTES_MAX);
                format!("{message}: {words}")
            }
            _ => message.to_owned(),
        }
    }
}

/// A text of at most so many bytes: of a longer one, the beginning and the end.
fn shortened(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let part = (bytes_max - LEFT_OUT.len()) / 2;
    let first = &text[..text.floor_char_boundary(part)];
    let last = &text[text.ceil_char_boundary(text.len() - part)..];
    format!("{first}{LEFT_OUT}{last}")
}

/// What a text counts.
fn bytes_of(text: &str) -> usize {
    JsonText::text(text).as_str().len() + EACH
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_stay() {
        let mut log = Log::default();
        assert_eq!(log.end("unreachable"), "unreachable");
        for number in 0..1_000 {
            log.write(format!("{number:04}").as_bytes());
        }
        let kept: Vec<_> = log.texts().collect();
        assert_eq!(kept.len(), BYTES_MAX / (6 + EACH));
        assert_eq!(kept.last(), Some(&"0999"));
        assert_eq!(log.dropped() + kept.len() as u64, 1_000);
        assert_eq!(log.end("unreachable"), "unreachable: 0999");
        assert_eq!(Log::default().to_data(), None);
        let mut log = Log::default();
        log.write(b"no \"rates\"\n");
        log.write(b"");
        assert_eq!(log.end("unreachable"), "unreachable");
        let data = log.to_data().unwrap();
        assert_eq!(data.as_str(), r#"{"log": ["no \"rates\"\n", ""]}"#);
    }

    #[test]
    fn long_and_empty_texts_are_bounded() {
        for part in ["\u{e4}", "\u{1}", "\"", "\u{1f600}", "a"] {
            let mut log = Log::default();
            log.write(format!("begins {} ends", part.repeat(1 << 20)).as_bytes());
            let kept: Vec<_> = log.texts().collect();
            assert_eq!(kept.len(), 1, "{part:?}");
            assert!(kept[0].starts_with("begins ") && kept[0].ends_with(" ends"));
            assert!(
                log.to_data().unwrap().as_str().len() <= BYTES_MAX,
                "{part:?}"
            );
            let end = log.end("x");
            assert!(end.len() <= "x: ".len() + LAST_BYTES_MAX);
            assert!(
                end.starts_with("x: begins ") && end.ends_with(" ends"),
                "{end}"
            );
        }
        let mut log = Log::default();
        for _ in 0..10_000 {
            log.write(b"");
        }
        assert_eq!(log.texts().count(), BYTES_MAX / (2 + EACH));
        assert_eq!(log.end("x"), "x");
        assert!(
            log.to_data()
                .unwrap()
                .as_str()
                .ends_with(r#""log_dropped": 9773}"#)
        );
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        let mut log = Log::default();
        log.write(b"no \xff rates\non two lines");
        assert!(log.texts().eq(["no \u{fffd} rates\non two lines"]));
        assert_eq!(log.end("x"), "x: no \u{fffd} rates on two lines");
    }
}
