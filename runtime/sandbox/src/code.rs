//! Machine code that may be run, and the one place where it becomes runnable.

use wasmtime::{Engine, component::Component};

/// Machine code that this crate knows to be a compiler's output, unaltered. Only three places make one: compilation in this
/// process, the answer of a compile worker that this process started, and the cache after its check of the MAC.
pub(crate) struct TrustedCode(Vec<u8>);

impl TrustedCode {
    /// Declares that `bytes` are what wasmtime's compiler gave, unaltered: the caller got them from the compiler itself, from
    /// its own child over a pipe that nobody else holds, or checked that a MAC over them was made with the cache's key.
    pub(crate) fn vouched_for(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes the code runnable.
    ///
    /// # Errors
    /// When another version of wasmtime, or one with other settings, compiled it.
    pub(crate) fn into_component(self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` runs whatever it is given, and demands bytes that `serialize` or `precompile_component` gave,
        // unaltered. That is what a `TrustedCode` is (see `vouched_for`, whose callers are the three places named above):
        // the bytes lie in memory that only this value owns, so nothing alters them between the check and this call, as
        // could happen to a file. That version and settings fit is checked by `deserialize` itself.
        #[expect(unsafe_code, reason = "the one place; the proof stands above")]
        unsafe {
            Component::deserialize(engine, &self.0)
        }
    }
}
