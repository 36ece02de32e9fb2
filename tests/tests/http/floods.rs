//! More strangers than the server has time for: some connections are closed at once, and somebody who has shown a token,
//! has a connection, or comes from elsewhere notices nothing.

use crate::rig::Rig;
use anyhow::{Context, Result, ensure};
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

const PATIENCE: Duration = Duration::from_secs(60);
/// Where the flood comes from, and somebody else.
const FLOODING: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);
/// Connections that a thread of the flood holds; all together fewer than the server keeps.
const HELD: usize = 32;
const THREADS: usize = 4;

async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Ok(builder.enable_all().build()?)
}

/// Whether a request without a token is answered.
fn is_answered(from: Ipv4Addr, to: SocketAddr) -> Result<bool> {
    let request = b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = runtime()?.block_on(async {
        let mut stream = connect(from, to).await?;
        stream.write_all(request).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    });
    match answer {
        Ok(answer) => Ok(answer.starts_with("HTTP/1.1 200")),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Connections as fast as they can be made.
struct Flood {
    ends: Arc<AtomicBool>,
    /// How many were closed without a word.
    turned_away: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Flood {
    fn start(to: SocketAddr) -> Self {
        let (ends, turned_away) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let threads = (0..THREADS).map(|_| {
            let (ends, turned_away) = (ends.clone(), turned_away.clone());
            std::thread::spawn(move || runtime()?.block_on(flood(to, &ends, &turned_away)))
        });
        Self {
            threads: threads.collect(),
            ends,
            turned_away,
        }
    }

    fn until_turned_away(&self, count: u64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.turned_away.load(Relaxed) < count {
            ensure!(Instant::now() < deadline, "all are let in");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn end(self) -> Result<()> {
        self.ends.store(true, Relaxed);
        for thread in self.threads {
            thread.join().ok().context("the flood panicked")??;
        }
        Ok(())
    }
}

async fn flood(to: SocketAddr, ends: &AtomicBool, turned_away: &AtomicU64) -> Result<()> {
    let mut held = VecDeque::new();
    while !ends.load(Relaxed) {
        match connect(FLOODING, to).await {
            Ok(stream) => held.push_back(stream),
            // It was turned away before the connection could be looked at.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                turned_away.fetch_add(1, Relaxed);
            }
            Err(error) => return Err(error.into()),
        }
        if held.len() > HELD
            && let Some(oldest) = held.pop_front()
        {
            let read = oldest.try_read(&mut [0]);
            let is_reset =
                |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
            if read.as_ref().is_err_and(is_reset) {
                turned_away.fetch_add(1, Relaxed);
            }
        }
    }
    Ok(())
}

/// A connection that stays open, of somebody with a token.
struct Kept(BufReader<TcpStream>, String);

impl Kept {
    fn new(rig: &Rig) -> Result<Self> {
        let stream = TcpStream::connect(rig.client.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let token = &rig.local;
        let request = format!(
            "GET /api/v1/definitions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        Ok(Self(BufReader::new(stream), request))
    }

    /// Sends a request, and reads its answer.
    fn ask(&mut self) -> Result<()> {
        self.0.get_mut().write_all(self.1.as_bytes())?;
        let (mut line, mut bytes) = (String::new(), 0);
        self.0.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 200"), "{line}");
        while line != "\r\n" {
            line.clear();
            ensure!(
                self.0.read_line(&mut line)? > 0,
                "the connection was closed"
            );
            if let Some(length) = line.strip_prefix("content-length: ") {
                bytes = length.trim().parse()?;
            }
        }
        let mut body = vec![0; bytes];
        Ok(self.0.read_exact(&mut body)?)
    }
}

#[test]
fn a_flood_of_connections_is_turned_away_and_nobody_else() -> Result<()> {
    let rig = Rig::new("http-flood")?;
    let mut kept = Kept::new(&rig)?;
    kept.ask()?;
    let flood = Flood::start(rig.client.address);
    let mut turned_away = 0;
    for _ in 0..10 {
        turned_away += 100;
        flood.until_turned_away(turned_away)?;
        kept.ask()?;
        rig.launch(&rig.local)?;
        ensure!(is_answered(ELSEWHERE, rig.client.address)?, "not answered");
    }
    flood.end()?;
    rig.engine.says("some are closed at once", PATIENCE)?;
    // It is not held against them for long.
    let deadline = Instant::now() + PATIENCE;
    while !is_answered(FLOODING, rig.client.address)? {
        ensure!(Instant::now() < deadline, "it is not forgiven");
        std::thread::sleep(Duration::from_millis(50));
    }
    kept.ask()
}

#[test]
fn requests_of_strangers_over_one_connection_have_a_bound() -> Result<()> {
    let rig = Rig::new("http-asking")?;
    let mut kept = Kept::new(&rig)?;
    kept.ask()?;
    let mut stream = TcpStream::connect(rig.client.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // Somebody else reads, so that no answer waits to be taken.
    let mut answers = stream.try_clone()?;
    let reader = std::thread::spawn(move || {
        // It may be reset, since requests are under way when it is closed.
        let _ = std::io::copy(&mut answers, &mut std::io::sink());
    });
    let request = b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (deadline, many) = (Instant::now() + PATIENCE, request.repeat(100));
    while stream.write_all(&many).is_ok() {
        ensure!(Instant::now() < deadline, "it is never closed");
    }
    reader.join().ok().context("the reader panicked")?;
    // A connection of somebody with a token from the same address is served, and so is somebody elsewhere.
    kept.ask()?;
    ensure!(is_answered(ELSEWHERE, rig.client.address)?, "not answered");
    Ok(())
}
