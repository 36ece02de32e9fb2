//! `graph`: what it prints and where, and what it says about what it cannot draw.

use super::{out, run};
use std::{fs, path::Path};

const OLD: &str = "<process name=\"p\">\n<action id=\"a\" participant=\"one\"/>\n</process>";
const NEW: &str = "<process name=\"p\">\n<delay duration=\"1\"/>\n<action id=\"a\" participant=\"two\"/>\n</process>";

fn said(output: &std::process::Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn it_prints_the_picture_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let definition = root.join("definitions/example1.xml");
    let output = run(&["graph", definition.to_str().unwrap()], "");
    assert_eq!(
        (output.status.code(), said(&output).as_str()),
        (Some(0), "")
    );
    let kept = fs::read_to_string(root.join("docs/example1.svg")).unwrap();
    assert!(out(&output) == kept, "docs/example1.svg is another picture");
}

#[test]
fn it_draws_from_standard_input_into_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (old, svg) = (path("old.xml"), path("picture.svg"));
    fs::write(&old, OLD).unwrap();
    let drawn = run(
        &["graph", "-", "--output", &svg, "--link", "p.xml#L{line}"],
        NEW,
    );
    assert_eq!((drawn.status.code(), out(&drawn).as_str()), (Some(0), ""));
    let svg = fs::read_to_string(svg).unwrap();
    assert!(
        svg.starts_with("<svg ") && svg.contains("href=\"p.xml#L3\""),
        "{svg}"
    );
    assert!(svg.contains("data-path=\"_1\" data-id=\"a\""), "{svg}");
    let changes = out(&run(&["graph", "-", "--against", &old], NEW));
    for change in [
        "+ added",
        "± participant was one",
        "1 added, 0 removed, 1 changed",
    ] {
        assert!(changes.contains(change), "{changes}");
    }
    let mermaid = out(&run(&["graph", "--format", "mermaid", "-"], NEW));
    assert!(mermaid.starts_with("flowchart TD\n"), "{mermaid}");
    for name in ["a", "_1"] {
        let part = out(&run(&["graph", "-", "--activity", name], NEW));
        assert!(
            part.contains("action two") && !part.contains("delay"),
            "{part}"
        );
    }
}

#[test]
fn it_says_what_it_cannot_draw() {
    let wrong = run(&["graph", "-"], "<process>\n<action/>\n</process>");
    assert_eq!((wrong.status.code(), out(&wrong).as_str()), (Some(1), ""));
    let words = said(&wrong);
    assert!(
        words.starts_with("(standard input):2:1: error: "),
        "{words}"
    );
    for (arguments, words) in [
        (vec!["nowhere.xml"], "nowhere.xml does not exist"),
        (vec!["-", "--against", "-"], "only one of the two"),
        (
            vec!["-", "--activity", "_7"],
            "has no activity with the `id` or the path _7",
        ),
        (
            vec!["-", "--output", "/nowhere/x.svg"],
            "cannot write /nowhere/x.svg",
        ),
        (
            vec!["-", "--link", "javascript:alert({line})"],
            "expected an address of http, https or a file",
        ),
        (vec!["-", "--link", ""], "--link is empty"),
        (vec!["-", "--link", " "], "--link is empty"),
    ] {
        let output = run(&[vec!["graph"], arguments].concat(), NEW);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let found = said(&output);
        assert!(
            found.starts_with("error: ") && found.contains(words),
            "{found}"
        );
    }
}
