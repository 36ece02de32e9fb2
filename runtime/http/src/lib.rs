//! The HTTP API of a running engine: what the command line does over the control socket, with tokens.
//!
//! [`operation::Operation`] describes a request completely: its path, who may send it, its
//! parameters, and what it is answered with. The router, the OpenAPI document and the table of
//! docs/http.md are made from the same list of them ([`routes::operations`]), so they can't differ.
//!
//! Whatever clients do, the engine goes first. HTTP has a thread and a pool of its own, both with a
//! lower priority than the driver; connections, bodies, answers, waiting questions and each token's
//! requests are bounded, so is what strangers cost a second, and they take nothing from those with a token. [`guard`] says who may do what, before anything of a body is read.
//!
//! Reading settings, and what the engine answers with, are left to others: see [`Engine`].
#![forbid(unsafe_code)]

mod body;
mod bound;
mod bucket;
pub(crate) mod census;
mod connections;
mod cookie;
mod dispatch;
mod door;
pub mod engine;
mod exchange;
pub mod guard;
mod network;
pub mod openapi;
pub mod operation;
mod pages;
mod parameters;
mod patient;
mod pool;
pub mod problem;
mod rate;
pub mod reply;
mod room;
pub mod routes;
pub mod server;
pub mod sessions;
mod sse;
mod streams;
pub mod tokens;
mod twice;

pub use bound::Bound;
pub use engine::Engine;
pub use server::{Server, Settings};
