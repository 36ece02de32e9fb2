//! Keeps the logs as they are before an opening, as hard links, until it is known that nothing of
//! them is lost: an opening takes over what it can read and deletes the files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where the logs of the database in `folder` are kept.
fn keep_of(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".logs");
    name.into()
}

/// Keeps the logs. If logs of an earlier opening are still there, they stay: that opening was
/// refused or interrupted.
pub fn keep(folder: &Path) -> PathBuf {
    let kept = keep_of(folder);
    if !kept.exists() {
        // A file system without hard links keeps nothing; that does not prevent an opening.
        let _ = link_logs(folder, &kept);
    }
    kept
}

fn link_logs(folder: &Path, kept: &Path) -> io::Result<()> {
    fs::create_dir(kept)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log")
            && let Some(name) = path.file_name()
        {
            fs::hard_link(&path, kept.join(name))?;
        }
    }
    Ok(())
}

/// Removes the kept logs.
pub fn let_go(kept: &Path) {
    // What stays is taken for the logs of a refused opening. It only costs space.
    let _ = fs::remove_dir_all(kept);
}
