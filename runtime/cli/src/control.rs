//! Questions to the running engine, over a socket in its storage: a line of JSON each way.
//!
//! Anyone who may open the socket may ask; its mode and its folder's mode leave that to the
//! engine's user. Who asks is what the kernel says of the other end, never what that says of itself.

mod client;

use anyhow::Context;
use bureaucrat_host::query::{Query, QueryAnswer};
use bureaucrat_model::Operator;
pub use client::Control;
use nix::{
    sys::socket::{getsockopt, sockopt::PeerCredentials},
    unistd::{Uid, User},
};
use std::{
    fs::{self, File, Permissions},
    io::{self, BufRead, BufReader, Read, Write},
    os::{
        fd::AsRawFd,
        unix::{
            fs::PermissionsExt,
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

/// The socket's name in the storage.
const SOCKET: &str = "control.sock";
/// The longest question, in bytes: a module of the largest class, in base64, fits.
const QUESTION_BYTES_MAX: u64 = 64 << 20;
/// Clients at the same time; further ones are turned away.
const ASKERS_MAX: usize = 16;
/// How long a further one waits for one of these to leave; then its connection is closed.
const PLACE: Duration = Duration::from_secs(2);
/// How long a silent client is kept.
const ASKER_PATIENCE: Duration = Duration::from_secs(30);
/// How often a client hears that its question is worked on.
const BEAT: Duration = Duration::from_secs(1);
/// The longest path in a socket's address, with its terminator (`sun_path` of Linux and the BSDs).
const ADDRESS_BYTES_MAX: usize = 100;

/// A path that leads to the socket and fits into an address, and what keeps it valid.
struct Address {
    path: PathBuf,
    _folder: Option<File>,
}

impl Address {
    fn of(storage: &Path) -> io::Result<Self> {
        let path = storage.join(SOCKET);
        if path.as_os_str().len() < ADDRESS_BYTES_MAX {
            return Ok(Self {
                path,
                _folder: None,
            });
        }
        // The folder's handle provides a short path to it.
        let folder = File::open(storage)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()));
        Ok(Self {
            path,
            _folder: Some(folder),
        })
    }
}

/// The socket of an engine. It is removed when the engine ends, so that the next client fails at once.
#[must_use = "it is removed when this is dropped"]
pub struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(%error, "cannot remove the control socket");
        }
    }
}

/// Answers questions until the process ends. Only this engine may use the storage: a socket that an
/// earlier engine left is removed.
pub fn serve<F>(storage: &Path, answer: F) -> anyhow::Result<Socket>
where
    F: Fn(&Query, &Operator) -> QueryAnswer + Send + Sync + 'static,
{
    let what = || {
        format!(
            "cannot create the control socket {}",
            storage.join(SOCKET).display()
        )
    };
    let address = Address::of(storage).with_context(what)?;
    match fs::remove_file(&address.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(what);
        }
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&address.path).with_context(what)?;
    fs::set_permissions(&address.path, Permissions::from_mode(0o600)).with_context(what)?;
    let answer = Arc::new(answer);
    let askers = Arc::new(AtomicUsize::new(0));
    let accept = move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                // Probably out of file handles; without a pause this would spin.
                std::thread::sleep(Duration::from_millis(100));
                continue;
            };
            let came = Instant::now();
            while askers.load(Ordering::Acquire) >= ASKERS_MAX && came.elapsed() < PLACE {
                std::thread::sleep(Duration::from_millis(5));
            }
            // Only this thread adds to them.
            if askers.load(Ordering::Acquire) >= ASKERS_MAX {
                continue;
            }
            askers.fetch_add(1, Ordering::AcqRel);
            let (answer, counted) = (answer.clone(), Asker(askers.clone()));
            let asked = move || {
                let _counted = counted;
                if let Err(error) = converse(&stream, &*answer) {
                    tracing::debug!(%error, "a client of the control socket disconnected");
                }
            };
            if let Err(error) = std::thread::Builder::new()
                .name("asker".into())
                .spawn(asked)
            {
                tracing::warn!(%error, "cannot start a thread for a client of the control socket");
            }
        }
    };
    std::thread::Builder::new()
        .name("control".into())
        .spawn(accept)
        .with_context(what)?;
    Ok(Socket(storage.join(SOCKET)))
}

struct Asker(Arc<AtomicUsize>);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The user of the process at the other end, when it connected: the name that the system has for it, or its number.
fn peer(stream: &UnixStream) -> io::Result<Operator> {
    let uid = Uid::from_raw(getsockopt(stream, PeerCredentials)?.uid());
    let user = User::from_uid(uid).unwrap_or_else(|error| {
        tracing::warn!(%uid, %error, "cannot look up the name of a user");
        None
    });
    Ok(match user {
        Some(user) => Operator::named(&user.name),
        None => Operator::named(&format!("uid {uid}")),
    })
}

fn converse(
    stream: &UnixStream,
    answer: &impl Fn(&Query, &Operator) -> QueryAnswer,
) -> io::Result<()> {
    let asker = peer(stream)?;
    stream.set_read_timeout(Some(ASKER_PATIENCE))?;
    stream.set_write_timeout(Some(ASKER_PATIENCE))?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        (&mut reader)
            .take(QUESTION_BYTES_MAX)
            .read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        let reply = match serde_json::from_slice(&line) {
            Ok(query) => alive(stream, || answer(&query, &asker))?,
            Err(error) => QueryAnswer::Error {
                reason: format!("cannot read the request: {error}"),
            },
        };
        let mut text = serde_json::to_vec(&reply)?;
        text.push(b'\n');
        (&*stream).write_all(&text)?;
        if line.last() != Some(&b'\n') {
            // Too long or incomplete: what follows cannot be separated from it.
            return Ok(());
        }
    }
}

/// Does what may take long. Meanwhile it sends spaces, which JSON may begin with: so the other end can
/// tell an engine that works from one that was stopped.
fn alive<T>(stream: &UnixStream, work: impl FnOnce() -> T) -> io::Result<T> {
    let (done, is_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let beat = move || {
            let mut stream = stream;
            while is_done.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                if stream.write_all(b" ").is_err() {
                    return;
                }
            }
        };
        // Without a thread for it, a client waits for a shorter time.
        let beating = std::thread::Builder::new().name("beat".into());
        if let Err(error) = beating.spawn_scoped(scope, beat) {
            tracing::debug!(%error, "a client is not told that its question is worked on");
        }
        let worked = work();
        drop(done);
        Ok(worked)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bureaucrat_host::query::{State, Wanted};
    use bureaucrat_model::Timestamp;

    #[test]
    fn questions_are_answered_also_in_a_folder_with_a_long_path() {
        for depth in [1, 40] {
            let folder = tempfile::tempdir().unwrap();
            let storage = folder.path().join("long".repeat(depth));
            fs::create_dir(&storage).unwrap();
            assert!(Control::connect(&storage).is_err());
            let _socket = serve(&storage, |_, _| QueryAnswer::Processes {
                processes: vec![],
                next: None,
                broker: None,
                now: Timestamp(0),
            })
            .unwrap();
            let mode = fs::metadata(storage.join(SOCKET))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
            let mut control = Control::connect(&storage).unwrap();
            let query = Query::List {
                wanted: Wanted {
                    states: vec![State::Running],
                    ..Wanted::default()
                },
                after: None,
                limit: 5,
            };
            for _ in 0..2 {
                assert!(matches!(
                    control.ask(&query).unwrap(),
                    QueryAnswer::Processes { .. }
                ));
            }
        }
    }

    #[test]
    fn what_is_no_question_gets_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let _socket = serve(folder.path(), |_, _| QueryAnswer::Processes {
            processes: vec![],
            next: None,
            broker: None,
            now: Timestamp(0),
        })
        .unwrap();
        let mut stream = UnixStream::connect(folder.path().join(SOCKET)).unwrap();
        stream
            .write_all(b"{\"query\": \"drop everything\"}\n")
            .unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        assert!(line.contains("cannot read the request"), "{line}");
    }

    #[test]
    fn who_asks_is_what_the_system_says() {
        let folder = tempfile::tempdir().unwrap();
        let _socket = serve(folder.path(), |_, asker| QueryAnswer::Error {
            reason: asker.name().to_owned(),
        })
        .unwrap();
        let mut stream = UnixStream::connect(folder.path().join(SOCKET)).unwrap();
        // A name that is sent counts for nothing.
        let query = b"{\"query\": \"count\", \"by\": \"somebody\", \"operator\": \"somebody\"}\n";
        stream.write_all(query).unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let uid = Uid::current();
        let own = User::from_uid(uid).unwrap();
        let own = own.map_or_else(|| format!("uid {uid}"), |user| user.name);
        let answer: QueryAnswer = serde_json::from_str(&line).unwrap();
        assert_eq!(answer, QueryAnswer::Error { reason: own });
    }
}
