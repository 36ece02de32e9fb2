//! Dates and templates: the examples of docs/expressions.md, faults, doubts, and what components
//! without dates are spared.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bureaucrat_expression::{
    FieldRead, Function, Kind, Template, compile, parse, review, template, vocabulary,
};
use serde_json::{Value as Json, json};
use support::{Outcome, value, value_of};

/// The lines of a fenced block of docs/expressions.md: an expression, and what it gives as JSON.
fn examples(fence: &str) -> Vec<(String, Json)> {
    let page = include_str!("../../../docs/expressions.md");
    let (_, after) = page.split_once(&format!("```{fence}\n")).unwrap();
    let (block, _) = after.split_once("\n```").unwrap();
    let lines = block.lines().map(|line| {
        let (text, expected) = line.rsplit_once(" → ").unwrap();
        (text.to_owned(), serde_json::from_str(expected).unwrap())
    });
    lines.collect()
}

fn fields_of_the_page() -> Json {
    json!({
        "inst:now": 1_764_333_296.5,
        "due": "2025-12-01T09:00:00+01:00",
        "born": "2001-02-28",
        "paid": 1_764_000_000,
        "region": "eu",
    })
}

#[test]
fn the_page_is_right_about_dates_and_templates() {
    let fields = fields_of_the_page();
    let (dates, templates) = (examples("dates"), examples("templates"));
    assert!(dates.len() >= 10 && templates.len() >= 5);
    for (text, expected) in dates {
        assert_eq!(value(&text, &fields), Ok(expected), "{text}");
    }
    for (text, expected) in templates {
        let found = match template(&text).unwrap() {
            Template::Plain(plain) => json!(plain),
            Template::Computed(expression) => {
                let Outcome::Value(json) = value_of(*expression, &fields) else {
                    panic!("{text} gives no value");
                };
                serde_json::from_str(&json).unwrap()
            }
        };
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn the_page_names_every_attribute_of_dates() {
    let page = include_str!("../../../docs/expressions.md");
    for name in vocabulary::attributes() {
        assert!(page.contains(name), "docs/expressions.md: {name}");
    }
}

#[test]
fn dates_fail_as_in_python() {
    let fields = fields_of_the_page();
    for (text, fault) in [
        (
            "now() < datetime(2024, 1, 1)",
            "TypeError: can't compare offset-naive and offset-aware datetimes",
        ),
        (
            "now() - datetime(2024, 1, 1)",
            "TypeError: can't subtract offset-naive and offset-aware datetimes",
        ),
        (
            "now() < now().date()",
            "TypeError: can't compare datetime.datetime to datetime.date",
        ),
        (
            "now() + 1",
            "TypeError: unsupported operand type(s) for +: 'datetime.datetime' and 'int'",
        ),
        (
            "now() < context['due']",
            "TypeError: '<' not supported between instances of 'datetime.datetime' and 'str'",
        ),
        (
            "date(2023, 2, 29)",
            "ValueError: day is out of range for month",
        ),
        ("date(0, 1, 1)", "ValueError: year 0 is out of range"),
        (
            "date(9999, 12, 31) + timedelta(days=1)",
            "OverflowError: date value out of range",
        ),
        (
            "datetime.fromisoformat('soon')",
            "ValueError: Invalid isoformat string: 'soon'",
        ),
        (
            "datetime.strptime('2024', '%d.%m.')",
            "ValueError: time data '2024' does not match format '%d.%m.'",
        ),
        (
            "datetime.fromtimestamp(1e12, timezone.utc)",
            "ValueError: year 33658 is out of range",
        ),
        (
            "[timezone.utc]",
            "TypeError: Object of type timezone is not JSON serializable",
        ),
        (
            "{now().date(): 1}",
            "TypeError: keys must be str, int, float, bool or None, not date",
        ),
        (
            "datetime.fromisoformat(context['paid'])",
            "TypeError: fromisoformat: argument must be str",
        ),
    ] {
        assert_eq!(value(text, &fields), Err(fault.to_owned()), "{text}");
    }
    assert_eq!(
        value("now()", &json!({})),
        Err("KeyError: 'inst:now'".to_owned())
    );
}

#[test]
fn only_components_with_dates_have_code_for_them() {
    let bytes = |text: &str| {
        let function = Function {
            name: "f".to_owned(),
            expression: parse(text).unwrap(),
            kind: Kind::Value,
        };
        compile(&[function]).unwrap()
    };
    let has = |bytes: &[u8], text: &str| {
        let mut windows = bytes.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    };
    let plain = bytes("[context['a'] + context['b'] < context['c'], str(context), {1: 2}]");
    assert!(!has(&plain, "timedelta"), "{} bytes", plain.len());
    let dated = bytes("[context['a'] + timedelta(context['b']) < context['c'], str(context)]");
    assert!(has(&dated, "timedelta"), "{} bytes", dated.len());
}

#[test]
fn a_date_beside_a_field_is_doubted() {
    for (text, offset, meant) in [
        (
            "now() > context['due']",
            8,
            Some("now() > datetime.fromisoformat(context['due'])"),
        ),
        (
            "context['due'] == date(2024, 1, 1) + timedelta(days=1)",
            0,
            Some("date.fromisoformat(context['due']) == date(2024, 1, 1) + timedelta(days=1)"),
        ),
        (
            "now().date() < '2024-01-01' or now() < '2024-01-01'",
            39,
            Some("now().date() < '2024-01-01' or now() < datetime.fromisoformat('2024-01-01')"),
        ),
    ] {
        let review = review(text).unwrap();
        let [doubt] = review.doubts.as_slice() else {
            panic!("{text}: {:?}", review.doubts);
        };
        assert_eq!(
            (doubt.offset, doubt.suggestion.as_deref()),
            (offset, meant),
            "{text}"
        );
    }
    for text in [
        "now() > datetime.fromisoformat(context['due'])",
        "(now() - now()) == context['x']",
        "now().year == context['year']",
        "f'{now()}' == '2024'",
        "context['inst:now'] > 1",
    ] {
        assert_eq!(review(text).unwrap().doubts, [], "{text}");
    }
    let reads = review("context['inst:now'] > 1 and context['x']").unwrap();
    let names = |reads: &[FieldRead]| reads.iter().map(|read| read.name.clone()).collect();
    let (fields, reserved): (Vec<_>, Vec<_>) = (names(&reads.fields), names(&reads.reserved));
    assert_eq!(
        (fields, reserved),
        (vec!["x".to_owned()], vec!["inst:now".to_owned()])
    );
}
