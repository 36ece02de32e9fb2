//! Expressions: from their text to a guest's bytes, and to the guest's result.

use crate::{corpus, trace};
use anyhow::Result;
use bureaucrat_expression::{Function, Kind, compile, parse};
use bureaucrat_model::Fields;
use bureaucrat_sandbox::{Evaluated, Outcome, Sandbox, codes};

/// What expressions are made of.
pub const TOKENS: [&str; 76] = [
    "workitem",
    ".fields",
    "context",
    "[\"a\"]",
    "['b']",
    ".get('a', 1)",
    "[0]",
    "[-1]",
    "[1:2]",
    "[::-1]",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"\"\"",
    "b''",
    "f'{",
    "}'",
    " and ",
    " or ",
    "not ",
    " in ",
    " not in ",
    " is None",
    " is True",
    "==",
    "!=",
    "<",
    "<=",
    " if ",
    " else ",
    " for x in ",
    "+",
    "-",
    "*",
    "**",
    "//",
    "%",
    "/",
    "~",
    "@",
    "len(",
    "str(",
    "int(",
    "float(",
    "min(",
    "max(",
    "abs(",
    "round(",
    "sorted(",
    "any(",
    "all(",
    ".upper()",
    ".split(',')",
    ".join(",
    ".replace('a', 'b')",
    "9223372036854775807",
    "1e308",
    "lambda: ",
    ":=",
    "\\\n",
    "now()",
    "datetime(2024, 2, 29)",
    "timedelta(hours=",
    "timezone(",
    ".fromisoformat(",
    "datetime.strptime(",
    ".strftime(",
    ".astimezone(timezone.utc)",
    ".replace(day=",
    ".days",
    "\"2024-02-29T12:30:15.5+01:00\"",
    "\"%Y-%m-%d %H:%M:%S%z\"",
];

/// Expressions from the definitions and the cases, and some for each corner case.
///
/// # Errors
/// If a file cannot be read.
pub fn expressions() -> Result<Vec<Vec<u8>>> {
    let mut seeds: Vec<Vec<u8>> = [
        "workitem.fields['a'] < 4 and context['b'] is True",
        "any(x['n'] > 1 for x in context['list']) or len(context['list']) == 0",
        "sorted([x.lower() for x in context.get('names', [])], reverse=True)[0]",
        "f\"{context['n']:.2f}\" == '1.00'",
        "1 if 'a' in context else -2 ** 3 // 7 % 5",
        "str(int('12') + round(2.5)) + 'x' * 3",
        "context['a']['b'][0] == [1, 2.5, None, {'k': 'v'}]",
        "', '.join(str(x) for x in (1, 2, 3)).split(',')[1:2] != ['2']",
        "1 < context['n'] <= 10 != 'ten'",
        "max(abs(-3), min(4, 5)) == 4 and not 0.1 + 0.2 == 0.3",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    for source in ["definitions", "tests/conformance"] {
        for ending in ["xml", "case"] {
            for file in corpus::whole(source, ending)? {
                let text = String::from_utf8_lossy(&file)
                    .replace("&lt;", "<")
                    .replace("&gt;", ">");
                let inside = text.split("<condition>").skip(1);
                seeds.extend(
                    inside
                        .filter_map(|rest| Some(rest.split("</condition>").next()?.trim().into())),
                );
            }
        }
    }
    seeds.sort();
    seeds.dedup();
    Ok(seeds)
}

/// The same, with fields after a zero byte.
///
/// # Errors
/// If a file cannot be read.
pub fn with_fields() -> Result<Vec<Vec<u8>>> {
    let fields = br#"{"a": 3, "b": true, "n": 2.5, "names": ["X", "y"], "list": [{"n": 1}, {"n": 2}], "t": "text"}"#;
    let expressions = expressions()?.into_iter();
    Ok(expressions
        .map(|text| [&text[..], &[0], fields].concat())
        .collect())
}

fn component(text: &str) -> Result<Vec<u8>, String> {
    let expression = parse(text).map_err(|refusal| refusal.to_string())?;
    let function = |name: &str, kind| Function {
        name: name.to_owned(),
        expression: expression.clone(),
        kind,
    };
    let functions = [
        function("verdict", Kind::Verdict),
        function("value", Kind::Value),
    ];
    compile(&functions).map_err(|error| error.to_string())
}

/// An expression: compiles to the same bytes each time.
pub fn expression(input: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(input);
    let made = component(&text);
    match made {
        Ok(component) => trace::of_count("component", component.len()),
        Err(reason) => trace::of_text(&reason),
    }
}

/// An expression on fields: our own compiler's output is accepted, does not trap, and returns the
/// same again.
pub fn guest(sandbox: &Sandbox, input: &[u8]) -> u64 {
    let (text, fields) = match input.iter().position(|byte| *byte == 0) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &b"{}"[..]),
    };
    let component = match component(&String::from_utf8_lossy(text)) {
        Ok(component) => component,
        Err(reason) => return trace::of_text(&reason),
    };
    let fields = Fields::parse(&String::from_utf8_lossy(fields)).unwrap_or_default();
    let guest = match sandbox.load_inline(&component) {
        Ok(guest) => guest,
        Err(error) => panic!("our own guest is not taken: {error}"),
    };
    let mut trace = 0;
    for function in ["verdict", "value"] {
        let first = sandbox.evaluate(&guest, function, &fields);
        let again = sandbox.evaluate(&guest, function, &fields);
        trace ^= match &first.outcome {
            Outcome::Verdict(verdict) => u64::from(*verdict),
            Outcome::Value(value) => trace::of_count("value", value.len()),
            Outcome::Fault { code, message } => {
                let defects = [codes::TRAP, codes::ABI, codes::NO_FUNCTION];
                assert!(!defects.contains(&code.as_str()), "{code:?}: {message}");
                trace::of_text(&format!("{}: {message}", code.as_str()))
            }
            // The deadline: this machine was busy.
            Outcome::Environmental(_) => return 2,
        };
        if !matches!(again.outcome, Outcome::Environmental(_)) {
            let told = |told: &Evaluated| (told.outcome.clone(), told.fuel, told.memory_bytes);
            assert_eq!(told(&first), told(&again));
        }
    }
    trace
}
