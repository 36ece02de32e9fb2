//! Tables of expressions with what they give, run in wasmtime.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bureaucrat_expression::{
    Function, Kind, Step, Template, compile, limits, parse, template, vocabulary,
};
use serde_json::json;
use support::{Host, Outcome, value, value_of};

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
