//! Tables of tests for the interface's functions: pointers, values, keys, texts.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use bureaucrat_model::Fields;

const LIMITS: HostLimits = HostLimits {
    calls: 1_000,
    pointer_bytes: 64,
    bytes_returned: 10_000,
    keys: 100,
};

/// The document of RFC 6901, section 5, and special cases of ours.
const FIELDS: &str = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7,
  "m~n": 8, "deep": {"x": [{"y": [[], {}, null]}], "": {"": 9}, "0": "zero", "-": "dash"}, "twice": {"a": 1, "b": 2, "a": [3]},
  "u\u0308": 10, "ü": 11, "text": "\u00fc/~", "digits": "12"}"#;

fn run() -> Run {
    let memory = MemoryLimits {
        one_memory: 0,
        all_memories: 0,
        table_elements: 0,
    };
    Run::new(Fields::parse(FIELDS).unwrap().into(), LIMITS, memory)
}

fn meter() -> Meter {
    Meter::new(1_000_000)
}

#[test]
fn pointers_lead_where_the_rfc_says() {
    let integer = |number| Some(Value::Integer(number));
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let mut run = run();
    for (pointer, value) in [
        ("", Some(Value::Record(16))),
        ("/foo", Some(Value::List(2))),
        ("/foo/0", text("bar")),
        ("/foo/1", text("baz")),
        ("/", integer(0)),
        ("/a~1b", integer(1)),
        ("/c%d", integer(2)),
        ("/e^f", integer(3)),
        ("/g|h", integer(4)),
        ("/i\\j", integer(5)),
        ("/k\"l", integer(6)),
        ("/ ", integer(7)),
        ("/m~0n", integer(8)),
        ("/deep/x/0/y", Some(Value::List(3))),
        ("/deep/x/0/y/0", Some(Value::List(0))),
        ("/deep/x/0/y/1", Some(Value::Record(0))),
        ("/deep/x/0/y/2", Some(Value::Null)),
        ("/deep//", integer(9)),
        ("/deep/0", text("zero")),
        ("/deep/-", text("dash")),
        ("/twice", Some(Value::Record(2))),
        ("/twice/a", Some(Value::List(1))),
        ("/twice/a/0", integer(3)),
        ("/twice/b", integer(2)),
        // Texts that look the same are different names.
        ("/u\u{308}", integer(10)),
        ("/\u{fc}", integer(11)),
        ("/text", text("ü/~")),
        ("/digits", text("12")),
        // Nowhere.
        ("foo", None),
        ("#/foo", None),
        (" ", None),
        ("//", None),
        ("/foo/", None),
        ("/foo/-", None),
        ("/foo/2", None),
        ("/foo/00", None),
        ("/foo/01", None),
        ("/foo/+1", None),
        ("/foo/1e0", None),
        ("/foo/0/0", None),
        ("/foo/18446744073709551616", None),
        ("/a/b", None),
        ("/a~b", None),
        ("/a~2b", None),
        ("/m~n", None),
        ("/m~", None),
        ("/m~01n", None),
        ("/deep/x/0/y/1/z", None),
        ("/digits/0", None),
        ("/FOO", None),
    ] {
        assert_eq!(run.get(pointer, &mut meter()), Ok(value), "{pointer}");
    }
}

#[test]
fn keys_come_in_order_and_once() {
    let mut run = run();
    for (pointer, keys) in [
        ("/twice", Some(vec!["a", "b"])),
        ("/deep", Some(vec!["x", "", "0", "-"])),
        ("/deep/x/0/y/1", Some(vec![])),
        ("/foo", None),
        ("/text", None),
        ("/none", None),
    ] {
        let keys = keys.map(|keys| keys.into_iter().map(str::to_owned).collect());
        assert_eq!(run.keys(pointer, &mut meter()), Ok(keys), "{pointer}");
    }
    let all = run.keys("", &mut meter()).unwrap().unwrap();
    assert_eq!(all.len(), 16);
    assert_eq!(all[0], "foo");
    assert_eq!(all[12], "u\u{308}");
}

#[test]
fn json_comes_as_it_came() {
    let mut run = run();
    for (pointer, json) in [
        ("/text", Some(r#""\u00fc/~""#)),
        ("/twice", Some(r#"{"a": 1, "b": 2, "a": [3]}"#)),
        ("/twice/a", Some("[3]")),
        ("/deep/x/0", Some(r#"{"y": [[], {}, null]}"#)),
        ("/ ", Some("7")),
        ("/none", None),
        ("/foo/-", None),
    ] {
        assert_eq!(
            run.json(pointer, &mut meter()),
            Ok(json.map(str::to_owned)),
            "{pointer}"
        );
    }
    let all = run.json("", &mut meter()).unwrap().unwrap();
    assert_eq!(Fields::parse(&all), Fields::parse(FIELDS));
}

#[test]
fn a_container_is_scanned_and_paid_for_once() {
    let mut run = run();
    let cost = |run: &mut Run| {
        let mut meter = meter();
        run.get("/deep/0", &mut meter).unwrap();
        1_000_000 - meter.left()
    };
    let first = cost(&mut run);
    let second = cost(&mut run);
    assert!(first > second + 200, "{first} {second}");
    assert_eq!(cost(&mut run), second);
}

#[test]
fn nothing_is_done_that_is_not_paid_for() {
    let mut run = run();
    let mut empty = Meter::new(50);
    assert_eq!(run.get("/foo", &mut empty), Err(Stop::Fuel));
    assert_eq!(empty.left(), 0);
    assert!(matches!(
        run.get(&"/".repeat(65), &mut meter()),
        Err(Stop::Pointer {
            found: 65,
            limit: 64
        })
    ));
}
