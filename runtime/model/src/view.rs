//! What a function of a guest sees.

use crate::fields::Fields;

/// What a function sees: the fields, and what it reads under the names that begin with `inst:`, which lists of the
/// fields' names leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    pub fields: Fields,
    pub reserved: Fields,
}

impl View {
    /// How the names begin that the engine gives. No field of a process has such a name.
    pub const RESERVED: &str = "inst:";
}

impl From<Fields> for View {
    fn from(fields: Fields) -> Self {
        Self {
            fields,
            reserved: Fields::new(),
        }
    }
}

impl From<&Fields> for View {
    fn from(fields: &Fields) -> Self {
        fields.clone().into()
    }
}

impl From<&Self> for View {
    fn from(view: &Self) -> Self {
        view.clone()
    }
}
