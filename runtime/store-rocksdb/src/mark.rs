//! The durable mark: how far the log was synced, in a small file beside it.
//!
//! RocksDB reads its log up to the first record that is not whole, since a crash can tear the last one. A synced record
//! that was damaged later looks just the same, and everything after it would be left out without a word. So each commit
//! notes the sequence that it reached once it is synced, and an opening that comes out before it says so. The mark itself
//! is not synced: after a power cut it may stand earlier than what is durable, never later.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// The file's name, in the folder of the database.
const NAME: &str = "durable.mark";
/// What the file begins with; then come the sequence and its complement, 8 bytes each, big-endian.
const MAGIC: &[u8; 8] = b"BCMARK\0\x01";
/// The bytes of the file.
const LENGTH: usize = 24;

/// The mark of an open database.
#[derive(Debug)]
pub struct DurableMark {
    file: File,
    reached: Mutex<u64>,
}

/// The sequence that the mark in this folder says was reached; none when there is no mark that can be read.
pub fn read(folder: &Path) -> Option<u64> {
    let bytes = std::fs::read(folder.join(NAME)).ok()?;
    let rest = bytes.strip_prefix(MAGIC)?;
    let (sequence, complement) = rest.split_first_chunk::<8>()?;
    let sequence = u64::from_be_bytes(*sequence);
    let complement = u64::from_be_bytes(complement.try_into().ok()?);
    (complement == !sequence).then_some(sequence)
}

impl DurableMark {
    /// The mark of the database in `folder`, which has reached `sequence`.
    ///
    /// # Errors
    /// When the file can't be made or written.
    pub fn set(folder: &Path, sequence: u64) -> io::Result<Self> {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(NAME))?;
        let mark = Self {
            file,
            reached: Mutex::new(0),
        };
        mark.write(sequence)?;
        mark.file.sync_all()?;
        *mark.reached.lock().unwrap_or_else(PoisonError::into_inner) = sequence;
        Ok(mark)
    }

    /// Notes that everything up to `sequence` is synced. A mark that can't be written stands earlier than it could, which
    /// only makes it notice less.
    pub fn note(&self, sequence: u64) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if sequence > *reached && self.write(sequence).is_ok() {
            *reached = sequence;
        }
    }

    fn write(&self, sequence: u64) -> io::Result<()> {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&sequence.to_be_bytes());
        bytes[16..].copy_from_slice(&(!sequence).to_be_bytes());
        self.file.write_all_at(&bytes, 0)
    }
}
