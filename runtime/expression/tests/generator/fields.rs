//! Random fields, as JSON text with numbers written in all the ways that JSON has.

use super::draw::Draw;

/// A record with some of `n f t l r x`: an integer, a float, a text, a list, a record, anything.
pub fn record(draw: &mut Draw) -> String {
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
    if draw.below(30) != 0 {
        parts.push(format!("\"inst:now\": {}", time(draw)));
    }
    format!("{{{}}}", parts.join(", "))
}

/// Unix seconds, which `now()` reads.
fn time(draw: &mut Draw) -> String {
    let seconds = draw.below(4_000_000_000);
    match draw.below(3) {
        0 => seconds.to_string(),
        _ => format!("{seconds}.{}", draw.below(10_000_000)),
    }
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
