//! What the launcher's merge writes is what the compiler reads.
#![allow(clippy::unwrap_used)]

use bureaucrat_definition::{Limits, compile};
use bureaucrat_model::Fields;
use bureaucrat_wire::merge_fields;
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
