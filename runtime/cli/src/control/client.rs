//! The end of the control socket that asks.
//!
//! An engine that works on a question says so each second. One that says nothing was stopped, or can't be
//! reached, and nobody waits for it without end.

use super::{Address, QUESTION_BYTES_MAX};
use crate::failure::{Failure, Kind};
use anyhow::{Context, anyhow, bail, ensure};
use bureaucrat_host::query::{Query, QueryAnswer, Unanswered};
use bureaucrat_views::Ask;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, socket};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// How long an answer may take; compiling a module with a language runtime may take minutes.
const ANSWER_PATIENCE: Duration = Duration::from_secs(600);
/// How long an engine may say nothing at all; one that works on a question says so each second.
const SILENCE: Duration = Duration::from_secs(10);

/// A connection to the engine that runs on a storage.
pub struct Control {
    reader: BufReader<UnixStream>,
    storage: PathBuf,
}

/// Connects, but waits only so long where too many others do.
fn connect(path: &Path, patience: Duration) -> io::Result<UnixStream> {
    let kind = (AddressFamily::Unix, SockType::Stream);
    let socket = socket(kind.0, kind.1, SockFlag::SOCK_CLOEXEC, None)?;
    let stream = UnixStream::from(socket);
    stream.set_write_timeout(Some(patience))?;
    socket::connect(stream.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(stream)
}

fn is_silent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// The engine is there and does nothing.
fn silent(storage: &Path) -> anyhow::Error {
    let (storage, seconds) = (storage.display(), SILENCE.as_secs());
    let what = format!(
        "the engine on the storage {storage} has not answered for {seconds} seconds: its process was stopped (SIGCONT \
         continues it), or the machine is too busy"
    );
    Failure::new(Kind::TimedOut, what).into()
}

impl Control {
    pub fn connect(storage: &Path) -> anyhow::Result<Self> {
        let none = |error: io::Error| {
            let storage = storage.display();
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) {
                let what = format!(
                    "no engine is running on the storage {storage}; start one with `bureaucrat`, \
                     or name the storage of a running one with --storage"
                );
                return Failure::new(Kind::NoEngine, what).into();
            }
            anyhow!(error).context(format!("cannot reach the engine on the storage {storage}"))
        };
        let address = Address::of(storage).map_err(none)?;
        let stream = connect(&address.path, SILENCE).map_err(|error| match is_silent(&error) {
            true => silent(storage),
            false => none(error),
        })?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        Ok(Self {
            reader: BufReader::new(stream),
            storage: storage.to_owned(),
        })
    }

    pub fn ask(&mut self, query: &Query) -> anyhow::Result<QueryAnswer> {
        let mut text = serde_json::to_vec(query)?;
        text.push(b'\n');
        ensure!(
            text.len() as u64 <= QUESTION_BYTES_MAX,
            "this is too large for the engine's control socket: {} bytes as JSON, at most {QUESTION_BYTES_MAX}",
            text.len()
        );
        let failed = |error: io::Error, what: &'static str| match is_silent(&error) {
            true => silent(&self.storage),
            false => anyhow!(error).context(what),
        };
        let mut stream = self.reader.get_ref();
        let written = stream.write_all(&text);
        written.map_err(|error| failed(error, "the engine closed the connection"))?;
        // What says that the engine works on it is not part of the answer.
        let asked = Instant::now();
        loop {
            let bytes = self.reader.fill_buf();
            let bytes = bytes.map_err(|error| failed(error, "the engine does not answer"))?;
            let beats = bytes.iter().take_while(|byte| **byte == b' ').count();
            if beats == 0 {
                break;
            }
            if asked.elapsed() > ANSWER_PATIENCE {
                bail!(
                    "the engine has worked on it for too long; what was ordered may take effect anyway"
                );
            }
            self.reader.consume(beats);
        }
        let mut line = Vec::new();
        (&mut self.reader)
            .take(ANSWER_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .map_err(|error| failed(error, "the engine does not answer"))?;
        if line.last() != Some(&b'\n') {
            bail!("the engine stopped before it answered");
        }
        let answer: QueryAnswer =
            serde_json::from_slice(&line).context("cannot read the engine's answer")?;
        answer.given().map_err(|unanswered| match unanswered {
            Unanswered::TooLarge { reason } => anyhow!(reason),
            Unanswered::Failed { reason } => anyhow!("the engine could not answer: {reason}"),
        })
    }
}

impl Ask for Control {
    type Error = anyhow::Error;

    fn ask(&mut self, query: &Query) -> anyhow::Result<QueryAnswer> {
        Self::ask(self, query)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::control::{BEAT, SOCKET, serve};
    use bureaucrat_host::query::Wanted;
    use nix::sys::socket::Backlog;

    #[test]
    fn an_engine_that_works_is_told_from_one_that_was_stopped() {
        let query = Query::Count {
            wanted: Wanted::default(),
            after: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let slow = BEAT * 5 / 2;
        let _socket = serve(folder.path(), move |_, _| {
            std::thread::sleep(slow);
            QueryAnswer::Error {
                reason: "done".into(),
            }
        })
        .unwrap();
        let stream = connect(&folder.path().join(SOCKET), SILENCE).unwrap();
        (&stream).write_all(b"{\"query\": \"count\"}\n").unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        assert!(
            line.starts_with("  ") && line.trim_start().starts_with('{'),
            "{line}"
        );
        let mut control = Control::connect(folder.path()).unwrap();
        let refused = control.ask(&query).unwrap_err().to_string();
        assert_eq!(refused, "the engine could not answer: done");

        // Nobody accepts, as in a process that was stopped: connecting works, until it doesn't.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SOCKET);
        let listener = socket(
            AddressFamily::Unix,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .unwrap();
        socket::bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        socket::listen(&listener, Backlog::new(1).unwrap()).unwrap();
        let patience = Duration::from_millis(20);
        let full = std::iter::repeat_with(|| connect(&path, patience));
        let full: Vec<_> = full.take_while(Result::is_ok).take(100).collect();
        assert!((1..100).contains(&full.len()), "{} fit", full.len());
        assert!(is_silent(&connect(&path, patience).unwrap_err()));
        let stream = full[0].as_ref().unwrap();
        stream.set_read_timeout(Some(patience)).unwrap();
        let mut control = Control {
            reader: BufReader::new(stream.try_clone().unwrap()),
            storage: folder.path().to_owned(),
        };
        let words = control.ask(&query).unwrap_err().to_string();
        assert!(words.contains("SIGCONT"), "{words}");
    }
}
