//! The durable relay's log: appends each body twice, like a store that keeps a state and a message,
//! and syncs once for everything that waits.
//!
//! It is a lower bound for the cost of durability on this disk, not a store: nothing is ever read
//! back, and only the two newest files are kept.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
};

/// The size at which a new file is begun, as in RocksDB.
const FILE_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    number: u64,
    file: File,
    written: u64,
    buffer: Vec<u8>,
}

impl Log {
    /// # Errors
    /// When the folder takes no file.
    pub fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            number: 0,
            file: File::create(path(folder, 0))?,
            written: 0,
            buffer: Vec::new(),
        })
    }

    /// Appends a body; it is durable after the next [`Log::sync`].
    pub fn append(&mut self, body: &[u8]) {
        for _ in 0..2 {
            let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
            self.buffer.extend_from_slice(&length.to_le_bytes());
            self.buffer.extend_from_slice(body);
        }
    }

    /// Makes everything appended durable: one write and one fdatasync.
    ///
    /// # Errors
    /// If the disk fails. Then nothing that was appended may be published.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.written > FILE_BYTES {
            self.begin_file()?;
        }
        self.file.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.file.sync_data()
    }

    fn begin_file(&mut self) -> io::Result<()> {
        self.number += 1;
        self.file = File::create(path(&self.folder, self.number))?;
        self.written = 0;
        if let Some(old) = self.number.checked_sub(2) {
            std::fs::remove_file(path(&self.folder, old))?;
        }
        Ok(())
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.log"))
}

/// Group commit: takes all batches that wait, makes them durable together, passes them on. While
/// the disk syncs, further batches gather. Ends when either side is gone.
///
/// # Errors
/// If the disk fails.
pub fn commit<B: AsRef<[u8]>>(
    mut log: Log,
    batches: &Receiver<Vec<B>>,
    durable: impl Fn(Vec<B>) -> bool,
) -> io::Result<()> {
    while let Ok(mut group) = batches.recv() {
        while let Ok(batch) = batches.try_recv() {
            group.extend(batch);
        }
        for body in &group {
            log.append(body.as_ref());
        }
        log.sync()?;
        if !durable(group) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, fs, sync::mpsc::channel};

    #[test]
    fn a_group_is_in_the_file_twice_and_passed_on_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, receiver) = channel();
        sender.send(vec!["a", "bc"]).unwrap();
        sender.send(vec!["d"]).unwrap();
        drop(sender);
        let log = Log::create(folder.path()).unwrap();
        let passed = RefCell::new(Vec::new());
        commit(log, &receiver, |group| {
            // What is passed on is already in the file.
            let bytes = fs::read(path(folder.path(), 0)).unwrap();
            assert_eq!(
                bytes,
                b"\x01\0\0\0a\x01\0\0\0a\x02\0\0\0bc\x02\0\0\0bc\x01\0\0\0d\x01\0\0\0d"
            );
            passed.borrow_mut().push(group);
            true
        })
        .unwrap();
        assert_eq!(*passed.borrow(), [["a", "bc", "d"]]);
    }

    #[test]
    fn only_the_two_newest_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::create(folder.path()).unwrap();
        for _ in 0..4 {
            log.append(b"body");
            log.sync().unwrap();
            log.written = FILE_BYTES + 1;
        }
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["2.log", "3.log"]);
        let bytes = fs::read(path(folder.path(), 3)).unwrap();
        assert_eq!(bytes, b"\x04\0\0\0body\x04\0\0\0body");
    }
}
