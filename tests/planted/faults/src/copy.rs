//! Writes copies of crates into the folders that cargo gives to their build scripts, with all edits
//! applied.
//!
//! An edit that does not apply is skipped and reported to the tests in the copy's `NOT_APPLIED`, so
//! that everything still builds after a change of the sources, and the test reports it.

use crate::{FAULTS, tokens};
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

/// What is copied, and how.
#[derive(Debug, Clone, Copy)]
pub struct Copy {
    /// The package of the copy: the end of its folder's path.
    pub package: &'static str,
    /// The folder of sources, from the repository's root.
    pub from: &'static str,
    /// The file with the root of the modules.
    pub root: &'static str,
    pub files: Files,
}

/// Which files are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    All,
    /// Only the root, which then needs no other module.
    Root,
}

pub const COPIES: [Copy; 5] = [
    Copy {
        package: "tests/planted/engine",
        from: "runtime/engine/src",
        root: "lib.rs",
        files: Files::All,
    },
    Copy {
        package: "tests/planted/host",
        from: "runtime/host/src",
        root: "lib.rs",
        files: Files::All,
    },
    Copy {
        package: "tests/planted/store",
        from: "runtime/store/src",
        root: "lib.rs",
        files: Files::All,
    },
    Copy {
        package: "tests/planted/broker-amqp",
        from: "runtime/broker-amqp/src",
        root: "tracker.rs",
        files: Files::Root,
    },
    Copy {
        package: "tests/planted",
        from: "tests/src/simulation",
        root: "mod.rs",
        files: Files::All,
    },
];

/// Writes a copy. Called by its build script.
///
/// # Panics
/// If files cannot be read or written.
pub fn write(copy: &Copy) {
    let variable = |name| PathBuf::from(std::env::var_os(name).expect("cargo sets it"));
    let package = variable("CARGO_MANIFEST_DIR");
    let levels = Path::new(copy.package).components().count();
    let repository = package.ancestors().nth(levels).expect("a package below it");
    let (from, to) = (repository.join(copy.from), variable("OUT_DIR").join("copy"));
    println!("cargo:rerun-if-changed={}", from.display());
    // Copies of files that no longer exist would be ignored, but would confuse a reader.
    let _ = fs::remove_dir_all(&to);
    let mut report = Report::default();
    let mut left = vec![PathBuf::from(copy.root)];
    if copy.files == Files::All {
        left = files_below(&from, Path::new(""));
    }
    for file in left {
        let text = read(&from.join(&file));
        let named = Path::new(copy.from).join(&file);
        let mut edited = edit(&named.to_string_lossy(), &text, &mut report);
        let mut place = to.join(&file);
        if file == Path::new(copy.root) {
            edited = without_inner_attributes(&edited);
            place = to.join("root.rs");
        }
        save(&place, &edited);
    }
    let root = to.join("root.rs");
    save(&root, &(read(&root) + &report.as_code()));
}

#[derive(Debug, Default)]
struct Report {
    applied: usize,
    not_applied: Vec<String>,
}

impl Report {
    fn as_code(&self) -> String {
        format!(
            "\npub const APPLIED: usize = {};\npub const NOT_APPLIED: &[&str] = &{:?};\n",
            self.applied, self.not_applied
        )
    }
}

/// The text of a file with all of its edits.
fn edit(file: &str, source: &str, report: &mut Report) -> String {
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    for (number, fault) in FAULTS.iter().enumerate() {
        for edit in fault.edits.iter().filter(|edit| edit.file == file) {
            let mut refused = |why: String| {
                let (name, text) = (fault.name, edit.before);
                let told = format!("{name}: in {file} {why}:\n{text}");
                report.not_applied.push(told);
            };
            match tokens::find(source, edit.before) {
                Err(times) => refused(format!("this text is found {times} times")),
                Ok(range) => {
                    let overlap = |(other, _): &&(Range<usize>, _)| {
                        range.start < other.end && other.start < range.end
                    };
                    if changes.iter().any(|change| overlap(&change)) {
                        refused("this text is changed by another fault too".to_owned());
                        continue;
                    }
                    let switch = format!("::bureaucrat_planted_faults::is({number})");
                    changes.push((range, edit.after.replace("PLANTED", &switch)));
                    report.applied += 1;
                }
            }
        }
    }
    changes.sort_by_key(|(range, _)| range.start);
    let mut edited = source.to_owned();
    for (range, text) in changes.into_iter().rev() {
        edited.replace_range(range, &text);
    }
    edited
}

/// The root is included in another file, where a crate's attributes and documentation are not
/// allowed.
fn without_inner_attributes(text: &str) -> String {
    let is_inner = |line: &&str| line.starts_with("//!") || line.starts_with("#![");
    let lines = text.lines().filter(|line| !is_inner(line));
    lines.map(|line| format!("{line}\n")).collect()
}

fn files_below(folder: &Path, below: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join(below)).expect("the sources can be read");
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.expect("the sources can be read");
        let path = below.join(entry.file_name());
        if entry.path().is_dir() {
            files.extend(files_below(folder, &path));
        } else {
            files.push(path);
        }
    }
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn save(path: &Path, text: &str) {
    let folder = path.parent().expect("a file is in a folder");
    let saved = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
    saved.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
