//! File handles: as many as the system grants, and enough of them to start with. Libraries that find
//! none left where they never expect it would panic; this says what is wrong before.

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs::File;

/// So many have to be free once the storage is open: for connections, the control socket, the
/// compile workers, and files of the storage that grow with it.
const FREE: usize = 64;
/// More than this the engine never needs.
const WANTED: u64 = 65_536;

/// Raises the limit of this process as far as it may.
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

/// Makes sure that enough are left.
///
/// # Errors
/// When there are too few, with the limit and what to do.
pub fn enough() -> anyhow::Result<()> {
    let taken: Result<Vec<File>, _> = (0..FREE).map(|_| File::open("/dev/null")).collect();
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
    taken.map(drop).with_context(|| {
        format!(
            "fewer than {FREE} file handles are left, the limit is {limit}: raise it (`ulimit -n`, \
             or `LimitNOFILE=` of systemd), 1024 is a good beginning"
        )
    })
}
