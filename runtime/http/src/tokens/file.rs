//! Files of secrets: nobody else can read them, and they are written whole or not at all.

use super::TokenError;
use rustix::{fs::OFlags, io::Errno};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

/// The most bytes of a file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Held while the list is changed, so that two changes at the same time are both made.
pub fn lock(storage: &Path) -> Result<File, TokenError> {
    let path = storage.join("http-tokens.lock");
    let file = private()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path);
    let locked = file.and_then(|file| {
        file.lock()?;
        Ok(file)
    });
    locked.map_err(|error| TokenError::File { path, error })
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// The text of a file of our own that nobody else can read or replace; none if it is not there.
pub fn read(path: &Path) -> Result<Option<String>, TokenError> {
    let failed = |error| TokenError::File {
        path: path.to_owned(),
        error,
    };
    // Opening must not wait for the other end of a pipe, nor follow where a link leads.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            let why = "it is a link";
            let path = path.to_owned();
            return Err(TokenError::Unsafe { path, why });
        }
        Err(error) => return Err(failed(error)),
    };
    let known = file.metadata().map_err(failed)?;
    let why = if !known.is_file() {
        Some("it is not a regular file")
    } else if known.uid() != rustix::process::geteuid().as_raw() {
        Some("it belongs to another user")
    } else if known.mode() & 0o077 != 0 {
        Some("others may read or write it")
    } else {
        None
    };
    if let Some(why) = why {
        let path = path.to_owned();
        return Err(TokenError::Unsafe { path, why });
    }
    let mut text = String::new();
    let read = file.take(FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(failed)?;
    Ok(Some(text))
}

/// Writes a file that only its user can read, whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), TokenError> {
    let folder = path.parent().unwrap_or(path);
    // A file of `tempfile` has the mode 0600.
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    });
    written.map_err(|error| TokenError::File {
        path: path.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tokens::{LOCAL_FILE, Tokens};
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn a_file_that_others_can_have_changed_is_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path();
        let path = storage.join(LOCAL_FILE);
        Tokens::open(storage).unwrap();
        let secret = fs::read_to_string(&path).unwrap();
        let why = |make: &dyn Fn()| {
            let _ = fs::remove_file(&path);
            make();
            match Tokens::open(storage).map(|_| ()) {
                Err(TokenError::Unsafe { why, .. }) => why,
                other => panic!("{other:?}"),
            }
        };
        let of_mode = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for mode in [0o640, 0o604, 0o622] {
            let made = why(&|| of_mode(&secret, mode));
            assert_eq!(made, "others may read or write it", "{mode:o}");
        }
        let elsewhere = storage.join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        let linked = why(&|| std::os::unix::fs::symlink(&elsewhere, &path).unwrap());
        assert_eq!(linked, "it is a link");
        for text in ["", "password\n", "bureaucrat_short"] {
            let made = why(&|| of_mode(text, 0o600));
            assert_eq!(made, "it does not hold a token", "{text}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(Tokens::open(storage).is_err());
        fs::remove_dir(&path).unwrap();
        // Once it is gone, it is made again.
        Tokens::open(storage).unwrap();
    }
}
