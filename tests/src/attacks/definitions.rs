//! Attacks by definitions and by the expressions in them: on the reader, on the compiler, on the engine.

use super::{Attack, How, Stop, attack, elsewhere};

const LIMITS: &str = "a limit on definitions, before memory is allocated";

pub(super) fn attacks() -> Vec<Attack> {
    [
        markup(),
        sizes(),
        processes(),
        refused_expressions(),
        expressions(),
    ]
    .concat()
}

fn definition(name: &'static str, by: &'static str, words: &'static str, text: String) -> Attack {
    attack(
        name,
        by,
        Stop::Refused(words),
        How::Definition(text.into_bytes()),
    )
}

/// `parts` copies of `part` in a process.
fn filled(before: &str, part: &str, parts: usize, after: &str) -> String {
    format!("<process>{before}{}{after}</process>", part.repeat(parts))
}

fn markup() -> Vec<Attack> {
    const BY: &str = "no document types, only XML's five entities";
    let laughs: String = (1..10)
        .map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10)))
        .collect();
    let typed =
        |inside: &str, text: &str| format!("<!DOCTYPE process {inside}><process>{text}</process>");
    vec![
        definition(
            "an XML bomb of nested entities",
            BY,
            "a DOCTYPE is not allowed",
            typed(&format!("[<!ENTITY l0 \"lol\">{laughs}]"), "&l9;"),
        ),
        definition(
            "an external entity that reads a file",
            BY,
            "a DOCTYPE is not allowed",
            typed("[<!ENTITY f SYSTEM \"file:///etc/passwd\">]", "&f;"),
        ),
        definition(
            "a document type from another host",
            BY,
            "a DOCTYPE is not allowed",
            typed("SYSTEM \"http://localhost/process.dtd\"", ""),
        ),
        definition(
            "a reference to a character that XML forbids",
            "references are checked",
            "is not a character that XML allows",
            "<process><action participant=\"&#0;\"/></process>".to_owned(),
        ),
        definition(
            "10^5 attributes on one element",
            LIMITS,
            "attributes of one element",
            format!(
                "<process{}/>",
                (0..100_000)
                    .map(|n| format!(" a{n}=\"\""))
                    .collect::<String>()
            ),
        ),
        definition(
            "a name of half a megabyte",
            LIMITS,
            "bytes in the value of an attribute",
            filled(
                &format!("<action participant=\"{}\"/>", "x".repeat(500_000)),
                "",
                0,
                "",
            ),
        ),
        definition(
            "a definition that resumes someone else's process",
            "`parent` is refused",
            "would resume another process",
            "<process parent=\"0123456789abcdef0123456789abcdef_0\"/>".to_owned(),
        ),
    ]
}

fn sizes() -> Vec<Attack> {
    vec![
        definition(
            "10^6 activities",
            LIMITS,
            "bytes; at most 1048576 are allowed",
            filled("", "<delay duration=\"1\"/>", 1_000_000, ""),
        ),
        definition(
            "45,000 activities, as many as fit into a megabyte",
            LIMITS,
            "more than 20000 activities",
            filled("", "<delay duration=\"1\"/>", 45_000, ""),
        ),
        definition(
            "22,000 activities",
            LIMITS,
            "more than 20000 activities",
            filled("", "<delay duration=\"1\"/>", 22_000, ""),
        ),
        definition(
            "10^5 nested elements",
            LIMITS,
            "more than 64 elements nested in one another",
            format!("<process>{}", "<all>".repeat(100_000)),
        ),
        definition(
            "`all` with 10^5 branches",
            LIMITS,
            "more than 63016 elements",
            filled("<all>", "<all/>", 100_000, "</all>"),
        ),
        definition(
            "`all` with 12,000 branches",
            LIMITS,
            "more than 10000 branches of one `all`",
            filled("<all>", "<all/>", 12_000, "</all>"),
        ),
        definition(
            "2,000 conditions",
            LIMITS,
            "more than 1000 conditions",
            filled(
                "<while>",
                "<condition>1</condition>",
                2_000,
                "<delay duration=\"1\"/></while>",
            ),
        ),
        definition(
            "10^4 properties",
            LIMITS,
            "more than 1000 properties",
            filled(
                "<context>",
                "<property name=\"x\" type=\"int\">1</property>",
                10_000,
                "</context>",
            ),
        ),
        definition(
            "an absurdly long delay",
            "delays, 100 years",
            "too long",
            "<process><delay duration=\"99999999999999999999999999\"/></process>".to_owned(),
        ),
        definition(
            "a thousand modules",
            LIMITS,
            "more than 16 modules",
            (0..1_000)
                .map(|n| format!("<module name=\"m{n}\" hash=\"sha256:{}\"/>", "0".repeat(64)))
                .fold("<process>".to_owned(), |text, module| text + &module)
                + "</process>",
        ),
    ]
}

fn processes() -> Vec<Attack> {
    // A thousand calls of a definition that sleeps in a thousand branches.
    let timers = format!(
        "<process><all>{}</all></process>",
        "<delay duration=\"86400\"/>".repeat(1_000)
    );
    let bomb = format!(
        "<process><context><property name=\"d\" type=\"str\"><![CDATA[{timers}]]></property></context>
         <all>{}</all></process>",
        "<call process=\"$d\"/>".repeat(1_000)
    );
    let forks = (0..4).fold("<delay duration=\"1\"/>".to_owned(), |inner, _| {
        format!("<all>{}</all>", inner.repeat(12))
    });
    vec![
        attack(
            "10^6 timers from one launch",
            "timers are rows on disk; steps and commits are bounded, and others run in between",
            Stop::Harmless,
            How::Process(bomb),
        ),
        definition(
            "`all` within `all`, 12 wide and 4 deep",
            LIMITS,
            "more than 20000 activities",
            format!("<process>{forks}</process>"),
        ),
        elsewhere(
            "a loop that never waits",
            "10^6 instructions without waiting, 1,000 at a time",
            Stop::Fault("OpBudgetExceeded"),
            "tests/conformance/while-budget.case",
            "failed OpBudgetExceeded",
        ),
        elsewhere(
            "a definition that calls itself",
            "a called process starts from its own context only",
            Stop::Fault("CallError"),
            "tests/conformance/call-recursion.case",
            "failed CallError",
        ),
        attack(
            "a participant that passes a definition on, so that calls nest",
            "calls nest at most 32 deep",
            Stop::Fault("CallError"),
            How::Process(
                "<process><action participant=\"hand\"/><call process=\"$d\"/></process>"
                    .to_owned(),
            ),
        ),
        elsewhere(
            "an answer to a task of another turn",
            "turns, which cannot be guessed",
            Stop::Harmless,
            "tests/conformance/answer-forged-turn.case",
            "[script]",
        ),
    ]
}

fn expression(name: &'static str, by: &'static str, stop: Stop, text: impl Into<String>) -> Attack {
    let numbers: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    let fields = format!(
        r#"{{"n": 1000000000, "t": "text", "l": [{}]}}"#,
        numbers.join(",")
    );
    let text = text.into();
    attack(name, by, stop, How::Expression { text, fields })
}

fn refused_expressions() -> Vec<Attack> {
    const BOUNDS: &str = "length and nesting, before anything is parsed";
    let refused = |name, by, words, text: String| expression(name, by, Stop::Refused(words), text);
    vec![
        refused(
            "10^5 nested brackets",
            BOUNDS,
            "at most 16384 are allowed",
            "(".repeat(100_000),
        ),
        refused(
            "5,000 minus signs in a row",
            BOUNDS,
            "nest",
            format!("{}1", "-".repeat(5_000)),
        ),
        refused(
            "a sum of 10^4 terms",
            BOUNDS,
            "at most 16384 are allowed",
            format!("1{}", "+1".repeat(10_000)),
        ),
        refused(
            "a constant of 10^5 digits",
            BOUNDS,
            "at most 16384 are allowed",
            format!("context['n'] == {}", "9".repeat(100_000)),
        ),
        refused(
            "a format of a billion places",
            "formats, 1,000 places",
            "format",
            "f'{context[\"t\"]:1000000000}' == ''".to_owned(),
        ),
        refused(
            "an import",
            "expressions know only fields and functions",
            "the function `__import__` does not exist",
            "__import__('os').system('id') == 0".to_owned(),
        ),
        refused(
            "an escape through `__class__`",
            "values have no attributes",
            "the attribute `__base__`",
            "().__class__.__base__ == 1".to_owned(),
        ),
    ]
}

fn expressions() -> Vec<Attack> {
    let memory = Stop::Fault("MemoryError");
    const BY: &str = "sizes are checked before memory is allocated";
    vec![
        expression(
            "a text of 10^9 characters by repetition",
            BY,
            memory,
            "context['t'] * context['n'] == ''",
        ),
        expression(
            "a list of 10^9 items by repetition",
            BY,
            memory,
            "len([0] * context['n']) == 1",
        ),
        expression(
            "doubling by replacement",
            BY,
            memory,
            "(context['t'] * 20000).replace('t', 'x' * 1000) == ''",
        ),
        expression(
            "a power that overflows",
            "integers have 64 bits",
            Stop::Fault("OverflowError"),
            "context['n'] ** 63 > 1",
        ),
        expression(
            "a power of powers",
            "integers have 64 bits",
            Stop::Fault("OverflowError"),
            "9 ** 9 ** 9 ** 9 > 1",
        ),
        expression(
            "a range of 10^9",
            BY,
            memory,
            "any(x < 0 for x in range(context['n']))",
        ),
        expression(
            "lists in nested loops",
            "memory, 1 MiB",
            memory,
            "sum([sum([sum([1 for c in 'x' * 1000]) for b in 'x' * 1000]) for a in 'x' * 1000]) > 1",
        ),
        expression(
            "deeply nested loops",
            "fuel",
            Stop::Fault("sandbox.fuel"),
            "any(any(any(c < 0 for c in context['l']) for b in context['l']) for a in context['l'])",
        ),
    ]
}
