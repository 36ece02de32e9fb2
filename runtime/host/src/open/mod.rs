//! Opening: what a storage says about itself, and what earlier runs left to do.

mod bulk;
pub(crate) mod identity;
mod opened;
mod restored;

pub use opened::Opened;
pub use restored::mark_restored;
