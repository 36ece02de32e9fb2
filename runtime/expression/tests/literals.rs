//! Literals have the value that their component gives, byte for byte.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bureaucrat_expression::{Function, Kind, compile, parse};
use serde_json::json;
use support::{Host, Outcome};

/// The same numbers in each run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn digits(&mut self, most: u64) -> String {
        let count = 1 + self.below(most);
        let digits = (0..count).map(|_| char::from(b'1' + self.below(9) as u8));
        digits.collect()
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 16] = [
            "a", "Z", " ", "ß", "€", "😀", "/", "\\n", "\\t", "\\\\", "\\\"", "\\x07", "\\x00",
            "\\b", "\\u00e9", "\\x7f",
        ];
        let count = self.below(8);
        let parts = (0..count).map(|_| PARTS[self.below(16) as usize]);
        format!("\"{}\"", parts.collect::<String>())
    }

    fn several(&mut self, depth: u32, one: impl Fn(&mut Self, u32) -> String) -> Vec<String> {
        let count = self.below(4);
        (0..count).map(|_| one(self, depth + 1)).collect()
    }

    /// A literal as people write it; sometimes one that Python writes in another way.
    fn literal(&mut self, depth: u32) -> String {
        let sign = if self.below(2) == 0 { "-" } else { "" };
        match self.below(if depth < 3 { 12 } else { 9 }) {
            0 => ["None", "True", "False"][self.below(3) as usize].to_owned(),
            1 => format!("{sign}{}", self.digits(18)),
            2 => format!("{sign}{}", self.digits(30)),
            3 => format!("0x{}", self.digits(15)),
            4 => format!("{sign}{}_000", self.digits(3)),
            5 | 6 => format!("{sign}{}.{}", self.digits(12), self.digits(12)),
            7 => format!(
                "{sign}{}.{}e-{}",
                self.digits(1),
                self.digits(6),
                self.digits(1)
            ),
            8 => self.text(),
            9 => format!("[{}]", self.several(depth, Self::literal).join(", ")),
            10 => {
                let items = self.several(depth, Self::literal);
                let items = items.iter().map(|item| format!("{item}, "));
                format!("({})", items.collect::<String>())
            }
            _ => {
                let pair =
                    |draw: &mut Self, depth| format!("{}: {}", draw.text(), draw.literal(depth));
                format!("{{{}}}", self.several(depth, pair).join(", "))
            }
        }
    }
}

#[test]
fn a_literal_is_what_its_component_gives() {
    let (host, mut draw) = (Host::quick(), Draw(7));
    let mut known = 0;
    for _ in 0..20 {
        let texts: Vec<String> = (0..100).map(|_| draw.literal(0)).collect();
        let function = |(place, text): (usize, &String)| Function {
            name: format!("c{place}"),
            expression: parse(text).unwrap(),
            kind: Kind::Value,
        };
        let functions: Vec<Function> = texts.iter().enumerate().map(function).collect();
        let guest = host.load(&compile(&functions).unwrap());
        for (function, text) in functions.iter().zip(&texts) {
            if let Some(value) = function.expression.literal() {
                known += 1;
                let given = guest.call(&function.name, &json!({}));
                assert_eq!(Outcome::Value(value), given, "{text}");
            }
        }
    }
    assert!(known > 1_500, "{known}");
}

#[test]
fn what_is_computed_is_no_literal() {
    for text in [
        "1 + 1",
        "context",
        "context[\"a\"]",
        "[1, context[\"a\"]]",
        "[*[1]]",
        "{1, 2}",
        "{\"a\": 1, \"a\": 2}",
        "not True",
        "1e16",
        "1e-5",
        // Two texts of this length mean this float.
        "849382969422732.25",
        "len(\"a\")",
        "f\"{context}\"",
    ] {
        assert_eq!(parse(text).unwrap().literal(), None, "{text}");
    }
    for (text, expected) in [
        (" 5 ", "5"),
        ("(\"tea\")", "\"tea\""),
        ("()", "[]"),
        ("-0.0", "-0.0"),
        ("{\"a\": [None, 2.50]}", "{\"a\": [null, 2.5]}"),
    ] {
        let found = parse(text).unwrap().literal();
        assert_eq!(found.as_deref(), Some(expected), "{text}");
    }
}
