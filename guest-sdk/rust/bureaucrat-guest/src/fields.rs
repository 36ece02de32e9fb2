//! The fields of the process that evaluates the condition, by JSON Pointer (RFC 6901).

use alloc::{string::String, vec::Vec};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// An integer of 64 bits.
    Integer(i64),
    /// The digits of a larger integer.
    BigInteger(String),
    /// Any number with `.`, `e` or `E`.
    Float(f64),
    /// A text.
    Text(String),
    /// A list, and how many items it has.
    List(u32),
    /// A record, and how many keys it has.
    Record(u32),
}

/// The value at a pointer.
pub fn get(pointer: &str) -> Option<Value> {
    place::get(pointer)
}

/// The keys of the record at a pointer, in order.
pub fn keys(pointer: &str) -> Option<Vec<String>> {
    place::keys(pointer)
}

/// The JSON text of the value at a pointer, unchanged.
pub fn json(pointer: &str) -> Option<String> {
    place::json(pointer)
}

/// The integer at a pointer.
pub fn integer(pointer: &str) -> Option<i64> {
    match get(pointer)? {
        Value::Integer(integer) => Some(integer),
        _ => None,
    }
}

/// The text at a pointer.
pub fn text(pointer: &str) -> Option<String> {
    match get(pointer)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The boolean at a pointer.
pub fn boolean(pointer: &str) -> Option<bool> {
    match get(pointer)? {
        Value::Boolean(truth) => Some(truth),
        _ => None,
    }
}

/// The number of items in the list at a pointer.
pub fn items(pointer: &str) -> Option<u32> {
    match get(pointer)? {
        Value::List(count) => Some(count),
        _ => None,
    }
}

/// The whole subtree at a pointer, as a type of your own.
///
/// # Errors
/// `KeyError` if nothing is there, `TypeError` if it has another shape.
#[cfg(feature = "serde")]
pub fn read<T: serde::de::DeserializeOwned>(pointer: &str) -> Result<T, crate::Fault> {
    let json = json(pointer)
        .ok_or_else(|| crate::Fault(alloc::format!("KeyError: nothing at {pointer}")))?;
    serde_json::from_str(&json)
        .map_err(|error| crate::Fault(alloc::format!("TypeError: {pointer}: {error}")))
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

    #[link(wasm_import_module = "bureaucrat:condition/fields@1.0.0")]
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
        // SAFETY: the host wrote valid UTF-8 into an allocation of just this size, which is ours from now on.
        unsafe { String::from_raw_parts(text.address, text.length, text.length) }
    }

    pub fn get(pointer: &str) -> Option<Value> {
        // Zeroed, since the host writes single bytes into `is_there` and `kind`.
        let mut found = MaybeUninit::<Found>::zeroed();
        // SAFETY: the host writes an `option<value>` of the canonical ABI to that place; kind says which payload is there.
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
        // SAFETY: the host writes an `option<list<string>>` to that place, and the list and its texts into memory of
        // `cabi_realloc`.
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
        // SAFETY: the host writes an `option<string>` to that place, and the text into memory of `cabi_realloc`.
        unsafe {
            json_into(pointer.as_ptr(), pointer.len(), &raw mut found);
            let found = found.assume_init();
            (found.is_there != 0).then(|| owned(found.text))
        }
    }
}

#[cfg(not(target_family = "wasm"))]
use crate::mock as place;
