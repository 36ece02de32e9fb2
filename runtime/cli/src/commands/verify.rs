//! `verify`: whether histories are the ones that were written, by their own hashes and by notices that were kept
//! elsewhere.

use super::{finding, print_line, settings};
use crate::{
    Exit,
    arguments::{Options, Verify},
    control::Control,
    failure::{Failure, Kind},
    progress::Progress,
};
use anyhow::bail;
use bureaucrat_host::query::{Query, QueryAnswer, Verified};
use bureaucrat_model::ProcessId;
use bureaucrat_views::verified::{Proof, Verdict, Verification};
use serde::Deserialize;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

/// The longest notice, in bytes.
const NOTICE_BYTES_MAX: u64 = 128 << 20;

pub fn run(options: &Options, verify: &Verify) -> anyhow::Result<Exit> {
    let mut control = Control::connect(&settings(options)?.storage)?;
    let process = match &verify.process {
        Some(prefix) => Some(finding::process(&mut control, prefix)?),
        None => None,
    };
    let mut tally = Tally::default();
    let _progress = Progress::start("verifying histories");
    match &verify.notices {
        Some(file) => each_notice(file, |told, proof| {
            if process.is_none_or(|process| process == told) {
                tally.add(verify, &mut control, told, Some(proof))?;
            }
            Ok(())
        })?,
        None => {
            if let Some(process) = process {
                tally.add(verify, &mut control, process, None)?;
            }
        }
    }
    tally.end(verify, process)
}

/// How many histories had each verdict.
#[derive(Debug, Default)]
struct Tally {
    whole: usize,
    wrong: usize,
    removed: usize,
}

impl Tally {
    fn add(
        &mut self,
        verify: &Verify,
        control: &mut Control,
        process: ProcessId,
        proof: Option<Proof>,
    ) -> anyhow::Result<()> {
        let entries = proof.map(|proof| proof.entries);
        let answer = control.ask(&Query::Verify { process, entries })?;
        let (verdict, verified) = if let QueryAnswer::Verified(verified) = answer {
            (Verdict::of(&verified, proof), Some(verified))
        } else if let QueryAnswer::Unknown { .. } = answer {
            if proof.is_none() {
                return Err(finding::unknown(&process.into()));
            }
            (Verdict::Removed, None)
        } else {
            bail!("unexpected answer from the engine");
        };
        match verdict {
            Verdict::Whole => self.whole += 1,
            Verdict::Broken(_) | Verdict::Differs(_) => self.wrong += 1,
            Verdict::Removed => self.removed += 1,
        }
        if verify.json {
            return print_line(&serde_json::to_string(&Verification::of(
                process,
                &verdict,
                verified.as_ref(),
            ))?);
        }
        match &verdict {
            Verdict::Whole if verify.notices.is_none() => {
                print_line(&verified.map_or_else(String::new, |verified| whole(&verified)))
            }
            Verdict::Whole | Verdict::Removed => Ok(()),
            Verdict::Broken(reason) | Verdict::Differs(reason) => print_line(&format!(
                "the history of process {process} is not the one that was written: {reason}"
            )),
        }
    }

    fn end(&self, verify: &Verify, process: Option<ProcessId>) -> anyhow::Result<Exit> {
        let seen = self.whole + self.wrong + self.removed;
        if seen == 0 {
            let words = match process {
                Some(process) => format!("the file has no notice of the end of process {process}"),
                None => "the file has no notice of the end of a process that says the hash of its history".to_owned(),
            };
            return Err(Failure::new(Kind::Unknown, words).into());
        }
        if verify.notices.is_some() && !verify.json {
            print_line(&format!(
                "{} as the notices say, {} not, {} removed meanwhile",
                self.whole, self.wrong, self.removed
            ))?;
        }
        Ok(if self.wrong > 0 {
            Exit::Failed
        } else {
            Exit::Done
        })
    }
}

fn whole(verified: &Verified) -> String {
    let written = verified.written;
    let left_out = match written.left_out {
        Some(left_out) => format!(" ({} of them left out)", left_out.count()),
        None => String::new(),
    };
    let uncovered = match verified.uncovered {
        0 => String::new(),
        count => format!(
            "\nno hash covers its first {count} entries: what followed them was removed as damaged"
        ),
    };
    format!(
        "the history of process {} is the one that was written: {} entries{left_out}, {}{uncovered}",
        verified.process, written.entries, written.newest
    )
}

/// Reads notices; those of launches, and of an engine that wrote no hashes, say nothing of a history.
fn each_notice(
    file: &Path,
    mut found: impl FnMut(ProcessId, Proof) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Notice {
        process: Option<ProcessId>,
        history: Option<Proof>,
    }
    let unreadable = |number: usize, reason: String| {
        let line = match number {
            0 => String::new(),
            number => format!(":{number}"),
        };
        let words = format!(
            "cannot read the notices in {}{line}: {reason}",
            file.display()
        );
        Failure::new(Kind::Unreadable, words)
    };
    let mut reader: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let opened = File::open(file).map_err(|error| unreadable(0, error.to_string()))?;
        Box::new(BufReader::new(opened))
    };
    for number in 1.. {
        let mut line = Vec::new();
        let read = (&mut reader)
            .take(NOTICE_BYTES_MAX)
            .read_until(b'\n', &mut line);
        let bytes = read.map_err(|error| unreadable(number, error.to_string()))?;
        if bytes == 0 {
            break;
        }
        if bytes as u64 == NOTICE_BYTES_MAX {
            let reason = format!("the line is longer than {NOTICE_BYTES_MAX} bytes");
            return Err(unreadable(number, reason).into());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let notice: Notice = serde_json::from_slice(&line)
            .map_err(|error| unreadable(number, format!("it is not a notice: {error}")))?;
        if let (Some(process), Some(proof)) = (notice.process, notice.history) {
            found(process, proof)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bureaucrat_model::HistoryHash;

    #[test]
    fn notices_are_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notices");
        let process = ProcessId::from_seed([1; 16]);
        let hash = HistoryHash([7; 32]);
        let ended = format!(
            r#"{{"status": "completed", "process": "{process}", "history": {{"entries": 3, "hash": "{hash}"}}}}"#
        );
        let launched = format!(r#"{{"status": "launched", "process": "{process}"}}"#);
        std::fs::write(&file, format!("{launched}\n\n{ended}")).unwrap();
        let mut seen = Vec::new();
        let mut note = |process, proof| {
            seen.push((process, proof));
            Ok(())
        };
        each_notice(&file, &mut note).unwrap();
        assert_eq!(seen, [(process, Proof { entries: 3, hash })]);
        std::fs::write(&file, "{}\nnonsense\n").unwrap();
        let error = each_notice(&file, |_, _| Ok(())).unwrap_err().to_string();
        assert!(error.contains(":2: it is not a notice"), "{error}");
    }
}
