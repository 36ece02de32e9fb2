//! Secrets, which no output shows.

use crate::{Trouble, trouble::of_file};
use std::{
    fmt,
    io::Read,
    path::{Path, PathBuf},
};

/// The longest password, in bytes.
const PASSWORD_BYTES_MAX: u64 = 64 << 10;

/// A text that no output shows, `Debug` least of all.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Where a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    Known(Secret),
    /// Read again for each connection, so that a new password only needs the file rewritten.
    File(PathBuf),
}

impl Password {
    /// The password in a file. What is no regular file, such as a pipe of the shell, can be read
    /// once only, and is read here.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn in_file(path: &Path) -> Result<Self, Trouble> {
        let secret = read(path)?;
        Ok(match path.is_file() {
            true => Self::File(path.to_owned()),
            false => Self::Known(secret),
        })
    }

    pub(crate) fn read(&self) -> Result<Secret, Trouble> {
        match self {
            Self::Known(secret) => Ok(secret.clone()),
            Self::File(path) => read(path),
        }
    }
}

/// The file's text without the line break at its end.
fn read(path: &Path) -> Result<Secret, Trouble> {
    let trouble = |reason: String| Trouble::File {
        what: "password file",
        path: path.to_owned(),
        reason,
    };
    let file = std::fs::File::open(path).map_err(|error| trouble(of_file(&error)))?;
    let mut text = String::new();
    let mut bounded = file.take(PASSWORD_BYTES_MAX + 1);
    bounded
        .read_to_string(&mut text)
        .map_err(|error| trouble(of_file(&error)))?;
    if text.len() as u64 > PASSWORD_BYTES_MAX {
        return Err(trouble(format!("larger than {PASSWORD_BYTES_MAX} bytes")));
    }
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(trouble("it is empty".to_owned()));
    }
    Ok(Secret::new(password))
}
