//! Every character through every method that asks or changes the case or kind of letters, against Python.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod reference;
mod support;

use bureaucrat_expression::{Function, Kind, compile, parse};
use serde_json::json;
use support::{Host, Outcome};

/// What is asked of a text of many characters; `repr` and `ascii` know what can be printed.
const EXPRESSION: &str = r#"[t.lower(), t.upper(), t.title(), t.swapcase(), t.casefold(), t.capitalize(), ascii(t), repr(t),
    [[c.isalpha(), c.isdigit(), c.isdecimal(), c.isnumeric(), c.isalnum(), c.islower(), c.isupper(), c.istitle(), c.isspace(),
    (c + "\u03a3").lower(), ("a" + c + "\u03a3").lower(), (c + "a").title()] for c in t]]"#;

/// How many code points go into a text.
const PORTION: usize = 500;

/// Scripts without cases beyond this plane are sampled.
const ALL_BELOW: u32 = 0x2_0000;

#[test]
fn every_character_is_what_it_is_in_python() {
    let expression = EXPRESSION
        .replace('\n', " ")
        .replace("t.", "context[\"t\"].");
    let expression = expression
        .replace("ascii(t)", "ascii(context['t'])")
        .replace("repr(t)", "repr(context['t'])");
    let expression = expression.replace("for c in t]", "for c in context['t']]");
    let codes: Vec<char> = (0..ALL_BELOW)
        .chain((ALL_BELOW..0x11_0000).step_by(97))
        .filter_map(char::from_u32)
        .collect();
    let cases: Vec<_> = codes
        .chunks(PORTION)
        .map(|portion| {
            let text: String = portion.iter().collect();
            (json!({ "t": text }).to_string(), expression.clone())
        })
        .collect();
    let answers = reference::values(&cases);
    let function = Function {
        name: "evaluate".to_owned(),
        expression: parse(&expression).unwrap(),
        kind: Kind::Value,
    };
    let guest = Host::new().load(&compile(&[function]).unwrap());
    for ((fields, _), answer) in cases.iter().zip(answers) {
        let outcome = guest.call("evaluate", &serde_json::from_str(fields).unwrap());
        let Outcome::Value(text) = outcome else {
            panic!("{outcome:?} for {fields}")
        };
        let expected = answer["value"].as_str().unwrap();
        let pairs = text.chars().zip(expected.chars());
        let same = pairs.take_while(|(ours, theirs)| ours == theirs).count();
        let shown = |text: &str| -> String {
            text.chars()
                .skip(same.saturating_sub(30))
                .take(60)
                .collect()
        };
        assert!(
            text == expected,
            "{} where Python has {}, over {fields}",
            shown(&text),
            shown(expected)
        );
    }
}
