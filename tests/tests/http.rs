//! The HTTP API of a real engine: who may do what, what other sites and stolen tokens can do, and that
//! a launch is durable when it is answered.

#[path = "http/access.rs"]
mod access;
#[path = "http/audit.rs"]
mod audit;
#[path = "http/burdens.rs"]
mod burdens;
#[path = "http/confirming.rs"]
mod confirming;
#[path = "http/deploying.rs"]
mod deploying;
#[path = "http/ending.rs"]
mod ending;
#[path = "http/floods.rs"]
mod floods;
#[path = "http/launches.rs"]
mod launches;
#[path = "http/live.rs"]
mod live;
#[path = "http/looking.rs"]
mod looking;
#[path = "http/metrics.rs"]
mod metrics;
#[path = "http/ordering.rs"]
mod ordering;
#[path = "http/page_access.rs"]
mod page_access;
#[path = "http/pages.rs"]
mod pages;
#[path = "http/rig.rs"]
mod rig;
#[path = "http/sites.rs"]
mod sites;
#[path = "http/work.rs"]
mod work;
