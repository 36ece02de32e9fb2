//! The files of the repository: the schemas and tables themselves, the definitions that people
//! start from, the refused ones, and those of the conformance cases.

use super::validator::{Folder, Schema};
use crate::{Limits, compile};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn repository(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(below)
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(repository(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

/// `UPDATE_GOLDEN=1` writes the files again; the difference is then for a person to judge.
#[test]
fn schemas_and_tables_are_made_from_the_grammar() {
    let page = fs::read_to_string(repository("docs/language.md")).unwrap();
    for (file, made) in [
        ("definitions/bureaucrat.rng", crate::relax_ng()),
        ("definitions/bureaucrat.xsd", crate::xml_schema()),
        ("docs/language.md", crate::documented(&page).unwrap()),
    ] {
        let path = repository(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &made).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        let lines = || found.lines().zip(made.lines());
        let first = lines().find(|(found, made)| found != made);
        assert!(
            found == made,
            "{file} is not what the table says: {first:#?}"
        );
    }
}

/// Where links of the table lead.
#[test]
fn sections_are_in_the_documentation() {
    let page = fs::read_to_string(repository("docs/language.md")).unwrap();
    let headings: Vec<String> = page
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' '))
        .map(|heading| heading.replace('`', "").to_lowercase().replace(' ', "-"))
        .collect();
    for row in super::ROWS {
        assert!(
            headings.iter().any(|found| found == row.section),
            "{}",
            row.section
        );
    }
}

/// What is wrong with a refused definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is not XML, or elements, attributes, texts or the form of a value are wrong.
    Structural,
    /// That too, but nothing that XML Schema can say.
    NotForXmlSchema,
    /// What values mean together, limits, and what XML allows and a definition does not.
    Semantic,
}

/// The tags of the files in definitions/invalid.
const SEMANTIC: &[&str] = &[
    "doctype",
    "entity-declarations",
    "expression-constructs",
    "expression-syntax",
    "long-attribute",
    "long-expression",
    "other-encoding",
    "processing-instruction",
    "property-json",
    "property-values",
    "repeated-id",
    "too-deep",
    "too-many-modules",
    "utf16",
    "whole",
];
const NOT_FOR_XML_SCHEMA: &[&str] = &[
    "second-context",
    "conditions-of-modules",
    "empty-conditions",
    "empty-while",
];
const STRUCTURAL: &[&str] = &[
    "assign",
    "attribute-without-value",
    "attributes-without-space",
    "bad-character-reference",
    "bare-ampersand",
    "bare-less-than",
    "calls",
    "cdata-end",
    "control-character",
    "default-namespace",
    "duplicate-attribute",
    "durations",
    "empty",
    "empty-attributes",
    "end-without-start",
    "faults",
    "foreign-elements",
    "hyphens-in-comment",
    "ids",
    "json",
    "late-declaration",
    "less-than-in-attribute",
    "long-names",
    "many-at-once",
    "misplaced-elements",
    "missing-attributes",
    "misspelled-process",
    "modules",
    "namespaces",
    "not-process",
    "not-utf8",
    "not-xml",
    "not-yet",
    "only-a-comment",
    "other-end",
    "other-version",
    "parent",
    "property-types",
    "property-with-elements",
    "retry",
    "searchable",
    "send",
    "text-between-elements",
    "text-outside",
    "too-many-attributes",
    "too-many-problems",
    "two-roots",
    "unclosed-cdata",
    "unclosed-comment",
    "unclosed-elements",
    "unclosed-tag",
    "unclosed-value",
    "unknown-attributes",
    "unknown-elements",
    "unknown-entity",
    "unknown-markup",
    "way",
];

fn kinds() -> BTreeMap<&'static str, Kind> {
    let tagged = [
        (SEMANTIC, Kind::Semantic),
        (NOT_FOR_XML_SCHEMA, Kind::NotForXmlSchema),
        (STRUCTURAL, Kind::Structural),
    ];
    let names = tagged.into_iter();
    names
        .flat_map(|(names, kind)| names.iter().map(move |name| (*name, kind)))
        .collect()
}

#[test]
fn schemas_refuse_what_is_structurally_wrong() {
    let refused = files("definitions/invalid", "xml");
    let folder = repository("definitions");
    let relax_ng = Schema::RelaxNg.accepted(&folder, &refused);
    let xml_schema = Schema::XmlSchema.accepted(&folder, &refused);
    let kinds = kinds();
    let mut wrong = Vec::new();
    for file in &refused {
        let name = file.file_stem().unwrap().to_string_lossy();
        let found = match (relax_ng.contains(file), xml_schema.contains(file)) {
            (true, _) => Kind::Semantic,
            (false, true) => Kind::NotForXmlSchema,
            (false, false) => Kind::Structural,
        };
        if kinds.get(&*name) != Some(&found) {
            wrong.push(format!(
                "{name}: {found:?}, expected {:?}",
                kinds.get(&*name)
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(kinds.len(), refused.len());
}

/// The definition of a conformance case; the bytes of its modules are not what is looked at.
fn of_case(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("[definition]\n")?;
    let lines = rest.lines().take_while(|line| !line.starts_with('['));
    let mut definition = lines.collect::<Vec<_>>().join("\n");
    while let Some(start) = definition.find("{{") {
        let end = start + definition[start..].find("}}")? + 2;
        definition.replace_range(start..end, "AAAA");
    }
    Some(definition)
}

#[test]
fn schemas_accept_what_compiles() {
    let folder = Folder::with_schemas();
    let mut valid: Vec<PathBuf> = files("definitions", "xml");
    valid.extend(files("runtime/definition/tests/golden", "xml"));
    let mut cases = 0;
    for case in files("tests/conformance", "case") {
        let definition = of_case(&fs::read_to_string(&case).unwrap()).unwrap();
        if compile(definition.as_bytes(), &Limits::default()).is_ok() {
            let name = case.file_name().unwrap().to_string_lossy();
            valid.push(folder.write(&name, &definition));
            cases += 1;
        }
    }
    assert!(cases >= 120, "{cases}");
    for schema in [Schema::RelaxNg, Schema::XmlSchema] {
        let accepted = schema.accepted(&folder.0, &valid);
        let refused: Vec<_> = valid
            .iter()
            .filter(|file| !accepted.contains(*file))
            .collect();
        assert!(refused.is_empty(), "{schema:?} refuses {refused:#?}");
    }
}
