//! A definition as a flow chart in Mermaid's language.
//!
//! Boxes become subgraphs, and the course the arrows between them. Mermaid allows no arrow from a subgraph to what is in
//! it, so what is beside the course of a scope is next to the scope.

use crate::{
    node::{Body, Change, Kind, Node},
    text::{Face, Font, clean, shortened},
};
use std::fmt::Write as _;

/// How wide a line of a label may become; that of a subgraph.
const WIDTH: i32 = 320;
const WIDE: i32 = 480;
const FONT: Font = Font {
    face: Face::Regular,
    size: 12,
};

/// Writing to a string cannot fail, so the results of `write!` are dropped in this file.
pub(crate) fn flowchart(root: &Node) -> String {
    let mut writer = Writer {
        out: "flowchart TD\n".to_owned(),
        next: 0,
        depth: 1,
        classes: Vec::new(),
        edges: Vec::new(),
    };
    writer.node(root);
    let edges = std::mem::take(&mut writer.edges);
    for edge in edges {
        writer.line(&edge);
    }
    for (class, style) in CLASSES {
        writer.line(&format!("classDef {class} {style}"));
    }
    let classes = std::mem::take(&mut writer.classes);
    for (name, class) in classes {
        writer.line(&format!("class {name} {class}"));
    }
    writer.out
}

const CLASSES: [(&str, &str); 3] = [
    ("added", "stroke:#18753a,stroke-width:3px"),
    (
        "removed",
        "stroke:#ae2a20,stroke-width:3px,stroke-dasharray:6 4",
    ),
    ("changed", "stroke:#8a5300,stroke-width:3px"),
];

struct Writer {
    out: String,
    next: usize,
    depth: usize,
    /// Boxes, and how they differ from the older version.
    classes: Vec<(String, &'static str)>,
    edges: Vec<String>,
}

impl Writer {
    fn line(&mut self, text: &str) {
        let indent = "  ".repeat(self.depth);
        let _ = writeln!(self.out, "{indent}{text}");
    }

    fn name(&mut self) -> String {
        let name = format!("n{}", self.next);
        self.next += 1;
        name
    }

    /// Writes a node with those in it; its name. As deep as the definition.
    fn node(&mut self, node: &Node) -> String {
        let name = self.name();
        match &node.change {
            Change::None => {}
            Change::Added => self.classes.push((name.clone(), "added")),
            Change::Removed => self.classes.push((name.clone(), "removed")),
            Change::Changed(_) => self.classes.push((name.clone(), "changed")),
        }
        let lines = label(node);
        if node.children.is_empty() {
            let label = joined(&lines, WIDTH, "<br/>");
            self.line(&match node.kind {
                Kind::Wait => format!("{name}([\"{label}\"])"),
                Kind::Process | Kind::Task | Kind::Flow | Kind::Data | Kind::Fault | Kind::End => {
                    format!("{name}[\"{label}\"]")
                }
            });
        } else {
            // Mermaid leaves room for one line.
            let label = joined(&[lines.join(" · ")], WIDE, "");
            self.line(&format!("subgraph {name}[\"{label}\"]"));
            self.depth += 1;
            self.line("direction TB");
            self.inside(node);
            self.depth -= 1;
            self.line("end");
        }
        for part in &node.attached {
            let part = self.node(part);
            self.edges.push(format!("{name} -.-> {part}"));
        }
        name
    }

    fn inside(&mut self, node: &Node) {
        let (begin, end) = match (node.body, node.kind) {
            (Body::Sequence | Body::Leaf, Kind::Process) => {
                (Some("((\" \"))"), Some("(((\" \")))"))
            }
            (Body::All | Body::Race, _) => (Some("@{ shape: fork }"), Some("@{ shape: join }")),
            (Body::Choice | Body::ChoiceOrNone, _) => (Some("{\" \"}"), Some("(( ))")),
            (Body::Sequence | Body::Leaf | Body::Loop, _) => (None, None),
        };
        let is_row = !matches!(node.body, Body::Sequence | Body::Leaf | Body::Loop);
        let begin = begin.map(|shape| self.shape(shape));
        let names: Vec<String> = node.children.iter().map(|child| self.node(child)).collect();
        let end = end.map(|shape| self.shape(shape));
        let mut edge = |from: &str, to: &str, label: &str| {
            self.edges.push(format!("{from} -->{label} {to}"));
        };
        if is_row {
            for name in &names {
                begin.iter().for_each(|begin| edge(begin, name, ""));
                end.iter().for_each(|end| edge(name, end, ""));
            }
            if let (Body::ChoiceOrNone, Some(begin), Some(end)) = (node.body, &begin, &end) {
                edge(begin, end, "|otherwise|");
            }
            return;
        }
        let course: Vec<&String> = begin.iter().chain(&names).chain(&end).collect();
        for pair in course.windows(2) {
            if let [from, to] = pair {
                edge(from, to, "");
            }
        }
        if let (Body::Loop, Some(first), Some(last)) = (node.body, names.first(), names.last()) {
            edge(last, first, "|again|");
        }
    }

    fn shape(&mut self, shape: &str) -> String {
        let name = self.name();
        self.line(&format!("{name}{shape}"));
        name
    }
}

fn joined(lines: &[String], width: i32, between: &str) -> String {
    let lines = lines.iter().take(12);
    let lines = lines.map(|line| escaped(&shortened(&clean(line), FONT, width)));
    lines.collect::<Vec<_>>().join(between)
}

fn label(node: &Node) -> Vec<String> {
    let mut lines = vec![match &node.subject {
        Some(subject) => format!("{} {subject}", node.word),
        None => node.word.to_owned(),
    }];
    if let Some(title) = &node.title {
        lines.insert(0, title.clone());
    }
    lines.extend(node.lines.iter().map(|line| line.text.clone()));
    if node.hidden > 0 {
        lines.push(format!("{} not drawn", node.hidden));
    }
    match &node.change {
        Change::None => {}
        Change::Added => lines.push("+ added".to_owned()),
        Change::Removed => lines.push("− removed".to_owned()),
        Change::Changed(what) => lines.extend(what.iter().take(4).map(|what| format!("± {what}"))),
    }
    lines
}

/// A text in a quoted label. What Mermaid, Markdown or HTML could read as more than text is a reference.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '#' | '&' | '<' | '>' | '`' | '%' | '{' | '}' | '\\' | '$' | ';' | '|' | '*'
            | '_' | '~' => {
                let _ = write!(escaped, "#{};", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_label() {
        assert_eq!(
            escaped("a\"]b%%{x}#1;"),
            "a#34;]b#37;#37;#123;x#125;#35;1#59;"
        );
    }
}
