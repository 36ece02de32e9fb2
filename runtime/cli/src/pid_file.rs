//! The pid file: locked while an engine runs, so that a second start notices.

use anyhow::{Context, bail};
use fs4::{FileExt, TryLockError};
use std::{
    fs::{self, File},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

/// The longest text of a pid file that is read.
const TEXT_BYTES_MAX: u64 = 32;

/// A pid file that this process holds. The lock ends with the process, however it ends; dropping
/// this empties the file first. The file itself stays: if it were removed, a third engine could
/// lock a new file of the same name while a second one still waits for the old.
#[derive(Debug)]
pub struct PidFile {
    file: File,
    path: PathBuf,
}

impl PidFile {
    /// Locks the file and writes this process's id into it.
    ///
    /// # Errors
    /// If another process holds the lock (the message names it), or the file cannot be written.
    pub fn lock(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("cannot write the pid file {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(what)?;
        }
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .with_context(what)?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "an engine is already running{}: the pid file {} is locked",
                    owner(&mut file),
                    path.display()
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(what),
        }
        file.set_len(0).with_context(what)?;
        writeln!(file, "{}", std::process::id()).with_context(what)?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // A full disk does not prevent this; if it fails anyway, the lock is still right.
        let _ = self.file.set_len(0);
    }
}

/// The process that holds the lock, according to the file.
fn owner(file: &mut File) -> String {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(TEXT_BYTES_MAX).read_to_string(&mut text));
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!(" (process {pid})"),
        _ => String::new(),
    }
}
