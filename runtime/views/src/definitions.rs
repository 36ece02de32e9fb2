//! Deployed definitions as objects.

use bureaucrat_host::deployed::{ByView, DeployedView, Made, NameView, ScheduleView, VersionView};
use schemars::JsonSchema;
use serde::Serialize;

/// The name of a definition in the list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Name {
    pub name: String,
    /// The version that a launch by the name alone starts; null if all are retired.
    pub newest: Option<u64>,
    pub versions: u64,
    pub retired: u64,
    /// When the last version was deployed.
    pub deployed_at: u64,
    /// `operator`, `anonymous` or `user`: whose name it is.
    pub by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl Name {
    pub fn of(view: &NameView) -> Self {
        let (by, user) = of_deployer(&view.owner);
        Self {
            name: view.name.to_string(),
            newest: view.newest.map(|version| version.number().into()),
            versions: view.versions,
            retired: view.retired,
            deployed_at: view.deployed_at.0,
            by,
            user,
        }
    }
}

/// A version of a definition.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Version {
    pub version: u64,
    /// The hash of its text.
    pub hash: String,
    pub program: String,
    /// Bytes of its text.
    pub bytes: u64,
    pub deployed_at: u64,
    /// `operator`, `anonymous` or `user`.
    pub by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    pub retired_at: Option<u64>,
}

impl Version {
    pub fn of(view: &VersionView) -> Self {
        let (by, user) = of_deployer(&view.by);
        Self {
            version: view.version.number().into(),
            hash: view.hash.to_string(),
            program: view.program.to_string(),
            bytes: view.bytes,
            deployed_at: view.deployed_at.0,
            by,
            user,
            retired_at: view.retired_at.map(|at| at.0),
        }
    }
}

/// When a definition launches itself.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Schedule {
    /// What is launched.
    pub version: u64,
    pub cron: String,
    pub zone: String,
    pub next: u64,
}

impl Schedule {
    pub fn of(view: &ScheduleView) -> Self {
        Self {
            version: view.version.number().into(),
            cron: view.cron.clone(),
            zone: view.zone.clone(),
            next: view.next.0,
        }
    }
}

/// What a deployment came to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Deployed {
    pub name: String,
    pub version: u64,
    pub hash: String,
    /// `new`, or `unchanged` if the version had this text before.
    pub outcome: &'static str,
    /// The version that a launch by the name alone starts.
    pub newest: u64,
}

impl Deployed {
    pub fn of(view: &DeployedView) -> Self {
        Self {
            name: view.name.to_string(),
            version: view.version.number().into(),
            hash: view.hash.to_string(),
            outcome: match view.made {
                Made::New => "new",
                Made::Unchanged => "unchanged",
            },
            newest: view.newest.number().into(),
        }
    }
}

fn of_deployer(by: &ByView) -> (&'static str, Option<String>) {
    match by {
        ByView::Operator => ("operator", None),
        ByView::Anonymous => ("anonymous", None),
        ByView::User { user } => ("user", Some(user.clone())),
    }
}
