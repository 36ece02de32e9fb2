//! Machine code on disk: reused, but never if it is not ours.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use bureaucrat_sandbox::{
    CacheConfig, Class, Outcome, RuntimeClass, Sandbox, SandboxConfig, SandboxLimits,
};
use common::{Returns, component_of, config, verdict};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The body of a verdict that holds.
const TRUE: &str = "i32.const 516 i32.const 1 i32.store8 i32.const 512";

fn sandbox(folder: &Path, key: u8) -> Sandbox {
    with_limits(folder, key, SandboxLimits::default())
}

fn with_limits(folder: &Path, key: u8, limits: SandboxLimits) -> Sandbox {
    Sandbox::new(SandboxConfig {
        cache: Some(CacheConfig {
            folder: folder.to_owned(),
            key: [key; 32],
        }),
        ..config(limits)
    })
    .unwrap()
}

/// Loads a guest in a new sandbox, checks that it works, and returns whether it was compiled.
fn compiles(folder: &Path, key: u8, bytes: &[u8]) -> bool {
    let sandbox = sandbox(folder, key);
    let guest = sandbox.load_module(bytes).unwrap();
    let outcome = sandbox
        .evaluate(&guest, "evaluate", bureaucrat_model::Fields::new())
        .outcome;
    assert_eq!(outcome, Outcome::Verdict(true));
    guest.compile_time().is_some()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[test]
fn code_is_kept_between_runs() {
    let folder = tempfile::tempdir().unwrap();
    let guest = verdict(TRUE);
    assert!(compiles(folder.path(), 1, &guest));
    assert!(!compiles(folder.path(), 1, &guest));
    assert_eq!(files(folder.path()).len(), 1);
    // A program's guest with the same bytes has the same code.
    let sandbox = sandbox(folder.path(), 1);
    assert_eq!(sandbox.load_inline(&guest).unwrap().compile_time(), None);
}

#[test]
fn foreign_and_altered_files_are_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let guest = verdict(TRUE);
    assert!(compiles(folder.path(), 1, &guest));
    let file = files(folder.path()).remove(0);
    let sound = fs::read(&file).unwrap();
    // Made with another key.
    assert!(compiles(folder.path(), 2, &guest));
    assert_ne!(fs::read(&file).unwrap(), sound);
    assert!(!compiles(folder.path(), 2, &guest));
    // One bit, in the magic, the MAC, the code's beginning and its end.
    for place in [0, 10, 40, sound.len() / 2, sound.len() - 1] {
        let mut altered = sound.clone();
        altered[place] ^= 1;
        fs::write(&file, altered).unwrap();
        assert!(compiles(folder.path(), 1, &guest), "{place}");
        assert!(!compiles(folder.path(), 1, &guest), "{place}");
    }
    // Cut, empty, longer, a folder.
    fs::write(&file, &sound[..sound.len() - 1]).unwrap();
    assert!(compiles(folder.path(), 1, &guest));
    fs::write(&file, b"").unwrap();
    assert!(compiles(folder.path(), 1, &guest));
    fs::write(&file, [&sound[..], b"x"].concat()).unwrap();
    assert!(compiles(folder.path(), 1, &guest));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(compiles(folder.path(), 1, &guest));
}

#[test]
fn another_guests_file_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let guest = verdict(TRUE);
    assert!(compiles(folder.path(), 1, &guest));
    let file = files(folder.path()).remove(0);
    let sandbox = sandbox(folder.path(), 1);
    sandbox.load_module(&verdict("i32.const 512")).unwrap();
    let other = files(folder.path())
        .into_iter()
        .find(|path| *path != file)
        .unwrap();
    fs::copy(&other, &file).unwrap();
    assert!(compiles(folder.path(), 1, &guest));
}

#[test]
fn the_folder_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let limits = SandboxLimits {
        cache_bytes: 200_000,
        ..SandboxLimits::default()
    };
    let sandbox = with_limits(folder.path(), 1, limits);
    for number in 0..40 {
        sandbox
            .load_inline(&verdict(&format!("i32.const {number} drop i32.const 512")))
            .unwrap();
    }
    let bytes: u64 = files(folder.path())
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum();
    assert!(bytes <= 200_000, "{bytes}");
    assert!(bytes > 50_000, "{bytes}");
}

#[test]
fn guests_with_a_language_runtime_have_the_same_cache() {
    let folder = tempfile::tempdir().unwrap();
    let code = format!("(func (export \"evaluate\") (result i32) {TRUE})");
    let memory = "(memory (export \"memory\") 40)";
    let guest = component_of(memory, "", &code, &[("evaluate", Returns::Verdict)]);
    let compiles = |key: u8| {
        let sandbox = Sandbox::new(SandboxConfig {
            cache: Some(CacheConfig {
                folder: folder.path().to_owned(),
                key: [key; 32],
            }),
            runtime_class: RuntimeClass::Allowed,
            ..config(SandboxLimits::default())
        })
        .unwrap();
        let guest = sandbox.load_module(&guest).unwrap();
        assert_eq!(guest.class(), Class::Runtime);
        let evaluated = sandbox.evaluate(&guest, "evaluate", bureaucrat_model::Fields::new());
        assert_eq!(evaluated.outcome, Outcome::Verdict(true));
        guest.compile_time().is_some()
    };
    assert!(compiles(1));
    assert!(!compiles(1));
    assert!(compiles(2), "made with another key");
    let file = files(folder.path()).remove(0);
    let mut altered = fs::read(&file).unwrap();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    fs::write(&file, altered).unwrap();
    assert!(compiles(2), "altered");
    assert!(!compiles(2));
}
