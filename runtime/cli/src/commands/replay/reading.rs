//! Reads an exported incident. The file may come from a stranger: its size, the number of its
//! entries, their names and their sizes are checked before anything is read of them.

use crate::failure::{Failure, Kind};
use anyhow::Context;
use bureaucrat_host::incidents::file::{
    DEFINITION, ENTRIES_MAX, FILE_BYTES_MAX, FORMAT, GUESTS, INCIDENT, IncidentFile, MESSAGES,
    PARTS_MAX, PROGRAM, STATE,
};
use bureaucrat_model::{ModuleHash, Program};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Component, Path},
};

/// The most bytes of headers and of space between entries.
const AROUND_BYTES_MAX: u64 = ENTRIES_MAX as u64 * 1_536;

/// How a file that gzip made begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// An exported incident with its entries.
#[derive(Debug)]
pub struct File {
    pub incident: IncidentFile,
    entries: BTreeMap<String, Vec<u8>>,
}

/// The format alone, which decides whether the rest can be read.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn unusable(what: impl Into<String>) -> anyhow::Error {
    Failure::new(Kind::Unreadable, what).into()
}

impl File {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let cannot = |error: std::io::Error| unusable(format!("cannot read {shown}: {error}"));
        let file = fs::File::open(path).map_err(cannot)?;
        let most = FILE_BYTES_MAX + AROUND_BYTES_MAX;
        let mut bytes = Vec::new();
        file.take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(cannot)?;
        if bytes.len() as u64 > most {
            return Err(unusable(format!("{shown} has more than {most} bytes")));
        }
        Self::of(&bytes).with_context(|| format!("{shown} is not an incident that can be replayed"))
    }

    fn of(bytes: &[u8]) -> anyhow::Result<Self> {
        if bytes.starts_with(GZIP) {
            return Err(unusable("it is compressed: `gunzip` it first"));
        }
        let mut entries = entries(bytes)?;
        let text = entries.remove(INCIDENT);
        let text = text.ok_or_else(|| unusable(format!("it has no {INCIDENT}")))?;
        let damaged = |error| unusable(format!("{INCIDENT}: {error}"));
        let Format { format } = serde_json::from_slice(&text).map_err(damaged)?;
        if format != FORMAT {
            return Err(unusable(format!(
                "it has format {format}, and this version reads format {FORMAT}"
            )));
        }
        let incident: IncidentFile = serde_json::from_slice(&text).map_err(damaged)?;
        let parts = incident.parts.len();
        if parts > PARTS_MAX {
            return Err(unusable(format!(
                "it has {parts} parts, and at most {PARTS_MAX} are replayed"
            )));
        }
        // Masks change what is in it.
        if incident.masks.is_empty()
            && let Some(program) = entries.get(PROGRAM)
            && Program::hash(program).to_string() != incident.program
        {
            return Err(unusable(format!(
                "its {PROGRAM} is another program than {INCIDENT} names"
            )));
        }
        Ok(Self { incident, entries })
    }

    /// An entry.
    pub fn entry(&self, name: &str) -> Option<&[u8]> {
        self.entries.get(name).map(Vec::as_slice)
    }
}

/// The entries of an archive, by their names.
fn entries(bytes: &[u8]) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let no_archive = |error: std::io::Error| unusable(format!("it is not a tar archive: {error}"));
    let mut archive = tar::Archive::new(bytes);
    let (mut found, mut total) = (BTreeMap::new(), 0_u64);
    // Raw: extensions of the format, with their own sizes and names, are nothing that we write.
    for (count, entry) in archive.entries().map_err(no_archive)?.raw(true).enumerate() {
        let mut entry = entry.map_err(no_archive)?;
        if count >= ENTRIES_MAX {
            return Err(unusable(format!("it has more than {ENTRIES_MAX} entries")));
        }
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let name = name(&entry)?;
        total = total.saturating_add(entry.size());
        if total > FILE_BYTES_MAX {
            return Err(unusable(format!(
                "its entries have more than {FILE_BYTES_MAX} bytes"
            )));
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(no_archive)?;
        if content.len() as u64 != entry.size() {
            return Err(unusable(format!("its entry {name} is cut off")));
        }
        check_hash(&name, &content)?;
        if found.insert(name.clone(), content).is_some() {
            return Err(unusable(format!("it has the entry {name} twice")));
        }
    }
    Ok(found)
}

/// The name of an entry, if it is one that incidents have.
fn name(entry: &tar::Entry<'_, &[u8]>) -> anyhow::Result<String> {
    let path = entry.path().map_err(|error| unusable(error.to_string()))?;
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => names.extend(name.to_str()),
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => names.push(".."),
        }
    }
    let name = names.join("/");
    let in_folder = |folder: &str, is_fit: fn(&str) -> bool| {
        let inner = name.strip_prefix(folder);
        inner.is_some_and(|inner| !inner.contains('/') && is_fit(inner))
    };
    let is_plain = [INCIDENT, PROGRAM, DEFINITION, STATE].contains(&&*name);
    let is_guest = in_folder(GUESTS, |inner| inner.ends_with(".wasm"));
    let is_message = in_folder(MESSAGES, |inner| {
        inner.bytes().all(|byte| byte.is_ascii_digit())
    });
    if !entry.header().entry_type().is_file() || !(is_plain || is_guest || is_message) {
        let shown: String = name.chars().take(80).collect();
        return Err(unusable(format!(
            "it has an entry that no incident has: {shown}"
        )));
    }
    Ok(name)
}

/// A module is named by its hash.
fn check_hash(name: &str, content: &[u8]) -> anyhow::Result<()> {
    let guest = name
        .strip_prefix(GUESTS)
        .and_then(|name| name.strip_suffix(".wasm"));
    let Some(hash) = guest.filter(|hash| *hash != "inline") else {
        return Ok(());
    };
    let found = ModuleHash::of(content).to_string();
    if found.rsplit(':').next() != Some(hash) {
        return Err(unusable(format!(
            "its entry {name} is not the module with this hash"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, name, *content).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn refused(bytes: &[u8]) -> String {
        let error = File::of(bytes).unwrap_err();
        error.to_string()
    }

    #[test]
    fn what_is_no_incident_is_refused_with_the_reason() {
        let wrong = refused(b"PK\x03\x04 and so on");
        assert!(
            wrong.contains("it has no incident.json") || wrong.contains("not a tar"),
            "{wrong}"
        );
        assert!(refused(&[7; 1_024]).contains("not a tar"));
        let other = archive(&[("etc/passwd", b"x")]);
        assert!(refused(&other).contains("no incident has: etc/passwd"));
        let twice = archive(&[("program.bin", b"x"), ("program.bin", b"y")]);
        assert!(refused(&twice).contains("twice"));
        let old = archive(&[("incident.json", br#"{"format": 9}"#)]);
        assert!(refused(&old).contains("format 9"));
        let wrong = archive(&[("incident.json", br#"{"format": 1}"#)]);
        assert!(refused(&wrong).contains("missing field"));
        let hash = "0".repeat(64);
        let other = archive(&[(&*format!("guests/{hash}.wasm"), b"x")]);
        assert!(refused(&other).contains("not the module"));
    }

    #[test]
    fn an_entry_that_says_it_is_huge_is_refused_before_it_is_read() {
        let mut header = tar::Header::new_ustar();
        header.set_path("program.bin").unwrap();
        header.set_size(1 << 40);
        header.set_cksum();
        let wrong = refused(header.as_bytes());
        assert!(wrong.contains("more than"), "{wrong}");
    }
}
