//! Reading what a user names on the command line: files of a bounded size, fields, secrets.

use anyhow::{Context, bail};
use bureaucrat_model::{Fields, JsonText};
use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The largest file that is read, in bytes; the engine's own limits are below it.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// The contents of a file, or of standard input for `-`.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("{} can't be read", path.display()))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!(
            "{} is larger than {} MiB",
            path.display(),
            FILE_BYTES_MAX >> 20
        );
    }
    Ok(bytes)
}

/// The contents of a file that has to be UTF-8.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read(path)?).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Fields from `--fields JSON`, with every `--field NAME=VALUE` over them.
pub fn fields(object: Option<&str>, single: &[String]) -> anyhow::Result<Fields> {
    let mut fields = match object {
        Some(text) => Fields::parse(text).context("--fields")?,
        None => Fields::new(),
    };
    for pair in single {
        let (name, value) = pair
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .with_context(|| format!("--field {pair}: NAME=VALUE is needed"))?;
        // Whatever is JSON counts as such, so that numbers, truth values and lists can be given; anything else is text.
        fields.set(
            name,
            JsonText::parse(value).unwrap_or_else(|_| JsonText::text(value)),
        );
    }
    Ok(fields)
}

/// The secret of 32 bytes in a file that is this user's alone; drawn and written when there is none.
pub fn secret(path: &Path) -> anyhow::Result<[u8; 32]> {
    match std::fs::read(path) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            anyhow::anyhow!(
                "{} has not 32 bytes; remove it to have a new one drawn",
                path.display()
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = draw_secret()?;
            let fresh = path.with_extension("new");
            write_private(&fresh, &secret)
                .and_then(|()| std::fs::rename(&fresh, path))
                .with_context(|| format!("{} can't be written", path.display()))?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
    }
}

/// 32 bytes from the system's source of randomness.
pub fn draw_secret() -> anyhow::Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(secret)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
