//! Writes files that commands make: whole or not at all, so that nobody finds half of one.

use anyhow::Context;
use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Writes a file, in place of the one that has this name. What is no file, such as `/dev/stdout`, is
/// written to as it is.
///
/// # Errors
/// If it can't be written; then the old file is still there.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let written = match fs::metadata(path) {
        Ok(old) if !old.is_file() => fs::write(path, bytes),
        Ok(old) => {
            // A link leads to the file as before.
            let target = fs::canonicalize(path);
            target.and_then(|target| replace(&target, bytes, Some(old.permissions())))
        }
        Err(_) => replace(path, bytes, None),
    };
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a new file that only this user can read.
///
/// # Errors
/// If it can't be written, or is there already.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// Of files that are not whole yet.
const PREFIX: &str = ".bureaucrat-";

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

fn replace(path: &Path, bytes: &[u8], mode: Option<Permissions>) -> io::Result<()> {
    // As any new file; the user's mask applies.
    let new = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new()
        .prefix(PREFIX)
        .permissions(new)
        .tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    if let Some(mode) = mode {
        file.as_file().set_permissions(mode)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (file, link, reader) = (path("a.svg"), path("link.svg"), path("reader"));
        write(&file, b"old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        // Who has opened the old file keeps it, as a second name of it does.
        fs::hard_link(&file, &reader).unwrap();
        write(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::read(&reader).unwrap(), b"old");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        write(Path::new("/dev/null"), b"x").unwrap();
        assert!(write(&path("nowhere/x"), b"x").is_err());
        let private = path("private");
        write_private(&private, b"secret").unwrap();
        assert!(write_private(&private, b"other").is_err());
        assert_eq!(fs::read(&private).unwrap(), b"secret");
        let mode = fs::metadata(&private).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
