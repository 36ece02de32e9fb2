//! Files with the password of a database.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// The most bytes of such a file.
const PASSWORD_BYTES_MAX: u64 = 4_096;

/// The password in a file, without the line break at its end.
///
/// # Errors
/// If it can't be read, or is none.
pub fn in_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(PASSWORD_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    match text.len() as u64 > PASSWORD_BYTES_MAX {
        true => Err(io::Error::other(format!(
            "it is larger than {PASSWORD_BYTES_MAX} bytes"
        ))),
        false => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
    }
}
