//! What can go wrong with a commit.

/// What happens to the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFate {
    /// The power fails during the write; some bytes may be on the disk.
    PowerDuringWrite,
    /// The power fails after the write and before the sync.
    PowerBeforeSync,
    /// The power fails when the commit is durable, before anyone knows.
    PowerAfterSync,
    /// Writing fails after some bytes.
    WriteFails,
    /// The sync fails; what was written may be kept or not.
    SyncFails,
    /// It takes this many milliseconds.
    Slow(u64),
}
