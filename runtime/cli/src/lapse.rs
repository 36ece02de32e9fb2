//! When the last run ended by a failure, so that an engine that is started again and again over a
//! storage that fails does not take the same messages each time: a quorum queue drops what it
//! delivered too often.
//!
//! The time is that of a file in the storage, made while all is well, since a full disk takes no
//! new one.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const FILE: &str = "failed";
/// A failure that is longer ago keeps nobody waiting.
const RECENT: Duration = Duration::from_secs(60);
/// How long the next start waits before it takes messages.
const WAIT: Duration = Duration::from_secs(30);

/// The last failure, if it was a short time ago.
#[derive(Debug)]
pub struct Lapse {
    file: PathBuf,
    at: Option<SystemTime>,
}

impl Lapse {
    /// Reads when the last run failed. A storage that can't say so had no failure: this is a
    /// courtesy, no promise.
    pub fn open(storage: &Path) -> Self {
        let file = storage.join(FILE);
        let at = file.metadata().and_then(|data| data.modified()).ok();
        if at.is_none() {
            set(&file, SystemTime::UNIX_EPOCH);
        }
        Self { file, at }
    }

    /// How long the start is to wait before it takes messages.
    pub fn wait(&self) -> Duration {
        let ago = self.at.and_then(|at| at.elapsed().ok());
        match ago {
            Some(ago) if ago < RECENT => WAIT,
            Some(_) | None => Duration::ZERO,
        }
    }

    /// This run failed.
    pub fn note(&self) {
        set(&self.file, SystemTime::now());
    }
}

fn set(file: &Path, time: SystemTime) {
    let opened = File::options().create(true).append(true).open(file);
    if let Err(error) = opened.and_then(|opened| opened.set_modified(time)) {
        tracing::debug!("{}: {error}", file.display());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_a_failure_of_the_last_minute_keeps_a_start_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lapse::open(folder.path());
        assert_eq!(first.wait(), Duration::ZERO);
        assert_eq!(
            Lapse::open(folder.path()).wait(),
            Duration::ZERO,
            "it did not fail"
        );
        first.note();
        let next = Lapse::open(folder.path());
        assert_eq!(next.wait(), WAIT);
        set(&next.file, SystemTime::now() - RECENT);
        assert_eq!(Lapse::open(folder.path()).wait(), Duration::ZERO);
    }
}
