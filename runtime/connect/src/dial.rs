//! Connects: to one address within its time, to the next when that fails, and says why none worked.

use crate::{
    Address, Addresses, Failures, Tap, Tls, Trouble,
    address::Transport,
    ear::{Heard, Stage},
    locks::lock,
    tasks::{Spawner, Tasks},
    tls,
    transport::{End, Line, Plain, Socket, Tapped, TappedReactor},
    trouble,
};
use async_rs::{Runtime, Tokio, util::RuntimeParts};
use lapin::{
    Connection, ConnectionProperties,
    tcp::AsyncTcpStream,
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Handle,
};

/// The largest frame that is asked for where the address names none, in bytes: RabbitMQ's own
/// default, within which the properties of every message that it takes from a publisher have to be.
const FRAME_MAX: u32 = 128 << 10;

/// Brokers to connect to. The one that worked last is tried first.
#[derive(Debug)]
pub struct Dialer {
    addresses: Addresses,
    next: AtomicUsize,
    /// Which of the addresses worked before.
    worked: Vec<AtomicBool>,
}

/// A connection, and where it leads.
pub struct Dialed {
    pub connection: Connection,
    pub place: String,
    pub hearing: Hearing,
    /// Starts tasks on its thread.
    pub tasks: Spawner,
}

/// What the broker said on a connection.
#[derive(Debug, Clone)]
pub struct Hearing {
    line: Arc<Line>,
    place: String,
    user: String,
    /// Whether the user logged in by that name.
    is_named: bool,
    vhost: String,
}

impl Hearing {
    /// The user as whom the broker knows the connection, if the address says so: a certificate may
    /// name another one.
    pub fn user(&self) -> Option<&str> {
        self.is_named.then_some(&*self.user)
    }

    /// The words with which the broker closed the connection, if it did and said any.
    pub fn last_words(&self) -> Option<String> {
        match self.line.end()? {
            End::Heard(Heard::Closed(said)) => {
                let words = trouble::said(&said, &self.user, &self.vhost);
                Some(format!("{}: {words}", self.place))
            }
            End::Heard(Heard::Foreign(_)) | End::Tls(_) | End::Socket(_) => None,
        }
    }
}

impl Dialer {
    pub fn new(addresses: Addresses) -> Self {
        let next = AtomicUsize::new(0);
        let worked = addresses.iter().map(|_| AtomicBool::new(false)).collect();
        Self {
            addresses,
            next,
            worked,
        }
    }

    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Tries each broker once. `role` is added to the connection's name; `tap` makes what looks
    /// over what comes, for the largest frame that is asked for, in bytes.
    ///
    /// # Errors
    /// With why each could not be connected to.
    pub async fn dial<T: Tap>(
        &self,
        role: &str,
        tap: impl Fn(u32) -> T,
    ) -> Result<Dialed, Failures> {
        let count = self.addresses.count();
        let first = self.next.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        for at in (0..count).map(|at| (first + at) % count) {
            let Some(address) = self.addresses.iter().nth(at) else {
                continue;
            };
            match one(address, role, &tap).await {
                Ok(dialed) => {
                    self.next.store(at, Ordering::Relaxed);
                    if let Some(worked) = self.worked.get(at) {
                        worked.store(true, Ordering::Relaxed);
                    }
                    return Ok(dialed);
                }
                Err(trouble) => {
                    let worked = self.worked.get(at);
                    let worked = worked.is_some_and(|worked| worked.load(Ordering::Relaxed));
                    let trouble = match worked {
                        true => trouble.of_a_broker(),
                        false => trouble,
                    };
                    failures.push((address.place(), trouble));
                }
            }
        }
        Err(Failures(failures))
    }
}

async fn one<T: Tap>(
    address: &Address,
    role: &str,
    tap: &impl Fn(u32) -> T,
) -> Result<Dialed, Trouble> {
    let line = Line::new(match &address.transport {
        Transport::Plain => Tls::default(),
        Transport::Tls(files) => files.clone(),
    });
    let mut hold = Hold(Some(Arc::clone(&line)));
    let attempt = attempt(address, role, tap, &line);
    match tokio::time::timeout(address.connect_timeout, attempt).await {
        Ok(Ok((connection, tasks))) => {
            hold.0 = None;
            let hearing = Hearing {
                line,
                place: address.place(),
                user: address.user.clone(),
                is_named: !matches!(address.mechanism, Some(SASLMechanism::External)),
                vhost: address.vhost.clone(),
            };
            Ok(Dialed {
                connection,
                place: address.place(),
                hearing,
                tasks,
            })
        }
        Ok(Err(trouble)) => Err(trouble),
        Err(_) => Err(Trouble::Silent {
            stage: line.stage(),
            waited: address.connect_timeout,
            port: address.port,
        }),
    }
}

/// Abandons the connection when the attempt is given up, wherever it is.
struct Hold(Option<Arc<Line>>);

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.abandon();
        }
    }
}

type Parts<T> = RuntimeParts<Tokio, TappedReactor<T>>;

async fn attempt<T: Tap>(
    address: &Address,
    role: &str,
    tap: &impl Fn(u32) -> T,
    line: &Arc<Line>,
) -> Result<(Connection, Spawner), Trouble> {
    let uri = uri(address)?;
    let tokio = Tokio::current();
    let stream = socket(address, &tokio).await?;
    let socket = Socket::new(stream, Handle::current());
    let (tasks, spawner) = Tasks::new(Handle::current());
    let tapped = Tapped::new(
        socket,
        tap(uri.query.frame_max.unwrap_or(FRAME_MAX)),
        line.clone(),
        tasks,
    );
    // lapin asks for it once: it tries again only when it is told to.
    let tapped = Mutex::new(Some(tapped));
    let open = async move |_: AMQPUri, _: Runtime<Parts<T>>| {
        let taken = lock(&tapped).take();
        let none = || std::io::Error::from(std::io::ErrorKind::NotConnected);
        let tapped = taken.ok_or_else(|| lapin::Error::from(none()))?;
        Ok(AsyncTcpStream::Plain(tapped))
    };
    let reactor = TappedReactor::<T>::new(tokio.clone());
    let runtime = Runtime::new(RuntimeParts::new(tokio, reactor));
    let name = format!("{} {role}", address.name);
    let properties =
        ConnectionProperties::default().with_connection_name(name.trim().to_owned().into());
    let connecting = Connection::connector(uri, runtime, open, properties);
    tokio::select! {
        biased;
        end = ended(line) => Err(explained(end, line.stage(), address)),
        trouble = silence(address, line) => Err(trouble),
        connection = connecting => match connection {
            Ok(connection) => Ok((connection, spawner)),
            Err(error) => Err(match line.end() {
                Some(end) => explained(end, line.stage(), address),
                None => of_library(&error, line.stage(), address),
            }),
        },
    }
}

/// An error of which the bytes told nothing: usually of writing to a connection that ended.
fn of_library(error: &lapin::Error, stage: Stage, address: &Address) -> Trouble {
    if let lapin::ErrorKind::IOError(reason) = error.kind() {
        return explained(End::Socket(Some(reason.to_string())), stage, address);
    }
    Trouble::Library(error.to_string())
}

/// Waits until the bytes tell that nothing will come of this connection.
async fn ended(line: &Line) -> End {
    loop {
        let changed = line.changed.notified();
        if let Some(end) = line.end() {
            return end;
        }
        changed.await;
    }
}

/// How long a port may be silent before it is asked whether it speaks HTTP, whose servers wait for
/// the end of a line, which AMQP's greeting doesn't have. A broker that is merely slow notes a
/// connection that greeted wrongly.
const SILENCE: Duration = Duration::from_millis(600);

/// Waits; returns only when the port turns out to speak HTTP.
async fn silence(address: &Address, line: &Line) -> Trouble {
    tokio::time::sleep(SILENCE).await;
    if line.stage() == Stage::Silence
        && !address.is_tls()
        && let Ok(answer) = asked_over_http(address).await
        && answer.starts_with(b"HTTP/")
    {
        return Trouble::Foreign(answer);
    }
    std::future::pending().await
}

async fn asked_over_http(address: &Address) -> std::io::Result<Vec<u8>> {
    let mut stream = tokio::net::TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = vec![0; 64];
    let count = stream.read(&mut answer).await?;
    answer.truncate(count);
    Ok(answer)
}

fn explained(end: End, stage: Stage, address: &Address) -> Trouble {
    match end {
        End::Heard(Heard::Closed(words)) => Trouble::Said {
            words,
            user: address.user.clone(),
            vhost: address.vhost.clone(),
        },
        End::Heard(Heard::Foreign(bytes)) => Trouble::Foreign(bytes),
        End::Tls(words) => Trouble::Tls(words),
        End::Socket(reason) => match (&address.transport, stage) {
            (Transport::Tls(files), Stage::Silence) => tls::ended(reason.as_deref(), files),
            (Transport::Plain | Transport::Tls(_), _) => Trouble::Ended {
                stage,
                reason,
                port: address.port,
            },
        },
    }
}

/// A socket to one of the host's IP addresses, encrypted if that is wanted.
async fn socket(address: &Address, tokio: &Tokio) -> Result<AsyncTcpStream<Plain>, Trouble> {
    let found = tokio::net::lookup_host((address.host.as_str(), address.port)).await;
    let found = found.map_err(|error| Trouble::Unresolved(resolution(&error)))?;
    let runtime = Runtime::new(tokio.clone());
    let mut last = Trouble::Unresolved("no IP address".to_owned());
    for found in found {
        match AsyncTcpStream::connect(&runtime, found).await {
            Ok(stream) => {
                return match &address.transport {
                    Transport::Plain => Ok(stream),
                    Transport::Tls(files) => tls::encrypt(stream, &address.host, files).await,
                };
            }
            Err(error) => last = Trouble::of_socket(&error),
        }
    }
    Err(last)
}

/// What the resolver says, without the system's preface.
fn resolution(error: &std::io::Error) -> String {
    let words = error.to_string();
    let plain = words.strip_prefix("failed to lookup address information: ");
    plain.unwrap_or(&words).to_owned()
}

/// The address as lapin has it; the password is read now.
fn uri(address: &Address) -> Result<AMQPUri, Trouble> {
    let password = address.password.read()?;
    Ok(AMQPUri {
        scheme: match address.is_tls() {
            true => AMQPScheme::AMQPS,
            false => AMQPScheme::AMQP,
        },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: address.user.clone(),
                password: password.reveal().to_owned(),
            },
            host: address.host.clone(),
            port: address.port,
        },
        vhost: address.vhost.clone(),
        query: AMQPQueryString {
            frame_max: Some(address.frame_max.unwrap_or(FRAME_MAX)),
            channel_max: address.channel_max,
            heartbeat: Some(address.heartbeat),
            connection_timeout: None,
            auth_mechanism: address.mechanism,
        },
    })
}
