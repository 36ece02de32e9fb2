//! Clients of the HTTP API that mean it no good: they hold connections, send without end, send rubbish, and
//! take no answers. One that is closed comes back.

use crate::tls;
use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::watch,
    time::sleep,
};

/// How long a slow one waits between two bytes.
const SLOW: Duration = Duration::from_millis(500);
/// The bytes that the kernel keeps for one who does not read them.
const RECEIVED: u32 = 4 << 10;
/// The nice value of their thread.
const NICE: i32 = 19;
/// So many addresses of this machine that they come from, so that none runs out of ports.
const ADDRESSES: usize = 8;

/// What a stranger does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Idle,
    /// Sends a request byte by byte.
    Slow,
    /// Sends a body of chunks without end.
    Chunks,
    /// Promises a huge body, and sends it slowly.
    Huge,
    Garbage,
    /// Asks for much, again and again, and reads nothing.
    Deaf,
    /// Begins a TLS handshake, and stops in the middle of its first message.
    Handshake,
    /// Begins a TLS handshake, has the server do its part of it, and leaves.
    Hello,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Idle,
        Self::Slow,
        Self::Chunks,
        Self::Huge,
        Self::Garbage,
        Self::Deaf,
        Self::Handshake,
        Self::Hello,
    ];
}

#[derive(Debug, Default)]
struct Counts {
    open: AtomicU64,
    connected: AtomicU64,
    closed: AtomicU64,
}

/// A number of strangers, each with a connection most of the time.
#[derive(Debug)]
pub struct Strangers {
    counts: Arc<Counts>,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How strangers go about it.
#[derive(Debug, Clone)]
pub struct Manner {
    pub kinds: Vec<Kind>,
    /// How long one that was closed waits before it comes back.
    pub back: Duration,
    /// What the deaf ask for, and with which token.
    pub path: String,
    pub token: Option<String>,
    /// The last byte of the first address, 127.0.0.x, that they come from. Others of the tests are at 127.0.0.1.
    pub first: u8,
}

struct Way {
    manner: Manner,
    /// How a TLS handshake begins.
    hello: Vec<u8>,
}

impl Strangers {
    /// So many strangers, of the kinds in turn. Their thread lets all others of the machine go first.
    ///
    /// # Errors
    /// When the system gives no thread, or not enough file handles.
    pub fn start(server: SocketAddr, count: usize, manner: Manner) -> Result<Self> {
        raise(count as u64 + 256)?;
        let way = Way {
            manner,
            hello: tls::hello()?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let counts = Arc::new(Counts::default());
        let (stop, mut stopped) = watch::channel(());
        let (its, way) = (counts.clone(), Arc::new(way));
        let run = move || {
            // Other machines' strangers would take none of this one's time.
            let _ = rustix::process::setpriority_process(None, NICE);
            runtime.block_on(async move {
                let kinds = way.manner.kinds.iter().cycle().take(count);
                for (number, kind) in kinds.enumerate() {
                    let (counts, way, kind) = (its.clone(), way.clone(), *kind);
                    tokio::spawn(async move { live(server, (number, kind), &way, &counts).await });
                }
                let _ = stopped.changed().await;
            });
        };
        let thread = std::thread::Builder::new().name("strangers".into());
        Ok(Self {
            counts,
            stop: Some(stop),
            thread: Some(thread.spawn(run)?),
        })
    }

    /// Connections that they have now, as far as they know.
    pub fn open(&self) -> u64 {
        self.counts.open.load(Relaxed)
    }

    /// Connections that they have made.
    pub fn connected(&self) -> u64 {
        self.counts.connected.load(Relaxed)
    }

    /// Connections that the server has closed.
    pub fn closed(&self) -> u64 {
        self.counts.closed.load(Relaxed)
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Makes sure that this process may open so many files.
fn raise(wanted: u64) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= wanted {
        return Ok(());
    }
    ensure!(
        hard >= wanted,
        "{wanted} files are needed, the limit is {hard}"
    );
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).context("cannot raise the limit of open files")
}

async fn live(server: SocketAddr, (number, kind): (usize, Kind), way: &Way, counts: &Counts) {
    loop {
        if let Ok(mut stream) = connect(server, address(way.manner.first, number)).await {
            counts.connected.fetch_add(1, Relaxed);
            counts.open.fetch_add(1, Relaxed);
            // It ends when the server closes the connection.
            let _ = misbehave(&mut stream, kind, way).await;
            counts.open.fetch_sub(1, Relaxed);
            counts.closed.fetch_add(1, Relaxed);
        }
        sleep(way.manner.back).await;
    }
}

/// Where a stranger comes from.
fn address(first: u8, number: usize) -> Ipv4Addr {
    let own = u8::try_from(number % ADDRESSES).unwrap_or_default();
    Ipv4Addr::new(127, 0, 0, first.saturating_add(own))
}

async fn connect(server: SocketAddr, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // The kernel takes little for those who read nothing.
    socket.set_recv_buffer_size(RECEIVED)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(server).await
}

async fn misbehave(stream: &mut TcpStream, kind: Kind, way: &Way) -> std::io::Result<()> {
    let Way { manner, hello } = way;
    let login = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    match kind {
        Kind::Idle => {}
        Kind::Slow => {
            for byte in login.bytes() {
                stream.write_all(&[byte]).await?;
                sleep(SLOW).await;
            }
        }
        Kind::Chunks => {
            let head = format!("{login}Transfer-Encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(b"400\r\n").await?;
                stream.write_all(&[b'a'; 1 << 10]).await?;
                stream.write_all(b"\r\n").await?;
                sleep(SLOW).await;
            }
        }
        Kind::Huge => {
            let head = format!("{login}Content-Length: 16000\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(b"a").await?;
                sleep(SLOW).await;
            }
        }
        Kind::Garbage => stream.write_all(&[b'\xff'; 4 << 10]).await?,
        Kind::Deaf => {
            let token = manner.token.as_deref();
            let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
            let request = format!(
                "GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
                manner.path,
                token.unwrap_or_default()
            );
            loop {
                stream.write_all(request.as_bytes()).await?;
                sleep(SLOW).await;
            }
        }
        Kind::Handshake => {
            stream
                .write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01")
                .await?
        }
        Kind::Hello => {
            stream.write_all(hello).await?;
            // The server's part has come.
            stream.read_u8().await?;
            return Ok(());
        }
    }
    // Reads until the end, and takes whatever comes.
    let mut bytes = [0; 512];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}
