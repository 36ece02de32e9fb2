//! Expressions to compare: every operator over every pair of kinds, and random trees over random fields.
//!
//! Deterministic: the same seed gives the same cases. Trees are drawn for a wanted kind, and now and then for another, so
//! that faults occur but do not drown everything.

/// Literals of every kind, and the edges of numbers.
const SAMPLES: &[&str] = &[
    "None",
    "True",
    "False",
    "0",
    "1",
    "-3",
    "7",
    "9223372036854775807",
    "(-9223372036854775808)",
    "9007199254740993",
    "0.0",
    "(-0.0)",
    "0.5",
    "-2.5",
    "3.0",
    "1e22",
    "1e300",
    "9007199254740992.0",
    "9223372036854775808.0",
    "1e400",
    "''",
    "'a'",
    "'abc'",
    "'12'",
    "'\u{e9}t\u{e9} \u{1f600}'",
    "[]",
    "[1]",
    "[1, 'a', None]",
    "[1.0, 2]",
    "()",
    "(1,)",
    "(1, 2)",
    "{}",
    "{'a': 1}",
    "{1: [2], 'b': (3,)}",
    "context['big']",
    "context['list']",
    "context['record']",
    "context['nested']",
    "context['negative']",
    "context['text']",
];

const BINARY: &[&str] = &[
    "+", "-", "*", "/", "//", "%", "&", "|", "^", "<<", ">>", "==", "!=", "<", "<=", ">", ">=",
    "in", "not in", "and", "or",
];

const UNARY: &[&str] = &[
    "-(X)",
    "+(X)",
    "~(X)",
    "not (X)",
    "(X) is None",
    "(X) is not True",
    "(X) ** 2",
    "(X) ** 0",
    "(X) ** 63",
    "len(X)",
    "str(X)",
    "repr(X)",
    "int(X)",
    "float(X)",
    "bool(X)",
    "abs(X)",
    "round(X)",
    "round(X, 1)",
    "round(X, -1)",
    "sum(X)",
    "min(X)",
    "max(X)",
    "sorted(X)",
    "any(X)",
    "all(X)",
    "list(X)",
    "tuple(X)",
    "(X)[0]",
    "(X)[-1]",
    "(X)['a']",
    "(X)[None]",
    "(X)[1:]",
    "(X)[::-1]",
    "(X)[:-1]",
    "(X)[True]",
    "[y for y in (X)]",
    "[y for y in (X) if y]",
    "any(y == 1 for y in (X))",
    "all(y for y in (X))",
    "(X).get('a')",
    "(X).get(1, 2)",
    "list((X).keys())",
    "list((X).values())",
    "list((X).items())",
    "(X).lower()",
    "(X).upper()",
    "(X).strip()",
    "(X).split()",
    "(X).split('b')",
    "','.join(X)",
    "(X).replace('b', 'xy')",
    "(X).find('b')",
    "(X).index('a')",
    "(X).count('a')",
    "(X).startswith('a')",
    "(X).endswith(('c', 'x'))",
    "(X).isdigit()",
    "(X).isalpha()",
    "(X).title()",
    "(X).capitalize()",
    "f'{X}'",
    "f'{X!r:8}'",
    "f'{X:d}'",
    "f'{X:.2f}'",
    "f'{X:9}'",
    "f'{X:s}'",
    "[a for a, b in (X)]",
    "list(range(X))",
    "list(enumerate(X))",
    "list(reversed(X))",
    "list(zip(X, [1, 2]))",
    "(X) if (X) else 0",
    "min(X, 2)",
    "max(1, X)",
    "{(X): 1}",
    "(X) in {1, 'a'}",
    "sum(X, [])",
    "sorted(X, reverse=True)",
    "min(X, default=1)",
    "(X).rfind('b')",
    "(X).removeprefix('a')",
    "(X).isspace()",
    "(X).isupper()",
    "1 < (X) < 3",
    "(X) == (X)",
];

/// Fields that have something of every kind.
const FIELDS: &str = r#"{"big": 123456789012345678901234567890, "negative": -99999999999999999999, "list": [3, 1.50, "b", null, [true]],
    "record": {"a": 1, "b/~c": {"d": [1e3, -0, -0.0]}}, "nested": [[2, 1], [1, 2]], "text": "abc b \u00e9"}"#;

/// Every operator over every pair of samples, every function over every sample.
///
/// A thorough run pairs all samples with each other; else a second of each kind is enough.
pub fn every_pair(thorough: bool) -> Vec<(String, String)> {
    let fields = FIELDS.replace('\n', " ");
    let mut cases = Vec::new();
    for form in UNARY {
        for sample in SAMPLES {
            if form.contains("f'") && (sample.contains('\'') || sample.contains('{')) {
                continue;
            }
            cases.push((fields.clone(), form.replace('X', sample)));
        }
    }
    for operator in BINARY {
        for (row, left) in SAMPLES.iter().enumerate() {
            for (column, right) in SAMPLES.iter().enumerate() {
                if !(thorough || often(row) && often(column)) {
                    continue;
                }
                // Python would fill the machine's memory.
                let huge = *operator == "<<" && right.len() > 8
                    || *operator == "*" && left.len().max(right.len()) > 15;
                if huge && *operator == "<<" && !right.contains(['.', '[', '\'', '{'])
                    || huge && *operator == "*" && sequence_times(left, right)
                {
                    continue;
                }
                // Our parser refuses `%` right after a text.
                let left = if *operator == "%" {
                    format!("({left} or '')")
                } else {
                    (*left).to_owned()
                };
                cases.push((fields.clone(), format!("({left}) {operator} ({right})")));
            }
        }
    }
    cases
}

/// Floats whose shortest text is hard to find: powers of two and their neighbours, through fields and through `float`.
pub fn floats() -> Vec<(String, String)> {
    let powers: Vec<u64> = (0..52)
        .map(|bit| 1 << bit)
        .chain((1..2047).step_by(7).map(|exponent| exponent << 52))
        .collect();
    powers
        .chunks(30)
        .map(|bits| {
            let near = bits.iter().flat_map(|bits| [bits - 1, *bits, bits + 1]).map(f64::from_bits);
            let exact: Vec<String> = near.map(|float| format!("{float:.25e}")).collect();
            let fields = format!("{{\"floats\": [{}], \"texts\": [\"{}\"]}}", exact.join(", "), exact.join("\", \""));
            let rounded = "[round(x, 2) for x in context['floats']], [f'{x:.3f}' for x in context['floats'][:3]]";
            (fields, format!("(context['floats'], [float(t) for t in context['texts']], {rounded})"))
        })
        .collect()
}

/// Every second sample, and those that alone are big integers or records of the host.
fn often(sample: usize) -> bool {
    sample.is_multiple_of(2)
        || SAMPLES[sample].contains("big")
        || SAMPLES[sample].contains("record")
}

fn sequence_times(left: &str, right: &str) -> bool {
    let sequence = |text: &str| text.contains(['\'', '[', '(']) && !text.starts_with("(-");
    sequence(left) || sequence(right)
}

/// A small generator of numbers (splitmix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Want {
    Number,
    Text,
    List,
    Record,
    Truth,
    Any,
}

/// Random expressions, each over fields of its own.
pub fn random(seed: u64, count: usize) -> Vec<(String, String)> {
    let mut draw = Draw(seed);
    (0..count)
        .map(|_| {
            let fields = record(&mut draw);
            let want = kind(&mut draw);
            let depth = 1 + draw.below(4);
            (fields, tree(&mut draw, want, depth, 0))
        })
        .collect()
}

fn kind(draw: &mut Draw) -> Want {
    [
        Want::Number,
        Want::Text,
        Want::List,
        Want::Record,
        Want::Truth,
        Want::Any,
    ][draw.below(6) as usize]
}

fn record(draw: &mut Draw) -> String {
    let names = ["n", "f", "t", "l", "r", "x"];
    let mut parts = Vec::new();
    for name in names {
        if draw.below(8) == 0 {
            continue;
        }
        let value = match name {
            "n" => integer(draw),
            "f" => float(draw),
            "t" => format!("\"{}\"", word(draw)),
            "l" => json(draw, 2, true),
            "r" => json(draw, 2, false),
            _ => any_json(draw, 2),
        };
        parts.push(format!("\"{name}\": {value}"));
    }
    format!("{{{}}}", parts.join(", "))
}

fn integer(draw: &mut Draw) -> String {
    match draw.below(8) {
        0 => (draw.next() as i64).to_string(),
        1 => [
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551616",
            "4503599627370497",
        ][draw.below(4) as usize]
            .to_owned(),
        _ => (draw.below(20) as i64 - 8).to_string(),
    }
}

fn float(draw: &mut Draw) -> String {
    match draw.below(6) {
        0 => {
            let value = f64::from_bits(draw.next());
            if value.is_finite() {
                format!("{value:?}")
            } else {
                "1.5".to_owned()
            }
        }
        1 => [
            "1e16",
            "1e15",
            "123456789012345680.0",
            "1e-5",
            "0.0001",
            "5e-324",
            "1.7976931348623157e308",
            "2.675",
            "0.1",
        ][draw.below(9) as usize]
            .to_owned(),
        2 => format!(
            "{}.{}e{}",
            draw.below(10),
            draw.next(),
            draw.below(40) as i64 - 20
        ),
        _ => format!("{}", (draw.below(200) as f64 - 100.0) / 8.0 + 0.0) + ".0",
    }
    .replace(".0.0", ".0")
    .split_once('.')
    .map(|(whole, rest)| format!("{whole}.{}", rest.replacen(".0", "", 1)))
    .unwrap_or_else(|| "1e3".to_owned())
}

fn word(draw: &mut Draw) -> String {
    let pieces = [
        "a",
        "b",
        "ab",
        " ",
        "Abc",
        "12",
        "x-y",
        "1.5",
        "\u{e9}",
        "\u{4e2d}",
        "\u{1f600}",
        "_",
        "'",
        "\\n",
    ];
    (0..draw.below(5))
        .map(|_| pieces[draw.below(if draw.0.is_multiple_of(4) { 14 } else { 8 }) as usize])
        .collect()
}

fn any_json(draw: &mut Draw, depth: u32) -> String {
    match draw.below(if depth == 0 { 5 } else { 7 }) {
        0 => "null".to_owned(),
        1 => "true".to_owned(),
        2 => integer(draw),
        3 => float(draw),
        4 => format!("\"{}\"", word(draw)),
        5 => json(draw, depth, true),
        _ => json(draw, depth, false),
    }
}

fn json(draw: &mut Draw, depth: u32, list: bool) -> String {
    let uniform = draw.below(3);
    let items: Vec<String> = (0..draw.below(5))
        .map(|index| {
            let value = match uniform {
                0 => integer(draw),
                1 => any_json(draw, depth - 1),
                _ => format!("\"{}\"", word(draw)),
            };
            if list {
                value
            } else {
                format!(
                    "\"{}\": {value}",
                    ["a", "b", "c/d", "~e", ""][index as usize]
                )
            }
        })
        .collect();
    if list {
        format!("[{}]", items.join(", "))
    } else {
        format!("{{{}}}", items.join(", "))
    }
}

/// An expression that mostly gives the wanted kind. `scope` is how many loop variables are in sight.
fn tree(draw: &mut Draw, want: Want, depth: u64, scope: u64) -> String {
    let want = if draw.below(12) == 0 || want == Want::Any {
        kind(draw)
    } else {
        want
    };
    if depth == 0 {
        return leaf(draw, want, scope);
    }
    let mut sub = |want| tree(&mut *draw, want, depth - 1, scope);
    let (a, b, c) = (sub(want), sub(want), sub(want));
    let (n, t, l, r, q) = (
        sub(Want::Number),
        sub(Want::Text),
        sub(Want::List),
        sub(Want::Record),
        sub(Want::Truth),
    );
    let inner = tree(draw, want, depth - 1, scope + 1);
    let inner_truth = tree(draw, Want::Truth, depth - 1, scope + 1);
    let variable = format!("v{scope}");
    let forms: Vec<String> = match want {
        Want::Number => vec![
            format!(
                "({a} {} {b})",
                draw.one(&["+", "-", "*", "/", "//", "%", "&", "|", "^", ">>"])
            ),
            format!("({a} {} {b})", draw.one(&["+", "-", "*", "/", "//", "%"])),
            format!("-({a})"),
            format!("abs({a})"),
            format!("len({t})"),
            format!("len({l})"),
            format!("int({a})"),
            format!("float({a})"),
            format!("round({a}, {})", draw.below(6) as i64 - 2),
            format!("round({a})"),
            format!("min({a}, {b})"),
            format!("max({a}, {b}, {c})"),
            format!("sum({l})"),
            format!("{t}.find({})", leaf(draw, Want::Text, scope)),
            format!("{l}[{}]", draw.below(4) as i64 - 2),
            format!("({a}) ** {}", draw.below(4)),
            format!("float({t})"),
            format!("int({t})"),
            format!("{t}.count('a')"),
            format!("sum({inner} for {variable} in {l} if {inner_truth})"),
            format!("~{a}"),
        ],
        Want::Text => vec![
            format!("({a} + {b})"),
            format!("({a} * {})", draw.below(4)),
            format!("str({n})"),
            format!("str({l})"),
            format!("str({r})"),
            format!("repr({t})"),
            format!(
                "{a}[{}:{}]",
                draw.below(6) as i64 - 3,
                draw.below(6) as i64 - 3
            ),
            format!("{a}[::{}]", [1, 2, -1, -2][draw.below(4) as usize]),
            format!("{a}[{}]", draw.below(4) as i64 - 2),
            format!("{a}.lower()"),
            format!("{a}.upper()"),
            format!("{a}.strip({b})"),
            format!("{a}.title()"),
            format!("{a}.replace({b}, {c})"),
            format!("{a}.replace({b}, {c}, {})", draw.below(3)),
            format!("{a}.join({l})"),
            format!("{a}.lstrip()"),
            format!("', '.join(str({variable}) for {variable} in {l})"),
            format!("{a}.capitalize()"),
            format!("{a}.removesuffix({b})"),
        ],
        Want::List => vec![
            format!("({a} + {b})"),
            format!("[{n}, {t}]"),
            format!("({n}, {q})"),
            format!("{a}[{}:]", draw.below(5) as i64 - 2),
            format!("sorted({a})"),
            format!("list({t})"),
            format!("list({r}.items())"),
            format!("list({r}.values())"),
            format!("[{inner} for {variable} in {a}]"),
            format!("[{inner} for {variable} in {a} if {inner_truth}]"),
            format!("{t}.split()"),
            format!("{t}.split({})", leaf(draw, Want::Text, scope)),
            format!("list(range({}))", draw.below(5)),
            format!("sorted({a}, reverse=True)"),
            format!("list(reversed({a}))"),
            format!("({a} * 2)"),
            format!("list(zip({a}, {b}))"),
            format!("list(enumerate({a}, 1))"),
            format!("tuple({a})"),
            format!("{t}.split('a', {})", draw.below(3)),
        ],
        Want::Record => vec![
            format!("{{'a': {n}, {t}: {l}}}"),
            format!("({a} | {b})"),
            format!("{{{n}: {q}, 1: {t}}}"),
            format!("({a} or {b})"),
            format!("{a}.get('a', {b})"),
        ],
        Want::Truth | Want::Any => vec![
            format!(
                "({n} {} {n})",
                draw.one(&["<", "<=", ">", ">=", "==", "!="])
            ),
            format!(
                "({n} < {} <= {})",
                leaf(draw, Want::Number, scope),
                leaf(draw, Want::Number, scope)
            ),
            format!(
                "({t} {} {})",
                draw.one(&["<", "==", ">=", "in", "not in"]),
                leaf(draw, Want::Text, scope)
            ),
            format!("({n} in {l})"),
            format!("({t} in {r})"),
            format!("(not {a})"),
            format!("({a} and {b})"),
            format!("({a} or {b})"),
            format!("({l} == {})", leaf(draw, Want::List, scope)),
            format!("({l} < {})", leaf(draw, Want::List, scope)),
            format!("any({l})"),
            format!("all({inner_truth} for {variable} in {l})"),
            format!("any({inner_truth} for {variable} in {l})"),
            format!("bool({n})"),
            format!("{t}.startswith({})", leaf(draw, Want::Text, scope)),
            format!("{t}.isdigit()"),
            format!("({n} is None)"),
            format!("({r} == {})", leaf(draw, Want::Record, scope)),
            format!("({n} in {{1, 2.0, 'a'}})"),
        ],
    };
    match draw.below(10) {
        0 => format!("({a} if {q} else {b})"),
        1 => format!("({a} {} {b})", draw.one(&["and", "or"])),
        _ => format!("({})", forms[draw.below(forms.len() as u64) as usize]),
    }
}

fn leaf(draw: &mut Draw, want: Want, scope: u64) -> String {
    if scope > 0 && draw.below(3) == 0 {
        return format!("v{}", draw.below(scope));
    }
    let field = draw.below(3) != 0;
    let name = match want {
        Want::Number if draw.below(2) == 0 => "n",
        Want::Number => "f",
        Want::Text => "t",
        Want::List => "l",
        Want::Record => "r",
        Want::Truth | Want::Any => "x",
    };
    if field {
        return match draw.below(6) {
            0 => format!("context.get('{name}')"),
            1 => "workitem.fields['x']".to_owned(),
            _ => format!("workitem.fields['{name}']"),
        };
    }
    let literal = match want {
        Want::Number if draw.below(2) == 0 => draw
            .one(&["0", "1", "2", "-1", "10", "7", "255", "True"])
            .to_owned(),
        Want::Number => draw
            .one(&["0.5", "1.0", "-2.25", "1e16", "0.1", "3.3", "1e-7", "2.675"])
            .to_owned(),
        Want::Text => draw
            .one(&[
                "''", "'a'", "'b '", "'ab'", "'12'", "' 3.5 '", "'x-y'", "'\u{e9}'",
            ])
            .to_owned(),
        Want::List => draw
            .one(&[
                "[]",
                "[1, 2, 3]",
                "['b', 'a']",
                "(1, 'a')",
                "[0.5, 1]",
                "[[1], []]",
            ])
            .to_owned(),
        Want::Record => draw
            .one(&["{}", "{'a': 1}", "{'b': 'x', 'a': [1]}"])
            .to_owned(),
        Want::Truth | Want::Any => draw.one(&["True", "False", "None"]).to_owned(),
    };
    format!("({literal})")
}
