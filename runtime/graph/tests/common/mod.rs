//! The definitions that pictures are tested with: all in the repository, and random ones with hostile texts.

mod generator;

use bureaucrat_definition::{Limits, Outline, outline};
use std::{
    fs,
    path::{Path, PathBuf},
};

pub fn folder(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// The files of a folder with this extension, by name.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

pub fn outlined(source: &str) -> Outline {
    outline(source.as_bytes(), &Limits::default())
        .unwrap_or_else(|found| panic!("{found:?}\n{source}"))
}

/// The definitions in a conformance case.
fn of_case(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_definition = false;
    for line in text.lines() {
        if line.starts_with('[') {
            is_definition = line == "[definition]" || line.starts_with("[deployed");
            found.extend(is_definition.then(String::new));
        } else if let Some(text) = found.last_mut().filter(|_| is_definition) {
            text.push_str(line);
            text.push('\n');
        }
    }
    found
}

/// Every definition in the repository that compiles, with its name.
pub fn all() -> Vec<(String, Outline)> {
    let mut sources = Vec::new();
    let folders = [
        "../../definitions",
        "../definition/tests/golden",
        "tests/golden",
    ];
    for file in folders
        .iter()
        .flat_map(|below| files(&folder(below), "xml"))
    {
        let text = fs::read_to_string(&file).unwrap();
        sources.push((file.display().to_string(), text));
    }
    for file in files(&folder("../../tests/conformance"), "case") {
        let text = fs::read_to_string(&file).unwrap();
        for text in of_case(&text) {
            sources.push((file.display().to_string(), text));
        }
    }
    let outlines = sources.into_iter().filter_map(|(name, text)| {
        let outline = outline(text.as_bytes(), &Limits::default()).ok()?;
        Some((name, outline))
    });
    let outlines: Vec<_> = outlines.collect();
    assert!(outlines.len() > 450, "{}", outlines.len());
    outlines
}

pub const RANDOM: u64 = 200;

pub fn random() -> Vec<(String, Outline)> {
    let one = |seed| {
        let source = generator::definition(seed);
        (format!("random {seed}"), outlined(&source))
    };
    (0..RANDOM).map(one).collect()
}
