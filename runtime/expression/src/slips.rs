//! What somebody meant who wrote something else: words for the mistakes that users of other languages make.
//!
//! This is asked only about texts that were refused. Rules look at tokens, from left to right, and each says what is
//! written how here; most know the edit too. When the text with all edits is an expression, it is the suggestion: nothing is
//! suggested that does not compile. Where no rule fits, `syntax` finds the bracket, quote or operand that is missing.

mod calls;
mod dates;
mod line;
mod literals;
mod names;
mod operators;
mod scan;
mod statements;
mod symbols;
mod syntax;
mod tables;

use crate::limits::TOKENS_MAX;
use crate::{Refusal, parse};
use line::Line;
use std::ops::Range;

/// How many edits lead to a suggestion at most.
const EDITS_MAX: usize = 12;

/// The longest suggestion, and the longest text that one is looked for, in bytes: more is no help to read.
const SUGGESTION_BYTES_MAX: usize = 300;

/// A rule about what begins at a token.
type Rule = fn(&Line, usize) -> Option<Slip>;

/// All rules, those that know more before those that know less.
const RULES: &[&[Rule]] = &[
    literals::RULES,
    symbols::RULES,
    operators::RULES,
    dates::RULES,
    names::RULES,
    calls::RULES,
    names::LAST,
];

/// A mistake: what to say, and the edits that repair it, of which there may be none.
struct Slip {
    words: String,
    edits: Vec<(Range<usize>, String)>,
    /// White space is to be made plain.
    respace: bool,
    /// How far before its token the mistake is, in bytes.
    offset_in_gap: Option<usize>,
}

impl Slip {
    /// Words for what no edit repairs.
    fn told(words: &str) -> Self {
        Self {
            words: words.to_owned(),
            edits: Vec::new(),
            respace: false,
            offset_in_gap: None,
        }
    }

    fn edit(words: String, range: Range<usize>, text: &str) -> Self {
        Self {
            edits: vec![(range, text.to_owned())],
            ..Self::told(&words)
        }
    }
}

/// The refusal of a text in the words of somebody who sees what was meant.
pub(crate) fn explain(source: &str, refusal: Refusal, stage: Stage) -> Refusal {
    if stage == Stage::Limit {
        return refusal;
    }
    if let Some(meant) = &refusal.suggestion {
        let suggestion = parse::plain(meant).is_ok().then(|| meant.clone());
        return Refusal {
            suggestion,
            ..refusal
        };
    }
    let mut line = Line::new(source);
    if let Some((open, close, inner)) = statements::unwrapped(source) {
        let words =
            format!("`{open} {close}` belongs to a template; a condition is the expression alone");
        let suggestion = repaired(&mut Line::new(inner)).1;
        let at = source.len() - source.trim_start().len();
        return told(source, at, words, suggestion);
    }
    if line.len() > TOKENS_MAX || line.len() == 0 {
        return refusal;
    }
    let fallback = refusal.offset_in(source);
    if stage == Stage::Syntax && line.has_open_text() {
        let (offset, words) = syntax::explain(&line, fallback, &refusal.reason);
        return told(source, offset, words, None);
    }
    let rest = source.get(line.bytes()..).unwrap_or_default();
    let odd = rest
        .char_indices()
        .find(|(_, found)| literals::is_odd(*found));
    if let Some((at, odd)) = odd.filter(|_| !rest.contains('#')) {
        let offset = line.bytes() + at;
        let suggestion = repaired(&mut line).1;
        return told(source, offset, literals::odd_words(odd), suggestion);
    }
    match repaired(&mut line) {
        (Some((offset, words)), suggestion) => told(source, offset, words, suggestion),
        (None, _) if stage == Stage::Syntax => {
            let (offset, words) = syntax::explain(&line, fallback, &refusal.reason);
            told(source, offset, words, None)
        }
        (None, _) => refusal,
    }
}

/// Who refused the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The parser.
    Syntax,
    /// The check of what was parsed.
    Check,
    /// A limit on the text.
    Limit,
}

/// The first mistake, and the text without any of them if that is an expression.
fn repaired(line: &mut Line) -> (Option<(usize, String)>, Option<String>) {
    let mut first = None;
    let mut respaced = false;
    let bytes = line.bytes();
    for _ in 0..EDITS_MAX {
        let Some((at, slip)) = slip(line, respaced) else {
            break;
        };
        respaced |= slip.respace;
        let offset = line.tokens.get(at).map_or(0, |token| token.offset);
        let offset = offset.saturating_sub(slip.offset_in_gap.unwrap_or(0));
        first.get_or_insert((offset, slip.words));
        let hopeless = slip.edits.is_empty() && !slip.respace;
        if hopeless || bytes > SUGGESTION_BYTES_MAX {
            return (first, None);
        }
        for (range, text) in slip.edits {
            line.replace(range, &text);
        }
    }
    let text = line.joined();
    if text.len() > SUGGESTION_BYTES_MAX || parse::plain(&text).is_err() {
        return (first, None);
    }
    // What compiles may still be a tuple or a list, which was not meant either.
    let review = crate::doubts::review(&text).unwrap_or_default();
    let better = review.doubts.into_iter().find_map(|doubt| doubt.suggestion);
    (first, better.or(Some(text)))
}

/// The leftmost mistake and its token.
fn slip(line: &Line, respaced: bool) -> Option<(usize, Slip)> {
    if let Some(slip) = statements::leading(line) {
        return Some((0, slip));
    }
    (0..line.len()).find_map(|at| {
        let mut rules = RULES.iter().copied().flatten();
        let slip = rules.find_map(|rule| rule(line, at).filter(|slip| !(respaced && slip.respace)));
        Some((at, slip?))
    })
}

fn told(source: &str, offset: usize, reason: String, suggestion: Option<String>) -> Refusal {
    let before = source.get(..offset).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Refusal {
        reason,
        line: u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX),
        column: u32::try_from(before[line_start..].chars().count() + 1).unwrap_or(u32::MAX),
        suggestion,
    }
}
