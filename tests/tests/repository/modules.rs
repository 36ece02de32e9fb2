//! Which modules use which: within a folder nothing uses what uses it, but where [`KNOTS`] says so.
//!
//! Modules are compared with their siblings: `plan/calls.rs` with the other parts of `plan`, and all of `plan` with
//! `intake`. A name that a folder's own file passes on counts as that of the part that it comes from.

use super::{
    files::{files_below, none, read},
    knots::KNOTS,
};
use std::collections::{BTreeMap, BTreeSet};

/// The path of a module in its crate.
type Module = Vec<String>;
/// What uses what, among the parts of a folder, with a module that shows it.
type Uses = BTreeMap<(String, String), Module>;

struct Crate {
    texts: BTreeMap<Module, String>,
    /// All modules, with those that only have parts.
    modules: BTreeSet<Module>,
    /// Names that a module passes on, with the modules that they come from.
    passed_on: BTreeMap<Module, Module>,
}

impl Crate {
    fn read(source: &str) -> Self {
        let mut texts = BTreeMap::new();
        for file in files_below(source) {
            let Some(path) = file.strip_suffix(".rs") else {
                continue;
            };
            let path = path[source.len()..].split('/');
            let mut module: Module = path
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect();
            if module.iter().any(|part| part == "tests") {
                continue;
            }
            module.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
            texts.insert(module, without_remarks(&read(&file)));
        }
        let beginnings = texts
            .keys()
            .flat_map(|module| (0..=module.len()).map(|length| module[..length].to_vec()));
        let mut found = Self {
            modules: beginnings.collect(),
            texts,
            passed_on: BTreeMap::new(),
        };
        for (module, text) in &found.texts {
            for path in imports(text, &["pub use ", "pub(crate) use ", "pub(super) use "]) {
                let path = path.strip_prefix(&["self".to_owned()][..]).unwrap_or(&path);
                let (Some(first), Some((name, from))) = (path.first(), path.split_last()) else {
                    continue;
                };
                if found
                    .modules
                    .contains(&joined(module, std::slice::from_ref(first)))
                {
                    let name = joined(module, std::slice::from_ref(name));
                    found.passed_on.insert(name, joined(module, from));
                }
            }
        }
        found
    }

    /// The module that a path means where it is written.
    fn meant(&self, here: &Module, path: &[String]) -> Option<Module> {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let mut meant = match path.first()?.as_str() {
            "crate" => path[1..].to_vec(),
            "self" => joined(here, &path[1..]),
            "super" => joined(&here[..here.len().saturating_sub(ups)], &path[ups..]),
            first if self.modules.contains(&joined(here, &[first.to_owned()])) => {
                joined(here, path)
            }
            _ => return None,
        };
        while !self.modules.contains(&meant) {
            match self.passed_on.get(&meant) {
                Some(from) if *from != meant => meant = from.clone(),
                _ => {
                    meant.pop()?;
                }
            }
        }
        Some(meant)
    }

    /// By folder.
    fn uses(&self) -> BTreeMap<Module, Uses> {
        let mut uses: BTreeMap<Module, Uses> = BTreeMap::new();
        for (here, text) in &self.texts {
            let imported = imports(
                text,
                &["use ", "pub use ", "pub(crate) use ", "pub(super) use "],
            );
            for path in imported.iter().chain(&mentions(text)) {
                let Some(there) = self.meant(here, path) else {
                    continue;
                };
                let shared = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
                if let (Some(from), Some(to)) = (here.get(shared), there.get(shared)) {
                    let folder = uses.entry(here[..shared].to_vec()).or_default();
                    let pair = (from.clone(), to.clone());
                    folder.entry(pair).or_insert_with(|| here.clone());
                }
            }
        }
        uses
    }
}

fn joined(first: &[String], second: &[String]) -> Module {
    [first, second].concat()
}

/// A file without its comments and unit tests.
fn without_remarks(text: &str) -> String {
    let code = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let lines = code.lines();
    let lines = lines.map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths of the `use` declarations that begin with one of some words.
fn imports(text: &str, beginnings: &[&str]) -> Vec<Module> {
    let mut paths = Vec::new();
    for statement in text.split(';') {
        let lines: Vec<&str> = statement.lines().map(str::trim).collect();
        let begins = |line: &&str| {
            beginnings
                .iter()
                .any(|beginning| line.starts_with(beginning))
        };
        if let Some(first) = lines.iter().position(begins) {
            let statement = lines[first..].join(" ");
            let (_, tree) = statement.split_once("use ").unwrap_or_default();
            expand(&[], tree, &mut paths);
        }
    }
    paths
}

/// The paths of a tree such as `a::{b, c::d}`.
fn expand(before: &[String], tree: &str, paths: &mut Vec<Module>) {
    let (path, parts) = match tree.split_once('{') {
        Some((path, parts)) => (path, Some(parts.trim_end().trim_end_matches('}'))),
        None => (tree.split(" as ").next().unwrap_or_default(), None),
    };
    let path = path
        .split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let path = joined(before, &path.map(str::to_owned).collect::<Module>());
    let Some(parts) = parts else {
        paths.push(path);
        return;
    };
    // The last `}` may have been that of an inner tree.
    let (mut depth, mut start) = (0_usize, 0);
    let closed = parts
        .matches('{')
        .count()
        .saturating_sub(parts.matches('}').count());
    let parts = format!("{parts}{},", "}".repeat(closed));
    for (at, c) in parts.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = parts[start..at].trim();
                start = at + 1;
                if !part.is_empty() {
                    expand(&path, part, paths);
                }
            }
            _ => {}
        }
    }
}

/// The paths in code that begin at the crate or beside the module.
fn mentions(text: &str) -> Vec<Module> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c: char| !is_part(c));
    let paths = words.filter(|word| {
        ["crate::", "super::", "self::"]
            .iter()
            .any(|start| word.starts_with(start))
    });
    let parts = |path: &str| {
        path.split("::")
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    paths.map(parts).collect()
}

/// What is left of some uses without all that is in no cycle.
fn cycles(uses: &BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    let mut left = uses.clone();
    loop {
        let users: BTreeSet<String> = left.iter().map(|(from, _)| from.clone()).collect();
        let used: BTreeSet<String> = left.iter().map(|(_, to)| to.clone()).collect();
        let before = left.len();
        left.retain(|(from, to)| used.contains(from) && users.contains(to));
        if left.len() == before {
            return left;
        }
    }
}

#[test]
fn modules_use_each_other_in_one_direction() {
    let mut problems = Vec::new();
    let mut listed: BTreeSet<&str> = KNOTS.iter().map(|knot| knot.folder).collect();
    assert_eq!(listed.len(), KNOTS.len(), "a folder is listed twice");
    let manifests = files_below("runtime").into_iter();
    for package in manifests.filter_map(|file| file.strip_suffix("/Cargo.toml").map(str::to_owned))
    {
        let source = format!("{package}/src");
        for (folder, uses) in Crate::read(&source).uses() {
            let folder = joined(std::slice::from_ref(&source), &folder).join("/");
            let knot = KNOTS.iter().find(|knot| knot.folder == folder);
            listed.remove(folder.as_str());
            let against = knot.map_or(&[][..], |knot| knot.against).iter();
            let against: BTreeSet<_> = against
                .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
                .collect();
            let all: BTreeSet<_> = uses.keys().cloned().collect();
            let mut rest = &all - &against;
            for (from, to) in cycles(&rest) {
                let shown = uses[&(from.clone(), to.clone())].join("/");
                problems.push(format!(
                    "{folder}: in a cycle `{from}` uses `{to}` (in {shown})"
                ));
            }
            // One that would close no cycle needs no exception.
            for pair in against {
                rest.insert(pair.clone());
                if !all.contains(&pair) || !cycles(&rest).contains(&pair) {
                    let ((from, to), why) = (&pair, knot.map_or("", |knot| knot.why));
                    problems.push(format!(
                        "{folder}: `{from}` may use `{to}` without an exception, or does not ({why})"
                    ));
                }
                rest.remove(&pair);
            }
        }
    }
    problems.extend(
        listed
            .iter()
            .map(|folder| format!("{folder} is an exception and not there")),
    );
    none(&problems);
}

#[test]
fn paths_are_read_as_they_are_meant() {
    let text = "pub use a::{b, c::{d, e as f}, self};\nfn x() { super::super::y::z(crate::w) }";
    let shown =
        |paths: Vec<Module>| -> Vec<String> { paths.iter().map(|path| path.join("::")).collect() };
    assert_eq!(
        shown(imports(text, &["pub use "])),
        ["a::b", "a::c::d", "a::c::e", "a::self"]
    );
    assert_eq!(shown(mentions(text)), ["super::super::y::z", "crate::w"]);
    let pairs = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")];
    let pairs: BTreeSet<_> = pairs
        .into_iter()
        .map(|(from, to)| (from.to_owned(), to.to_owned()))
        .collect();
    let left = cycles(&pairs).into_iter();
    assert_eq!(
        left.map(|(from, to)| from + &to).collect::<Vec<_>>(),
        ["bc", "cb"]
    );
}
