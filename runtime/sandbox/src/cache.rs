//! The cache of machine code on disk.
//!
//! One file per component, named by the component's hash and by what its code is compatible with. A
//! file is 8 bytes of magic, 32 bytes of HMAC-SHA256 under the cache's key, then the code. The MAC
//! covers the magic, both hashes, the class and the code, and is checked over the bytes in memory.
//! A file that is missing, foreign, modified or too large counts as missing. Nothing here is an
//! error: without its cache the sandbox compiles again.

use crate::{
    SandboxError, class::Class, code::TrustedCode, config::CacheConfig, limits::SandboxLimits,
};
use bureaucrat_model::{Hex, ModuleHash};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

const MAGIC: [u8; 8] = *b"BCCODE\0\x01";
const MAC_BYTES: usize = 32;
const HEADER_BYTES: usize = MAGIC.len() + MAC_BYTES;
const EXTENSION: &str = "code";

/// What a file's name and MAC cover.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) hash: ModuleHash,
    pub(crate) class: Class,
    /// What the engine's code is compatible with.
    pub(crate) compatibility: [u8; 32],
}

/// The folder, its key and its limits.
pub(crate) struct Cache {
    config: CacheConfig,
    file_bytes_max: u64,
    folder_bytes_max: u64,
    /// The approximate size of the folder in bytes.
    bytes: AtomicU64,
}

impl Cache {
    /// Opens or creates the folder.
    pub(crate) fn open(config: CacheConfig, limits: &SandboxLimits) -> Result<Self, SandboxError> {
        let files = fs::create_dir_all(&config.folder)
            .and_then(|()| files_of(&config.folder))
            .map_err(|error| SandboxError::Cache {
                folder: config.folder.clone(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            config,
            file_bytes_max: (limits.for_runtimes().code_bytes + HEADER_BYTES) as u64,
            folder_bytes_max: limits.cache_bytes,
            bytes: AtomicU64::new(files.iter().map(|file| file.bytes).sum()),
        })
    }

    /// The code of an entry, if a file contains it and its MAC was made with this cache's key.
    pub(crate) fn read(&self, entry: &Entry) -> Option<TrustedCode> {
        let path = self.path(entry);
        let mut file = Vec::new();
        let read = File::open(&path)
            .and_then(|opened| opened.take(self.file_bytes_max + 1).read_to_end(&mut file))
            .ok()?;
        let (magic, rest) = file.split_first_chunk::<{ MAGIC.len() }>()?;
        let (mac, code) = rest.split_first_chunk::<MAC_BYTES>()?;
        let sound = read as u64 <= self.file_bytes_max
            && *magic == MAGIC
            && self.mac(entry, code)?.verify(mac.into()).is_ok();
        if !sound {
            tracing::warn!(module = %entry.hash, "a file in the cache of machine code was not \
                                                  written by this engine; compiling again");
            return None;
        }
        // The MAC was checked over exactly these bytes, which only `file` owns.
        file.drain(..HEADER_BYTES);
        Some(TrustedCode::vouched_for(file))
    }

    /// Stores the code of an entry. A failure is only logged.
    pub(crate) fn write(&self, entry: &Entry, code: &TrustedCode) {
        if code.as_bytes().len() as u64 + HEADER_BYTES as u64 > self.file_bytes_max {
            return;
        }
        if let Err(error) = self.replace(entry, code.as_bytes()) {
            tracing::warn!(module = %entry.hash, %error, "cannot store machine code");
        }
    }

    fn replace(&self, entry: &Entry, code: &[u8]) -> io::Result<()> {
        let mac = self
            .mac(entry, code)
            .ok_or_else(|| io::Error::other("no MAC"))?
            .finalize()
            .into_bytes();
        let mut file = tempfile::NamedTempFile::new_in(&self.config.folder)?;
        file.write_all(&MAGIC)?;
        file.write_all(&mac)?;
        file.write_all(code)?;
        file.persist(self.path(entry))
            .map_err(|error| error.error)?;
        let written = (HEADER_BYTES + code.len()) as u64;
        if self.bytes.fetch_add(written, Ordering::Relaxed) + written > self.folder_bytes_max {
            self.thin_out()?;
        }
        Ok(())
    }

    /// Removes the oldest files until three quarters of the limit are left.
    fn thin_out(&self) -> io::Result<()> {
        let mut files = files_of(&self.config.folder)?;
        files.sort_by_key(|file| file.modified);
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files {
            if bytes <= self.folder_bytes_max / 4 * 3 {
                break;
            }
            fs::remove_file(&file.path)?;
            bytes -= file.bytes;
        }
        self.bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.config.folder.join(format!(
            "{}-{}-{}.{EXTENSION}",
            Hex(&entry.hash.0),
            entry.class.number(),
            Hex(&entry.compatibility[..8]),
        ))
    }

    fn mac(&self, entry: &Entry, code: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length, so this always succeeds.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.config.key).ok()?;
        mac.update(&MAGIC);
        mac.update(&entry.hash.0);
        mac.update(&[entry.class.number()]);
        mac.update(&entry.compatibility);
        mac.update(code);
        Some(mac)
    }
}

struct CacheFile {
    path: PathBuf,
    bytes: u64,
    modified: SystemTime,
}

fn files_of(folder: &Path) -> io::Result<Vec<CacheFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_none_or(|found| found != EXTENSION) {
            continue;
        }
        // A file that another run removes meanwhile does not count.
        if let Ok(metadata) = entry.metadata() {
            files.push(CacheFile {
                path,
                bytes: metadata.len(),
                modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            });
        }
    }
    Ok(files)
}
