//! The compiler reads what the launcher's merge writes.
#![allow(clippy::unwrap_used)]

use bureaucrat_definition::{Limits, compile};
use bureaucrat_model::Fields;
use bureaucrat_wire::{MergeError, merge_fields};
use proptest::prelude::*;

fn fields(json: &str) -> Fields {
    Fields::parse(json).unwrap()
}

fn context(definition: &str) -> String {
    let compiled = compile(definition.as_bytes(), &Limits::default());
    compiled.unwrap().program.context.to_json()
}

#[test]
fn every_type_comes_back() {
    let all = r#"{"t": true, "f": false, "i": 123456789012345678901234567890, "z": -0, "d": 1.50, "e": 1E5, "huge": 1e999, "s": "a\n\r\t<\"&>ü", "empty": "", "control": "\u0000\uffff", "n": null, "l": [1,2], "o": {"a":1}}"#;
    for definition in [
        "<process/>",
        "<process />",
        "<process name='a>b/>'/>",
        "<process><context/></process>",
    ] {
        let merged = merge_fields(definition, &fields(all)).unwrap();
        let back = context(&merged);
        for (name, value) in fields(all).iter() {
            let found = fields(&back);
            let found = found.get(name).unwrap();
            let same = found.as_str() == value.as_str() || found.to_value() == value.to_value();
            assert!(same, "{name}: {value:?} came back as {found:?}");
        }
    }
}

/// What is said about a launch names lines of the file that was launched.
#[test]
fn everything_else_stays_in_its_line() {
    let definition = "<process>\n<context>\n<property name='a' type='str'>\n1\n</property>\n\
                      <finally>\n<action participant='end'/>\n</finally>\n</context>\n\
                      <!-- a\ncomment -->\n<action participant='p'/>\n</process>";
    let merged = merge_fields(definition, &fields(r#"{"a": "x\ny", "b": "one\ntwo"}"#)).unwrap();
    let lines = |text: &str| {
        let compiled = compile(text.as_bytes(), &Limits::default()).unwrap();
        let sites = compiled.program.sites.iter();
        sites.map(|site| site.span.line).collect::<Vec<_>>()
    };
    assert_eq!(lines(&merged), lines(definition), "{merged}");
    assert_eq!(merged.lines().count(), definition.lines().count());
    let found = fields(&context(&merged));
    assert_eq!(found.get("b").unwrap().as_str(), r#""one\ntwo""#);
}

proptest! {
    #[test]
    fn texts_and_names_come_back(name in "[^\\p{Cc}\u{fffe}\u{ffff}]*[a-z]", text in any::<String>()) {
        let json = serde_json::json!({ name: text }).to_string();
        let merged = merge_fields("<process/>", &fields(&json)).unwrap();
        let compiled = compile(merged.as_bytes(), &Limits::default());
        let found = compiled.unwrap().program.context;
        let found: serde_json::Value = serde_json::from_str(&found.to_json()).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(found, expected);
    }
}

/// A definition with a property of a type.
fn declaring(declared: &str, text: &str) -> String {
    format!(
        "<process><context><property name='x' type='{declared}'>{text}</property></context></process>"
    )
}

#[test]
fn a_declared_type_holds() {
    for (declared, given, expected) in [
        ("str", "5", "\"5\""),
        ("str", "5.0", "\"5.0\""),
        ("str", "true", "\"true\""),
        ("str", "\"a\"", "\"a\""),
        ("str", "\" a\"", "\" a\""),
        ("int", "5", "5"),
        ("int", "99999999999999999999", "99999999999999999999"),
        ("float", "5", "5.0"),
        ("float", "5.5", "5.5"),
        ("bool", "true", "true"),
        ("json", "5", "5"),
        ("json", "null", "null"),
        ("json", "\"a\"", "\"a\""),
    ] {
        let definition = declaring(declared, if declared == "json" { "0" } else { "1" });
        let merged = merge_fields(&definition, &fields(&format!(r#"{{"x": {given}}}"#)));
        let back = context(&merged.unwrap());
        assert_eq!(
            fields(&back).get("x").unwrap().as_str(),
            expected,
            "{declared} {given}"
        );
    }
    for (declared, given) in [
        ("str", "null"),
        ("str", "[1]"),
        ("str", "{}"),
        ("int", "\"5\""),
        ("int", "5.0"),
        ("int", "true"),
        ("int", "null"),
        ("float", "\"5\""),
        ("float", "false"),
        ("bool", "1"),
        ("bool", "\"true\""),
        ("bool", "null"),
    ] {
        let merged = merge_fields(
            &declaring(declared, "1"),
            &fields(&format!(r#"{{"x": {given}}}"#)),
        );
        assert!(
            matches!(merged, Err(MergeError::Type { .. })),
            "{declared} {given}: {merged:?}"
        );
    }
    let refused = merge_fields(&declaring("int", "1"), &fields(r#"{"x": "5"}"#)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the field `x` is a text, but its property is of type `int`; send an integer, or change the type"
    );
}

#[test]
fn a_byte_order_mark_stays_where_it_is() {
    for mark in ["\u{feff}", "\u{feff}\u{feff}"] {
        let definition = format!("{mark}<process><action participant='ä'/></process>");
        let merged = merge_fields(&definition, &fields(r#"{"x": 1}"#)).unwrap();
        let merged = merged.strip_prefix(mark).unwrap();
        assert!(
            merged.starts_with("<process><context><property name=\"x\""),
            "{merged}"
        );
        assert!(merged.ends_with("<action participant='ä'/></process>"));
    }
}

#[test]
fn a_field_that_is_given_stays_searchable() {
    let property = |attributes| {
        let declared = format!(
            "<process><context><property name=\"x\" {attributes}>1</property></context></process>"
        );
        merge_fields(&declared, &fields(r#"{"x": 5}"#)).unwrap()
    };
    let merged = property("type=\"int\" searchable=\"yes\"");
    assert!(
        merged.contains("<property name=\"x\" type=\"int\" searchable=\"yes\">5</property>"),
        "{merged}"
    );
    assert!(!property("type=\"int\"").contains("searchable"));
}
