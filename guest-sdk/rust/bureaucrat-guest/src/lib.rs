//! Conditions for bureaucrat in Rust: access to the process's fields, and exports under WIT names.
//!
//! ```
//! use bureaucrat_guest::{Fault, export, fields};
//!
//! fn is_high() -> Result<bool, Fault> {
//!     let amount = fields::integer("/order/amount").ok_or("KeyError: no amount")?;
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
//! Without the standard library, the feature `no-std` provides an allocator and a panic handler; it never
//! frees memory, because every evaluation runs in a new instance. With the feature `serde`, `fields::read`
//! returns whole subtrees as your own types.
#![no_std]

extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std;

#[doc(hidden)]
pub mod abi;
pub mod fields;
#[cfg(not(target_family = "wasm"))]
pub mod mock;
#[cfg(all(feature = "no-std", target_family = "wasm"))]
mod runtime;

use alloc::string::String;

/// An error of a condition: `CODE: message`.
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

/// Exports functions under WIT names: `verdict "is-high" = is_high;` for a `fn() -> Result<bool, E>`,
/// `value "score" = score;` for a `fn() -> Result<String, E>` that returns one JSON text. `E` is any type
/// that can be converted into a [`Fault`].
#[macro_export]
macro_rules! export {
    ($($kind:ident $name:literal = $function:path;)+) => {
        $(const _: () = {
            #[cfg_attr(target_family = "wasm", unsafe(export_name = $name))]
            #[allow(dead_code)]
            extern "C" fn exported() -> *const $crate::abi::Returned {
                $crate::abi::$kind($function().map_err($crate::Fault::from))
            }
        };)+
    };
}
