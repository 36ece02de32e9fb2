//! What people read on a terminal: its width, colours where it has them, ages, and texts that can't
//! steer it.
//!
//! Colours are for terminals alone, and `NO_COLOR` turns them off. In anything that comes from
//! outside, what a terminal obeys is escaped, as JSON does it.

use anstyle::{AnsiColor, Style};
use bureaucrat_host::query::State;
use bureaucrat_model::Timestamp;
pub use bureaucrat_views::text::{ago, clean, clean_lines, fit, is_harmless, seen, span};
use bureaucrat_views::text::{is_obeyed, push_escaped};
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

/// A document on standard output: as it is, but a terminal shows it and obeys nothing in it.
pub fn print_document(text: &str) -> anyhow::Result<()> {
    let text = shown_on(Output::of_this_process(), text);
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(of_pipe)
}

fn shown_on(output: Output, document: &str) -> Cow<'_, str> {
    match output {
        Output::Terminal { .. } => harmless(document),
        Output::Plain => Cow::Borrowed(document),
    }
}

/// Lines of a log, in which nothing but colours steers a terminal.
#[derive(Debug, Clone)]
pub struct Harmless<W>(pub W);

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(harmless(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn plain_texts_stay_as_they_are() {
        for plain in ["äöü 漢字", "مرحبا", "👩\u{200d}🚀"] {
            assert_eq!(harmless(plain), plain);
        }
    }

    #[test]
    fn a_document_is_the_same_in_a_file_and_harmless_on_a_terminal() {
        let document = "<a>\n\u{202e}x\x1b[2J\r\n</a>";
        assert_eq!(shown_on(Output::Plain, document), document);
        let shown = shown_on(Output::Terminal { columns: 80 }, document);
        assert_eq!(shown, "<a>\n\\u202ex\\u001b[2J\\u000d\n</a>");
    }

    #[test]
    fn a_log_steers_no_terminal() {
        let mut log = Harmless(Vec::new());
        log.write_all("\x1b[31mERROR\x1b[0m a\u{202e}b\n".as_bytes())
            .unwrap();
        assert_eq!(log.0, b"\x1b[31mERROR\x1b[0m a\\u202eb\n");
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
}
