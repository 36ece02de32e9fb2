//! Complete enumerations: operators on pairs of samples, functions on samples, floats that are hard
//! to print.

use super::dates;
use super::samples::{BINARY, CALLS, FIELDS, SAMPLES, UNARY};

/// Every operator on every pair of samples, every function on every sample.
///
/// A thorough run pairs all samples with each other; otherwise every second one of each type is
/// enough.
pub fn every_pair(thorough: bool) -> Vec<(String, String)> {
    let fields = FIELDS.replace('\n', " ");
    let mut cases = Vec::new();
    let samples: Vec<&str> = SAMPLES.iter().chain(dates::SAMPLES).copied().collect();
    for form in UNARY.iter().chain(CALLS).chain(dates::CALLS) {
        for (index, sample) in samples.iter().enumerate() {
            let with_dates = form.contains("now()") || is_date(sample);
            if !thorough && with_dates && !often(sample, index) {
                continue;
            }
            let in_f_string = form.contains("f'") && sample.contains(['\'', '{']);
            if in_f_string || is_vast(form, sample) {
                continue;
            }
            cases.push((
                fields.clone(),
                form.replace('@', sample).replace("lambda_x", "x"),
            ));
        }
    }
    for operator in BINARY {
        for (row, left) in samples.iter().enumerate() {
            for (column, right) in samples.iter().enumerate() {
                let is_often = |index| often(samples[index], index);
                if !(thorough || is_often(row) && is_often(column))
                    || is_vast_pair(operator, left, right)
                {
                    continue;
                }
                // A template that is read when the expression is checked has its own forms.
                let left = if *operator == "%" && left.starts_with('\'') {
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

/// Whether Python would fill the machine's memory with the result.
fn is_vast(form: &str, sample: &str) -> bool {
    let number = sample
        .trim_matches(['(', ')', '-'])
        .parse()
        .unwrap_or(0.0_f64);
    let large = number > 1e6 || sample == "context['big']";
    let sized = [
        "range(@)",
        "center(@)",
        "expandtabs(@)",
        "zfill(@)",
        "pow(2, @)",
    ];
    large && sized.iter().any(|sized| form.contains(sized))
}

fn is_vast_pair(operator: &str, left: &str, right: &str) -> bool {
    let integer = |text: &str| {
        let digits = text.trim_matches(['(', ')', '-']);
        let field = matches!(text, "context['big']" | "context['negative']");
        field || digits.parse::<u64>().is_ok_and(|number| number > 1)
    };
    match operator {
        "**" => right.len() > 8 && integer(right) && integer(left),
        "*" if is_date(left) || is_date(right) => false,
        "*" => left.len().max(right.len()) > 15 && sequence_times(left, right),
        _ => false,
    }
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
            let rounded = "[round(x, 2) for x in context['floats']], [f'{x:.3f} {x:.4g} {x:e}' for x in context['floats'][:3]]";
            (fields, format!("(context['floats'], [float(t) for t in context['texts']], {rounded})"))
        })
        .collect()
}

/// Every second sample, samples that are the only one of their type, and those that `and` and `or`
/// skip.
fn often(text: &str, sample: usize) -> bool {
    if is_date(text) {
        return dates::OFTEN.contains(&text);
    }
    let past = matches!(
        text,
        "True" | "0" | "0.0" | "''" | "[]" | "()" | "{}" | "set()"
    );
    let alone = ["big", "record", "set", "{1, "]
        .iter()
        .any(|mark| text.contains(mark));
    sample.is_multiple_of(2) || past || alone
}

/// Whether a sample is one of dates.
fn is_date(sample: &str) -> bool {
    dates::SAMPLES.contains(&sample)
}

fn sequence_times(left: &str, right: &str) -> bool {
    let sequence = |text: &str| text.contains(['\'', '[', '(']) && !text.starts_with("(-");
    sequence(left) || sequence(right)
}
