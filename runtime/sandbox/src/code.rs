//! Machine code that may be run, and the one place where it becomes runnable.

use wasmtime::{Engine, component::Component};

/// Machine code that this crate knows to be unmodified output of a compiler. Only three places make
/// one: compilation in this process, the answer of a compile worker that this process started, and
/// the cache after checking the MAC.
pub(crate) struct TrustedCode(Vec<u8>);

impl TrustedCode {
    /// Declares that `bytes` are unmodified output of wasmtime's compiler: the caller got them from
    /// the compiler itself, or from its own child process over a private pipe, or checked that a
    /// MAC over them was made with the cache's key.
    pub(crate) fn vouched_for(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Makes the code runnable.
    ///
    /// # Errors
    /// If another version of wasmtime, or one with other settings, compiled it.
    pub(crate) fn into_component(self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` runs whatever it is given, and requires unmodified bytes from
        // `serialize` or `precompile_component`. A `TrustedCode` is exactly that (see
        // `vouched_for`, whose callers are the three places named above): the bytes are in memory
        // that only this value owns, so nothing modifies them between the check and this call, as
        // could happen to a file. `deserialize` itself checks that version and settings match.
        #[expect(unsafe_code, reason = "the one place; the proof stands above")]
        unsafe {
            Component::deserialize(engine, &self.0)
        }
    }
}
