//! `backup`: the running engine writes its records of one moment, and continues.

use super::{print_line, settings};
use crate::{
    Exit,
    arguments::{Backup, Options},
    backup::Manifest,
    control::Control,
    progress::Progress,
};
use anyhow::{Context, bail, ensure};
use bureaucrat_host::query::{Query, QueryAnswer};
use serde_json::json;

/// Requests the records, then writes their manifest.
pub fn run(options: &Options, backup: &Backup) -> anyhow::Result<Exit> {
    let folder = std::path::absolute(&backup.folder)
        .with_context(|| format!("{} is not a path", backup.folder.display()))?;
    ensure!(
        !folder.exists(),
        "cannot create the backup folder {}: it already exists; choose another name",
        folder.display()
    );
    let Some(name) = folder.to_str().map(str::to_owned) else {
        bail!("{} is not UTF-8", folder.display());
    };
    let mut control = Control::connect(&settings(options)?.storage)?;
    let progress = Progress::start("backing up");
    let QueryAnswer::BackedUp { millis } = control.ask(&Query::Backup { folder: name })? else {
        bail!("unexpected answer from the engine");
    };
    let manifest = Manifest::write(&folder)?;
    drop(progress);
    let (files, bytes) = (manifest.files.len(), manifest.bytes());
    print_line(&if backup.json {
        let folder = folder.display().to_string();
        json!({"folder": folder, "files": files, "bytes": bytes, "millis": millis}).to_string()
    } else {
        format!(
            "{}: {files} files, {bytes} bytes; the engine took {millis} ms",
            folder.display()
        )
    })?;
    Ok(Exit::Done)
}
