//! What a guest leaves for people who look into an evaluation: the last words, bounded in bytes.

use bureaucrat_model::JsonText;
use std::collections::VecDeque;

/// The bytes that are kept of one evaluation.
const BYTES_MAX: usize = 4_096;
/// What each text counts, in bytes, besides its own length: empty ones are not free.
const EACH: usize = 16;
/// The bytes of the last words that a fault's message gets.
const LAST_BYTES_MAX: usize = 1_024;

/// The texts that a guest wrote last, in their order; at most 4,096 bytes in all, of which each text
/// takes 16 besides its own. Of a longer text, its beginning is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    texts: VecDeque<String>,
    /// What they count.
    bytes: usize,
    /// How many were dropped.
    dropped: u64,
}

impl Log {
    pub(crate) fn write(&mut self, mut text: String) {
        text.truncate(text.floor_char_boundary(BYTES_MAX - EACH));
        text.shrink_to_fit();
        self.bytes += text.len() + EACH;
        self.texts.push_back(text);
        while self.bytes > BYTES_MAX
            && let Some(first) = self.texts.pop_front()
        {
            self.bytes -= first.len() + EACH;
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

    /// The data of a fault: a record whose `log` is the list of texts. None if there are none.
    pub fn to_data(&self) -> Option<JsonText> {
        if self.is_empty() {
            return None;
        }
        let texts: Vec<_> = self
            .texts()
            .map(|text| JsonText::text(text).as_str().to_owned())
            .collect();
        JsonText::parse(&format!(r#"{{"log": [{}]}}"#, texts.join(", "))).ok()
    }

    /// A fault's message, which ends with the words that the guest left last.
    pub(crate) fn end(&self, message: &str) -> String {
        match self.texts.back() {
            Some(text) if !text.trim().is_empty() => {
                let words = text.trim();
                let words = &words[..words.floor_char_boundary(LAST_BYTES_MAX)];
                format!("{message}: {words}")
            }
            _ => message.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_stay() {
        let mut log = Log::default();
        assert_eq!(log.end("unreachable"), "unreachable");
        for number in 0..1_000 {
            log.write(format!("{number:04}"));
        }
        let kept: Vec<_> = log.texts().collect();
        assert_eq!(kept.len(), BYTES_MAX / (4 + EACH));
        assert_eq!(kept.last(), Some(&"0999"));
        assert_eq!(log.dropped() + kept.len() as u64, 1_000);
        assert_eq!(log.end("unreachable"), "unreachable: 0999");
        assert_eq!(Log::default().to_data(), None);
        let mut log = Log::default();
        log.write("no \"rates\"\n".to_owned());
        log.write(String::new());
        let data = log.to_data().unwrap();
        assert_eq!(data.as_str(), r#"{"log": ["no \"rates\"\n", ""]}"#);
    }

    #[test]
    fn long_and_empty_texts_are_bounded() {
        let mut log = Log::default();
        log.write("a".to_owned());
        log.write("\u{e4}".repeat(1 << 20));
        let kept: Vec<_> = log.texts().collect();
        assert_eq!(kept, ["\u{e4}".repeat((BYTES_MAX - EACH) / 2)]);
        assert_eq!(log.end("x").len(), "x: ".len() + LAST_BYTES_MAX);
        for _ in 0..10_000 {
            log.write(String::new());
        }
        assert_eq!(log.texts().count(), BYTES_MAX / EACH);
        assert_eq!(log.end("x"), "x");
    }
}
