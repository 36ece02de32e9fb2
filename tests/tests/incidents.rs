//! Incidents that are taken to another machine: exported from a running engine, and replayed by the
//! binary alone, to the same outcome and the same fuel.
//!
//! There is a case for each code that an evaluation of the sandbox can end with; the codes are read
//! from the sandbox's source, so that a new one without a case fails.

#[path = "incidents/codes.rs"]
mod codes;
#[path = "incidents/definitions.rs"]
mod definitions;
#[path = "incidents/files.rs"]
mod files;
