//! Where the boxes, texts and lines of a drawing may be.

use bureaucrat_graph::{Drawing, Figure, Rect};

/// What is wrong with a drawing.
pub fn misplaced(drawing: &Drawing) -> Vec<String> {
    let mut problems = Vec::new();
    let whole = Rect {
        x: 0,
        y: 0,
        width: drawing.width,
        height: drawing.height,
    };
    if !whole.contains(&drawing.root.rect) {
        problems.push(format!(
            "the picture is smaller than {:?}",
            drawing.root.rect
        ));
    }
    for figure in drawing.root.all() {
        within(figure, &mut problems);
    }
    problems
}

fn within(figure: &Figure, problems: &mut Vec<String>) {
    let at = &figure.path;
    for (place, child) in figure.children.iter().enumerate() {
        if !figure.rect.contains(&child.rect) {
            problems.push(format!("{} leaves {at}", child.path));
        }
        for other in &figure.children[place + 1..] {
            if child.rect.overlaps(&other.rect) {
                problems.push(format!("{} and {} overlap", child.path, other.path));
            }
        }
        for text in &figure.texts {
            if text.rect().overlaps(&child.rect) {
                problems.push(format!("{:?} of {at} is on {}", text.text, child.path));
            }
        }
        for edge in &figure.edges {
            for part in edge.points.windows(2) {
                let line = Rect {
                    x: part[0].0.min(part[1].0),
                    y: part[0].1.min(part[1].1),
                    width: (part[0].0 - part[1].0).abs(),
                    height: (part[0].1 - part[1].1).abs(),
                };
                let inside = Rect {
                    x: child.rect.x + 1,
                    y: child.rect.y + 1,
                    width: child.rect.width - 2,
                    height: child.rect.height - 2,
                };
                let is_through = line.x <= inside.right()
                    && inside.x <= line.right()
                    && line.y <= inside.bottom()
                    && inside.y <= line.bottom();
                if is_through || !figure.rect.contains(&line) {
                    problems.push(format!("{part:?} of {at} is not between its boxes"));
                }
            }
        }
    }
    for (place, text) in figure.texts.iter().enumerate() {
        if !figure.rect.contains(&text.rect()) {
            problems.push(format!("{:?} leaves {at}", text.text));
        }
        for other in &figure.texts[place + 1..] {
            if text.rect().overlaps(&other.rect()) && text.y != other.y {
                problems.push(format!("{:?} and {:?} overlap", text.text, other.text));
            }
        }
    }
}
