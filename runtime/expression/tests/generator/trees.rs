//! Random expressions from the forms.

use super::draw::Draw;
use super::forms::{self, Want};
use super::{dates, fields};

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
pub fn dated(seed: u64, count: usize) -> Vec<(String, String)> {
    let mut draw = Draw(seed ^ 0xda7e);
    (0..count)
        .map(|_| {
            let fields = fields::record(&mut draw);
            let want = forms::DATED[draw.below(forms::DATED.len() as u64) as usize];
            let depth = 1 + draw.below(3);
            let form = draw.one(forms::with_dates(want));
            let expression = filled(&mut draw, form, want, depth, 0);
            // An expression that makes no date is refused if it uses one.
            (fields, format!("[({expression}), now()][0]"))
        })
        .collect()
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
        Want::Moment | Want::Day | Want::Clock | Want::Span | Want::Zone => {
            return dates::literal(draw, want);
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
