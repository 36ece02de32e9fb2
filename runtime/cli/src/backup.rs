//! A backup: the records of a moment in `state/`, and a manifest with the checksum of each file.
//! The manifest is written last: without it, a folder is not a backup.

use anyhow::{Context, anyhow, bail, ensure};
use bureaucrat_model::Hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// The folder of the records within a backup.
pub const STATE: &str = "state";
const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;
/// The largest manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// The manifest of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The version of the engine that wrote it.
    pub version: String,
    /// The time of the backup, in seconds since the Unix epoch.
    pub made_at: u64,
    /// The files in `state/`, by name.
    pub files: BTreeMap<String, FileEntry>,
}

/// A file of a backup.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub bytes: u64,
    /// SHA-256 of its contents, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// The total size of the files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    /// Reads the files of a backup and writes its manifest.
    pub fn write(backup: &Path) -> anyhow::Result<Self> {
        let manifest = Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            made_at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            files: files_of(&backup.join(STATE))?,
        };
        let write = || -> io::Result<()> {
            let fresh = backup.join("manifest.json.new");
            let mut file = File::create(&fresh)?;
            serde_json::to_writer_pretty(&mut file, &manifest)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&fresh, backup.join(MANIFEST))?;
            File::open(backup)?.sync_all()
        };
        write().with_context(|| format!("cannot write the manifest of {}", backup.display()))?;
        Ok(manifest)
    }

    /// Reads the manifest of a backup and checks every file against it.
    pub fn verified(backup: &Path) -> anyhow::Result<Self> {
        let path = backup.join(MANIFEST);
        ensure!(backup.exists(), "{} does not exist", backup.display());
        ensure!(
            path.exists(),
            "{} is not a complete backup: it has no {MANIFEST}",
            backup.display()
        );
        let no_backup = || format!("cannot read the manifest {}", path.display());
        let mut text = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MANIFEST_BYTES_MAX).read_to_end(&mut text))
            .with_context(no_backup)?;
        let manifest: Self = serde_json::from_slice(&text).with_context(no_backup)?;
        ensure!(
            manifest.format == FORMAT,
            "the backup {} has format {}; this engine reads format {FORMAT}",
            backup.display(),
            manifest.format
        );
        let found = files_of(&backup.join(STATE))?;
        for (name, file) in &manifest.files {
            match found.get(name) {
                Some(found) if found == file => {}
                Some(_) => bail!("the backup is damaged: {name} has changed"),
                None => bail!("the backup is damaged: {name} is missing"),
            }
        }
        match found
            .keys()
            .find(|name| !manifest.files.contains_key(*name))
        {
            Some(name) => bail!("the backup has changed: {name} was added"),
            None => Ok(manifest),
        }
    }
}

/// Length and checksum of every file in a folder.
fn files_of(folder: &Path) -> anyhow::Result<BTreeMap<String, FileEntry>> {
    let what = || format!("cannot read {}", folder.display());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(what)? {
        let entry = entry.with_context(what)?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| anyhow!("{} has a name that is not UTF-8", name.display()))?;
        let (bytes, sha256) = checksum(&entry.path())
            .with_context(|| format!("cannot read {}", entry.path().display()))?;
        files.insert(name, FileEntry { bytes, sha256 });
    }
    Ok(files)
}

fn checksum(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut part = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let length = file.read(&mut part)?;
        if length == 0 {
            return Ok((bytes, Hex(&hash.finalize()).to_string()));
        }
        hash.update(&part[..length]);
        bytes += length as u64;
    }
}

/// Copies the files of a backup into a new folder, and syncs them.
pub fn copy_state(manifest: &Manifest, backup: &Path, to: &Path) -> anyhow::Result<()> {
    let copy = || -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(to)?;
        for name in manifest.files.keys() {
            let target = to.join(name);
            fs::copy(backup.join(STATE).join(name), &target)?;
            File::open(&target)?.sync_all()?;
        }
        File::open(to)?.sync_all()
    };
    copy().with_context(|| format!("cannot copy the backup to {}", to.display()))
}
