//! Whether this process may run machine code that it makes, which some policies forbid: without
//! that no condition could ever be evaluated, and each would seem to be at fault itself.

use crate::error::SandboxError;
use wasmtime::{Engine, Module};

/// A module with a function that does nothing: without a function there is no machine code.
const TINY: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";

/// Makes a few bytes of machine code and asks the system to make them executable.
///
/// # Errors
/// When the system refuses.
pub fn check_executable_memory() -> Result<(), SandboxError> {
    let engine = Engine::default();
    let module = Module::new(&engine, TINY);
    let refused = |error| SandboxError::NoExecutableMemory(format!("{error:#}"));
    module.map(drop).map_err(refused)
}
