//! The page that `why` prints: paragraphs, and below them facts under a few headings; 80 columns at
//! most, so that it fits into any terminal and any ticket.

use crate::screen::{self, Output};
use bureaucrat_views::why::Step;

/// The widest page.
const COLUMNS: usize = 80;
/// The narrowest: what does not fit is wrapped by the terminal.
const COLUMNS_MIN: usize = 40;
/// Where the facts begin, behind the headings.
const INDENT: usize = 13;

pub struct Page {
    columns: usize,
    lines: Vec<String>,
}

impl Page {
    pub fn new() -> Self {
        let columns = Output::of_this_process().columns();
        Self::with(columns.clamp(COLUMNS_MIN, COLUMNS))
    }

    const fn with(columns: usize) -> Self {
        Self {
            columns,
            lines: Vec::new(),
        }
    }

    /// An empty line before the next part.
    pub fn part(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
    }

    pub fn paragraph(&mut self, sentences: &[String]) {
        let text = sentences.join(" ");
        for line in wrapped(&text, self.columns) {
            self.lines.push(line);
        }
    }

    /// Facts, each on lines of its own; the heading is before the first.
    pub fn facts(&mut self, heading: &str, facts: &[String]) {
        let mut shown = headed(heading);
        for fact in facts {
            let mut begin = "";
            for line in wrapped(fact, self.columns - INDENT - 2) {
                self.lines.push(format!("{shown}{begin}{line}"));
                // What continues a fact is set off from the next one.
                begin = "  ";
                shown = " ".repeat(INDENT);
            }
        }
    }

    /// What can be done. A command that does not fit behind its words has a line of its own, so that it
    /// can be copied as a whole.
    pub fn steps(&mut self, heading: &str, steps: &[Step]) {
        let mut shown = headed(heading);
        for step in steps {
            let command = step.command.as_deref().map(screen::clean);
            let words = match &command {
                Some(command) => format!("{}: {command}", step.words),
                None => step.words.clone(),
            };
            let fits = words.chars().count() <= self.columns - INDENT - 2;
            let (text, below) = match (command, fits) {
                (Some(command), false) => (format!("{}:", step.words), Some(command)),
                (Some(_) | None, _) => (words, None),
            };
            let mut begin = "";
            for line in wrapped(&text, self.columns - INDENT - 2) {
                self.lines.push(format!("{shown}{begin}{line}"));
                begin = "  ";
                shown = " ".repeat(INDENT);
            }
            self.lines
                .extend(below.map(|command| format!("{shown}  {command}")));
        }
    }

    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// A heading, and the space up to what it is for.
fn headed(heading: &str) -> String {
    let style = screen::heading();
    let space = INDENT.saturating_sub(heading.chars().count() + 2).max(1);
    format!("  {style}{heading}{style:#}{}", " ".repeat(space))
}

/// The text in lines of at most so many characters; a longer word has a line of its own.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for word in screen::clean(text).split_whitespace() {
        let size = word.chars().count();
        match lines.last_mut() {
            Some(line) if length + 1 + size <= columns => {
                line.push(' ');
                line.push_str(word);
                length += 1 + size;
            }
            Some(_) | None => {
                lines.push(word.to_owned());
                length = size;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_longer_than_the_page() {
        let mut page = Page::with(40);
        page.paragraph(&[
            "It waits for an answer.".into(),
            "Nobody works on it.".into(),
        ]);
        page.facts(
            "you can",
            &["start a worker that consumes `worker_ship`".into()],
        );
        page.facts("where", &["line 6".into(), "x".repeat(50)]);
        let step = |words: &str| Step {
            words: words.into(),
            command: Some("bureaucrat cancel 0c4b8a0e".into()),
        };
        page.steps("you can", &[step("end it")]);
        let plain = anstream::adapter::strip_str(&page.text()).to_string();
        let expected = format!(
            "It waits for an answer. Nobody works on\nit.\n  you can    start a worker that\n               \
             consumes `worker_ship`\n  where      line 6\n             {}\n  you can    end \
             it:\n               bureaucrat cancel 0c4b8a0e",
            "x".repeat(50)
        );
        assert_eq!(plain, expected);
    }

    #[test]
    fn a_command_is_behind_its_words_where_it_fits() {
        let mut page = Page::with(80);
        let step = Step {
            words: "end it".into(),
            command: Some("bureaucrat cancel 0c4b8a0e".into()),
        };
        page.steps("you can", &[step]);
        let plain = anstream::adapter::strip_str(&page.text()).to_string();
        assert_eq!(plain, "  you can    end it: bureaucrat cancel 0c4b8a0e");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(wrapped("a\u{1b}[2J\nb", 80), ["a\\u001b[2J b"]);
    }
}
