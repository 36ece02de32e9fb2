//! Hostile definitions: nothing panics, nothing takes long, what is given is bounded.
#![allow(clippy::unwrap_used)]

use bureaucrat_definition::{Limits, compile, disassemble};
use proptest::{collection::vec, prelude::*};
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// As much of `part` as fits into a definition.
fn filled(before: &str, part: &str, after: &str) -> String {
    let count = (MIB - before.len() - after.len()) / part.len();
    format!("{before}{}{after}", part.repeat(count))
}

fn numbered(before: &str, part: impl Fn(usize) -> String, after: &str) -> String {
    let mut text = before.to_owned();
    for number in 0.. {
        let next = part(number);
        if text.len() + next.len() + after.len() > MIB {
            break;
        }
        text.push_str(&next);
    }
    text + after
}

/// As many declarations of prefixes as may be in force at once.
fn nested_namespaces() -> String {
    let declarations: String = (0..30)
        .map(|number| format!(" xmlns:a{number}='u'"))
        .collect();
    let elements = format!("<sequence{declarations}>").repeat(60);
    format!("<process>{elements}")
}

/// Definitions of about a mebibyte, each of which makes another part of the compiler work.
fn hostile() -> Vec<(&'static str, String)> {
    let condition = |text: &str| {
        format!(
            "<process><while><condition>{text}</condition><delay duration='1'/></while></process>"
        )
    };
    let many_conditions = numbered(
        "<process><while>",
        |number| {
            format!(
                "<condition>context['a{number}'] &lt; {number} and {}x</condition>",
                "not ".repeat(8)
            )
        },
        "<delay duration='1'/></while></process>",
    );
    vec![
        ("newlines", filled("<process>", "\n", "</process>")),
        (
            "one line of activities",
            filled("<process>", "<all/>", "</process>"),
        ),
        (
            "unknown elements",
            filled("<process>", "<a/>", "</process>"),
        ),
        ("nesting", filled("", "<sequence>", "")),
        (
            "namespaces",
            filled(&nested_namespaces(), "<all a1:b='' x:c=''/>", ""),
        ),
        (
            "attributes",
            numbered("<process ", |number| format!("a{number}='' "), "/>"),
        ),
        ("one attribute", filled("<process name='", "a", "'/>")),
        ("references", filled("<process name='", "&lt;", "'/>")),
        (
            "references in text",
            filled("<process>", "&lt;", "</process>"),
        ),
        (
            "unknown references",
            filled("<process>", "&x;", "</process>"),
        ),
        ("open references", filled("<process>", "&", "</process>")),
        (
            "open references in an attribute",
            filled("<process name='", "&", "'/>"),
        ),
        ("comments", filled("<process>", "<!---->", "</process>")),
        ("hyphens", filled("<process>", "<!-- -- -->", "</process>")),
        ("CDATA", filled("<process>", "<![CDATA[]]>", "</process>")),
        ("instructions", filled("<process>", "<?a?>", "</process>")),
        (
            "doctype",
            filled("<!DOCTYPE a [", "<!ENTITY a 'a'>", "]><process/>"),
        ),
        ("brackets", filled("", "<", "")),
        ("end tags", filled("<process>", "</process>", "")),
        ("outside", filled("<process/>", " x&amp;", "")),
        ("long names", filled("<process><", "a", "/></process>")),
        (
            "properties",
            filled(
                "<process><context>",
                "<property name='a' type='int'>1</property>",
                "</context></process>",
            ),
        ),
        (
            "an integer",
            filled(
                "<process><context><property name='a' type='int'>",
                "9",
                "</property></context></process>",
            ),
        ),
        (
            "a float",
            filled(
                "<process><context><property name='a' type='float'>1.",
                "9",
                "</property></context></process>",
            ),
        ),
        (
            "json depth",
            filled(
                "<process><context><property name='a' type='json'>",
                "[",
                "</property></context></process>",
            ),
        ),
        (
            "json lists",
            filled(
                "<process><context><property name='a' type='json'>[0",
                ",[]",
                "]</property></context></process>",
            ),
        ),
        (
            "json keys",
            numbered(
                "<process><context><property name='a' type='json'>{\"\":0",
                |number| format!(",\"{number}\":0"),
                "}</property></context></process>",
            ),
        ),
        (
            "modules",
            numbered(
                "<process>",
                |number| format!("<module name='{number}'>AAAA</module>"),
                "</process>",
            ),
        ),
        (
            "a module",
            filled("<process><module name='a'>", "AAAA", "</module></process>"),
        ),
        ("a condition", condition(&"(".repeat(MIB - 200))),
        (
            "an escaped condition",
            condition(&"&amp;lt;".repeat(MIB / 8 - 40)),
        ),
        ("a long expression", condition(&"1 + ".repeat(1_000))),
        ("a deep expression", condition(&"(".repeat(4_000))),
        (
            "a chain of comparisons",
            condition(&format!("1{}", "&lt;1".repeat(2_000))),
        ),
        ("conditions", many_conditions),
        (
            "cases",
            filled("<process><switch>", "<case/>", "</switch></process>"),
        ),
        (
            "empty text everywhere",
            filled("<process>", "<all>\r</all>", "</process>"),
        ),
    ]
}

#[test]
fn a_mebibyte_takes_less_than_a_second() {
    let mut slow = Vec::new();
    for (name, source) in hostile() {
        assert!(source.len() <= MIB, "{name} has {} bytes", source.len());
        let start = Instant::now();
        let compiled = compile(source.as_bytes(), &Limits::default());
        let spent = start.elapsed();
        println!("{:>9.1} ms  {name}", spent.as_secs_f64() * 1_000.0);
        if let Err(diagnostics) = compiled {
            assert!(!diagnostics.is_empty(), "{name}");
            assert!(
                diagnostics.len() <= Limits::default().diagnostics + 1,
                "{name}"
            );
            for diagnostic in diagnostics {
                assert!(diagnostic.to_string().len() < 1_000, "{name}: {diagnostic}");
            }
        }
        if spent > Duration::from_secs(1) {
            slow.push((name, spent));
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}

#[test]
fn generous_limits_change_what_is_allowed_not_what_is_safe() {
    let limits = Limits {
        depth: usize::MAX,
        activities: usize::MAX,
        branches: usize::MAX,
        ..Limits::default()
    };
    let deep = "<sequence>".repeat(255) + &"</sequence>".repeat(255);
    assert!(compile(format!("<process>{deep}</process>").as_bytes(), &limits).is_ok());
    let deeper = format!("<process><all>{deep}</all></process>");
    assert!(compile(deeper.as_bytes(), &limits).is_err());
    let wide = "<all/>".repeat(100_000);
    let wide = compile(format!("<process>{wide}</process>").as_bytes(), &limits);
    assert_eq!(wide.unwrap().program.ops.len(), 100_001);
}

/// Every stage that takes bytes from outside.
fn all_of_it(bytes: &[u8]) {
    match compile(bytes, &Limits::default()) {
        Ok(compiled) => {
            compiled.program.check().unwrap();
            disassemble(&compiled.program);
            let stored = compiled.program.encode().unwrap();
            assert_eq!(
                bureaucrat_model::Program::decode(&stored),
                Ok(compiled.program)
            );
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            assert!(diagnostics.is_sorted_by_key(|found| (found.line, found.column)));
            diagnostics.iter().for_each(|found| {
                assert!(!found.to_string().is_empty());
            });
        }
    }
}

const SEED: &[u8] = include_bytes!("../../../definitions/example1.xml");

/// Pieces that definitions are made of, some of them wrong.
const PIECES: [&str; 36] = [
    "<process>",
    "<process name='a'>",
    "</process>",
    "<sequence>",
    "</sequence>",
    "<all>",
    "</all>",
    "<switch>",
    "</switch>",
    "<case>",
    "</case>",
    "<while>",
    "</while>",
    "<action participant='a'/>",
    "<delay duration='1'/>",
    "<call process='$a'/>",
    "<await event='e'>",
    "</await>",
    "<condition>",
    "</condition>",
    "<condition module='m'/>",
    "<module name='m'>AAAA</module>",
    "<context>",
    "</context>",
    "<property name='a' type='json'>",
    "</property>",
    "x",
    " ",
    "\r\n",
    "&lt;",
    "&amp;lt;",
    "&#x;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        all_of_it(&bytes);
    }

    #[test]
    fn arbitrary_markup_never_panics(text in "[<>/!?&;\\[\\]\\-='\" a-cé\r\n#x1]{0,60}") {
        all_of_it(text.as_bytes());
        all_of_it(format!("<process>{text}</process>").as_bytes());
    }

    #[test]
    fn arbitrary_pieces_never_panic(pieces in vec(0..PIECES.len(), 0..40)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        all_of_it(text.as_bytes());
        all_of_it(format!("<process>{text}</process>").as_bytes());
    }

    #[test]
    fn changed_definitions_never_panic(changes in vec((0..SEED.len(), any::<u8>(), 0..3_u8), 1..6)) {
        let mut bytes = SEED.to_vec();
        for (at, byte, kind) in changes {
            let at = at.min(bytes.len() - 1);
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        all_of_it(&bytes);
    }
}
