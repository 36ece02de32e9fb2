//! What pictures promise, for every definition in the repository and for random ones: boxes and texts are where they
//! belong, paths are those of the program, and nothing of a definition leaves its text. `browser.rs` measures the same.
#![allow(clippy::unwrap_used)]

mod common;

use bureaucrat_definition::{Limits, Outline, compile};
use bureaucrat_graph::{BOXES_MAX, Drawing, Figure, Look, MERMAID_MAX, Marks, Picture, Rect};
use bureaucrat_model::ActivityPath;
use common::{all, files, folder, outlined, random};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

/// What is wrong with a drawing.
fn misplaced(drawing: &Drawing) -> Vec<String> {
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

/// All definitions, and each of some with the next as its older version.
fn pictures() -> Vec<(String, Picture)> {
    let mut definitions = all();
    definitions.extend(random());
    let mut pictures: Vec<(String, Picture)> = definitions
        .iter()
        .map(|(name, outline)| (name.clone(), Picture::of(outline)))
        .collect();
    for pair in definitions.windows(2) {
        let [(name, new), (old_name, old)] = pair else {
            continue;
        };
        let name = format!("{name} against {old_name}");
        pictures.push((name, Picture::compared(new, old)));
    }
    pictures
}

#[test]
fn boxes_and_texts_are_where_they_belong() {
    let mut problems = Vec::new();
    for (name, picture) in pictures() {
        let found = misplaced(&picture.drawing(&Marks::default()));
        problems.extend(found.iter().map(|found| format!("{name}: {found}")));
    }
    assert!(
        problems.is_empty(),
        "{} problems: {:#?}",
        problems.len(),
        &problems[..problems.len().min(20)]
    );
}

/// The path, line and id of each figure.
fn places(drawing: &Drawing) -> BTreeMap<ActivityPath, (u32, Option<String>)> {
    let figures = drawing.root.all();
    let places: BTreeMap<_, _> = figures
        .iter()
        .map(|figure| (figure.path.clone(), (figure.line, figure.id.clone())))
        .collect();
    assert_eq!(places.len(), figures.len(), "each path is there once");
    places
}

#[test]
fn places_are_those_of_the_program() {
    let mut definitions = files(&folder("../../definitions"), "xml");
    definitions.extend(files(&folder("../definition/tests/golden"), "xml"));
    definitions.extend(files(&folder("tests/golden"), "xml"));
    for file in definitions {
        let source = fs::read_to_string(&file).unwrap();
        let program = compile(source.as_bytes(), &Limits::default())
            .unwrap()
            .program;
        let places = places(&Picture::of(&outlined(&source)).drawing(&Marks::default()));
        for site in &program.sites {
            let id = site.label.as_ref().and_then(|label| label.id.clone());
            let found = places.get(&site.path);
            assert_eq!(
                found,
                Some(&(site.span.line, id)),
                "{} {}",
                file.display(),
                site.path
            );
        }
    }
}

#[test]
fn pictures_are_documents_whatever_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (number, (_, picture)) in pictures().into_iter().enumerate() {
        let look = Look {
            link: Some("x.xml?a=1&b='\"<#L{line}".to_owned()),
            ..Look::default()
        };
        let svg = picture.svg(&look);
        assert!(!svg.contains("<script"), "{svg}");
        let file = folder.path().join(format!("{number}.svg"));
        fs::write(&file, &svg).unwrap();
        files.push(file);
    }
    let output = Command::new("xmllint").arg("--noout").args(&files).output();
    let output = output.expect("xmllint is installed by scripts/setup");
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problems}");
}

#[test]
fn the_same_definition_gives_the_same_bytes() {
    for (name, outline) in random().into_iter().take(20) {
        let draw = || Picture::of(&outline).svg(&Look::default());
        assert_eq!(draw(), draw(), "{name}");
    }
}

/// Compares a text with an expected file, or writes that.
fn check(name: &str, found: &str) {
    let file = folder("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, found).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        expected == found,
        "{name} is different; UPDATE_GOLDEN=1 writes it again, then look at it"
    );
}

fn golden(name: &str) -> Outline {
    let file = folder("tests/golden").join(name);
    outlined(&fs::read_to_string(file).unwrap())
}

#[test]
fn pictures_are_as_they_were() {
    for name in ["order", "hostile", "empty"] {
        let picture = Picture::of(&golden(&format!("{name}.xml")));
        check(&format!("{name}.svg"), &picture.svg(&Look::default()));
        check(&format!("{name}.mmd"), &picture.mermaid());
    }
    let changes = Picture::compared(&golden("order-next.xml"), &golden("order.xml"));
    check("changes.svg", &changes.svg(&Look::default()));
    check("changes.mmd", &changes.mermaid());
}

/// The README's picture, in all its sizes, is what the command prints.
#[test]
fn the_picture_in_the_readme_is_that_of_its_definition() {
    let source = fs::read_to_string(folder("../../definitions/example1.xml")).unwrap();
    let found = Picture::of(&outlined(&source)).svg(&Look::default());
    let file = folder("../../docs/example1.svg");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &found).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == found,
        "docs/example1.svg"
    );
}

/// What a box says about a difference, by path; an old one has `-` before it.
fn changes(new: &str, old: &str) -> BTreeMap<String, Vec<String>> {
    let picture = Picture::compared(&outlined(new), &outlined(old));
    let svg = picture.svg(&Look::default());
    let drawing = picture.drawing(&Marks::default());
    assert!(misplaced(&drawing).is_empty());
    let mut found = BTreeMap::new();
    for figure in drawing.root.all() {
        let notes = figure.texts.iter().map(|text| text.text.clone());
        let notes: Vec<String> = notes
            .filter(|text| text.starts_with(['+', '−', '±']))
            .collect();
        if !notes.is_empty() {
            let sign = if notes[0].starts_with('−') { "-" } else { "" };
            found.insert(format!("{sign}{}", figure.path), notes);
        }
    }
    let removed = svg.matches("data-old-path").count();
    assert_eq!(
        removed,
        found.keys().filter(|key| key.starts_with('-')).count()
    );
    found
}

fn expected(list: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, note) in list {
        found
            .entry((*path).into())
            .or_default()
            .push((*note).into());
    }
    found
}

#[test]
fn differences_are_those_of_a_migration() {
    let process = |inside: &str| format!("<process>{inside}</process>");
    let ids = |names: &[&str]| {
        let actions = names
            .iter()
            .map(|name| format!("<action id=\"{name}\" participant=\"{name}\"/>"));
        process(&actions.collect::<String>())
    };
    assert_eq!(changes(&ids(&["a", "b"]), &ids(&["a", "b"])), expected(&[]));
    assert_eq!(
        changes(&ids(&["a", "x", "b"]), &ids(&["a", "b"])),
        expected(&[("_1", "+ added")])
    );
    assert_eq!(
        changes(&ids(&["b"]), &ids(&["a", "b"])),
        expected(&[("-_0", "− removed")])
    );
    assert_eq!(
        changes(&ids(&["c", "a", "b"]), &ids(&["a", "b", "c"])),
        expected(&[("_0", "± moved, was _2")])
    );
    let action = |attributes: &str| process(&format!("<action participant=\"a\" {attributes}/>"));
    assert_eq!(
        changes(&action("timeout=\"1m\""), &action("timeout=\"30s\"")),
        expected(&[("_0", "± timeout was 30s")])
    );
    assert_eq!(
        changes(&action("timeout=\"1m\""), &action("into=\"x\"")),
        expected(&[("_0", "± timeout is new"), ("_0", "± into was x, is gone")])
    );
    // Without ids, the place decides.
    assert_eq!(
        changes(
            &process("<delay duration=\"1\"/><action participant=\"a\"/>"),
            &process("<action participant=\"a\"/>")
        ),
        expected(&[("-_0", "− removed"), ("_0", "+ added"), ("_1", "+ added")])
    );
    // What is in an element with an id is where the element is.
    let sequence = |before: &str| {
        process(&format!(
            "{before}<sequence id=\"s\"><action participant=\"a\"/></sequence>"
        ))
    };
    assert_eq!(
        changes(&sequence("<delay duration=\"1\"/>"), &sequence("")),
        expected(&[("_0", "+ added")])
    );
    assert_eq!(
        changes(
            &process("<all><action id=\"a\" participant=\"a\"/></all>"),
            &process("<action id=\"a\" participant=\"a\"/>")
        ),
        expected(&[("_0", "+ added"), ("_0_0", "± moved, was _0")])
    );
}

#[test]
fn marks_say_where_a_process_is() {
    let outline = golden("order.xml");
    let path = |segments: &[u32]| ActivityPath(segments.to_vec());
    let marks = Marks {
        at: BTreeMap::from([(path(&[2, 0]), 1), (path(&[1, 0]), 4)]),
        taken: BTreeSet::from([path(&[0]), path(&[1]), path(&[2])]),
    };
    let picture = Picture::of(&outline);
    let drawing = picture.drawing(&marks);
    assert!(misplaced(&drawing).is_empty());
    let said = |wanted: &[u32]| {
        let figures = drawing.root.all();
        let figure = figures
            .iter()
            .find(|figure| figure.path == path(wanted))
            .unwrap();
        figure.texts.last().unwrap().text.clone()
    };
    assert_eq!(said(&[2, 0]), "● here");
    assert_eq!(said(&[1, 0]), "● 4 parts here");
    assert_eq!(said(&[0]), "√ done");
    let look = Look {
        marks,
        link: Some("order.xml#L{line}".into()),
    };
    let svg = picture.svg(&look);
    assert_eq!(svg.matches(" here\"").count(), 2);
    assert!(svg.contains("<a href=\"order.xml#L11\">"), "{svg}");
    check("marks.svg", &svg);
}

#[test]
fn large_definitions_are_collapsed() {
    let flat = format!(
        "<process>{}</process>",
        "<delay duration='1'/>".repeat(20_000 - 1)
    );
    let wide = format!(
        "<process><all>{}</all></process>",
        "<delay duration='1'/>".repeat(1_000)
    );
    let nested = format!(
        "<process>{}</process>",
        "<sequence><all><delay duration='1'/><sequence><delay duration='1'/></sequence></all></sequence>".repeat(3_000)
    );
    let deep = format!(
        "{}{}{}",
        "<sequence>".repeat(60),
        "<all/>".repeat(5),
        "</sequence>".repeat(60)
    );
    let deep = format!("<process>{deep}</process>");
    for source in [&flat, &wide, &nested, &deep] {
        let picture = Picture::of(&outlined(source));
        let drawing = picture.drawing(&Marks::default());
        let figures = drawing.root.all();
        assert!(figures.len() <= BOXES_MAX);
        assert!(misplaced(&drawing).is_empty());
        let hidden: usize = figures.iter().map(|figure| figure.hidden).sum();
        let elements = source.matches('<').count() - source.matches("</").count();
        assert_eq!(
            figures.len() + hidden,
            elements,
            "everything is drawn or counted"
        );
        let said = format!("{hidden} more are not drawn");
        assert_eq!(drawing.description.contains(&said), hidden > 0);
        let mermaid = picture.mermaid();
        assert!(mermaid.matches(" --> ").count() < 500 && mermaid.len() < 50_000);
        assert!(mermaid.matches('[').count() <= MERMAID_MAX * 3);
    }
    // A part of what is collapsed can be drawn by itself, and marks in it are not lost.
    let picture = Picture::of(&outlined(&nested));
    let inside = ActivityPath(vec![2_500, 0, 1, 0]);
    let part = picture.named("_2500_0").unwrap().drawing(&Marks::default());
    assert!(part.root.all().iter().any(|figure| figure.path == inside));
    let marks = Marks {
        at: BTreeMap::from([(inside, 2)]),
        ..Marks::default()
    };
    let svg = picture.svg(&Look {
        marks,
        ..Look::default()
    });
    assert!(svg.contains("● 2 parts here"));
    assert!(picture.named("_9999").is_none());
}
