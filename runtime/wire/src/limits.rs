//! The limits of decoding.

/// Limits on one message from outside. A message that exceeds one is [`crate::Unreadable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireLimits {
    /// The largest body, in bytes.
    pub body_bytes: usize,
    /// The deepest nesting of lists and records in a body, including the body itself. Below 128,
    /// serde_json's limit.
    pub depth: usize,
    /// The longest name of an event, in bytes.
    pub name_bytes: usize,
    /// The longest text of an answer's `error` or `status` that is kept, in bytes; longer ones are
    /// cut.
    pub text_bytes: usize,
}

impl Default for WireLimits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            depth: 100,
            name_bytes: 255,
            text_bytes: 4_096,
        }
    }
}
