//! The tokens of an expression, and the questions that rules ask about them: what is a bracket's partner, where does an
//! operand begin, which names are bound.

use super::scan::{Kind, Token, is_invisible, scan};
use std::collections::BTreeSet;
use std::ops::Range;

/// Words that are no names.
pub(super) const KEYWORDS: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "True",
    "False", "None",
];

/// The tokens of one expression.
pub(super) struct Line {
    pub(super) tokens: Vec<Token>,
    /// Names of comprehensions, lambdas and `:=`.
    bound: BTreeSet<String>,
}

impl Line {
    pub(super) fn new(text: &str) -> Self {
        Self::of(scan(text))
    }

    fn of(tokens: Vec<Token>) -> Self {
        let mut line = Self {
            tokens,
            bound: BTreeSet::new(),
        };
        line.bound = line.bound_names();
        line
    }

    fn bound_names(&self) -> BTreeSet<String> {
        let mut bound = BTreeSet::new();
        let mut until = None;
        for (at, token) in self.tokens.iter().enumerate() {
            match (&*token.text, until) {
                ("for", _) => until = Some("in"),
                ("lambda", _) => until = Some(":"),
                (text, Some(end)) if text == end => until = None,
                _ if token.kind == Kind::Word && (until.is_some() || self.is(at + 1, ":=")) => {
                    bound.insert(token.text.clone());
                }
                _ => {}
            }
        }
        bound
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let end = self.tokens.last();
        end.map_or(0, |token| token.offset + token.text.len())
    }

    pub(super) fn has_open_text(&self) -> bool {
        self.tokens.iter().any(|token| token.kind == Kind::Unclosed)
    }

    /// The token's text; none beyond the ends.
    pub(super) fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    pub(super) fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |at| self.text(at))
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// Whether the token here is this word or symbol, and no text literal.
    pub(super) fn is(&self, at: usize, wanted: &str) -> bool {
        self.text(at) == wanted
    }

    pub(super) fn is_bound(&self, name: &str) -> bool {
        self.bound.contains(name)
    }

    /// Whether the token here touches the one before it.
    pub(super) fn is_joined(&self, at: usize) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.gap.is_empty())
    }

    /// The source of a range of tokens, without the gap before the first.
    pub(super) fn source(&self, range: Range<usize>) -> String {
        let mut source = String::new();
        for token in self.tokens.get(range).unwrap_or_default() {
            if !source.is_empty() {
                source += &token.gap;
            }
            source += &token.text;
        }
        source
    }

    /// All of it, with plain spaces for what only looks like one.
    pub(super) fn joined(&self) -> String {
        let plain = |found: char| match found {
            '\n' | '\t' | ' ' => Some(found),
            other if is_invisible(other) => None,
            other if other.is_whitespace() => Some(' '),
            other => Some(other),
        };
        let mut joined = String::new();
        for token in &self.tokens {
            joined.extend(token.gap.chars().filter_map(plain));
            joined += &token.text;
        }
        joined.trim().to_owned()
    }

    /// Puts `text` for a range of tokens; what comes of it has the offset of the first.
    pub(super) fn replace(&mut self, range: Range<usize>, text: &str) {
        let gap = self.tokens.get(range.start).map(|token| token.gap.clone());
        let offset = self.tokens.get(range.start).map_or(0, |token| token.offset);
        let mut fresh = scan(text);
        for (place, token) in fresh.iter_mut().enumerate() {
            token.offset = offset;
            if place == 0 {
                token.gap = gap.clone().unwrap_or_default();
            }
        }
        let end = range.end.min(self.tokens.len());
        if text.ends_with(' ')
            && let Some(next) = self.tokens.get_mut(end)
            && next.gap.is_empty()
        {
            next.gap.push(' ');
        }
        self.tokens.splice(range.start.min(end)..end, fresh);
        *self = Self::of(std::mem::take(&mut self.tokens));
    }

    /// Whether a value may end with the token here.
    pub(super) fn ends_operand(&self, at: usize) -> bool {
        match self.kind(at) {
            Some(Kind::Word) => {
                let text = self.text(at);
                !KEYWORDS.contains(&text) || ["True", "False", "None"].contains(&text)
            }
            Some(Kind::Symbol) => matches!(self.text(at), ")" | "]" | "}"),
            Some(Kind::Number | Kind::Text | Kind::Typographic | Kind::Unclosed) => true,
            None => false,
        }
    }

    /// Whether a value may begin with the token here.
    pub(super) fn begins_operand(&self, at: usize) -> bool {
        match self.kind(at) {
            Some(Kind::Word) => {
                let text = self.text(at);
                !KEYWORDS.contains(&text) || ["True", "False", "None", "not"].contains(&text)
            }
            Some(Kind::Symbol) => matches!(self.text(at), "(" | "[" | "{" | "-" | "!" | "$"),
            Some(Kind::Number | Kind::Text | Kind::Typographic | Kind::Unclosed) => true,
            None => false,
        }
    }

    /// The partner of an opening bracket.
    pub(super) fn closer(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in open..self.len() {
            match self.text(at) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The partner of a closing bracket.
    pub(super) fn opener(&self, close: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in (0..=close).rev() {
            match self.text(at) {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The opening bracket that the token here is directly in.
    pub(super) fn bracket_around(&self, at: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for place in (0..at).rev() {
            match self.text(place) {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" if depth == 0 => return Some(place),
                "(" | "[" | "{" => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// Where the name, literal, call, index or bracket begins that ends with the token here.
    pub(super) fn primary_start(&self, last: usize) -> Option<usize> {
        let mut at = last;
        loop {
            if matches!(self.text(at), ")" | "]" | "}") {
                at = self.opener(at)?;
            }
            let is_trailer = matches!(self.text(at), "(" | "[")
                && at > 0
                && self.ends_operand(at - 1)
                && self.kind(at - 1) != Some(Kind::Number);
            if is_trailer {
                at -= 1;
            } else if at >= 2 && self.is(at - 1, ".") {
                at -= 2;
            } else {
                return self.ends_operand(last).then_some(at);
            }
        }
    }

    /// The token behind the name, literal, call, index or bracket that begins here.
    pub(super) fn primary_end(&self, first: usize) -> Option<usize> {
        let mut at = first + usize::from(self.is(first, "-"));
        at = match self.text(at) {
            "(" | "[" | "{" => self.closer(at)? + 1,
            _ if self.ends_operand(at) => at + 1,
            _ => return None,
        };
        loop {
            at = match self.text(at) {
                "(" | "[" => self.closer(at)? + 1,
                "." if self.kind(at + 1) == Some(Kind::Word) => at + 2,
                _ => return Some(at),
            };
        }
    }

    /// The arguments between an opening bracket and its partner.
    pub(super) fn arguments(&self, open: usize) -> Option<Vec<Range<usize>>> {
        let close = self.closer(open)?;
        let mut arguments = Vec::new();
        let mut start = open + 1;
        let mut at = start;
        while at < close {
            match self.text(at) {
                "(" | "[" | "{" => at = self.closer(at)?,
                "," => {
                    arguments.push(start..at);
                    start = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        if start < close {
            arguments.push(start..close);
        }
        Some(arguments)
    }

    /// The source of a range, in brackets if operators in it would bind weaker than what is put around it.
    pub(super) fn operand(&self, range: Range<usize>) -> String {
        let source = self.source(range.clone());
        match self.primary_end(range.start) {
            Some(end) if end >= range.end => source,
            _ => format!("({source})"),
        }
    }
}
