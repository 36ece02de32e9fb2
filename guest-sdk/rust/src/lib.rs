//! Conditions for bureaucrat in Rust: access to the process's fields, and exports under WIT names.
//!
//! ```
//! use bureaucrat_guest::{Fault, export, fields};
//!
//! fn is_high() -> Result<bool, Fault> {
//!     let amount = fields::integer("/order/amount")?;
//!     Ok(amount > 10_000)
//! }
//!
//! export! { verdict "is-high" = is_high; }
//!
//! // In native tests, the fields are those that the test sets.
//! bureaucrat_guest::mock::set(r#"{"order": {"amount": 10001}}"#);
//! assert_eq!(is_high(), Ok(true));
//! ```
//!
//! Without the standard library, the feature `no-std` provides an allocator and a panic handler; it
//! never frees memory, because every evaluation runs in a new instance. With the feature `serde`,
//! [`fields::read`] returns whole subtrees as your own types, and [`json`] makes values from them.
//!
//! A panic is a trap: the process fails with `sandbox.trap`, and the fault's message ends with the
//! panic's.
#![no_std]

extern crate alloc;
#[cfg(not(all(feature = "no-std", target_family = "wasm")))]
extern crate std;

#[doc(hidden)]
pub mod abi;
pub mod fields;
mod logging;
#[cfg(not(target_family = "wasm"))]
pub mod mock;
#[cfg(all(feature = "no-std", target_family = "wasm"))]
mod runtime;

use alloc::{format, string::String};
pub use logging::log;

/// Why a function failed: `CODE: message`, at most 4,096 bytes by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub String);

impl From<&str> for Fault {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A text as JSON, with quotes and escapes.
pub fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..'\u{20}' => json.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

/// Something of yours as JSON text, for a value.
///
/// # Errors
/// `TypeError` if it cannot be JSON, such as a map whose keys are not texts.
#[cfg(feature = "serde")]
pub fn json<T: serde::Serialize + ?Sized>(something: &T) -> Result<String, Fault> {
    serde_json::to_string(something).map_err(|error| Fault(format!("TypeError: {error}")))
}

/// Exports functions under WIT names: `verdict "is-high" = is_high;` for a `fn() -> Result<bool, E>`,
/// `value "score" = score;` for a `fn() -> Result<String, E>` that returns one JSON text, at most 64
/// KiB by default. `E` is any type that can be converted into a [`Fault`]. `bureaucrat module build
/// --world condition` needs a value's mark: `value "value:score" = score;`.
#[macro_export]
macro_rules! export {
    ($($kind:ident $name:literal = $function:path;)+) => {
        $(const _: () = {
            #[cfg_attr(target_family = "wasm", unsafe(export_name = $name))]
            #[allow(dead_code)]
            extern "C" fn exported() -> *const $crate::abi::Returned {
                $crate::abi::start();
                $crate::abi::$kind($function().map_err($crate::Fault::from))
            }
        };)+
    };
}
