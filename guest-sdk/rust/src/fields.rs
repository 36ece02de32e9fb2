//! The fields of the process that evaluates the condition, by JSON Pointer (RFC 6901).
//!
//! Faults are the same in all languages: `KeyError` if nothing is at a pointer, `TypeError` if
//! something else is, `OverflowError` for a number that does not fit the type. Nothing is rounded,
//! except decimal fractions to the nearest float.

use crate::Fault;
use alloc::{format, string::String, vec::Vec};

/// A value of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// The digits of an integer beyond 64 bits, after `-` if it is negative.
    BigInteger(String),
    /// A number with `.`, `e` or `E`. May be infinite, never NaN.
    Float(f64),
    Text(String),
    /// How many items.
    List(u32),
    /// How many keys.
    Record(u32),
}

/// The value at a pointer. Allocates a text's bytes.
pub fn get(pointer: &str) -> Option<Value> {
    place::get(pointer)
}

/// Whether anything but null is at a pointer. Allocates a text's bytes.
pub fn is_set(pointer: &str) -> bool {
    !matches!(get(pointer), None | Some(Value::Null))
}

/// The boolean at a pointer.
///
/// # Errors
/// `KeyError` if nothing is there, `TypeError` if something else is.
pub fn boolean(pointer: &str) -> Result<bool, Fault> {
    match get(pointer) {
        Some(Value::Boolean(truth)) => Ok(truth),
        found => Err(wrong(pointer, found, "a boolean")),
    }
}

/// The integer at a pointer. A float is not an integer, 7.0 neither.
///
/// # Errors
/// `KeyError` if nothing is there, `TypeError` if something else is, `OverflowError` for an integer
/// beyond 64 bits.
pub fn integer(pointer: &str) -> Result<i64, Fault> {
    match get(pointer) {
        Some(Value::Integer(integer)) => Ok(integer),
        Some(Value::BigInteger(_)) => Err(overflow(pointer, "an integer beyond 64 bits")),
        found => Err(wrong(pointer, found, "an integer")),
    }
}

/// The digits of an integer of any size, after `-` if it is negative.
///
/// # Errors
/// `KeyError` if nothing is there, `TypeError` if something else is.
pub fn digits(pointer: &str) -> Result<String, Fault> {
    match get(pointer) {
        Some(Value::Integer(integer)) => Ok(format!("{integer}")),
        Some(Value::BigInteger(digits)) => Ok(digits),
        found => Err(wrong(pointer, found, "an integer")),
    }
}

/// A float, or an integer that a float holds exactly. Never infinite, never NaN.
///
/// # Errors
/// `KeyError` if nothing is there, `TypeError` if something else is, `OverflowError` for a float
/// that is too large and for an integer beyond 2^53.
pub fn number(pointer: &str) -> Result<f64, Fault> {
    const LARGEST: u64 = 1 << 53;
    match get(pointer) {
        Some(Value::Float(float)) if float.is_finite() => Ok(float),
        Some(Value::Float(_)) => Err(overflow(pointer, "beyond the largest float")),
        Some(Value::Integer(integer)) if integer.unsigned_abs() <= LARGEST => Ok(integer as f64),
        Some(Value::Integer(_) | Value::BigInteger(_)) => {
            Err(overflow(pointer, "an integer beyond 2^53"))
        }
        found => Err(wrong(pointer, found, "a number")),
    }
}

/// The text at a pointer. Allocates its bytes.
///
/// # Errors
/// `KeyError` if nothing is there, `TypeError` if something else is.
pub fn text(pointer: &str) -> Result<String, Fault> {
    match get(pointer) {
        Some(Value::Text(text)) => Ok(text),
        found => Err(wrong(pointer, found, "a text")),
    }
}

/// How many items the list at a pointer has.
///
/// # Errors
/// `KeyError` if nothing is there, `TypeError` if something else is.
pub fn items(pointer: &str) -> Result<u32, Fault> {
    match get(pointer) {
        Some(Value::List(length)) => Ok(length),
        found => Err(wrong(pointer, found, "a list")),
    }
}

/// The keys of the record at a pointer, in order, without escapes. Allocates them.
///
/// # Errors
/// `KeyError` if nothing is there, `TypeError` if something else is.
pub fn keys(pointer: &str) -> Result<Vec<String>, Fault> {
    place::keys(pointer).ok_or_else(|| wrong(pointer, get(pointer), "a record"))
}

/// The value at a pointer as JSON text, unchanged. Allocates its bytes.
///
/// # Errors
/// `KeyError` if nothing is there.
pub fn json(pointer: &str) -> Result<String, Fault> {
    place::json(pointer).ok_or_else(|| wrong(pointer, None, ""))
}

/// The whole subtree at a pointer, as a type of your own.
///
/// # Errors
/// `KeyError` if nothing is there, `TypeError` if it has another shape.
#[cfg(feature = "serde")]
pub fn read<T: serde::de::DeserializeOwned>(pointer: &str) -> Result<T, Fault> {
    serde_json::from_str(&json(pointer)?)
        .map_err(|error| Fault(format!("TypeError: `{pointer}`: {error}")))
}

/// A JSON Pointer that is assembled: `Path::of("/order/items").item(3).key("a/b")` is
/// `/order/items/3/a~1b`. It dereferences to a `str`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(String);

impl Path {
    /// Begins with a pointer; `""` is the record of all fields.
    pub fn of(pointer: &str) -> Self {
        Self(pointer.into())
    }

    /// Adds an index of a list, from 0.
    pub fn item(mut self, index: u32) -> Self {
        // By hand, because formatting costs more fuel than the call that reads the item.
        let (mut digits, mut at, mut rest) = ([b'0'; 10], 10, index);
        while at == 10 || rest > 0 {
            at -= 1;
            digits[at] += (rest % 10) as u8;
            rest /= 10;
        }
        self.0.push('/');
        self.0
            .extend(digits[at..].iter().map(|digit| char::from(*digit)));
        self
    }

    /// Adds a key of a record; `~` and `/` are escaped.
    pub fn key(mut self, name: &str) -> Self {
        self.0.push('/');
        for character in name.chars() {
            match character {
                '~' => self.0.push_str("~0"),
                '/' => self.0.push_str("~1"),
                other => self.0.push(other),
            }
        }
        self
    }
}

impl core::ops::Deref for Path {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

fn overflow(pointer: &str, what: &str) -> Fault {
    Fault(format!("OverflowError: `{pointer}` is {what}"))
}

fn wrong(pointer: &str, found: Option<Value>, wanted: &str) -> Fault {
    let what = match found {
        None => return Fault(format!("KeyError: nothing at `{pointer}`")),
        Some(Value::Null) => "null",
        Some(Value::Boolean(_)) => "a boolean",
        Some(Value::Integer(_) | Value::BigInteger(_)) => "an integer",
        Some(Value::Float(_)) => "a float",
        Some(Value::Text(_)) => "a text",
        Some(Value::List(_)) => "a list",
        Some(Value::Record(_)) => "a record",
    };
    Fault(format!("TypeError: `{pointer}` is {what}, not {wanted}"))
}

#[cfg(target_family = "wasm")]
mod place {
    use super::Value;
    use alloc::{string::String, vec::Vec};
    use core::mem::MaybeUninit;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Text {
        address: *mut u8,
        length: usize,
    }

    #[repr(C)]
    union Payload {
        boolean: bool,
        integer: i64,
        float: f64,
        text: Text,
        length: u32,
    }

    #[repr(C)]
    struct Found {
        is_there: u64,
        kind: u64,
        payload: Payload,
    }

    #[repr(C)]
    struct FoundText {
        is_there: u32,
        text: Text,
    }

    #[link(wasm_import_module = "bureaucrat:condition/fields@1.1.0")]
    unsafe extern "C" {
        #[link_name = "get"]
        fn get_into(pointer: *const u8, length: usize, into: *mut MaybeUninit<Found>);
        #[link_name = "keys"]
        fn keys_into(pointer: *const u8, length: usize, into: *mut MaybeUninit<FoundText>);
        #[link_name = "json"]
        fn json_into(pointer: *const u8, length: usize, into: *mut MaybeUninit<FoundText>);
    }

    /// A text that the host has put into memory from `cabi_realloc`.
    ///
    /// # Safety
    /// It must be such a text, and nobody else's.
    unsafe fn owned(text: Text) -> String {
        if text.length == 0 {
            return String::new();
        }
        // SAFETY: the host wrote valid UTF-8 into an allocation of just this size; it is ours now.
        unsafe { String::from_raw_parts(text.address, text.length, text.length) }
    }

    pub fn get(pointer: &str) -> Option<Value> {
        // Zeroed, since the host writes single bytes into `is_there` and `kind`.
        let mut found = MaybeUninit::<Found>::zeroed();
        // SAFETY: the host writes an `option<value>` of the canonical ABI to that place, and `kind`
        // says which payload is there.
        unsafe {
            get_into(pointer.as_ptr(), pointer.len(), &raw mut found);
            let found = found.assume_init();
            if found.is_there == 0 {
                return None;
            }
            let payload = found.payload;
            Some(match found.kind {
                0 => Value::Null,
                1 => Value::Boolean(payload.boolean),
                2 => Value::Integer(payload.integer),
                3 => Value::BigInteger(owned(payload.text)),
                4 => Value::Float(payload.float),
                5 => Value::Text(owned(payload.text)),
                6 => Value::List(payload.length),
                _ => Value::Record(payload.length),
            })
        }
    }

    pub fn keys(pointer: &str) -> Option<Vec<String>> {
        let mut found = MaybeUninit::<FoundText>::zeroed();
        // SAFETY: the host writes an `option<list<string>>` to that place, and the list and its texts
        // into memory of `cabi_realloc`.
        unsafe {
            keys_into(pointer.as_ptr(), pointer.len(), &raw mut found);
            let found = found.assume_init();
            if found.is_there == 0 {
                return None;
            }
            let texts = found.text.address.cast::<Text>();
            Some(
                (0..found.text.length)
                    .map(|place| owned(texts.add(place).read()))
                    .collect(),
            )
        }
    }

    pub fn json(pointer: &str) -> Option<String> {
        let mut found = MaybeUninit::<FoundText>::zeroed();
        // SAFETY: the host writes an `option<string>` to that place, and the text into memory of
        // `cabi_realloc`.
        unsafe {
            json_into(pointer.as_ptr(), pointer.len(), &raw mut found);
            let found = found.assume_init();
            (found.is_there != 0).then(|| owned(found.text))
        }
    }
}

#[cfg(not(target_family = "wasm"))]
use crate::mock as place;
