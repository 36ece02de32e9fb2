//! What the launcher's merge writes is what the compiler reads.
#![allow(clippy::unwrap_used)]

use bureaucrat_definition::{Limits, MergeError, compile, merge_fields};
use bureaucrat_model::Fields;
use proptest::prelude::*;

fn fields(json: &str) -> Fields {
    Fields::parse(json).unwrap()
}

fn context(definition: &str) -> String {
    let compiled = compile(definition.as_bytes(), &Limits::default());
    compiled.unwrap().program.context.to_json()
}

#[test]
fn fields_win_over_the_definitions_own() {
    let definition = r#"<?xml version="1.0"?>
<!-- kept --><process name="p"><action participant="a"/><context><property name="a" type="int">1</property>
<property name="b" type="str">x &lt; y</property></context><delay duration="1"/></process>"#;
    let merged = merge_fields(definition, &fields(r#"{"a": 2.50, "c": [1, null]}"#)).unwrap();
    assert_eq!(
        merged,
        r#"<?xml version="1.0"?>
<!-- kept --><process name="p"><context><property name="a" type="float">2.50</property><property name="b" type="str">x &lt; y</property><property name="c" type="json">[1, null]</property></context><action participant="a"/><delay duration="1"/></process>"#
    );
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

#[test]
fn what_cannot_be_merged_is_an_error() {
    let none = Fields::new();
    for wrong in [
        "",
        "<sequence/>",
        "<process>",
        "<process><context><property/></context></process>",
    ] {
        let error = merge_fields(wrong, &none);
        assert!(matches!(error, Err(MergeError::Definition(_))), "{wrong}");
    }
    let unnamed = fields(r#"{"\u0001": 1}"#);
    let error = merge_fields("<process/>", &unnamed);
    assert_eq!(error, Err(MergeError::Name("\u{1}".to_owned())));
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
