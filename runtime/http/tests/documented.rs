//! docs/http.md says what the code does: its operations and its problems.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_http::{
    openapi,
    operation::{Access, Reach},
    problem::Code,
    routes,
};
use std::{collections::BTreeSet, fs, path::PathBuf};

const MARK: &str = "<!-- operations -->\n";

fn page() -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/http.md");
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// The rows of the table.
fn rows() -> String {
    let operations = routes::operations();
    let rows = operations.iter().map(|operation| {
        let role = match operation.access {
            Access::Open => "none".to_owned(),
            Access::Needs(role, Reach::Processes) => format!("`{}`", role.name()),
            Access::Needs(role, Reach::Engine) => format!("`{}`, no user", role.name()),
        };
        let (id, method, path) = (operation.id, operation.method.name(), operation.path);
        format!(
            "| `{id}` | `{method} {path}` | {role} | {} |\n",
            operation.summary
        )
    });
    rows.collect()
}

#[test]
fn the_table_has_every_operation() {
    let (path, text) = page();
    let (before, after) = text.split_once(MARK).unwrap();
    let rows = rows();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, format!("{before}{MARK}{rows}")).unwrap();
        return;
    }
    assert_eq!(after, rows, "run this test with UPDATE_GOLDEN=1");
}

#[test]
fn the_page_has_every_code_with_its_status() {
    let (_, text) = page();
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.name(), code.status());
        assert!(text.contains(&row), "{row}");
    }
}

#[test]
fn the_description_has_every_operation_once_and_every_schema() {
    let operations = routes::operations();
    let document = openapi::document(&operations, "0");
    let ids: BTreeSet<_> = operations.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), operations.len());
    let described = document["paths"].as_object().unwrap().values();
    let described: usize = described.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, operations.len());
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
}
