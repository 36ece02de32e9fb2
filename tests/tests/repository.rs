//! Rules that no compiler checks: dependencies between crates, file sizes, pages for codes, valid links.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "repository/codes.rs"]
mod codes;
#[path = "repository/files.rs"]
mod files;
#[path = "repository/instructions.rs"]
mod instructions;
#[path = "repository/knots.rs"]
mod knots;
#[path = "repository/modules.rs"]
mod modules;
#[path = "repository/texts.rs"]
mod texts;
#[path = "repository/words.rs"]
mod words;

use codes::{codes, module_codes, policy_codes};
use files::{LARGE, LINES_MAX, files_below, none, read, root, rust_files, with_extension};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The allowed dependencies between our crates, as in ARCHITECTURE.md. Test dependencies are free.
const ARROWS: [(&str, &[&str]); 19] = [
    ("model", &[]),
    ("expression", &["model"]),
    ("schedule", &["model"]),
    ("definition", &["expression", "model", "schedule"]),
    ("graph", &["definition", "model"]),
    ("engine", &["model"]),
    ("policy", &["model"]),
    ("wire", &["model"]),
    ("sandbox", &["model"]),
    ("store", &["model"]),
    ("store-rocksdb", &["store"]),
    ("store-postgres", &["store"]),
    (
        "host",
        &[
            "definition",
            "engine",
            "model",
            "policy",
            "sandbox",
            "schedule",
            "store",
            "wire",
        ],
    ),
    ("views", &["host", "model", "sandbox"]),
    ("http", &["definition", "graph", "host", "model", "views"]),
    ("connect", &[]),
    ("broker-amqp", &["connect", "host", "model", "wire"]),
    ("client", &["connect", "model", "wire"]),
    (
        "cli",
        &[
            "broker-amqp",
            "client",
            "connect",
            "definition",
            "engine",
            "expression",
            "graph",
            "host",
            "http",
            "model",
            "policy",
            "sandbox",
            "store",
            "store-postgres",
            "store-rocksdb",
            "views",
            "wire",
        ],
    ),
];

/// Crates without I/O, clock and randomness, which must not depend on the crates below.
const PURE: [&str; 8] = [
    "model",
    "schedule",
    "expression",
    "definition",
    "graph",
    "engine",
    "policy",
    "wire",
];
const IMPURE: [&str; 6] = [
    "tokio",
    "lapin",
    "rocksdb",
    "wasmtime",
    "getrandom",
    "crossbeam-channel",
];

/// What a manifest's `[dependencies]` and `[build-dependencies]` name.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = ["[dependencies]", "[build-dependencies]"].contains(&line);
            // `[dependencies.name]` and sections of single targets would hide from this reading.
            assert!(
                !line.starts_with("[dependencies.") && !line.starts_with("[target."),
                "{line}"
            );
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            names.extend(
                line.split(['.', ' ', '='])
                    .next()
                    .map(|name| name.trim().to_owned()),
            );
        }
    }
    names
}

#[test]
fn crates_depend_on_one_another_as_drawn() {
    let mut problems = Vec::new();
    for (name, arrows) in ARROWS {
        let named = dependencies(&read(&format!("runtime/{name}/Cargo.toml")));
        let ours = named
            .iter()
            .filter_map(|name| name.strip_prefix("bureaucrat-"));
        let (found, drawn): (BTreeSet<_>, BTreeSet<_>) =
            (ours.collect(), arrows.iter().copied().collect());
        if found != drawn {
            problems.push(format!("{name} depends on {found:?}, drawn are {drawn:?}"));
        }
        for impure in IMPURE {
            if PURE.contains(&name) && named.contains(impure) {
                problems.push(format!("{name} is pure and names {impure}"));
            }
        }
    }
    let drawn: BTreeSet<_> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let manifests = files_below("runtime").into_iter();
    let found: BTreeSet<_> = manifests
        .filter_map(|file| {
            Some(
                file.strip_suffix("/Cargo.toml")?
                    .strip_prefix("runtime/")?
                    .to_owned(),
            )
        })
        .collect();
    assert_eq!(found, drawn, "every crate is in the table");
    none(&problems);
}

/// The profile is that of dependencies, so each crate of ours has to be named to have its own.
#[test]
fn our_crates_check_their_arithmetic() {
    let workspace = read("Cargo.toml");
    let (_, profile) = workspace.split_once("[profile.release.package]").unwrap();
    let manifests = with_extension("runtime", "toml").into_iter();
    let manifests = manifests.chain(with_extension("tests", "toml"));
    let unchecked = manifests.filter_map(|(file, text)| {
        let mut names = text
            .lines()
            .filter_map(|line| line.strip_prefix("name = \""));
        let name = names.next()?.trim_end_matches('"');
        let checked = profile.lines().any(|line| {
            line.starts_with(&format!("{name} = {{")) && line.contains("overflow-checks = true")
        });
        (!checked).then(|| format!("{file}: {name} is not in [profile.release.package]"))
    });
    none(&unchecked.collect::<Vec<_>>());
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let files = rust_files().into_iter();
    let silent = files.filter(|(_, text)| !text.starts_with("//! "));
    none(&silent.map(|(file, _)| file).collect::<Vec<_>>());
}

#[test]
fn unsafe_code_is_forbidden() {
    let mut problems = Vec::new();
    for file in files_below("runtime") {
        if !["/src/lib.rs", "/src/main.rs"]
            .iter()
            .any(|end| file.ends_with(end))
        {
            continue;
        }
        // The sandbox has one place, with its proof, that runs machine code.
        let wanted = match file.starts_with("runtime/sandbox/") {
            true => "#![deny(unsafe_code)]",
            false => "#![forbid(unsafe_code)]",
        };
        if !read(&file).contains(wanted) {
            problems.push(format!("{file} has no {wanted}"));
        }
    }
    none(&problems);
}

#[test]
fn files_stay_small() {
    let large: BTreeMap<_, _> = LARGE.into_iter().collect();
    let mut problems = Vec::new();
    let files = rust_files();
    for (file, text) in &files {
        let (lines, exception) = (text.lines().count(), large.get(file.as_str()));
        let most = *exception.unwrap_or(&LINES_MAX);
        if lines > most {
            problems.push(format!(
                "{file} has {lines} lines, at most {most} are allowed"
            ));
        }
        if exception.is_some() && lines <= LINES_MAX {
            problems.push(format!(
                "{file} has {lines} lines and needs no exception any more"
            ));
        }
    }
    for file in large.keys().filter(|file| !files.contains_key(**file)) {
        problems.push(format!("{file} is an exception and not there"));
    }
    none(&problems);
}

#[test]
fn every_code_has_a_page() {
    let codes = codes();
    assert!(codes.len() >= 30, "{codes:?}");
    let index = read("docs/errors/README.md");
    let mut problems = Vec::new();
    let pages: BTreeSet<String> = with_extension("docs/errors", "md")
        .into_keys()
        .filter_map(|file| Some(Path::new(&file).file_stem()?.to_str()?.to_owned()))
        .collect();
    for code in &codes {
        if !pages.contains(code) || !index.contains(&format!("({code}.md)")) {
            problems.push(format!(
                "docs/errors/{code}.md is missing, or not in the index"
            ));
        }
    }
    let policy = read("docs/errors/policy.md");
    for code in policy_codes() {
        if !policy.contains(&format!("| `{code}` |")) {
            problems.push(format!("docs/errors/policy.md does not list {code}"));
        }
    }
    let modules = read("docs/errors/module.md");
    for code in module_codes() {
        if !modules.contains(&format!("| `{code}` |")) {
            problems.push(format!("docs/errors/module.md does not list {code}"));
        }
    }
    for page in pages
        .iter()
        .filter(|page| !["README", "python", "policy", "module"].contains(&page.as_str()))
    {
        if !codes.contains(page) {
            problems.push(format!(
                "docs/errors/{page}.md is about a code that does not exist"
            ));
        }
    }
    let python = read("docs/errors/python.md");
    for (file, text) in with_extension("runtime/expression/src", "wats") {
        for text in text.split('"').skip(1).step_by(2) {
            let code = text.split(':').next().unwrap_or_default();
            let is_code = code.ends_with("Error") && code.chars().all(char::is_alphabetic);
            if is_code && !python.contains(&format!("## {code}")) {
                problems.push(format!(
                    "{file} gives {code}, which docs/errors/python.md does not describe"
                ));
            }
        }
    }
    none(&problems);
}

#[test]
fn every_definition_is_used_by_a_test_or_a_script() {
    let mut users = with_extension("runtime", "rs")
        .into_values()
        .collect::<String>();
    users.extend(with_extension("tests", "rs").into_values());
    users.extend(
        files_below("scripts")
            .iter()
            .filter(|file| !file.ends_with(".pyc"))
            .map(|file| read(file)),
    );
    let expected = files_below("runtime/definition/tests/golden");
    let mut problems = Vec::new();
    for file in files_below("definitions")
        .iter()
        .filter(|file| file.ends_with(".xml"))
    {
        let name = file.rsplit('/').next().unwrap();
        let stem = name.strip_suffix(".xml").unwrap();
        // A test compares the compiled form of a definition, or the diagnostics of an invalid one.
        let golden = match file
            .strip_suffix(".xml")
            .filter(|file| file.starts_with("definitions/invalid/"))
        {
            Some(invalid) => root().join(format!("{invalid}.txt")).is_file(),
            None => expected.contains(&format!("runtime/definition/tests/golden/{stem}.txt")),
        };
        if !golden && !users.contains(name) {
            problems.push(format!("{file} is used by nobody"));
        }
    }
    none(&problems);
}

/// Whether `text` contains `word` as a whole word.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || ['_', '-', '.', '<', '}', ')', '*'].contains(&c);
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(joins)
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-')
    })
}

#[test]
fn no_machine_and_no_registry_is_named() {
    // Assembled, so that this file does not find itself.
    let places = [("/ro", "ot"), ("/wo", "rk"), ("/ho", "me")];
    let hosts = [
        ("crates", ".io"),
        ("pypi", ".org"),
        ("python", "hosted"),
        ("static.rust-", "lang"),
        ("deb.deb", "ian"),
    ];
    let mut problems = Vec::new();
    for file in files_below("") {
        // The lock files name the registry's index by cargo's own convention.
        if file.ends_with("Cargo.lock") {
            continue;
        }
        let Ok(text) = fs::read_to_string(root().join(&file)) else {
            continue;
        };
        let place = places
            .iter()
            .map(|(a, b)| format!("{a}{b}"))
            .find(|place| has_word(&text, place));
        let host = hosts
            .iter()
            .map(|(a, b)| format!("{a}{b}"))
            .find(|host| text.contains(host));
        for named in place.into_iter().chain(host) {
            problems.push(format!("{file} names {named}"));
        }
    }
    none(&problems);
}

#[test]
fn links_in_markdown_lead_somewhere() {
    let mut problems = Vec::new();
    for (file, text) in with_extension("", "md") {
        let folder = root().join(&file).parent().unwrap().to_owned();
        let mut is_code = false;
        for line in text.lines() {
            is_code ^= line.trim_start().starts_with("```");
            for rest in line.split("](").skip(1).filter(|_| !is_code) {
                let target = rest.split(')').next().unwrap_or_default();
                let path = target.split('#').next().unwrap_or_default();
                let elsewhere = target.contains("://") || path.is_empty();
                if !elsewhere && !folder.join(path).exists() {
                    problems.push(format!("{file} links to {target}, which is not there"));
                }
            }
        }
    }
    none(&problems);
}
