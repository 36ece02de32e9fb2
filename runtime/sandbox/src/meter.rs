//! What host functions may use, and how they stop an evaluation.

/// Why a host function stopped the evaluation. All of these are deterministic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// There was not enough fuel for the request.
    #[error("out of fuel in a call of the host")]
    Fuel,
    /// The host was called too often.
    #[error("more than {limit} calls of the host")]
    Calls { limit: u64 },
    /// A pointer is too long.
    #[error("a pointer of {found} bytes, at most {limit} are allowed")]
    Pointer {
        /// Its length in bytes.
        found: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// Too much was returned to the guest in total.
    #[error("more than {limit} bytes of fields were asked for")]
    Returned {
        /// The bound in bytes.
        limit: usize,
    },
    /// A record has too many keys to list.
    #[error("the keys of a record with {found} keys were asked for, at most {limit} are listed")]
    Keys { found: usize, limit: usize },
    /// A field is too large to be read.
    #[error("a field of {0} bytes is too large to be looked into")]
    FieldTooLarge(usize),
    /// A text or key contains a lone surrogate, which no component can receive.
    #[error("a text in the fields holds half of a surrogate pair")]
    BrokenText,
}

/// The remaining fuel, taken out of the store for the duration of one host call.
pub(crate) struct Meter {
    left: u64,
}

impl Meter {
    pub(crate) const fn new(left: u64) -> Self {
        Self { left }
    }

    /// Charges fuel; if there is not enough, the rest is gone.
    pub(crate) fn charge(&mut self, fuel: u64) -> Result<(), Stop> {
        match self.left.checked_sub(fuel) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Stop::Fuel)
            }
        }
    }

    pub(crate) const fn left(&self) -> u64 {
        self.left
    }
}
