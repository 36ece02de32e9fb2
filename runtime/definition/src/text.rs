//! Text that remembers where it came from.
//!
//! Because of entities, CDATA and line ends, the text of an element differs from its source; a
//! refused character of an expression must still be found on its line.

/// A text, and for each of its pieces the offset in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MappedText {
    text: String,
    /// Where pieces begin: the offset in the text, then the offset in the source; both ascend.
    pieces: Vec<(usize, usize)>,
}

impl MappedText {
    /// Appends a piece that is unchanged in the source, at `offset`.
    pub(crate) fn push(&mut self, piece: &str, offset: usize) {
        if !piece.is_empty() {
            self.pieces.push((self.text.len(), offset));
            self.text.push_str(piece);
        }
    }

    /// Appends a piece of XML text: line ends of two characters or of a carriage return become one line feed.
    pub(crate) fn push_lines(&mut self, piece: &str, offset: usize) {
        let mut done = 0;
        for (at, _) in piece.match_indices('\r') {
            self.push(&piece[done..at], offset + done);
            done = at + 1;
            if !piece[done..].starts_with('\n') {
                self.push("\n", offset + at);
            }
        }
        self.push(&piece[done..], offset + done);
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The offset in the source of an offset in this text.
    pub(crate) fn offset(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(start, _)| *start <= at);
        match piece
            .checked_sub(1)
            .and_then(|piece| self.pieces.get(piece))
        {
            Some((start, offset)) => offset + (at - start),
            None => 0,
        }
    }

    /// The offset in the source of the first character that is not white space, when there is one.
    pub(crate) fn first_visible(&self) -> Option<usize> {
        let at = self.text.find(|found: char| !is_white(found))?;
        Some(self.offset(at))
    }

    /// The text without white space around it.
    pub(crate) fn trimmed(&self) -> Self {
        let from = self.text.len() - self.text.trim_start().len();
        let to = self.text.trim_end().len().max(from);
        let mut trimmed = Self::default();
        for (place, (start, offset)) in self.pieces.iter().enumerate() {
            let end = self
                .pieces
                .get(place + 1)
                .map_or(self.text.len(), |next| next.0);
            let (low, high) = ((*start).max(from), end.min(to));
            if low < high {
                trimmed.push(&self.text[low..high], offset + (low - start));
            }
        }
        trimmed
    }

    /// The text with HTML's references of the forms `&name;` and `&#n;` resolved, as the original did once more after
    /// XML's own. Unknown ones stay as they are.
    pub(crate) fn html_unescaped(&self) -> Self {
        let mut unescaped = Self::default();
        let mut rest = 0;
        while let Some(found) = self.text[rest..].find('&') {
            let start = rest + found;
            let resolved = reference_end(&self.text[start..]).and_then(|length| {
                let reference = &self.text[start..start + length];
                let resolved = html_escape::decode_html_entities(reference);
                (resolved != reference).then(|| (start + length, resolved.into_owned()))
            });
            let end = match &resolved {
                Some((end, _)) => *end,
                None => start + 1,
            };
            let plain = if resolved.is_some() { start } else { end };
            self.copy(rest..plain, &mut unescaped);
            if let Some((_, character)) = resolved {
                unescaped.push(&character, self.offset(start));
            }
            rest = end;
        }
        self.copy(rest..self.text.len(), &mut unescaped);
        unescaped
    }

    /// Appends a range of this text to another, piece by piece.
    fn copy(&self, range: std::ops::Range<usize>, target: &mut Self) {
        let first = self
            .pieces
            .partition_point(|(start, _)| *start <= range.start);
        let mut at = range.start;
        for (start, _) in self.pieces.iter().skip(first) {
            let end = (*start).min(range.end);
            target.push(&self.text[at..end], self.offset(at));
            at = end;
            if at == range.end {
                return;
            }
        }
        target.push(&self.text[at..range.end], self.offset(at));
    }
}

/// The longest reference of HTML, `&CounterClockwiseContourIntegral;`, with room for numbers that have leading zeros.
const REFERENCE_MAX: usize = 40;

/// The length of the reference at the start of `text`, semicolon included, if it has the form of one.
fn reference_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let inside = bytes.get(1..)?.iter().take(REFERENCE_MAX);
    let length = inside
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#')
        .count();
    (length > 0 && bytes.get(length + 1) == Some(&b';')).then_some(length + 2)
}

/// White space as XML knows it.
pub(crate) const fn is_white(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped() -> MappedText {
        let mut text = MappedText::default();
        text.push_lines("  a\r\nb ", 10);
        text.push("<", 17);
        text.push_lines(" c&lt;&x;&d ", 21);
        text
    }

    #[test]
    fn offsets_lead_back_to_the_source() {
        let text = mapped();
        assert_eq!(text.as_str(), "  a\nb < c&lt;&x;&d ");
        assert_eq!(text.offset(2), 12);
        assert_eq!(text.offset(4), 15);
        assert_eq!(text.offset(6), 17);
        assert_eq!(text.offset(8), 22);
        assert_eq!(text.first_visible(), Some(12));
    }

    #[test]
    fn trimming_and_unescaping_keep_the_places() {
        let text = mapped().trimmed().html_unescaped();
        assert_eq!(text.as_str(), "a\nb < c<&x;&d");
        assert_eq!(text.offset(0), 12);
        assert_eq!(text.offset(4), 17);
        assert_eq!(text.offset(7), 23);
        assert_eq!(text.offset(8), 27);
    }

    #[test]
    fn white_space_alone_trims_to_nothing() {
        let mut text = MappedText::default();
        text.push("  \n ", 3);
        assert_eq!(text.trimmed(), MappedText::default());
        assert_eq!(text.first_visible(), None);
    }
}
