//! The file of this program.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// This program, to be started again: the same file, even if another one has taken its name.
pub fn own_program() -> anyhow::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return Ok(running.into());
    }
    std::env::current_exe().context("cannot find the file of this program")
}
