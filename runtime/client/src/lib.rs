//! The public client: launches and cancels processes and publishes events, from Rust.
//!
//! ```no_run
//! # async fn example() -> Result<(), bureaucrat_client::LaunchError> {
//! use bureaucrat_client::{Ending, Fields, Launcher, LauncherConfig};
//!
//! let launcher = Launcher::connect(&LauncherConfig::of("amqp://guest:guest@localhost/%2f")?).await?;
//! let fields = Fields::parse(r#"{"amount": 5}"#).unwrap_or_default();
//! match launcher.launch_and_wait("<process><action participant=\"pay\"/></process>", &fields).await? {
//!     Ending::Completed(fields) => println!("{}", fields.to_json()),
//!     Ending::Failed { code, message, .. } => println!("{code}: {message}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every message has an id, so that it takes effect once however often the broker delivers it, is persistent, and counts as
//! sent only when the broker has confirmed it and not returned it. A lost connection is reported, not repaired: connect
//! again. Whether a definition is right is for the engine to say.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod blocking;
mod config;
mod error;
mod launched;
mod launcher;
mod publishing;
mod replies;

pub use blocking::Blocking;
pub use bureaucrat_connect::{Addresses, Defaults, Password, Secret, Tls};
pub use bureaucrat_model::{DefinitionRef, Fields, JsonText, Millis, ProcessId};
pub use bureaucrat_wire::{
    CancelOutcome, Duplicate, EventCounts, EventOutcome, EventRequest, NamedLaunch,
};
pub use config::{LauncherConfig, Refusals};
pub use error::LaunchError;
pub use launched::{Ending, Launched};
pub use launcher::Launcher;
