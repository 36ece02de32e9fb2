//! The words of the documents: phrases that a native reader stumbles over, with what to write instead.
//!
//! A phrase is found over line breaks, never across punctuation, and only as whole words.

use crate::files::{files_below, none, read};

/// Phrases, separated by `|`, and what to write instead.
const PHRASES: [(&str, &str); 36] = [
    ("stands in|stand in|standing in|stood in", "is in"),
    ("stands beside|stand beside", "is next to"),
    ("stands under|stand under", "is under"),
    (
        "stands there|stands here|stand there|stand here|may stand|must stand|has to stand",
        "is allowed here, is expected here",
    ),
    ("goes on|go on|went on|going on where", "continues, resumes"),
    ("dear|dearer", "expensive, costly"),
    ("whoever|whosoever", "anyone who"),
    (
        "whatever else|whatever is wrong",
        "anything else, every mistake",
    ),
    ("comes upon|come upon|came upon", "finds"),
    ("anew", "again"),
    ("for ever", "forever, without end"),
    ("it is no|that is no|which is no|they are no", "it is not a"),
    (
        "that there is not|that there are not",
        "that does not exist",
    ),
    ("mend|mends|mended|mending", "fix, repair"),
    ("tells of|tell of|told of", "describes, names"),
    ("as ever", "as usual"),
    ("ever more rarely", "less and less often"),
    ("of one's own", "its own"),
    ("is to be had|to be had", "is available"),
    ("for want of", "because there is no"),
    ("a line each|a row each", "one per line, one per row"),
    ("what there is|as is right", "what exists, as expected"),
    ("inside of", "inside"),
    ("can't be made|cannot be made", "cannot create"),
    (
        "can't be asked|can't be entered",
        "cannot reach, cannot open",
    ),
    ("be let go", "cannot close, cannot detach"),
    ("all the same", "anyway, still"),
    ("speaks against|speak against", "forbids, prevents"),
    (
        "not known here|not read here",
        "unknown, is not supported here",
    ),
    ("put right", "repaired"),
    ("fit the question", "unexpected answer"),
    (
        "object a line|a sentence each",
        "one object per line, one sentence per item",
    ),
    ("whatever crashes", "even after a crash"),
    ("is there twice|are there twice", "is given twice"),
    ("a good beginning", "a good start"),
    ("for so long|in vain", "for that long, without success"),
];

/// The folders of Rust sources whose comments and strings were rewritten so far.
const REWRITTEN: [&str; 2] = ["runtime/", "tests/"];

/// What the sources of guests end in.
const GUEST_SOURCES: [&str; 12] = [
    ".c", ".h", ".cpp", ".hpp", ".go", ".js", ".py", ".rs", ".ts", ".wat", ".wit", ".zig",
];

/// Whether the rule reads a file: Markdown, scripts, examples, and rewritten sources.
fn is_read(file: &str) -> bool {
    let folder = |folder: &str| file.starts_with(folder);
    let ends = |ending: &str| file.ends_with(ending);
    let is_document = ends(".md") || file == "docs/policy.toml" || file == "justfile";
    let is_script = folder("scripts/") && !ends(".pyc") || file == "guest-sdk/build";
    let is_guest = folder("guest-sdk/") && GUEST_SOURCES.iter().any(|ending| ends(ending));
    let is_example = folder("definitions/") && !folder("definitions/invalid/") && ends(".xml");
    // This file names the phrases.
    let is_here = file == "tests/tests/repository/words.rs";
    let is_source =
        ends(".rs") && !is_here && REWRITTEN.iter().any(|begin| file.starts_with(begin));
    is_document || is_script || is_guest || is_example || is_source
}

/// A word with its line; punctuation is a word that no phrase has.
struct Word<'a> {
    line: usize,
    text: &'a str,
}

/// The words of a text, without the marks that begin the lines of a comment.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line
            .trim_start()
            .trim_start_matches(['/', '!', '#', '*', '>']);
        let is_inside = |c: char| c.is_alphanumeric() || c == '_' || c == '\'';
        for part in line.split_whitespace() {
            let pieces = part.split_inclusive(|c| !is_inside(c));
            for piece in pieces {
                let word = piece.trim_end_matches(|c| !is_inside(c));
                let texts = [word, &piece[word.len()..]];
                words.extend(
                    texts
                        .into_iter()
                        .filter(|text| !text.is_empty())
                        .map(|text| Word {
                            line: number + 1,
                            text,
                        }),
                );
            }
        }
    }
    words
}

/// The lines of a text on which a phrase begins. "It is no longer", "stands in for" and "must stand by"
/// are fine.
fn lines_with(words: &[Word<'_>], phrase: &str) -> Vec<usize> {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    let is_found = |at: usize| {
        let mut pairs = words[at..].iter().zip(&phrase);
        let next = words.get(at + phrase.len()).map_or("", |word| word.text);
        words.len() - at >= phrase.len()
            && pairs.all(|(found, wanted)| found.text.eq_ignore_ascii_case(wanted))
            && !["longer", "more", "for", "by"].contains(&next)
    };
    let places = (0..words.len()).filter(|at| is_found(*at));
    places.map(|at| words[at].line).collect()
}

#[test]
fn documents_are_in_plain_english() {
    let mut problems = Vec::new();
    for file in files_below("").iter().filter(|file| is_read(file)) {
        let text = read(file);
        let words = words(&text);
        for (phrases, instead) in PHRASES {
            for phrase in phrases.split('|') {
                problems.extend(
                    lines_with(&words, phrase)
                        .iter()
                        .map(|line| format!("{file}:{line}: \"{phrase}\": write {instead}")),
                );
            }
        }
    }
    none(&problems);
}

#[test]
fn a_phrase_is_found_over_lines_but_not_over_punctuation() {
    let text =
        "// It stands\n// in the way. It is not anew.\nfn anew_again() { stands(); }\nStands. In";
    let words = words(text);
    assert_eq!(lines_with(&words, "stands in"), [1]);
    assert_eq!(lines_with(&words, "anew"), [2]);
    assert!(lines_with(&self::words("it is no longer"), "it is no").is_empty());
}
