//! CPython's knowledge of characters outside ASCII: converts `helpers/unicode.txt` to the bytes
//! that the helpers search.
//!
//! A property is the number of its bounds, then the code points at which it begins or ends to hold,
//! in ascending order. A mapping is the number of its ranges, then first, last and difference of
//! each, in ascending order. The highest bit of `last` means every second code point; a difference
//! of [`SEVERAL`] or more is the index of a code point's result among the triples that follow. All
//! numbers are little-endian and 32 bits wide. Like the helpers this is our own source, so any test
//! finds an error in it.

use super::sugar::{TABLES_BYTES, named};

/// From here on a difference is a place.
const SEVERAL: u32 = 0x4000_0000;

const EVERY_SECOND: u32 = 0x8000_0000;

/// The tables' names and bytes, in the order of the file.
pub(crate) fn read(source: &str) -> Vec<(String, Vec<u8>)> {
    source
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, ranges) = line.split_once(' ')?;
            let numbers = if ranges.contains(['+', '=']) {
                mapping(ranges)
            } else {
                property(ranges)
            };
            let bytes = numbers.into_iter().flat_map(u32::to_le_bytes).collect();
            Some((name.to_owned(), bytes))
        })
        .collect()
}

/// The text of a table's data, and of the helper that copies it the first time and returns its
/// address, which it keeps in the table's place in [`TABLES_BYTES`]. [`is_reader`] recognises the
/// helper by its name.
pub(crate) fn function(place: usize, name: &str, bytes: &[u8]) -> String {
    let length = bytes.len();
    assert!(
        place * 4 < TABLES_BYTES,
        "no room for the address of table {name}"
    );
    let kept = named("TABLES") as usize + place * 4;
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        "(data $table_{name} \"{escaped}\")\n(func $table_{name} (export \"table_{name}\") (result i32) (local $p i32)\n\
         (if (local.tee $p (i32.load (i32.const {kept}))) (then (return (local.get $p))))\n\
         (if (i32.eqz (local.tee $p (call $alloc (i32.const {length})))) (then (return (i32.const 0))))\n\
         (memory.init $table_{name} (local.get $p) (i32.const 0) (i32.const {length}))\n\
         (i32.store (i32.const {kept}) (local.get $p))\n(local.get $p))\n"
    )
}

/// Whether a helper of this name is what [`function`] makes.
pub(crate) fn is_reader(name: &str) -> bool {
    name.starts_with("table_")
}

/// The bounds of a property.
pub(crate) fn bounds(tables: &[(String, Vec<u8>)], name: &str) -> Vec<u32> {
    let bytes = tables.iter().find(|(known, _)| known == name);
    let bytes = bytes.map_or(&[][..], |(_, bytes)| bytes);
    let numbers = bytes.chunks_exact(4).skip(1);
    numbers
        .filter_map(|number| Some(u32::from_le_bytes(number.try_into().ok()?)))
        .collect()
}

fn number(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 16) {
        Ok(number) => number,
        Err(error) => panic!("unicode.txt: `{digits}`: {error}"),
    }
}

fn property(ranges: &str) -> Vec<u32> {
    let mut bounds = vec![0];
    for range in ranges.split(' ') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        bounds.extend([number(first), number(last) + 1]);
    }
    bounds[0] = bounds.len() as u32 - 1;
    bounds
}

fn mapping(ranges: &str) -> Vec<u32> {
    let mut entries = Vec::new();
    let mut triples = Vec::new();
    for range in ranges.split(' ') {
        if let Some((code, several)) = range.split_once('=') {
            let code = number(code);
            entries.push([code, code, SEVERAL + triples.len() as u32]);
            let codes = several.split(',').map(number).chain([0; 2]);
            triples.extend(codes.take(3));
            continue;
        }
        let sign = range.find(['+']).or_else(|| range.rfind('-'));
        let (span, difference) = range.split_at(sign.unwrap_or(range.len()));
        let step = span.strip_suffix("/2");
        let (first, last) = step.unwrap_or(span).split_once('-').unwrap_or_default();
        let last = number(last) | if step.is_some() { EVERY_SECOND } else { 0 };
        let magnitude = number(&difference[1..]);
        let difference = if difference.starts_with('-') {
            magnitude.wrapping_neg()
        } else {
            magnitude
        };
        entries.push([number(first), last, difference]);
    }
    entries.sort_unstable();
    let mut numbers = vec![entries.len() as u32];
    numbers.extend(entries.into_iter().flatten());
    numbers.extend(triples);
    numbers
}
