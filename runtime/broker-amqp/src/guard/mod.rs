//! Stands between the broker's socket and lapin, so that no message can hurt what reads it.
//!
//! A publisher chooses the properties of a message, and one that lapin can't read would end the connection, or the whole
//! engine, again each time that the broker delivers it. lapin takes any transport: this one connects as lapin would,
//! TLS included, and passes what it reads through a [`filter::Filter`]. What is written is left alone.

mod filter;
mod properties;

use crate::in_hand::Intake;
use async_rs::{Runtime, Tokio, traits::Reactor, util::RuntimeParts};
use filter::Filter;
use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use lapin::{
    Connection, ConnectionProperties,
    tcp::{AMQPUriTcpExt, AsyncTcpStream, TLSConfig},
    uri::AMQPUri,
};
use std::{
    future::Future,
    io::{self, Read, Write},
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// The largest frame that is asked for where the URL names none, in bytes: RabbitMQ's own default, within which the
/// properties of every message that it takes from a publisher have to be.
const FRAME_MAX: u32 = 128 << 10;
/// How much is read from the socket at once, in bytes.
const CHUNK: usize = 64 << 10;

type Plain = <Tokio as Reactor>::TcpStream;

/// Connects, with the filter between. An intake bounds what is read ahead of the host.
///
/// # Errors
/// What lapin says.
pub(crate) async fn connect(
    mut uri: AMQPUri,
    properties: ConnectionProperties,
    intake: Option<Arc<Intake>>,
) -> Result<Connection, lapin::Error> {
    let frame_max = *uri.query.frame_max.get_or_insert(FRAME_MAX);
    let (tokio, handle) = (Tokio::current(), Handle::current());
    let reactor = GuardedReactor(tokio.clone(), handle.clone());
    let parts = RuntimeParts::new(tokio.clone(), reactor);
    let open = async move |uri: AMQPUri, _: Runtime<_>| {
        let (runtime, intake) = (Runtime::new(tokio.clone()), intake.clone());
        let handle = handle.clone();
        let stream = uri.connect_with_config_async(TLSConfig::default(), &runtime);
        let stream = stream.await.map_err(lapin::Error::from)?;
        let socket = Socket::new(stream, handle);
        Ok(AsyncTcpStream::Plain(Guarded::new(
            socket, frame_max, intake,
        )))
    };
    Connection::connector(uri, Runtime::new(parts), open, properties).await
}

/// The socket. It is dropped on lapin's own thread, where its adapter would start a runtime of its
/// own to be dropped in, and panic when the system gives none; so it is dropped in ours.
struct Socket {
    stream: Option<AsyncTcpStream<Plain>>,
    runtime: Handle,
}

impl Socket {
    fn new(stream: AsyncTcpStream<Plain>, runtime: Handle) -> Self {
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

/// A connection to the broker whose incoming frames are filtered.
pub(crate) struct Guarded {
    socket: Socket,
    filter: Filter,
    chunk: Box<[u8]>,
    intake: Option<Arc<Intake>>,
}

impl Guarded {
    fn new(socket: Socket, frame_max: u32, intake: Option<Arc<Intake>>) -> Self {
        Self {
            socket,
            intake,
            filter: Filter::new(frame_max),
            chunk: vec![0; CHUNK].into_boxed_slice(),
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if into.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            if let Some(count) = this.filter.read(into) {
                return Poll::Ready(Ok(count));
            }
            if let Some(intake) = &this.intake {
                ready!(intake.poll_open(context));
            }
            let count = ready!(this.socket.pin()?.poll_read(context, &mut this.chunk))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            this.filter.feed(&this.chunk[..count]);
            if let Some(intake) = &this.intake {
                intake.read(this.filter.take_bodies());
            }
        }
    }
}

impl AsyncWrite for Guarded {
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
        self.get_mut()
            .socket
            .pin()?
            .poll_write_vectored(context, parts)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().socket.pin()?.poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().socket.pin()?.poll_close(context)
    }
}

/// tokio's reactor, which names our transport as its own: lapin wants both to fit together.
#[derive(Debug, Clone)]
struct GuardedReactor(Tokio, Handle);

impl Reactor for GuardedReactor {
    type TcpStream = Guarded;
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
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let connecting = self.0.tcp_connect_addr(address);
        let runtime = self.1.clone();
        async move {
            let stream = AsyncTcpStream::Plain(connecting.await?);
            let socket = Socket::new(stream, runtime);
            Ok(Guarded::new(socket, FRAME_MAX, None))
        }
    }
}
