//! Counts failed runs, so that an engine that is started again and again on a failing storage takes
//! the same messages less and less often: a quorum queue drops messages that were delivered too
//! often.
//!
//! The count is a file of one byte in the storage. It is created while all is well and overwritten
//! in place, because a full disk accepts no new file.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

const FILE: &str = "failures";
/// Older failures do not count.
const RECENT: Duration = Duration::from_secs(300);
/// The longest time that a start waits before it takes messages; the first wait is a second, and
/// each further one is twice as long.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The failed runs, as far as the storage can tell. Nothing depends on this being right.
#[derive(Debug)]
pub struct Lapses {
    file: Option<File>,
    count: u8,
    since: Instant,
}

impl Lapses {
    pub fn open(storage: &Path) -> Self {
        let path = storage.join(FILE);
        let mut options = File::options();
        let opened = options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path);
        let Ok(file) = opened else {
            return Self {
                file: None,
                count: 0,
                since: Instant::now(),
            };
        };
        let mut byte = [0];
        match file.read_at(&mut byte, 0) {
            Ok(1) if is_recent(&file) => {}
            Ok(_) | Err(_) => {
                byte = [0];
                write(&file, 0);
            }
        }
        Self {
            file: Some(file),
            count: byte[0],
            since: Instant::now(),
        }
    }

    /// How long the start must wait before it takes messages.
    pub fn wait(&self) -> Duration {
        let doublings = u32::from(self.count).saturating_sub(1).min(16);
        match self.count {
            0 => Duration::ZERO,
            _ => Duration::from_secs(1 << doublings).min(WAIT_MAX),
        }
    }

    /// This run ended cleanly.
    pub fn forget(&self) {
        if let Some(file) = &self.file {
            write(file, 0);
        }
    }

    /// This run failed; if it worked for long enough before, a new count begins.
    pub fn note(&self) {
        let before = if self.since.elapsed() < RECENT {
            self.count
        } else {
            0
        };
        if let Some(file) = &self.file {
            write(file, before.saturating_add(1));
        }
    }
}

fn is_recent(file: &File) -> bool {
    let modified = file.metadata().and_then(|data| data.modified());
    let ago = modified.ok().and_then(|at| at.elapsed().ok());
    ago.is_some_and(|ago| ago < RECENT)
}

fn write(file: &File, count: u8) {
    let written = file.write_all_at(&[count], 0);
    if let Err(error) = written.and_then(|()| file.set_modified(SystemTime::now())) {
        tracing::debug!("the count of failures stays as it is: {error}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn starts_wait_ever_longer_after_failures_and_forget_them() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Lapses::open(folder.path());
        assert_eq!(open().wait(), Duration::ZERO);
        assert_eq!(open().wait(), Duration::ZERO, "it did not fail");
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            open().note();
            assert_eq!(open().wait(), Duration::from_secs(seconds));
        }
        open().forget();
        assert_eq!(open().wait(), Duration::ZERO);
        let lapses = open();
        lapses.note();
        let long_ago = SystemTime::now() - RECENT;
        lapses
            .file
            .as_ref()
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        assert_eq!(open().wait(), Duration::ZERO);
        assert_eq!(open().wait(), Duration::ZERO);
    }
}
