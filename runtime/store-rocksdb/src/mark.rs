//! The durable mark: how far the log was synced, in a small file beside it.
//!
//! RocksDB reads its log up to the first incomplete record, because a crash can tear the last one.
//! A synced record that was damaged later looks the same, and everything after it would be lost
//! silently. So each commit notes the sequence number that it reached after its sync, and an
//! opening that recovers less reports that. The mark itself is not synced: after a power cut it may
//! be behind what is durable, but never ahead.

use bureaucrat_store::lock;
use std::{fs::File, io, os::unix::fs::FileExt, path::Path, sync::Mutex};

/// In the folder of the database.
const NAME: &str = "durable.mark";
/// The file begins with this; then come the sequence and its complement, 8 bytes each, big-endian.
const MAGIC: &[u8; 8] = b"BCMARK\0\x01";
const LENGTH: usize = 24;

/// The mark of an open database.
#[derive(Debug)]
pub struct DurableMark {
    file: File,
    reached: Mutex<u64>,
}

/// The sequence that the mark in this folder says was reached; `None` if there is no readable mark.
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
    /// If the file cannot be created or written.
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
        *lock(&mark.reached) = sequence;
        Ok(mark)
    }

    /// Notes that everything up to `sequence` is synced. If the mark cannot be written it stays
    /// behind, so it only notices less.
    pub fn note(&self, sequence: u64) {
        let mut reached = lock(&self.reached);
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
