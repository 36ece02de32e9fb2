//! What crosses the boundary, in the layout of the canonical ABI.

use crate::Fault;
use alloc::{boxed::Box, string::String};

/// A `result`: a byte, 0 for a result and 1 for an error; then the verdict, or a text's address
/// and length.
#[repr(C)]
pub struct Returned {
    is_error: u8,
    payload: Payload,
}

#[repr(C)]
union Payload {
    verdict: bool,
    text: (*const u8, usize),
}

/// Leaks the returned value: the host reads it after the function has ended, and then drops the
/// instance.
fn leak(is_error: u8, payload: Payload) -> *const Returned {
    Box::leak(Box::new(Returned { is_error, payload }))
}

fn text(is_error: u8, text: String) -> *const Returned {
    let text: &'static str = text.leak();
    let text = (text.as_ptr(), text.len());
    leak(is_error, Payload { text })
}

/// What every exported function does first.
pub fn start() {
    #[cfg(all(target_family = "wasm", not(feature = "no-std")))]
    crate::logging::log_panics();
}

/// What a condition returns.
pub fn verdict(given: Result<bool, Fault>) -> *const Returned {
    match given {
        Ok(verdict) => leak(0, Payload { verdict }),
        Err(Fault(message)) => text(1, message),
    }
}

/// Returns the value of a function.
pub fn value(given: Result<String, Fault>) -> *const Returned {
    match given {
        Ok(json) => text(0, json),
        Err(Fault(message)) => text(1, message),
    }
}

/// The host allocates memory for texts and lists here.
#[cfg(target_family = "wasm")]
#[unsafe(no_mangle)]
extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
    use alloc::alloc::{Layout, alloc, realloc};
    if size == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    let (Ok(before), Ok(after)) = (
        Layout::from_size_align(old_size, align),
        Layout::from_size_align(size, align),
    ) else {
        core::arch::wasm32::unreachable()
    };
    // SAFETY: the sizes are not 0, and `old` came from here with the layout `before`, as the
    // canonical ABI has it.
    let place = unsafe {
        match old_size {
            0 => alloc(after),
            _ => realloc(old, before, size),
        }
    };
    if place.is_null() {
        core::arch::wasm32::unreachable()
    }
    place
}
