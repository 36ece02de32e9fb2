//! What instructions take.

use serde::{Deserialize, Serialize};

/// What an instruction needs: written in the definition, or computed just before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operand<T> {
    #[serde(rename = "1")]
    Fixed(T),
    /// The next computed value of the fiber.
    #[serde(rename = "2")]
    Computed,
}
