//! The way to the broker, for the engine and for clients alike: addresses, sockets, TLS, and why a
//! connection could not be made.
//!
//! It promises that an address means what other AMQP clients take it for, that no password is in
//! an error or in `Debug`, and that whatever the broker says while a connection is made is heard
//! at once: lapin doesn't pass on all of it, so the bytes of the handshake are read here too.
//! Several addresses are tried in turn. When to try again is left to the caller. What works with a
//! connection can run on the connection's own thread.
#![forbid(unsafe_code)]

mod address;
mod dial;
mod ear;
mod locks;
mod parameters;
mod parse;
mod password;
mod percent;
mod tasks;
mod tls;
mod transport;
mod trouble;

pub use address::{Address, Addresses, Defaults, Encryption, Tls};
pub use dial::{Dialed, Dialer, Hearing};
pub use ear::{Said, Stage};
pub use parameters::PARAMETERS;
pub use parse::AddressError;
pub use password::{Password, Secret};
pub use tasks::{Outcome, Spawner, TaskSet};
pub use transport::{PassThrough, Tap};
pub use trouble::{Failures, Trouble, advised};
