//! What the compared expressions covered: each construct, function, method and format, and each
//! operator with each pair of types; how often it occurred, and how often it returned a value and
//! not a fault.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bureaucrat_expression::vocabulary;
use serde_json::Value as Json;

/// The kinds of values; `big` is an integer outside 64 bits.
const KINDS: [&str; 15] = [
    "None",
    "bool",
    "int",
    "big",
    "float",
    "str",
    "list",
    "tuple",
    "dict",
    "set",
    "datetime",
    "date",
    "time",
    "timedelta",
    "timezone",
];

const OPERATORS: &[&str] = &[
    "+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>", "==", "!=", "<", "<=", ">",
    ">=", "in", "not in", "and", "or",
];

/// Everything else that can be written, with the names in watch.py.
const CONSTRUCTS: &[&str] = &[
    "literal None",
    "literal bool",
    "literal int",
    "literal float",
    "literal str",
    "list",
    "tuple",
    "dict",
    "set",
    "* in a display",
    "* in a call",
    "** in a dict",
    "conditional expression",
    "chain of comparisons",
    "index",
    "slice",
    "assignment :=",
    "lambda",
    "generator",
    "list comprehension",
    "set comprehension",
    "dict comprehension",
    "several for",
    "if in a loop",
    "several loop variables",
    "operator and",
    "operator or",
    "operator not",
    "operator ~",
    "operator unary -",
    "operator unary +",
    "operator is",
    "operator is not",
    "operator **",
    "f-string",
    "f-string !r",
    "f-string !s",
    "f-string !a",
    "format fill",
    "format align <",
    "format align >",
    "format align ^",
    "format align =",
    "format sign '+'",
    "format sign ' '",
    "format prefix",
    "format zero",
    "format width",
    "format grouping ,",
    "format grouping _",
    "format precision",
    "format letter none",
    "format letter s",
    "format letter d",
    "format letter f",
    "format letter F",
    "format letter e",
    "format letter E",
    "format letter g",
    "format letter G",
    "format letter %",
    "format letter x",
    "format letter X",
    "format letter o",
    "format letter b",
    "format letter c",
    "% formatting",
    "% name",
    "% letter s",
    "% letter r",
    "% letter a",
    "% letter d",
    "% letter f",
    "% letter e",
    "% letter g",
    "% letter G",
    "% letter x",
    "% letter X",
    "% letter o",
    "% letter %",
    "% flag '-'",
    "% flag '+'",
    "% flag '0'",
    "braces automatic",
    "braces number",
    "braces name",
    "braces key",
    "braces !r",
    "function sorted key=",
    "function sorted reverse=",
    "function min key=",
    "function min default=",
    "function max key=",
    "function max default=",
    "function sum start=",
    "function enumerate start=",
    "method split maxsplit=",
];

/// How often something occurred and returned a value.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    occurred: usize,
    gave: usize,
}

impl Count {
    fn add(&mut self, gave: bool) {
        self.occurred += 1;
        self.gave += usize::from(gave);
    }
}

/// The counts of a run.
#[derive(Debug, Default)]
pub struct Coverage {
    constructs: BTreeMap<String, Count>,
    pairs: BTreeMap<(String, String, String), Count>,
}

impl Coverage {
    /// Counts what the reference reports about one expression.
    pub fn add(&mut self, answer: &Json) {
        for seen in answer["seen"].as_array().unwrap() {
            let what = seen[0].as_str().unwrap();
            let count = self.constructs.entry(what.to_owned()).or_default();
            count.add(seen[1] == true);
        }
        for pair in answer["pairs"].as_array().unwrap() {
            let part = |index: usize| pair[index].as_str().unwrap().to_owned();
            let count = self.pairs.entry((part(0), part(1), part(2))).or_default();
            count.add(pair[3] == true);
        }
    }

    /// The counts as tables: a line for each construct, a table of `occurred/returned` for each
    /// operator.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (what, count) in &self.constructs {
            let _ = writeln!(text, "{what:32} {:8} {:8}", count.occurred, count.gave);
        }
        for operator in OPERATORS {
            let _ = write!(text, "\n{operator:8}");
            for right in KINDS {
                let _ = write!(text, "{right:>13}");
            }
            for left in KINDS {
                let _ = write!(text, "\n{left:8}");
                for right in KINDS {
                    let count = self.pair(operator, left, right);
                    let cell = format!("{}/{}", count.occurred, count.gave);
                    let _ = write!(text, "{cell:>13}");
                }
            }
            text.push('\n');
        }
        text
    }

    /// What occurred less often than it should, or returned a value less often.
    pub fn lacking(&self, occurrences: usize, values: usize, pairs: usize) -> Vec<String> {
        let functions = vocabulary::functions();
        let functions = functions.iter().map(|name| format!("function {name}"));
        let methods = vocabulary::methods();
        let methods = methods.iter().map(|name| format!("method {name}"));
        let attributes = vocabulary::attributes();
        let attributes = attributes.iter().map(|name| format!("attribute {name}"));
        let constructs = CONSTRUCTS.iter().map(|name| (*name).to_owned());
        let mut lacking = Vec::new();
        for what in constructs.chain(functions).chain(methods).chain(attributes) {
            let count = self.constructs.get(&what).copied().unwrap_or_default();
            if count.occurred < occurrences || count.gave < values {
                lacking.push(format!(
                    "{what}: {} times, {} values",
                    count.occurred, count.gave
                ));
            }
        }
        for operator in OPERATORS {
            for (left, right) in KINDS
                .iter()
                .flat_map(|left| KINDS.map(|right| (*left, right)))
            {
                let count = self.pair(operator, left, right);
                if count.occurred < pairs && is_evaluated(operator, left, right) {
                    lacking.push(format!(
                        "{left} {operator} {right}: {} times",
                        count.occurred
                    ));
                }
            }
        }
        lacking
    }

    fn pair(&self, operator: &str, left: &str, right: &str) -> Count {
        let key = (operator.to_owned(), left.to_owned(), right.to_owned());
        self.pairs.get(&key).copied().unwrap_or_default()
    }
}

/// Whether such a pair can occur: nothing on the right of a None is evaluated with `and`, nor of a
/// big integer or a date with `or`, and Python would never finish a big integer to the power of another.
fn is_evaluated(operator: &str, left: &str, right: &str) -> bool {
    !matches!(
        (operator, left, right),
        ("and", "None", _)
            | ("or", "big" | "datetime" | "date" | "time" | "timezone", _)
            | ("**", "big", "big")
    )
}
