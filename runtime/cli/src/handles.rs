//! File handles: raises the limit as far as the system allows, and checks that enough are
//! available. Libraries that unexpectedly find none left would panic; this reports the problem
//! before.

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs::File;

/// File handles that must be available once the storage is open: for connections, the control
/// socket, the compile workers, and more files of the storage.
const FREE: usize = 64;
/// The engine never needs more than this.
const WANTED: u64 = 65_536;

/// Raises the limit of this process as far as possible.
pub fn raise() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    let wanted = hard.min(WANTED);
    if wanted > soft
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)
    {
        tracing::debug!(%error, "the limit of open files stays at {soft}");
    }
}

/// Checks that enough file handles are left.
///
/// # Errors
/// If there are too few, with the limit and what to do.
pub fn enough() -> anyhow::Result<()> {
    let taken: Result<Vec<File>, _> = (0..FREE).map(|_| File::open("/dev/null")).collect();
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
    taken.map(drop).with_context(|| {
        format!(
            "fewer than {FREE} file handles are left, the limit is {limit}: raise it with `ulimit \
             -n`, or `LimitNOFILE=` in systemd; 1024 is a good start"
        )
    })
}
