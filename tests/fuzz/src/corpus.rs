//! Seeds: files that the repository keeps for other tests, and inputs that failed before.

use crate::Target;
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder with a target's kept inputs.
pub fn folder(target: Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name())
}

/// The files of a folder and its subfolders, by name; none if it does not exist.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                found.extend(files(&path)?);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The kept inputs of a target: those that failed before, and others worth keeping.
///
/// # Errors
/// If the folder cannot be read.
pub fn kept(target: Target) -> Result<Vec<Vec<u8>>> {
    files(&folder(target))?
        .iter()
        .map(|file| fs::read(file).with_context(|| file.display().to_string()))
        .collect()
}

/// Whole files of the repository with one of these endings.
///
/// # Errors
/// If one cannot be read.
pub fn whole(under: &str, ending: &str) -> Result<Vec<Vec<u8>>> {
    let files = files(&root().join(under))?.into_iter();
    files
        .filter(|file| file.extension().is_some_and(|found| found == ending))
        .map(|file| fs::read(&file).with_context(|| file.display().to_string()))
        .collect()
}

/// The records of one golden file: hexadecimal words of eight digits or more.
///
/// # Errors
/// When the file can't be read.
pub fn golden(file: &str) -> Result<Vec<Vec<u8>>> {
    let path = root().join("tests/golden").join(file);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let hexadecimal = |word: &str| -> Option<Vec<u8>> {
        let digits: Option<Vec<u8>> = word
            .chars()
            .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
            .collect();
        Some(
            digits?
                .chunks_exact(2)
                .map(|pair| pair[0] << 4 | pair[1])
                .collect(),
        )
    };
    let words = text.split_ascii_whitespace().filter(|word| word.len() >= 8);
    Ok(words.filter_map(hexadecimal).collect())
}

/// Bodies in the conformance cases: every JSON object on one line.
///
/// # Errors
/// If a case cannot be read.
pub fn bodies() -> Result<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    for case in whole("tests/conformance", "case")? {
        let text = String::from_utf8_lossy(&case);
        for line in text.lines() {
            if let Some(body) = line.find('{').and_then(|at| line.get(at..)) {
                bodies.push(body.as_bytes().to_vec());
            }
        }
    }
    bodies.sort();
    bodies.dedup();
    Ok(bodies)
}
