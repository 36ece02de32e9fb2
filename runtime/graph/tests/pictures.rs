//! What pictures promise, for every definition in the repository and for random ones: boxes and texts are where they
//! belong, paths are those of the program, and nothing of a definition leaves its text. `browser.rs` measures the same.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "pictures/differences.rs"]
mod differences;
#[path = "pictures/geometry.rs"]
mod geometry;

use bureaucrat_definition::{Limits, Outline, compile};
use bureaucrat_graph::{BOXES_MAX, Drawing, Look, MERMAID_MAX, Marks, Picture};
use bureaucrat_model::ActivityPath;
use common::{all, files, folder, outlined, random};
use geometry::misplaced;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

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
