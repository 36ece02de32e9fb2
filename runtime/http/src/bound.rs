//! Listening, before there is an engine that answers: so a port that is taken is noticed before anything is done.

use crate::{
    body::Budget,
    connections,
    engine::Engine,
    guard::Guard,
    pool::{Pool, let_others_first},
    rate::Rates,
    routes::health::Readinesses,
    server::{Scheme, ServeError, Server, Settings, Shared, hosts, router},
    sessions::Sessions,
    tokens::Tokens,
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Runtime,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4_096;

/// Where the API will be served: it listens already, and who connects waits.
pub struct Bound {
    settings: Settings,
    tls: Option<TlsAcceptor>,
    guard: Guard,
    pool: Pool,
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Listens.
    ///
    /// # Errors
    /// If an address of another interface has no TLS, or if something can't be read or started.
    pub fn new(settings: Settings) -> Result<Self, ServeError> {
        let listen = settings.listen;
        let tls = settings.tls.as_ref();
        let tls = tls
            .map(|(chain, key)| connections::acceptor(chain, key))
            .transpose()?;
        if tls.is_none() && !listen.ip().is_loopback() {
            return Err(ServeError::Open(listen));
        }
        let guard = Guard {
            tokens: Tokens::open(&settings.storage)?,
            sessions: Sessions::default(),
            scheme: match tls {
                Some(_) => Scheme::Https,
                None => Scheme::Http,
            },
            hosts: hosts(&settings),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_start(let_others_first)
            .build()
            .map_err(ServeError::Threads)?;
        let failed = |error| ServeError::Listen {
            address: listen,
            error,
        };
        let listener = {
            let _context = runtime.enter();
            bound(listen).map_err(failed)?
        };
        Ok(Self {
            address: listener.local_addr().map_err(failed)?,
            pool: Pool::start().map_err(ServeError::Threads)?,
            settings,
            tls,
            guard,
            runtime,
            listener,
        })
    }

    pub const fn scheme(&self) -> Scheme {
        self.guard.scheme
    }

    /// Serves the API, on threads of its own.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn serve(self, engine: Arc<dyn Engine>) -> Result<Server, ServeError> {
        let (stop, stopping) = watch::channel(false);
        let shared = Arc::new(Shared {
            engine,
            census: Arc::default(),
            guard: self.guard,
            pool: self.pool,
            rates: Rates::default(),
            budget: Budget::default(),
            streams: Arc::default(),
            once: Arc::default(),
            readiness: Readinesses::default(),
            stopping: stopping.clone(),
        });
        let looking = shared.clone();
        let app = router(shared, self.settings.version);
        let (runtime, listener, tls) = (self.runtime, self.listener, self.tls);
        let (open, closed) = std::sync::mpsc::channel();
        let accept = move || {
            let _open: std::sync::mpsc::Sender<()> = open;
            let_others_first();
            runtime.block_on(async move {
                tokio::spawn(async move { looking.streams.look(&*looking.engine).await });
                connections::accept(listener, tls, app, stopping).await;
            });
        };
        std::thread::Builder::new()
            .name("http".into())
            .spawn(accept)
            .map_err(ServeError::Threads)?;
        Ok(Server {
            address: self.address,
            stop,
            closed,
        })
    }
}

/// Listens, with room for many who come at the same time.
fn bound(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = match listen {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A port that was ours a moment ago can be taken again.
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    socket.listen(BACKLOG)
}
