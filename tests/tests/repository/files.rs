//! The files of the repository, as its rules see them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The most lines of a Rust file. Longer files are listed below with their limits, and may only shrink.
pub const LINES_MAX: usize = 400;
pub const LARGE: [(&str, usize); 4] = [
    ("runtime/engine/tests/instructions.rs", 458),
    ("runtime/wire/tests/messages.rs", 480),
    ("tests/src/conformance/pure.rs", 584),
    ("tests/tests/storage_damage.rs", 405),
];

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The files below a folder of the repository by their paths in it, without what is built or belongs to a tool.
pub fn files_below(folder: &str) -> BTreeSet<String> {
    let (root, mut folders, mut files) = (root(), vec![folder.to_owned()], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            };
            // `.git` is a file where several checkouts share one repository.
            if ["target", ".git", "__pycache__"].contains(&name.as_str()) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                files.insert(path);
            }
        }
    }
    files
}

/// The files below a folder that have an extension, with their texts.
pub fn with_extension(folder: &str, extension: &str) -> BTreeMap<String, String> {
    let files = files_below(folder).into_iter();
    let wanted = files.filter(|file| {
        Path::new(file)
            .extension()
            .is_some_and(|found| found == extension)
    });
    wanted.map(|file| (file.clone(), read(&file))).collect()
}

/// The text of a file.
pub fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The Rust files of the runtime and the tests.
pub fn rust_files() -> BTreeMap<String, String> {
    let mut files = with_extension("runtime", "rs");
    files.append(&mut with_extension("tests", "rs"));
    files
}

/// Fails when there are problems, and prints them all.
pub fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
