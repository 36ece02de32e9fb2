//! What people read on a terminal: its width, colours where it has them, ages, and texts that can't
//! steer it.
//!
//! Colours are for terminals alone, and `NO_COLOR` turns them off. In anything that comes from
//! outside, what a terminal obeys is escaped, as JSON does it.

use anstyle::{AnsiColor, Style};
use bureaucrat_host::query::State;
use bureaucrat_model::{Millis, Timestamp};
use std::{
    borrow::Cow,
    fmt,
    io::{self, IsTerminal, Write},
    time::{SystemTime, UNIX_EPOCH},
};

/// The most columns that a table takes where nobody says how many there are.
const UNBOUNDED: usize = usize::MAX;

/// What standard output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A terminal with so many columns.
    Terminal { columns: usize },
    /// A file or a pipe: nothing is cut.
    Plain,
}

impl Output {
    pub fn of_this_process() -> Self {
        if !io::stdout().is_terminal() {
            return Self::Plain;
        }
        let columns = terminal_size::terminal_size().map_or(80, |(width, _)| width.0.into());
        Self::Terminal { columns }
    }

    pub const fn columns(self) -> usize {
        match self {
            Self::Terminal { columns } => columns,
            Self::Plain => UNBOUNDED,
        }
    }
}

/// The reader of standard output has left. A command ends without an error then.
#[derive(Debug)]
pub struct ReaderLeft;

impl fmt::Display for ReaderLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads standard output any more")
    }
}

impl std::error::Error for ReaderLeft {}

/// The same as an error of its own.
pub fn of_pipe(error: io::Error) -> anyhow::Error {
    match error.kind() == io::ErrorKind::BrokenPipe {
        true => ReaderLeft.into(),
        false => error.into(),
    }
}

/// A line on standard output, without its colours unless a terminal shows them. An error of the pipe
/// comes back as one. Whatever forgot to clean a text: nothing but colours steers the terminal.
pub fn print_line(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    let line = harmless(text);
    let mut write = || {
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    };
    write().map_err(of_pipe)
}

/// A word as a shell takes it.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:/@%+=".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// The time of this machine.
pub fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.unwrap_or_default().as_millis();
    Timestamp(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Lines for a person, on standard error.
pub fn tell(text: &str) {
    // If standard error is a file on a full disk, or closed, only the exit code can tell.
    let _ = writeln!(io::stderr(), "{}", clean_lines(text));
}

pub const fn style_of(state: State) -> Style {
    let color = match state {
        State::Running => AnsiColor::Cyan,
        State::Incident | State::Suspended => AnsiColor::Yellow,
        State::Completed => AnsiColor::Green,
        State::Failed => AnsiColor::Red,
    };
    color.on_default()
}

/// How headings and keys look.
pub const fn heading() -> Style {
    Style::new().bold()
}

/// A text of somebody else's on one line, without anything that a terminal obeys.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' | '\r' => cleaned.push(' '),
            other if is_obeyed(other) => push_escaped(&mut cleaned, other),
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// As [`clean`], line by line.
pub fn clean_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(clean).collect();
    lines.join("\n")
}

/// Whether a terminal would do something else than show it, or show what is around it differently:
/// control characters, those that turn the direction of writing, those that nobody sees.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A character of a line in which columns count: a space in place of what a terminal obeys.
pub fn seen(character: char) -> char {
    match is_obeyed(character) {
        true => ' ',
        false => character,
    }
}

/// As in JSON, so that a JSON text means the same afterwards.
fn push_escaped(text: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        *text += &format!("\\u{unit:04x}");
    }
}

/// Whether a terminal shows the text as it is.
pub fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| is_obeyed(c) && c != '\n')
}

/// The text with everything escaped that a terminal obeys, but for new lines, tabs and colours.
fn harmless(text: &str) -> Cow<'_, str> {
    if is_harmless(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\u{1b}' if is_colour(&text[at + 1..]) => shown.push(character),
            other if is_obeyed(other) => push_escaped(&mut shown, other),
            other => shown.push(other),
        }
    }
    Cow::Owned(shown)
}

/// Whether what follows an escape character is the rest of a colour.
fn is_colour(rest: &str) -> bool {
    let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
    let rest = rest.strip_prefix('[').unwrap_or_default().as_bytes();
    rest.iter().find(|byte| !is_number(byte)) == Some(&b'm')
}

/// A text of at most so many characters; one that is cut ends with an ellipsis.
pub fn fit(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept = text.chars().take(columns.saturating_sub(1));
    kept.chain(std::iter::once('…')).collect()
}

/// A span of time in the unit that people would use.
pub fn span(span: Millis) -> String {
    let seconds = span.0 / 1_000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, span.0 % 1_000 / 100),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A point in time, and how long ago it was.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{at} ({} ago)", span(now.since(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_and_obey_nothing() {
        assert_eq!(fit("order", 5), "order");
        assert_eq!(fit("orders", 5), "orde…");
        assert_eq!(clean("a\x1b[31mb\nc"), "a\\u001b[31mb c");
        assert_eq!(
            clean("a\u{202e}b\u{9b}\u{e0041}"),
            "a\\u202eb\\u009b\\udb40\\udc41"
        );
        assert_eq!(clean_lines("a\nb\rc"), "a\nb c");
        for plain in ["äöü 漢字", "مرحبا", "👩\u{200d}🚀"] {
            assert_eq!(clean(plain), plain);
            assert_eq!(harmless(plain), plain);
        }
    }

    #[test]
    fn colours_alone_get_through() {
        let colours = "\x1b[1;31mred\x1b[0m\n\tx";
        assert_eq!(harmless(colours), colours);
        assert_eq!(
            harmless("\x1b[2J\x1b]0;x\x07"),
            "\\u001b[2J\\u001b]0;x\\u0007"
        );
        assert_eq!(harmless("\x1b[31\x1b"), "\\u001b[31\\u001b");
        let json = serde_json::json!({"m": "a\u{202e}\u{7f}b\u{1b}"}).to_string();
        let shown = harmless(&json);
        assert_eq!(shown, r#"{"m":"a\u202e\u007fb\u001b"}"#);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).ok(),
            serde_json::from_str(&json).ok()
        );
    }

    #[test]
    fn spans_have_the_unit_that_people_use() {
        let of = |millis| span(Millis(millis));
        assert_eq!(of(3_240), "3.2 s");
        assert_eq!(of(59_000), "59 s");
        assert_eq!(of(7_199_000), "119 min");
        assert_eq!(of(7_200_000), "2 h");
        assert_eq!(of(9 * 86_400_000), "9 days");
    }
}
