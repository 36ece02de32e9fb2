//! Tables of expressions with what they give, run in wasmtime.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bureaucrat_expression::{
    Expression, FieldRead, Function, Kind, Step, Template, compile, limits, parse, review,
    template, vocabulary,
};
use serde_json::{Value as Json, json};
use support::{Host, Outcome};

#[test]
fn a_condition_compiles_to_a_component_that_runs() {
    let host = Host::new();
    let expression = parse("workitem.fields[\"x\"] < 4").unwrap();
    let function = Function {
        name: "evaluate".to_owned(),
        expression,
        kind: Kind::Verdict,
    };
    let bytes = compile(std::slice::from_ref(&function)).unwrap();
    assert_eq!(
        bytes,
        compile(&[function]).unwrap(),
        "the bytes are the same each time"
    );
    let guest = host.load(&bytes);
    let run = |fields: &str| guest.call("evaluate", &serde_json::from_str(fields).unwrap());
    assert_eq!(run(r#"{"x": 3}"#), Outcome::Verdict(true));
    assert_eq!(run(r#"{"x": 4.5}"#), Outcome::Verdict(false));
    assert_eq!(run("{}"), Outcome::Fault("KeyError: 'x'".to_owned()));
}

#[test]
fn the_page_names_every_function_and_method() {
    let page = include_str!("../../../docs/expressions.md");
    let words: std::collections::BTreeSet<&str> = page
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .collect();
    let named = vocabulary::functions()
        .into_iter()
        .chain(vocabulary::methods());
    let missing: Vec<_> = named.filter(|name| !words.contains(name)).collect();
    assert!(
        missing.is_empty(),
        "docs/expressions.md does not name {missing:?}"
    );
}

fn value_of(expression: Expression, fields: &Json) -> Outcome {
    let function = Function {
        name: "evaluate".to_owned(),
        expression,
        kind: Kind::Value,
    };
    let guest = Host::quick().load(&compile(&[function]).unwrap());
    guest.call("evaluate", fields)
}

/// An expression's value as JSON, or its fault.
fn value(text: &str, fields: &Json) -> Result<Json, String> {
    match value_of(parse(text).unwrap(), fields) {
        Outcome::Value(text) => Ok(serde_json::from_str(&text).unwrap()),
        Outcome::Fault(text) => Err(text),
        Outcome::Verdict(_) | Outcome::Trap(_) => panic!("{text}: neither a value nor a fault"),
    }
}

#[test]
fn reserved_fields_are_read_at_their_pointers_and_left_out_of_the_whole() {
    let fields = json!({
        "a": 1,
        "inst:now": 1_764_000_000.5,
        "inst:process": {"id": "p1", "user": "eve"},
        "inst:fault": {"code": "shop.Declined", "data": {"left": 3}},
        "inst:answer": {"receipt": null},
        "inst:attempt": 2,
        "inst:current": ["x"],
    });
    for (text, expected) in [
        (r#"context["inst:now"]"#, json!(1_764_000_000.5)),
        (r#"workitem.fields["inst:process"]["id"]"#, json!("p1")),
        (r#"context["inst:fault"]["data"]["left"]"#, json!(3)),
        (r#"context["inst:answer"]"#, json!({"receipt": null})),
        (r#"context["inst:answer"]["receipt"]"#, json!(null)),
        (r#"context["inst:attempt"] < 3"#, json!(true)),
        (
            r#"[x.upper() for x in context["inst:current"]]"#,
            json!(["X"]),
        ),
        (
            r#"context.get("inst:fault", {}).get("code")"#,
            json!("shop.Declined"),
        ),
        (r#""inst:answer" in context"#, json!(true)),
        (r#"context["inst:" + "attempt"]"#, json!(2)),
        ("len(context)", json!(1)),
        ("list(context)", json!(["a"])),
        ("context", json!({"a": 1})),
        ("{**context}", json!({"a": 1})),
        ("str(context)", json!("{'a': 1}")),
        ("context == {'a': 1}", json!(true)),
    ] {
        assert_eq!(value(text, &fields), Ok(expected), "{text}");
    }
    let none = json!({"a": 1});
    assert_eq!(
        value(r#"context["inst:fault"]["code"]"#, &none),
        Err("KeyError: 'inst:fault'".to_owned())
    );
    assert_eq!(value(r#""inst:fault" in context"#, &none), Ok(json!(false)));
    assert_eq!(
        value(r#"context.get("inst:fault", 5)"#, &none),
        Ok(json!(5))
    );
}

#[test]
fn templates_are_the_bodies_of_f_strings() {
    let fields = json!({"region": "eu", "n": 2.5, "l": [1, "a"]});
    for (text, expected) in [
        (r#"worker-{context["region"]}"#, "worker-eu"),
        (
            r#"worker-{context['region'].upper()}.{{x}}"#,
            "worker-EU.{x}",
        ),
        (r#"{context["n"]:.2f} {{ {1 + 1} }}"#, "2.50 { 2 }"),
        (r#"a\n\{context["region"]}\"#, r"a\n\eu\"),
        (r#"{"\n".join(["a", "b"])}"#, "a\nb"),
        (
            r#""quoted" {context["l"][1]!r} "end""#,
            r#""quoted" 'a' "end""#,
        ),
        ("'''{1}'''", "'''1'''"),
        ("\"\"\"{1}\"", "\"\"\"1\""),
        (r#"{f"{context["region"]}"}"#, "eu"),
        ("{{{1}}}{{", "{1}{"),
        ("{ {'a': 1}['a'] }", "1"),
        ("a\n{\n1\n}\tb", "a\n1\tb"),
        ("{1=}", "1=1"),
    ] {
        let Template::Computed(expression) = template(text).unwrap() else {
            panic!("{text} is plain");
        };
        let expected = Outcome::Value(json!(expected).to_string());
        assert_eq!(value_of(*expression, &fields), expected, "{text}");
    }
    for text in ["", "PT5M", "a}}b", r#""\"#] {
        assert_eq!(template(text), Ok(Template::Plain(text.to_owned())));
    }
}

#[test]
fn one_component_has_conditions_values_and_templates() {
    let Template::Computed(text) = template("<{context['n']}>").unwrap() else {
        panic!("a template");
    };
    let functions = [
        ("c0", parse("context['n'] > 1").unwrap(), Kind::Verdict),
        ("v0", parse("context['n'] + 1").unwrap(), Kind::Value),
        ("t0", *text, Kind::Value),
        ("c1", parse("context['n']").unwrap(), Kind::Verdict),
    ]
    .map(|(name, expression, kind)| Function {
        name: name.to_owned(),
        expression,
        kind,
    });
    let guest = Host::quick().load(&compile(&functions).unwrap());
    let fields = json!({"n": 2});
    assert_eq!(guest.call("c0", &fields), Outcome::Verdict(true));
    assert_eq!(guest.call("v0", &fields), Outcome::Value("3".to_owned()));
    assert_eq!(
        guest.call("t0", &fields),
        Outcome::Value("\"<2>\"".to_owned())
    );
    assert_eq!(guest.call("c1", &fields), Outcome::Verdict(true));

    // As many as there may be, and one more.
    let many: Vec<_> = (0..=limits::FUNCTIONS_MAX)
        .map(|number| Function {
            name: format!("v{number}"),
            expression: parse(&format!("{number} + 1")).unwrap(),
            kind: [Kind::Value, Kind::Verdict][number % 2],
        })
        .collect();
    assert!(compile(&many).is_err());
    let guest = Host::quick().load(&compile(&many[..limits::FUNCTIONS_MAX]).unwrap());
    assert_eq!(
        guest.call("v1022", &fields),
        Outcome::Value("1023".to_owned())
    );
}

#[test]
fn what_only_selects_is_told_with_its_faults() {
    let steps = |text: &str| {
        let selection = parse(text).unwrap().selection();
        selection.map(|selection| selection.steps().to_vec())
    };
    let name = |name: &str| Step::Name(name.to_owned());
    for (text, expected, pointer) in [
        (r#"context["a"]"#, vec![name("a")], Some("/a")),
        (
            r#"(workitem.fields["a/b"])['~'][0]"#,
            vec![name("a/b"), name("~"), Step::Index(0)],
            Some("/a~1b/~0/0"),
        ),
        (
            r#"context["inst:fault"]["code"]"#,
            vec![name("inst:fault"), name("code")],
            Some("/inst:fault/code"),
        ),
        (
            r#"context["a"][-1]"#,
            vec![name("a"), Step::Index(-1)],
            None,
        ),
        ("context", vec![], Some("")),
    ] {
        let selection = parse(text).unwrap().selection().unwrap();
        assert_eq!(selection.steps(), expected, "{text}");
        assert_eq!(selection.pointer().as_deref(), pointer, "{text}");
    }
    for text in [
        r#"context.get("a")"#,
        r#"context["a"] + 1"#,
        r#"context["a"][context["b"]]"#,
        r#"context["a"][1:]"#,
        r#"[context["a"]]"#,
        r#""a""#,
        "1",
        "{'a': 1}['a']",
        r#"f"{context['a']}""#,
    ] {
        assert_eq!(steps(text), None, "{text}");
    }
    // What is missing is the same fault as the guest's.
    let fields = json!({"a": {"it's": []}});
    for (text, at) in [
        (r#"context["b"]"#, 0),
        (r#"context["a"]["x"]"#, 1),
        (r#"context["a"]["it's"][3]"#, 2),
        (r#"context["a"]["it\n\"'s"]"#, 1),
    ] {
        let missing = steps(text).unwrap()[at].missing();
        assert_eq!(value(text, &fields), Err(missing), "{text}");
    }
}

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
