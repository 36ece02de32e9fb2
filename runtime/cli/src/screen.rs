//! What people read on a terminal: its width, colours where it has them, ages, and texts that can't steer it.
//!
//! Colours are for terminals alone, and `NO_COLOR` turns them off. Anything that comes from a process is cleaned of control
//! characters first.

use anstyle::{AnsiColor, Style};
use bureaucrat_host::query::State;
use bureaucrat_model::{Millis, Timestamp};
use std::io::{self, IsTerminal, Write};

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

/// A line on standard output, without its colours unless a terminal shows them. An error of the pipe comes back as one.
pub fn print_line(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

pub const fn style_of(state: State) -> Style {
    let color = match state {
        State::Running => AnsiColor::Cyan,
        State::Incident => AnsiColor::Yellow,
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
    let shown = |character: char| match character {
        '\n' | '\t' | '\r' => ' ',
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(shown).collect()
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
        assert_eq!(clean("a\x1b[31mb\nc"), "a\u{fffd}[31mb c");
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
