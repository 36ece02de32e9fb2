//! The fault-injecting library under the engine: a test controls writes, syncs and the wall clock
//! while the engine runs.
//!
//! The machine's `cc` compiles [preload.c](../../faults/preload.c), and `LD_PRELOAD` loads it. A
//! file of numbers, shared by both sides, controls it.

use anyhow::{Context, Result, ensure};
use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

/// What goes wrong under the engine. Only regular files are affected, not standard output and
/// error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Writes fail with this error number.
    Writes(i32),
    /// Syncs fail with this error number; what was written before stays with the kernel.
    Syncs(i32),
    /// Each sync takes this many milliseconds longer.
    SlowSyncs(i32),
}

/// The compiled library, and the file that controls it.
#[derive(Debug)]
pub struct Preload {
    library: PathBuf,
    control: fs::File,
    control_path: PathBuf,
}

/// The position of the wall clock's offset in the control file, in bytes.
const CLOCK_AT: u64 = 16;
/// Where the time stands that the machine has slept.
const SLEPT_AT: u64 = 24;

impl Preload {
    /// Compiles the library into `folder`.
    ///
    /// # Errors
    /// When there is no C compiler (`scripts/setup` installs one) or it refuses the source.
    pub fn new(folder: &Path) -> Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/preload.c");
        let library = folder.join("faults.so");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .context("the C compiler cc can't be run: scripts/setup installs one")?;
        ensure!(
            output.status.success(),
            "cc failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let control_path = folder.join("faults.control");
        fs::write(&control_path, [0; 32])?;
        Ok(Self {
            library,
            control: fs::File::options().write(true).open(&control_path)?,
            control_path,
        })
    }

    /// The environment variables that load it.
    pub fn environment(&self) -> [(String, String); 2] {
        [
            ("LD_PRELOAD".into(), self.library.display().to_string()),
            (
                "BUREAUCRAT_FAULTS".into(),
                self.control_path.display().to_string(),
            ),
        ]
    }

    /// Sets what goes wrong from now on; may be nothing.
    ///
    /// # Errors
    /// If the control file cannot be written.
    pub fn set(&self, fault: Fault) -> Result<()> {
        let (writes, syncs, slow) = match fault {
            Fault::None => (0, 0, 0),
            Fault::Writes(number) => (number, 0, 0),
            Fault::Syncs(number) => (0, number, 0),
            Fault::SlowSyncs(millis) => (0, 0, millis),
        };
        for (place, number) in [(0, writes), (4, syncs), (8, slow)] {
            self.control
                .write_all_at(&i32::to_ne_bytes(number), place)?;
        }
        Ok(())
    }

    /// Sets the offset of the wall clock in milliseconds.
    ///
    /// # Errors
    /// If the control file cannot be written.
    pub fn set_clock(&self, offset_millis: i64) -> Result<()> {
        Ok(self
            .control
            .write_all_at(&offset_millis.to_ne_bytes(), CLOCK_AT)?)
    }

    /// Lets the machine have slept for that long: the wall clock and the clock that counts sleep are later, the monotonic one
    /// is not.
    ///
    /// # Errors
    /// When the control file can't be written.
    pub fn sleep(&self, millis: i64) -> Result<()> {
        Ok(self.control.write_all_at(&millis.to_ne_bytes(), SLEPT_AT)?)
    }
}
