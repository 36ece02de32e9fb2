//! What is refused, with its place; and texts that would exhaust the parser's stack.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bureaucrat_expression::{
    CompileError, Function, Kind, compile, limits, parse, template, template_unexplained,
};

/// Text, line, column, and a part of the reason.
const REFUSED: &[(&str, u32, u32, &str)] = &[
    ("", 1, 1, "empty"),
    ("  \n # nothing", 1, 1, "empty"),
    ("workitem.target_pid == 1", 1, 1, "workitem.target_pid"),
    ("1 <\n  workitem.message", 2, 3, "workitem.message"),
    ("\u{e9} + 1", 1, 1, "the name `\u{e9}`"),
    ("'\u{e9}' + nothing", 1, 7, "the name `nothing`"),
    ("workitem", 1, 1, "`workitem` alone"),
    ("1) + (2", 1, 2, "closes nothing"),
    ("1 +", 1, 3, "a value is missing"),
    ("lambda: 1", 1, 1, "lambda"),
    ("[y for y in [1] if (y := 2)]", 1, 21, ":="),
    ("sorted([1], key=lambda x: (y := x))", 1, 28, ":="),
    ("sorted([1], key=lambda x, y: x)", 1, 17, "has 2 parameters"),
    ("sorted([1], key=print)", 1, 17, "`print`"),
    ("max([1], key=context.get)", 1, 14, "expected a lambda"),
    ("context is {}", 1, 12, "`is`"),
    ("'%q' % 1", 1, 1, "`%` format"),
    ("'%*d' % (1, 2)", 1, 1, "`%` format"),
    ("'{.x}'.format(1)", 1, 1, "an attribute"),
    ("'{:{}}'.format(1, 2)", 1, 1, "a computed format"),
    ("'{} {1}'.format(1, 2)", 1, 1, "with and without numbers"),
    ("'{}'.format()", 1, 1, "has no argument"),
    ("context['t'].format(1)", 1, 1, "`format` needs a text"),
    ("isinstance(1, context)", 1, 15, "the type `context`"),
    ("isinstance(1, [int])", 1, 15, "expected a type"),
    ("type(1)", 1, 1, "`type(x)`"),
    ("type(1) < int", 1, 1, "`type`"),
    ("int is int", 1, 1, "the name `int`"),
    ("next([1])", 1, 6, "`next`"),
    ("context['l'].append(1)", 1, 14, "changes a value"),
    ("re.match('a', 'b')", 1, 1, "regular expressions"),
    ("hash(1)", 1, 1, "the function `hash`"),
    ("'a'.encode()", 1, 5, "the method `encode`"),
    ("context.keys()", 1, 9, "`.keys()`"),
    ("(x for x in [1])", 1, 1, "a generator"),
    ("len(1, 2)", 1, 1, "2 arguments"),
    ("len(*[1])", 1, 5, "unpacking"),
    ("sorted([1], other=1)", 1, 13, "named argument"),
    ("f'{1:n}'", 1, 3, "the format"),
    ("f'{1:{2}}'", 1, 3, "a computed format"),
    ("'a'.replace(old='a', new='b')", 1, 13, "a named argument"),
    (
        "now().replace(yaer=1)",
        1,
        15,
        "there is no argument `yaer`",
    ),
    ("now().replace(**context)", 1, 15, ""),
    ("'a'.replace(year=1)", 1, 5, "the method `replace`"),
    ("timedelta(1, days=1)", 1, 14, "`days` is given twice"),
    ("timedelta(*[1])", 1, 11, "unpacking"),
    ("datetime.strptime('1', '%Q')", 1, 1, "the directive `%Q`"),
    (
        "datetime.strptime('1')",
        1,
        1,
        "this call needs 2 arguments",
    ),
    ("[x.year for x in context['l']]", 1, 3, "`.year`"),
    ("date.today", 1, 1, "`date.today`"),
    ("[date for date in [1]][0].year", 1, 1, ""),
    ("b'x'", 1, 1, "bytes"),
    ("1j", 1, 1, "complex"),
    ("'\\ud800'", 1, 1, "surrogate"),
    ("...", 1, 1, "`...`"),
    ("[x async for x in []]", 1, 1, ""),
];

#[test]
fn refusals_name_construct_and_place() {
    for (text, line, column, reason) in REFUSED {
        let refusal = parse(text).map(|_| ()).unwrap_err();
        assert!(refusal.reason.contains(reason), "{text:?}: {refusal}");
        if !reason.is_empty() {
            assert_eq!(
                (refusal.line, refusal.column),
                (*line, *column),
                "{text:?}: {refusal}"
            );
        }
    }
}

/// Text, column, reason, suggestion.
const RESERVED: &[(&str, u32, &str, Option<&str>)] = &[
    (
        r#"context["inst:nwo"] > 1"#,
        9,
        "there is no reserved field `inst:nwo`; did you mean `inst:now`?",
        Some(r#"context["inst:now"] > 1"#),
    ),
    (
        "context.get('inst:faults', 1)",
        13,
        "there is no reserved field `inst:faults`; did you mean `inst:fault`?",
        Some("context.get('inst:fault', 1)"),
    ),
    (
        "1 == 1 and 'inst:reply' in workitem.fields",
        12,
        "there is no reserved field `inst:reply`; there are `inst:answer`, `inst:attempt`, \
         `inst:current`, `inst:fault`, `inst:now`, `inst:process`",
        None,
    ),
    (
        "context['inst:fault']['kode'] == 'a'",
        23,
        "`inst:fault` has no `kode`; did you mean `code`?",
        Some("context['inst:fault']['code'] == 'a'"),
    ),
    (
        "context['inst:process']['owner']",
        25,
        "`inst:process` has no `owner`; there are `id`, `name`, `key`, `version`, `launched`, \
         `user`",
        None,
    ),
];

#[test]
fn reserved_fields_that_never_exist_are_refused() {
    for (text, column, reason, suggestion) in RESERVED {
        let refusal = parse(text).map(|_| ()).unwrap_err();
        assert_eq!(&refusal.reason, reason, "{text}");
        assert_eq!(
            (refusal.line, refusal.column),
            (1, *column),
            "{text}: {refusal}"
        );
        assert_eq!(refusal.suggestion.as_deref(), *suggestion, "{text}");
    }
}

/// Template, line, column, a part of the reason, suggestion.
const TEMPLATES: &[(&str, u32, u32, &str, Option<&str>)] = &[
    (
        "worker-{region}",
        1,
        9,
        "the name `region` is not known",
        Some("worker-{context['region']}"),
    ),
    (
        "{1}\u{e9}{context['a'] && True}.",
        1,
        19,
        "`&&` is written `and`",
        Some("{1}\u{e9}{context['a'] and True}."),
    ),
    (
        "a\n b{null}",
        2,
        4,
        "`null` is written `None`",
        Some("a\n b{None}"),
    ),
    ("{", 1, 1, "", None),
    ("a{1", 1, 1, "", None),
    ("a{}b", 1, 3, "", None),
    ("{1}{", 1, 3, "", None),
    ("a}b{1}", 1, 1, "", None),
    ("{1:{2}}", 1, 1, "a computed format", None),
    ("\"\"\"{1}'''{2}", 1, 1, "both", None),
    (
        "{context['inst:nwo']}",
        1,
        10,
        "inst:now",
        Some("{context['inst:now']}"),
    ),
];

#[test]
fn refusals_in_templates_have_their_place_in_the_template() {
    for (text, line, column, reason, suggestion) in TEMPLATES {
        let refusal = template(text).map(|_| ()).unwrap_err();
        assert!(refusal.reason.contains(reason), "{text:?}: {refusal}");
        assert!(!refusal.reason.contains("f-string"), "{text:?}: {refusal}");
        println!("{text:?}: {refusal}");
        if !reason.is_empty() {
            assert_eq!(
                (refusal.line, refusal.column),
                (*line, *column),
                "{text:?}: {refusal}"
            );
        }
        assert_eq!(refusal.suggestion.as_deref(), *suggestion, "{text:?}");
        let unexplained = template_unexplained(text).map(|_| ()).unwrap_err();
        assert_eq!(unexplained.suggestion, None, "{text:?}");
    }
}

#[test]
fn deep_and_long_texts_are_refused_on_a_small_stack() {
    let deep = |open: &str, close: &str| open.repeat(4000) + "1" + &close.repeat(4000);
    let texts = [
        deep("(", ")"),
        deep("[", "]"),
        deep("-", ""),
        deep("not ", "").chars().take(16_000).collect(),
        deep("~", ""),
        deep("1**", ""),
        deep("{1:", "}"),
        "1 if 1 else ".repeat(1300) + "1",
        "lambda: ".repeat(1900) + "1",
        "f'{".repeat(3000),
        "1".to_owned() + &"+1".repeat(4000),
        "context".to_owned() + &"['a']".repeat(3000),
        "a".to_owned() + &".a".repeat(2040),
        "1".to_owned() + &"<1".repeat(2000),
        "(".repeat(100) + &")".repeat(99) + &"(".repeat(100),
        "x".repeat(limits::SOURCE_BYTES_MAX + 1),
    ];
    let thread = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || {
            for text in texts {
                let _ = parse(&text).map(|expression| {
                    compile(&[Function {
                        name: "f".to_owned(),
                        expression,
                        kind: Kind::Value,
                    }])
                    .unwrap();
                });
            }
        });
    thread.unwrap().join().unwrap();
}

#[test]
fn functions_have_wit_names_once() {
    let function = |name: &str| Function {
        name: name.to_owned(),
        expression: parse("1").unwrap(),
        kind: Kind::Verdict,
    };
    for name in ["", "A", "a_b", "1a", "a-", "a--b", "-a"] {
        assert_eq!(
            compile(&[function(name)]),
            Err(CompileError::Name {
                name: name.to_owned()
            })
        );
    }
    assert_eq!(
        compile(&[function("a"), function("a")]),
        Err(CompileError::Twice {
            name: "a".to_owned()
        })
    );
    compile(&[function("is-high"), function("c12")]).unwrap();
}
