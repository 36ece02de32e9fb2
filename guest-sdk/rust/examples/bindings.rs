//! Exposes what the bindings read, for the table ../../bindings.json.

use bureaucrat_guest::{
    Fault, export,
    fields::{self, Path, Value},
    json, log, quoted,
};

/// The place that a case names: by a pointer in /place, or by keys and indexes in /steps.
fn place() -> Result<Path, Fault> {
    if !fields::is_set("/steps") {
        return Ok(Path::of(&fields::text("/place")?));
    }
    let mut path = Path::default();
    for index in 0..fields::items("/steps")? {
        path = match fields::get(&Path::of("/steps").item(index)) {
            Some(Value::Integer(number)) => {
                path.item(u32::try_from(number).map_err(|_| "OverflowError: an index")?)
            }
            Some(Value::Text(key)) => path.key(&key),
            _ => return Err("TypeError: a step".into()),
        };
    }
    Ok(path)
}

fn bits(number: f64) -> String {
    format!("{:016x}", number.to_bits())
}

pub fn read_path() -> Result<String, Fault> {
    Ok(quoted(&place()?))
}

pub fn read_value() -> Result<String, Fault> {
    match fields::get(&place()?) {
        None => json(&["nothing"]),
        Some(Value::Null) => json(&["null"]),
        Some(Value::Boolean(truth)) => json(&("boolean", truth)),
        Some(Value::Integer(integer)) => json(&("integer", integer)),
        Some(Value::BigInteger(digits)) => json(&("big-integer", digits)),
        Some(Value::Float(float)) => json(&("float", bits(float))),
        Some(Value::Text(text)) => json(&("text", text)),
        Some(Value::List(length)) => json(&("list", length)),
        Some(Value::Record(length)) => json(&("record", length)),
    }
}

pub fn read_boolean() -> Result<bool, Fault> {
    fields::boolean(&place()?)
}

pub fn is_set() -> Result<bool, Fault> {
    Ok(fields::is_set(&place()?))
}

pub fn read_integer() -> Result<String, Fault> {
    json(&fields::integer(&place()?)?)
}

pub fn read_digits() -> Result<String, Fault> {
    Ok(quoted(&fields::digits(&place()?)?))
}

pub fn read_number() -> Result<String, Fault> {
    Ok(quoted(&bits(fields::number(&place()?)?)))
}

pub fn read_text() -> Result<String, Fault> {
    Ok(quoted(&fields::text(&place()?)?))
}

/// How many characters a text has, and a hash of every 16th.
pub fn measure() -> Result<String, Fault> {
    let text = fields::text(&place()?)?;
    let hash = text.chars().step_by(16).fold(0_u32, |hash, character| {
        hash.wrapping_mul(31).wrapping_add(u32::from(character))
    });
    json(&(text.chars().count(), hash))
}

pub fn read_items() -> Result<String, Fault> {
    json(&fields::items(&place()?)?)
}

pub fn read_keys() -> Result<String, Fault> {
    json(&fields::keys(&place()?)?)
}

pub fn read_json() -> Result<String, Fault> {
    fields::json(&place()?)
}

pub fn sum_items() -> Result<String, Fault> {
    let list = place()?;
    let mut sum = 0;
    for index in 0..fields::items(&list)? {
        sum += fields::integer(&list.clone().item(index))?;
    }
    json(&sum)
}

pub fn sum_values() -> Result<String, Fault> {
    let record = place()?;
    let mut sum = 0;
    for key in fields::keys(&record)? {
        sum += fields::integer(&record.clone().key(&key))?;
    }
    json(&sum)
}

pub fn log_words() -> Result<bool, Fault> {
    for index in 0..fields::items("/words")? {
        log(&fields::text(&format!("/words/{index}"))?);
    }
    Err("Logged: all of them".into())
}

pub fn panics() -> Result<bool, Fault> {
    panic!("no {}", "rates")
}

export! {
    value "read-path" = read_path;
    value "read-value" = read_value;
    verdict "read-boolean" = read_boolean;
    verdict "is-set" = is_set;
    value "read-integer" = read_integer;
    value "read-digits" = read_digits;
    value "read-number" = read_number;
    value "read-text" = read_text;
    value "measure" = measure;
    value "read-items" = read_items;
    value "read-keys" = read_keys;
    value "read-json" = read_json;
    value "sum-items" = sum_items;
    value "sum-values" = sum_values;
    verdict "log-words" = log_words;
    verdict "panics" = panics;
}
