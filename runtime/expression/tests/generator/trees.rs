//! Random expressions from the forms.

use super::draw::Draw;
use super::forms::{self, Want};
use super::{dated, fields};

/// Random expressions, each over fields of its own.
pub fn random(seed: u64, count: usize) -> Vec<(String, String)> {
    let mut draw = Draw(seed);
    (0..count)
        .map(|_| {
            let fields = fields::record(&mut draw);
            let want = any_want(&mut draw);
            let depth = 1 + draw.below(4);
            let expression = if draw.below(40) == 0 {
                let form = draw.one(forms::WHOLE);
                filled(&mut draw, form, want, depth, 0)
            } else {
                tree(&mut draw, want, depth, 0)
            };
            (fields, expression)
        })
        .collect()
}

/// Random expressions with dates, each over fields of its own.
pub fn with_dates(seed: u64, count: usize) -> Vec<(String, String)> {
    let mut draw = Draw(seed ^ 0xda7e);
    (0..count)
        .map(|_| {
            let fields = fields::record(&mut draw);
            let want = forms::WITH_DATES[draw.below(forms::WITH_DATES.len() as u64) as usize];
            let depth = 1 + draw.below(3);
            let form = draw.one(forms::with_dates(want));
            let expression = filled(&mut draw, form, want, depth, 0);
            // An expression that makes no date is refused if it uses one.
            (fields, format!("[({expression}), now()][0]"))
        })
        .collect()
}

/// Random templates, each the body of a raw f-string over fields of its own. Python 3.11 allows no
/// backslash in its expressions, and not the quotes around it.
pub fn templates(seed: u64, count: usize) -> Vec<(String, String)> {
    let mut draw = Draw(seed ^ 0x7e3e);
    let mut cases = Vec::new();
    while cases.len() < count {
        let fields = fields::record(&mut draw);
        let mut body = String::new();
        for _ in 0..1 + draw.below(5) {
            body += draw.one(TEXTS);
            body += &interpolated(&mut draw);
        }
        body += draw.one(TEXTS);
        // An expression that makes no date is refused if it uses one.
        body += "{now()}";
        body += draw.one(&["", "", "}}", "{{", "."]);
        if !body.contains("\"\"\"") {
            cases.push((fields, format!("rf\"\"\"{body}\"\"\"")));
        }
    }
    cases
}

/// What a template has between its expressions.
const TEXTS: &[&str] = &[
    "", "a", "-", " ", "\u{e9}", "'", "\"", "{{", "}}", "\\", "\\n", "\n", "/x/", ":", "!r", "{{}}",
];

/// An expression in braces.
fn interpolated(draw: &mut Draw) -> String {
    if draw.below(3) == 0 {
        let value = plain(draw, 0);
        let rest = draw.one(&[
            "", "!r", "!s", "!a", ":>8", ":.3", "!r:^9", "=", "=!s", ":05",
        ]);
        return format!("{{{value}{rest}}}");
    }
    let want = match draw.below(3) {
        0 => forms::WITH_DATES[draw.below(forms::WITH_DATES.len() as u64) as usize],
        _ => any_want(draw),
    };
    let form = match draw.below(2) {
        0 => draw.one(forms::with_dates(want)),
        _ => draw.one(forms::of(want)),
    };
    let depth = 1 + draw.below(2);
    let value = filled(draw, form, want, depth, 0);
    match value.contains('\\') {
        true => String::new(),
        false => format!("{{({value})}}"),
    }
}

fn any_want(draw: &mut Draw) -> Want {
    forms::WANTS[draw.below(forms::WANTS.len() as u64) as usize]
}

/// An expression that usually returns the wanted type. `scope` is the number of visible loop
/// variables.
fn tree(draw: &mut Draw, want: Want, depth: u64, scope: u64) -> String {
    let want = if draw.below(14) == 0 {
        any_want(draw)
    } else {
        want
    };
    if depth == 0 {
        return leaf(draw, want, scope);
    }
    let forms = match draw.below(12) {
        0 => forms::ANY,
        _ => forms::of(want),
    };
    let form = draw.one(forms);
    format!("({})", filled(draw, form, want, depth, scope))
}

/// A form with its places filled; forms.rs says what the places stand for.
fn filled(draw: &mut Draw, form: &str, want: Want, depth: u64, scope: u64) -> String {
    let mut text = String::new();
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let mut characters = after.chars();
        let (place, end) = (characters.next().unwrap_or(' '), characters.next());
        if end != Some('>') {
            text.push('<');
            rest = after;
            continue;
        }
        rest = characters.as_str();
        text.push_str(&match place {
            'a' => tree(draw, want, depth - 1, scope),
            'i' => tree(draw, want, depth - 1, scope + 1),
            'p' => tree(draw, Want::Truth, depth - 1, scope + 1),
            'j' => {
                let want = any_want(draw);
                tree(draw, want, depth - 1, scope + 1)
            }
            'x' => plain(draw, scope),
            'v' => format!("v{scope}"),
            'k' => (draw.below(7) as i64 - 3).to_string(),
            'u' => draw.below(5).to_string(),
            upper if upper.is_ascii_uppercase() => leaf(draw, Want::of(upper), scope),
            lower => tree(draw, Want::of(lower), depth - 1, scope),
        });
    }
    text + rest
}

/// What is allowed within the quotes of an f-string.
fn plain(draw: &mut Draw, scope: u64) -> String {
    match draw.below(8) {
        0 if scope > 0 => format!("v{}", draw.below(scope)),
        0 | 1 => draw
            .one(&["1234567", "-2.5", "True", "None", "1e16", "0"])
            .to_owned(),
        _ => format!(
            "context[\"{}\"]",
            draw.one(&["n", "n", "f", "f", "t", "l", "x"])
        ),
    }
}

fn leaf(draw: &mut Draw, want: Want, scope: u64) -> String {
    if scope > 0 && draw.below(3) == 0 {
        return format!("v{}", draw.below(scope));
    }
    let name = match want {
        Want::Dated(kind) => {
            return dated::literal(draw, kind);
        }
        Want::Number if draw.below(2) == 0 => "n",
        Want::Number => "f",
        Want::Text => "t",
        Want::List => "l",
        Want::Record => "r",
        Want::Truth | Want::Set => "x",
    };
    if want != Want::Set && draw.below(3) != 0 {
        return match draw.below(6) {
            0 => format!("context.get('{name}')"),
            1 => "workitem.fields['x']".to_owned(),
            _ => format!("workitem.fields['{name}']"),
        };
    }
    format!("({})", draw.one(forms::literals(want)))
}
