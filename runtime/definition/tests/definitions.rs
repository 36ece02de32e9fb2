//! The definitions that people start from compile to what the golden files say, and refused ones give their diagnostics.
//!
//! `UPDATE_GOLDEN=1` writes the expected files again; the difference is then for a person to judge.
#![allow(clippy::unwrap_used)]

use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_definition::{Limits, compile, disassemble};
use bureaucrat_model::{ModuleHash, ModuleSource, Program, ProgramHash};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn folder(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// The XML files of a folder by name.
fn definitions(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == "xml"))
        .collect();
    files.sort();
    files
}

/// Compares a text with an expected file, or writes that.
fn check(expected: &Path, found: &str, failures: &mut Vec<String>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(expected, found).unwrap();
    }
    let text = fs::read_to_string(expected).unwrap_or_default();
    if text != found {
        failures.push(format!(
            "{}:\n--- expected\n{text}--- found\n{found}",
            expected.display()
        ));
    }
}

#[test]
fn definitions_compile_to_their_golden_programs() {
    let golden = folder("tests/golden");
    let mut files = definitions(&folder("../../definitions"));
    files.extend(definitions(&golden));
    assert!(files.len() >= 12, "{}", files.len());
    let mut failures = Vec::new();
    for file in files {
        let source = fs::read(&file).unwrap();
        let compiled = compile(&source, &Limits::default());
        let compiled = compiled.unwrap_or_else(|found| panic!("{}: {found:?}", file.display()));
        compiled.program.check().unwrap();
        let stored = compiled.program.encode().unwrap();
        assert_eq!(Program::decode(&stored).as_ref(), Ok(&compiled.program));
        assert_eq!(compile(&source, &Limits::default()).as_ref(), Ok(&compiled));
        let mut text = disassemble(&compiled.program);
        if !compiled.program.context.is_empty() {
            let _ = writeln!(text, "context {}", compiled.program.context.to_json());
        }
        for module in &compiled.modules {
            let bytes = match &module.source {
                ModuleSource::Bytes(bytes) => format!("{} bytes", bytes.len()),
                ModuleSource::Stored => "stored".to_owned(),
                ModuleSource::Deployed(wanted) => format!("deployed as {wanted}"),
            };
            let _ = writeln!(text, "module {:?} {bytes} {}", module.name, module.hash);
        }
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        check(&golden.join(name + ".txt"), &text, &mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn refused_definitions_give_their_diagnostics() {
    let files = definitions(&folder("../../definitions/invalid"));
    assert!(files.len() >= 40, "{}", files.len());
    let mut failures = Vec::new();
    for file in files {
        let found = match compile(&fs::read(&file).unwrap(), &Limits::default()) {
            Ok(_) => "compiles\n".to_owned(),
            Err(diagnostics) => diagnostics.iter().fold(String::new(), |mut text, one| {
                let _ = writeln!(text, "{one}");
                text
            }),
        };
        check(&file.with_extension("txt"), &found, &mut failures);
        if found == "compiles\n" {
            failures.push(format!("{} compiles", file.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn one_branch_too_many_is_refused_where_it_stands() {
    let branches = "<delay duration=\"1\"/>\n".repeat(10_001);
    let source = format!("<process><all>\n{branches}</all></process>");
    let refused = compile(source.as_bytes(), &Limits::default()).unwrap_err();
    let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["10002:1: more than 10000 branches of one `all`"]);
    let fewer = source.replacen("<delay duration=\"1\"/>\n", "", 1);
    assert!(compile(fewer.as_bytes(), &Limits::default()).is_ok());
}

/// The stored form is a format: whatever changes this hash changes what old stores hold.
#[test]
fn the_first_example_is_stored_as_ever() {
    let source = fs::read(folder("../../definitions/example1.xml")).unwrap();
    let mut program = compile(&source, &Limits::default()).unwrap().program;
    assert!(!program.inline_guest.is_empty());
    program.inline_guest.clear();
    let hash = ProgramHash::of(&program.encode().unwrap()).to_string();
    let mut failures = Vec::new();
    check(
        &folder("tests/golden/example1.hash"),
        &format!("{hash}\n"),
        &mut failures,
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_module_in_order_is_the_one_beside_it() {
    let source = fs::read_to_string(folder("../../definitions/order.xml")).unwrap();
    let expected = wat::parse_file(folder("../../definitions/order.wat")).unwrap();
    let digits = STANDARD.encode(&expected);
    let text: String = source.split_whitespace().collect();
    assert!(text.contains(&digits), "the module must be {digits}");
    let compiled = compile(source.as_bytes(), &Limits::default());
    let module = compiled.unwrap().modules.remove(0);
    assert_eq!(module.hash, ModuleHash::of(&expected));
    assert_eq!(module.source, ModuleSource::Bytes(expected));
}
