//! The policy of an engine: the first one, and those that come with SIGHUP.

use crate::{commands, configuration::Configuration};
use anyhow::Context;
use bureaucrat_policy::Policy;
use std::{path::PathBuf, sync::Arc};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// The initial policy; an engine whose policy cannot be read does not run without one.
pub fn first(configuration: &Configuration) -> anyhow::Result<Option<Arc<Policy>>> {
    let Some(file) = &configuration.policy else {
        return Ok(None);
    };
    let policy =
        commands::policy::load(file).context("the engine cannot start without its policy")?;
    tracing::info!(file = %file.display(), "the policy is in force");
    Ok(Some(Arc::new(policy)))
}

/// Reads the policy again on each SIGHUP. An invalid one changes nothing.
pub fn reload_on_hangup(
    runtime: &Runtime,
    file: Option<PathBuf>,
) -> anyhow::Result<watch::Receiver<Option<Arc<Policy>>>> {
    let _context = runtime.enter();
    let mut hangup = signal(SignalKind::hangup()).context("cannot catch signals")?;
    let (newest, policies) = watch::channel(None);
    runtime.spawn(async move {
        while hangup.recv().await.is_some() {
            let Some(file) = &file else {
                tracing::warn!("SIGHUP: there is no policy file to reload; name one with --policy");
                continue;
            };
            match commands::policy::load(file) {
                Ok(policy) => {
                    newest.send_replace(Some(Arc::new(policy)));
                }
                Err(error) => {
                    tracing::error!(
                        "SIGHUP: the policy file is not valid, the old one stays in force: \
                         {error:#}"
                    );
                }
            }
        }
    });
    Ok(policies)
}
