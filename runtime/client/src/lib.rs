//! The launcher's side of bureaucrat: launch processes and publish events from Rust.
//!
//! ```no_run
//! # async fn example() -> Result<(), bureaucrat_client::ClientError> {
//! use bureaucrat_client::{Launcher, LauncherConfig};
//! use bureaucrat_model::Fields;
//!
//! let launcher = Launcher::connect(&LauncherConfig::default()).await?;
//! let mut launched = launcher.launch("<process><delay duration=\"1\"/></process>", &Fields::new()).await?;
//! println!("{} ended: {:?}", launched.process, launched.wait().await?);
//! # Ok(())
//! # }
//! ```
//!
//! Every launch and event carries a message id, so that it takes effect once even when it is published again after a
//! lost connection; publishes are persistent, mandatory and confirmed. Replies come to a queue of the launcher's own,
//! which goes with its connection. What runs, and where it stands, is the engine's business.
#![forbid(unsafe_code)]

mod error;
mod launcher;
mod replies;

pub use error::ClientError;
pub use launcher::{Ended, Launched, Launcher, LauncherConfig};
