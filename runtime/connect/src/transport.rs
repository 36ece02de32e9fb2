//! The transport that lapin gets in place of a socket: it listens to what the broker says, lets
//! the caller look over what comes before lapin reads it, runs the connection's tasks, and ends when
//! nobody wants it any more.

use crate::{
    Tls,
    ear::{Ear, Heard, Stage},
    locks::lock,
    tasks::Tasks,
    tls,
};
use async_rs::{Tokio, traits::Reactor};
use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use lapin::tcp::AsyncTcpStream;
use std::{
    fmt,
    future::Future,
    io::{self, Read, Write},
    marker::PhantomData,
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::Notify};

/// How much is read from the socket at once, in bytes.
const CHUNK: usize = 64 << 10;

pub(crate) type Plain = <Tokio as Reactor>::TcpStream;

/// Stands between the socket and lapin.
pub trait Tap: Send + Unpin + 'static {
    /// Waits until more may be read from the socket.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<()>;
    /// Takes what came from the broker.
    fn feed(&mut self, bytes: &[u8]);
    /// Gives lapin what it may have; `None` while there is nothing.
    fn read(&mut self, into: &mut [u8]) -> Option<usize>;
}

/// A tap that changes nothing.
#[derive(Debug, Default)]
pub struct PassThrough {
    bytes: Vec<u8>,
    read: usize,
}

impl Tap for PassThrough {
    fn poll_open(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn read(&mut self, into: &mut [u8]) -> Option<usize> {
        let waiting = &self.bytes[self.read..];
        if waiting.is_empty() {
            return None;
        }
        let count = waiting.len().min(into.len());
        into[..count].copy_from_slice(&waiting[..count]);
        self.read += count;
        if self.read == self.bytes.len() {
            self.bytes.clear();
            self.read = 0;
        }
        Some(count)
    }
}

/// How a connection ended, as far as its bytes tell.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Heard(Heard),
    Tls(String),
    /// The socket ended; how, if not in order.
    Socket(Option<String>),
}

/// What the transport knows of its connection, shared with the code that made it.
#[derive(Debug)]
pub(crate) struct Line {
    state: Mutex<State>,
    /// Empty where the connection is not encrypted.
    tls: Tls,
    /// Tells that the connection ended.
    pub changed: Notify,
}

#[derive(Debug)]
struct State {
    ear: Ear,
    end: Option<End>,
    abandoned: bool,
    reader: Option<Waker>,
}

impl Line {
    pub fn new(tls: Tls) -> Arc<Self> {
        Arc::new(Self {
            tls,
            state: Mutex::new(State {
                ear: Ear::new(),
                end: None,
                abandoned: false,
                reader: None,
            }),
            changed: Notify::new(),
        })
    }

    pub fn stage(&self) -> Stage {
        self.lock().ear.stage()
    }

    pub fn end(&self) -> Option<End> {
        self.lock().end.clone()
    }

    /// Ends the connection: lapin keeps a thread and a socket for as long as the broker is silent.
    pub fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    fn listen(&self, bytes: &[u8]) {
        let heard = self.lock().ear.listen(bytes);
        if let Some(heard) = heard {
            self.ended(End::Heard(heard));
        }
    }

    /// Notes the end; words that were heard count for more than how the socket ended after them.
    fn ended(&self, end: End) {
        let mut state = self.lock();
        let is_better = |before: &End| {
            matches!(before, End::Heard(Heard::Foreign(_))) && matches!(end, End::Heard(_))
        };
        if state.end.as_ref().is_none_or(is_better) {
            state.end = Some(end);
        }
        drop(state);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The socket. It is dropped on lapin's own thread, where its adapter would start a runtime of its
/// own to be dropped in, and panic when the system gives none; so it is dropped in ours.
pub(crate) struct Socket {
    stream: Option<AsyncTcpStream<Plain>>,
    runtime: Handle,
}

impl Socket {
    pub fn new(stream: AsyncTcpStream<Plain>, runtime: Handle) -> Self {
        let stream = Some(stream);
        Self { stream, runtime }
    }

    fn pin(&mut self) -> io::Result<Pin<&mut AsyncTcpStream<Plain>>> {
        let stream = self.stream.as_mut().map(Pin::new);
        stream.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _context = self.runtime.enter();
        drop(self.stream.take());
    }
}

/// A connection to the broker that is listened to and tapped.
pub(crate) struct Tapped<T> {
    socket: Socket,
    tap: T,
    line: Arc<Line>,
    tasks: Tasks,
    chunk: Box<[u8]>,
}

impl<T: Tap> Tapped<T> {
    pub fn new(socket: Socket, tap: T, line: Arc<Line>, tasks: Tasks) -> Self {
        let chunk = vec![0; CHUNK].into_boxed_slice();
        Self {
            socket,
            tap,
            line,
            tasks,
            chunk,
        }
    }

    fn receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let received = ready!(self.socket.pin()?.poll_read(context, &mut self.chunk));
        match &received {
            Ok(0) => self.line.ended(End::Socket(None)),
            Ok(count) => self.line.listen(&self.chunk[..*count]),
            Err(error) => self.line.ended(match tls::words(error, &self.line.tls) {
                Some(words) => End::Tls(words),
                None => End::Socket(Some(error.to_string())),
            }),
        }
        Poll::Ready(received)
    }
}

impl<T: Tap> AsyncRead for Tapped<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if into.is_empty() {
            return Poll::Ready(Ok(0));
        }
        this.tasks.set_waker(context.waker());
        {
            let mut state = this.line.lock();
            if state.abandoned {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            match &mut state.reader {
                Some(reader) => reader.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
        }
        loop {
            if let Some(count) = this.tap.read(into) {
                return Poll::Ready(Ok(count));
            }
            ready!(this.tap.poll_open(context));
            let count = ready!(this.receive(context))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            this.tap.feed(&this.chunk[..count]);
        }
    }
}

impl<T: Tap> AsyncWrite for Tapped<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().socket.pin()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let socket = &mut self.get_mut().socket;
        socket.pin()?.poll_write_vectored(context, parts)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.tasks.poll();
        this.socket.pin()?.poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().socket.pin()?.poll_close(context)
    }
}

/// tokio's reactor, which names our transport as its own: lapin wants both to fit together. It
/// connects nothing itself.
pub(crate) struct TappedReactor<T>(Tokio, PhantomData<fn() -> T>);

impl<T> fmt::Debug for TappedReactor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TappedReactor").field(&self.0).finish()
    }
}

impl<T> TappedReactor<T> {
    pub fn new(tokio: Tokio) -> Self {
        Self(tokio, PhantomData)
    }
}

impl<T> Clone for TappedReactor<T> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<T: Tap> Reactor for TappedReactor<T> {
    type TcpStream = Tapped<T>;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.register(socket)
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        _: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
