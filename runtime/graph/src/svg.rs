//! A drawing as an SVG document.
//!
//! Everything that a definition's author wrote is escaped text or an escaped attribute. There is no script, no reference
//! to anything outside, and no `id`, so that several pictures can be on one page. Colours are CSS variables.

use crate::{
    drawing::{Course, Drawing, Edge, Figure, Rect, Style, Symbol, Text},
    node::Change,
    text::{Face, REPLACEMENT, is_steering},
};
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");
/// `Helvetica` and `Arial` are as wide as Liberation Sans, and DejaVu Sans is the widest: `text` measures these.
const SANS: &str =
    "\"Helvetica Neue\",Helvetica,Arial,\"Liberation Sans\",\"DejaVu Sans\",sans-serif";
const MONO: &str = "Menlo,Consolas,\"DejaVu Sans Mono\",\"Liberation Mono\",monospace";

/// The radius of a line's corners.
const CORNER: i32 = 7;

const STYLES: [(Style, &str); 8] = [
    (Style::Word, "text-word"),
    (Style::Tag, "text-tag"),
    (Style::Title, "text-title"),
    (Style::Subject, "text-subject"),
    (Style::Detail, "text-detail"),
    (Style::Code, "text-code"),
    (Style::Note, "text-note"),
    (Style::Label, "text-label"),
];

/// Writing to a string cannot fail, so the results of `write!` are dropped in this file.
pub(crate) fn document(drawing: &Drawing, link: Option<&str>) -> String {
    let style = format!("<style>\n{}</style>\n", stylesheet());
    written(drawing, link, &style)
}

pub(crate) fn inline(drawing: &Drawing, link: Option<&str>) -> String {
    written(drawing, link, "")
}

fn written(drawing: &Drawing, link: Option<&str>, style: &str) -> String {
    let mut writer = Writer {
        out: String::new(),
        link: link.filter(|link| crate::is_safe_link(link)),
    };
    let Drawing {
        width,
        height,
        title,
        description,
        root,
    } = drawing;
    let _ = write!(
        writer.out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"bureaucrat-graph\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"graphics-document\" aria-roledescription=\"diagram\">\n\
         <title>{}</title>\n<desc>{}</desc>\n{style}",
        escaped(title),
        escaped(description)
    );
    let _ = writeln!(
        writer.out,
        "<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>"
    );
    writer.figure(root);
    writer.out.push_str("</svg>\n");
    writer.out
}

/// The style, with the fonts that the texts were measured with.
pub(crate) fn stylesheet() -> String {
    let mut sheet = STYLE.to_owned();
    for (style, class) in STYLES {
        let font = style.font();
        let (weight, stack) = match font.face {
            Face::Regular => (400, SANS),
            Face::Bold => (600, SANS),
            Face::Mono => (400, MONO),
        };
        let size = font.size;
        let _ = writeln!(
            sheet,
            ".bureaucrat-graph .{class} {{ font: {weight} {size}px {stack}; }}"
        );
    }
    sheet
}

/// A text in XML, as content or in quotes. What XML cannot hold is replaced, and so is what would steer a terminal or a reader.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            steering if is_steering(steering) => escaped.push(REPLACEMENT),
            other => escaped.push(other),
        }
    }
    escaped
}

struct Writer<'a> {
    out: String,
    link: Option<&'a str>,
}

impl Writer<'_> {
    /// As deep as the definition.
    fn figure(&mut self, figure: &Figure) {
        let _ = write!(
            self.out,
            "<g class=\"{}\" role=\"group\" data-element=\"{}\" data-line=\"{}\"",
            classes(figure),
            figure.word,
            figure.line
        );
        // What was removed has a path in the older version only.
        let path = match figure.change {
            Change::Removed => "data-old-path",
            Change::None | Change::Added | Change::Changed(_) => "data-path",
        };
        let _ = write!(self.out, " {path}=\"{}\"", figure.path);
        if let Some(id) = &figure.id {
            let _ = write!(self.out, " data-id=\"{}\"", escaped(id));
        }
        if figure.hidden > 0 {
            let _ = write!(self.out, " data-hidden=\"{}\"", figure.hidden);
        }
        let _ = write!(
            self.out,
            ">\n<title>{}</title><desc>{}</desc>\n",
            escaped(&figure.title),
            escaped(&figure.description)
        );
        let link = self.link.filter(|_| figure.change != Change::Removed);
        if let Some(link) = link {
            let link = link
                .replace("{line}", &figure.line.to_string())
                .replace("{path}", &figure.path.to_string());
            let _ = write!(self.out, "<a href=\"{}\">", escaped(&link));
        }
        self.rect("box", figure.rect, if figure.is_leaf { 6 } else { 9 });
        if figure.is_leaf {
            let stripe = Rect {
                x: figure.rect.x + 5,
                y: figure.rect.y + 9,
                width: 3,
                height: figure.rect.height - 18,
            };
            self.rect("stripe", stripe, 1);
        }
        for text in &figure.texts {
            self.text(text);
        }
        if link.is_some() {
            self.out.push_str("</a>");
        }
        self.out.push('\n');
        self.course(figure);
        for child in &figure.children {
            self.figure(child);
        }
        self.out.push_str("</g>\n");
    }

    fn rect(&mut self, class: &str, rect: Rect, radius: i32) {
        let Rect {
            x,
            y,
            width,
            height,
        } = rect;
        let _ = write!(
            self.out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\"/>"
        );
    }

    fn text(&mut self, text: &Text) {
        let class = STYLES.iter().find(|(style, _)| *style == text.style);
        let class = class.map_or("", |(_, class)| class);
        let (x, y) = (text.x, text.y);
        let _ = write!(self.out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"");
        // Whatever font has these characters, and however wide they are in it.
        if text.is_bound {
            let width = text.width;
            let _ = write!(
                self.out,
                " textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" direction=\"ltr\" unicode-bidi=\"isolate\""
            );
        }
        let _ = write!(self.out, ">{}</text>", escaped(&text.text));
    }

    /// Edges and symbols, which say nothing that the order of the boxes does not.
    fn course(&mut self, figure: &Figure) {
        if figure.edges.is_empty() && figure.symbols.is_empty() {
            return;
        }
        self.out.push_str("<g aria-hidden=\"true\">");
        // What was taken is above what was not.
        let ends = |edge: &Edge| {
            let child = |at: Option<usize>| at.and_then(|at| figure.children.get(at));
            (child(edge.from), child(edge.to))
        };
        let is_taken = |edge: &Edge| {
            let (from, to) = ends(edge);
            // What a process is still in has not been left.
            let is_left = |figure: &Figure| figure.all().iter().all(|inner| !inner.here);
            edge.course != Course::Back
                && (from.is_some() || to.is_some())
                && from.is_none_or(|from| from.taken && is_left(from))
                && to.is_none_or(|to| to.taken)
        };
        let mut edges: Vec<&Edge> = figure.edges.iter().collect();
        edges.sort_by_key(|edge| is_taken(edge));
        for edge in edges {
            let (from, to) = ends(edge);
            let is_gone =
                |end: Option<&Figure>| end.is_some_and(|end| end.change == Change::Removed);
            let state = match (is_taken(edge), is_gone(from) || is_gone(to)) {
                (_, true) => " gone",
                (true, false) => " taken",
                (false, false) => "",
            };
            self.edge(edge, state);
        }
        for (symbol, rect) in &figure.symbols {
            self.symbol(*symbol, *rect);
        }
        self.out.push_str("</g>\n");
    }

    fn edge(&mut self, edge: &Edge, state: &str) {
        let mut points = edge.points.clone();
        points.dedup();
        let course = match edge.course {
            Course::Flow => "",
            Course::Back => " back",
            Course::Aside => " aside",
        };
        let tip = edge.has_arrow.then(|| arrow(&points)).flatten();
        // The line ends inside its arrow.
        if let (Some(arrow), Some(last)) = (&tip, points.last_mut()) {
            *last = arrow.base;
        }
        let _ = write!(
            self.out,
            "<path class=\"edge{course}{state}\" d=\"{}\"/>",
            rounded(&points)
        );
        if let Some(arrow) = tip {
            let _ = write!(
                self.out,
                "<path class=\"arrow{state}\" d=\"{}\"/>",
                arrow.outline
            );
        }
    }

    fn symbol(&mut self, symbol: Symbol, rect: Rect) {
        let (x, y) = (rect.x + rect.width / 2, rect.y + rect.height / 2);
        let radius = rect.width / 2;
        match symbol {
            Symbol::Bar => self.rect("symbol", rect, 2),
            Symbol::OpenBar => self.rect("symbol hollow", rect, 2),
            Symbol::Start => self.circle("symbol", (x, y), radius),
            Symbol::Joint => self.circle("symbol", (x, y), radius),
            Symbol::Anchor => self.circle("symbol hollow", (x, y), radius - 1),
            Symbol::End => {
                self.circle("symbol ring", (x, y), radius - 1);
                self.circle("symbol", (x, y), radius - 4);
            }
            Symbol::Choice => {
                let _ = write!(
                    self.out,
                    "<path class=\"symbol hollow\" d=\"M{} {y}L{x} {}L{} {y}L{x} {}Z\"/>",
                    rect.x,
                    rect.y,
                    rect.right(),
                    rect.bottom()
                );
            }
            Symbol::Waiting => {
                self.circle("symbol hollow", (x, y), radius - 1);
                self.circle("symbol ring", (x, y), radius - 5);
            }
        }
    }

    fn circle(&mut self, class: &str, (x, y): (i32, i32), radius: i32) {
        let _ = write!(
            self.out,
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>"
        );
    }
}

fn classes(figure: &Figure) -> String {
    let mut classes = figure.kind.name().to_owned();
    if figure.is_leaf {
        classes.push_str(" leaf");
    }
    classes.push_str(match &figure.change {
        Change::None => " same",
        Change::Added => " added",
        Change::Removed => " removed",
        Change::Changed(_) => " changed",
    });
    if figure.taken {
        classes.push_str(" taken");
    }
    if figure.here {
        classes.push_str(" here");
    }
    classes
}

struct Arrow {
    outline: String,
    base: (i32, i32),
}

/// An arrow at the end of a line whose last part is horizontal or vertical.
fn arrow(points: &[(i32, i32)]) -> Option<Arrow> {
    let [.., (from_x, from_y), (x, y)] = points else {
        return None;
    };
    let (right, down) = ((x - from_x).signum(), (y - from_y).signum());
    let (base_x, base_y) = (x - 7 * right, y - 7 * down);
    let outline = format!(
        "M{x} {y}L{} {}L{} {}Z",
        base_x - 4 * down,
        base_y + 4 * right,
        base_x + 4 * down,
        base_y - 4 * right
    );
    Some(Arrow {
        outline,
        base: (x - 4 * right, y - 4 * down),
    })
}

/// A line with rounded corners.
fn rounded(points: &[(i32, i32)]) -> String {
    let mut path = String::new();
    for (place, (x, y)) in points.iter().copied().enumerate() {
        let before = place.checked_sub(1).and_then(|before| points.get(before));
        let (Some(before), Some(after)) = (before, points.get(place + 1)) else {
            let _ = write!(path, "{}{x} {y}", if place == 0 { "M" } else { "L" });
            continue;
        };
        let away = |(to_x, to_y): (i32, i32)| {
            let length = (to_x - x).abs().max((to_y - y).abs());
            let part = CORNER.min(length / 2);
            (
                x + part * (to_x - x).signum(),
                y + part * (to_y - y).signum(),
            )
        };
        let (from, to) = (away(*before), away(*after));
        let _ = write!(path, "L{} {}Q{x} {y} {} {}", from.0, from.1, to.0, to.1);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_rounded_corners() {
        assert_eq!(rounded(&[(0, 0), (0, 20)]), "M0 0L0 20");
        assert_eq!(
            rounded(&[(0, 0), (0, 20), (30, 20)]),
            "M0 0L0 13Q0 20 7 20L30 20"
        );
        assert_eq!(rounded(&[(0, 0), (0, 4), (4, 4)]), "M0 0L0 2Q0 4 2 4L4 4");
    }

    #[test]
    fn nothing_leaves_its_text() {
        assert_eq!(
            escaped("</title><script>'\"&\u{1}\n"),
            "&lt;/title&gt;&lt;script&gt;&#39;&quot;&amp;\u{fffd} "
        );
    }
}
