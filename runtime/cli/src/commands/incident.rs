//! `incident export`: all that is known of an incident, in one file.
//!
//! The engine tells all of it; masks are applied here, before anything is written. What cannot be
//! looked into is left out when there are masks.

mod masking;

use super::{finding, print_line, settings};
use crate::{
    Exit,
    arguments::{Incident, IncidentExport, Options},
    control::Control,
    output,
    screen::{of_pipe, tell},
};
use anyhow::{Context, bail};
use bureaucrat_host::{
    incidents::{
        IncidentAnswer, content,
        file::{FILE_BYTES_MAX, INCIDENT, IncidentFile, STATE},
    },
    query::{Query, QueryAnswer},
};
use bureaucrat_model::{ProcessId, Timestamp};
use bureaucrat_views::processes::short_id;
use masking::Masking;
use serde_json::json;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

pub fn run(options: &Options, incident: &Incident) -> anyhow::Result<Exit> {
    match incident {
        Incident::Export(export) => run_export(options, export),
    }
}

fn run_export(options: &Options, export: &IncidentExport) -> anyhow::Result<Exit> {
    let mut masking = Masking::new(&export.masks)?;
    let mut control = Control::connect(&settings(options)?.storage)?;
    let process = finding::process(&mut control, &export.process)?;
    let answer = control.ask(&Query::Incident { process })?;
    if let QueryAnswer::Unknown { process } = answer {
        return Err(finding::unknown(&process.into()));
    }
    let QueryAnswer::Incident(answer) = answer else {
        bail!("unexpected answer from the engine");
    };
    let entries = match answer {
        IncidentAnswer::Exported { entries } => entries,
        IncidentAnswer::NoIncident => bail!(
            "process {process} is not an incident: nothing of it failed and waits for an \
             operator, and the engine has not parked it. `bureaucrat why` says how it stands; what fails waits for an \
             operator with on-fault=\"incident\" or the setting on_fault"
        ),
        IncidentAnswer::TooLarge { bytes } => bail!(
            "the incident of process {process} has {bytes} bytes; a file can have {FILE_BYTES_MAX}"
        ),
    };
    let mut contents = Vec::with_capacity(entries.len());
    for entry in entries {
        let bytes = content(&entry).context("cannot read the engine's answer")?;
        contents.push((entry.name, bytes));
    }
    let described = described(&mut contents, &mut masking)?;
    let file = archive(&contents, described.exported_at)?;
    let output = match &export.output {
        Some(output) => output.clone(),
        None => PathBuf::from(format!("incident-{}.tar", short_id(process))),
    };
    write(&output, &file)?;
    told(
        export,
        process,
        (&described, &masking),
        (&output, file.len()),
    )
}

/// Masks what the entries hold. Returns what `incident.json` then says.
fn described(
    contents: &mut Vec<(String, Vec<u8>)>,
    masking: &mut Masking,
) -> anyhow::Result<IncidentFile> {
    let place = contents.iter().position(|(name, _)| name == INCIDENT);
    let (_, text) = contents.swap_remove(place.context("the engine's answer lacks a part")?);
    let mut file: IncidentFile =
        serde_json::from_slice(&text).context("cannot read the engine's answer")?;
    if masking.masks_something() {
        masking.apply(&mut file, contents);
        // The whole process is in there.
        contents.retain(|(name, _)| name != STATE);
    }
    contents.insert(0, (INCIDENT.to_owned(), serde_json::to_vec_pretty(&file)?));
    Ok(file)
}

/// The archive with these entries.
fn archive(contents: &[(String, Vec<u8>)], at: Timestamp) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in contents {
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(bytes.len())?);
        header.set_mode(0o600);
        header.set_mtime(at.0 / 1_000);
        archive.append_data(&mut header, name, bytes.as_slice())?;
    }
    Ok(archive.into_inner()?)
}

/// Writes a new file that only this user can read.
fn write(output: &Path, file: &[u8]) -> anyhow::Result<()> {
    if output == Path::new("-") {
        let mut out = io::stdout().lock();
        let mut write = || out.write_all(file).and_then(|()| out.flush());
        return write().map_err(of_pipe);
    }
    let what = || {
        let output = output.display();
        format!(
            "cannot write {output}; an existing file is never overwritten, --output names another one"
        )
    };
    output::write_private(output, file).with_context(what)
}

fn told(
    export: &IncidentExport,
    process: ProcessId,
    (file, masking): (&IncidentFile, &Masking),
    (output, bytes): (&Path, usize),
) -> anyhow::Result<Exit> {
    let masked = masking.matches().map(|(_, count)| count).sum::<usize>();
    let unmatched: Vec<&str> = masking
        .matches()
        .filter(|(_, count)| *count == 0)
        .map(|(mask, _)| mask)
        .collect();
    let (parts, name) = (file.parts.len(), output.display().to_string());
    let is_piped = output == Path::new("-");
    if export.json && !is_piped {
        let process = super::id(process);
        print_line(
            &json!({
                "process": process, "file": name, "bytes": bytes, "parts": parts, "masked": masked,
                "unmatched_masks": unmatched,
            })
            .to_string(),
        )?;
    } else if !is_piped {
        print_line(&name)?;
    }
    if file.more > 0 {
        tell(&format!(
            "{} more parts are stuck; a file has {parts} of them",
            file.more
        ));
    }
    for mask in unmatched {
        tell(&format!(
            "the mask {mask} matched nothing, so it hides nothing; a path has the names of fields as they are written"
        ));
    }
    if export.masks.is_empty() && !export.json {
        tell("it holds the values of all fields; --mask PATH replaces some of them");
    }
    Ok(Exit::Done)
}
