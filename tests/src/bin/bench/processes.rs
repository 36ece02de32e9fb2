//! What the kernel reports about a process (CPU, bytes, memory), and how a store's log grows.

use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Ticks per second in /proc, the same on every current Linux.
const TICKS: u64 = 100;

/// CPU that a process has used, in user and kernel mode, with all its threads.
///
/// # Errors
/// When the process is gone.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = cpu_ticks(&stat).context("/proc/PID/stat can't be understood")?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS))
}

/// utime + stime: the 14th and 15th field. The name before them may contain spaces and brackets.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Bytes that a process has written to disks.
///
/// # Errors
/// If the process is gone or belongs to someone else.
pub fn written(pid: u32) -> Result<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io"))?;
    named(&io, "write_bytes:").context("/proc/PID/io names no write_bytes")
}

/// A process's memory in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub resident: u64,
    /// The highest resident memory so far.
    pub peak: u64,
}

/// # Errors
/// When the process is gone.
pub fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kibibytes = |name| named(&status, name).with_context(|| format!("no {name}"));
    Ok(Memory {
        resident: kibibytes("VmRSS:")? << 10,
        peak: kibibytes("VmHWM:")? << 10,
    })
}

/// How often the threads of a process that are alive now were switched off the CPU.
///
/// # Errors
/// If the process is gone.
pub fn switches(pid: u32) -> Result<u64> {
    let mut all = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the two calls.
        let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
        for name in ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"] {
            all += named(&status, name).unwrap_or(0);
        }
    }
    Ok(all)
}

/// The number after a name at the beginning of a line.
fn named(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_ascii_whitespace().next()?.parse().ok()
}

/// Waits until a process uses hardly any CPU for a second.
///
/// # Errors
/// If it does not become idle in time, or is gone.
pub fn rest(pid: u32, patience: Duration) -> Result<()> {
    let started = Instant::now();
    loop {
        let before = cpu(pid)?;
        std::thread::sleep(Duration::from_secs(1));
        if cpu(pid)? - before <= Duration::from_millis(20) {
            return Ok(());
        }
        if started.elapsed() > patience {
            bail!("process {pid} does not come to rest");
        }
    }
}

/// Follows the files of a RocksDB write-ahead log. They only grow, and a full one stays for a
/// while, so nothing is missed between two looks.
#[derive(Debug)]
pub struct LogWatch {
    before: u64,
    stop: Sender<()>,
    thread: JoinHandle<io::Result<u64>>,
}

impl LogWatch {
    /// # Errors
    /// When the folder can't be read.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let mut sizes = BTreeMap::new();
        look(folder, &mut sizes)?;
        let before = sizes.values().sum();
        let (stop, stopped) = channel::<()>();
        let folder = folder.to_owned();
        let thread = std::thread::spawn(move || {
            loop {
                let left = stopped.recv_timeout(Duration::from_millis(20));
                look(&folder, &mut sizes)?;
                if left != Err(RecvTimeoutError::Timeout) {
                    return Ok(sizes.values().sum());
                }
            }
        });
        Ok(Self {
            before,
            stop,
            thread,
        })
    }

    /// The bytes by which the log has grown.
    ///
    /// # Errors
    /// When the folder could not be read.
    pub fn grown(self) -> Result<u64> {
        drop(self.stop);
        let Ok(after) = self.thread.join() else {
            bail!("the thread that follows the log panicked");
        };
        Ok(after? - self.before)
    }
}

/// Notes the size of each log file.
fn look(folder: &Path, sizes: &mut BTreeMap<PathBuf, u64>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "log") {
            match fs::metadata(&path) {
                Ok(found) => _ = sizes.insert(path, found.len()),
                // It was deleted between the two calls; its last size is already noted.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_went_still_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("000001.log"), [0; 10]).unwrap();
        fs::write(file("000002.sst"), [0; 1000]).unwrap();
        let mut sizes = BTreeMap::new();
        look(folder.path(), &mut sizes).unwrap();
        fs::remove_file(file("000001.log")).unwrap();
        fs::write(file("000003.log"), [0; 5]).unwrap();
        look(folder.path(), &mut sizes).unwrap();
        assert_eq!(sizes.values().sum::<u64>(), 15);
        let watch = LogWatch::start(folder.path()).unwrap();
        fs::write(file("000003.log"), [0; 25]).unwrap();
        assert_eq!(watch.grown().unwrap(), 20);
    }

    #[test]
    fn numbers_are_found_by_their_names() {
        let io = "wchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n";
        assert_eq!(named(io, "write_bytes:"), Some(4096));
        assert_eq!(named(io, "missing:"), None);
        assert!(memory(std::process::id()).unwrap().peak > 0);
    }

    #[test]
    fn cpu_is_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 900 0 0 0 123 45 6 7 20 0 9 0 11 5 5";
        assert_eq!(cpu_ticks(stat), Some(168));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_used_some() {
        let pid = std::process::id();
        let before = cpu(pid).unwrap();
        let mut sum = 0_u64;
        while cpu(pid).unwrap() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu(pid).unwrap() > before);
    }
}
