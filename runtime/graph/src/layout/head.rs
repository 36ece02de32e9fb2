//! The head of a box: the texts that say what it is.

use crate::{
    Marks,
    drawing::{Style, Text},
    node::{Body, Change, Node, Tone},
    text::{Face, Font, measure, shortened, wrap},
};

/// Between a leaf and its texts, at its sides. The left one has room for the coloured line.
pub(super) const LEAF_PADDING: i32 = 14;
/// The same above and below.
pub(super) const LEAF_TOP: i32 = 9;

/// The widest text, unless what is below the head is wider.
const TEXT: i32 = 240;
/// The widest in any case: longer lines are hard to read.
const WIDE: i32 = 560;
/// The widest id or path.
const TAG: i32 = 150;
/// The least between the element's name and its id.
const BETWEEN: i32 = 16;
/// The narrowest box.
const LEAST: i32 = 92;
/// The most notes about what is different.
const NOTES_MAX: usize = 4;

impl Style {
    pub(crate) const fn font(self) -> Font {
        let (face, size) = match self {
            Self::Word => (Face::Bold, 10),
            Self::Tag => (Face::Mono, 9),
            Self::Title => (Face::Bold, 13),
            Self::Subject => (Face::Regular, 12),
            Self::Detail | Self::Label => (Face::Regular, 11),
            Self::Code => (Face::Mono, 11),
            Self::Note => (Face::Bold, 11),
        };
        Font { face, size }
    }

    /// From one base line to the next.
    const fn leading(self) -> i32 {
        match self {
            Self::Word | Self::Tag => 14,
            Self::Title => 18,
            Self::Subject => 17,
            Self::Detail | Self::Label | Self::Code | Self::Note => 16,
        }
    }

    /// The most lines.
    const fn lines_max(self) -> usize {
        match self {
            Self::Word | Self::Tag | Self::Label => 1,
            Self::Title | Self::Note => 2,
            Self::Subject => 3,
            Self::Detail => 3,
            Self::Code => 4,
        }
    }
}

/// A text of a style, whose left end is at 0.
pub(super) fn text(text: String, style: Style, y: i32) -> Text {
    let font = style.font();
    let measured = measure(&text, font);
    Text {
        x: 0,
        y,
        width: measured.width,
        text,
        style,
        font,
        is_bound: !measured.is_sure,
    }
}

pub(super) struct Head {
    pub(super) texts: Vec<Text>,
    pub(super) width: i32,
    /// How wide a line may be.
    room: i32,
    pub(super) height: i32,
    pub(super) title: String,
    pub(super) description: String,
}

impl Head {
    /// Above contents of such a width.
    pub(super) fn of(node: &Node, marks: &Marks, contents: i32) -> Self {
        let mut head = Self {
            texts: Vec::new(),
            width: LEAST,
            room: contents.clamp(TEXT, WIDE),
            height: 0,
            title: title(node),
            description: String::new(),
        };
        head.first_line(node);
        let shown = node.title.as_ref().or(node.subject.as_ref());
        if let Some(shown) = shown {
            head.add(shown, Style::Title);
        }
        if let (Some(_), Some(subject)) = (&node.title, &node.subject) {
            head.add(subject, Style::Subject);
        }
        for line in &node.lines {
            let style = match line.tone {
                Tone::Detail => Style::Detail,
                Tone::Code => Style::Code,
            };
            head.add(&line.text, style);
        }
        if node.hidden > 0 {
            head.add(&hidden(node), Style::Detail);
        }
        let notes = notes(node, marks);
        let most = match notes.len() > NOTES_MAX {
            true => NOTES_MAX - 1,
            false => NOTES_MAX,
        };
        for note in notes.iter().take(most) {
            head.add(note, Style::Note);
        }
        if let Some(more) = notes.len().checked_sub(most).filter(|more| *more > 0) {
            head.add(&format!("± and {more} more"), Style::Note);
        }
        head.description = described(node, &notes);
        head
    }

    /// The element's name, and its id or path at the other end.
    fn first_line(&mut self, node: &Node) {
        let word = text(node.word.to_owned(), Style::Word, 10);
        let name = node.id.clone().unwrap_or_else(|| node.path.to_string());
        // Another activity of the newer version may have this path.
        let before = match node.change {
            Change::Removed => "was ",
            Change::None | Change::Added | Change::Changed(_) => "",
        };
        let name = format!("{before}{}", crate::text::clean(&name));
        let tag = shortened(&name, Style::Tag.font(), TAG);
        let tag = text(tag, Style::Tag, 10);
        self.width = self.width.max(word.width + BETWEEN + tag.width);
        self.height = Style::Word.leading();
        self.texts.push(word);
        if !tag.text.is_empty() {
            self.texts.push(tag);
        }
    }

    fn add(&mut self, written: &str, style: Style) {
        for line in wrap(written, style.font(), self.room, style.lines_max()) {
            self.height += style.leading();
            let line = text(line, style, self.height - 4);
            self.width = self.width.max(line.width);
            self.texts.push(line);
        }
    }

    /// Moves the texts into a box of such a width.
    pub(super) fn settle(&mut self, width: i32, x: i32, y: i32) {
        for text in &mut self.texts {
            text.x = match text.style {
                Style::Tag => width - x - text.width,
                Style::Word
                | Style::Title
                | Style::Subject
                | Style::Detail
                | Style::Code
                | Style::Note
                | Style::Label => x,
            };
            text.y += y;
        }
    }
}

fn hidden(node: &Node) -> String {
    let what = match node.hidden {
        1 => "activity is",
        _ => "activities are",
    };
    let more = match node.children.is_empty() {
        true => "",
        false => " more",
    };
    format!("{}{more} {what} not drawn", node.hidden)
}

/// What it is, in one line.
fn title(node: &Node) -> String {
    let mut title = node.word.to_owned();
    for part in [&node.subject, &node.title].into_iter().flatten() {
        title.push(' ');
        title.push_str(part);
    }
    title
}

/// Everything that is said about it, in full.
fn described(node: &Node, notes: &[String]) -> String {
    let mut parts = vec![format!("Line {}", node.line)];
    if !node.path.0.is_empty() {
        parts.push(format!("activity {}", node.path));
    }
    parts.extend(node.id.as_ref().map(|id| format!("id {id}")));
    parts.extend(node.lines.iter().map(|line| line.text.clone()));
    if node.hidden > 0 {
        parts.push(hidden(node));
    }
    parts.extend(notes.iter().cloned());
    parts.join("; ")
}

fn notes(node: &Node, marks: &Marks) -> Vec<String> {
    let mut notes = match &node.change {
        Change::None => Vec::new(),
        Change::Added => vec!["+ added".to_owned()],
        Change::Removed => vec!["− removed".to_owned()],
        Change::Changed(what) => what.iter().map(|what| format!("± {what}")).collect(),
    };
    match marks.count(node) {
        0 => {}
        1 => notes.insert(0, "● here".to_owned()),
        count => notes.insert(0, format!("● {count} parts here")),
    }
    if marks.is_taken(node) && node.body == Body::Leaf && notes.is_empty() {
        notes.push("√ done".to_owned());
    }
    notes
}
