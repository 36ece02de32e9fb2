//! Connections: accepting, encrypting, and a limit on each thing that a client could have more and
//! more of before a request is there.

use crate::{
    door::Wish,
    exchange::{Exchange, HEAD_BYTES_MAX, stopped},
    network::Network,
    patient::Patient,
    room::{Room, Visit},
    server::ServeError,
};
use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    future::poll_fn,
    net::IpAddr,
    path::Path,
    pin::{Pin, pin},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls};

/// How long a client may take for the headers of a request, and for a handshake.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take nothing of an answer.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// How long requests that are under way have when the server stops.
pub const GRACE: Duration = Duration::from_secs(5);
/// How long, and for how many bytes, a client is listened to whose body was refused.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// So many of those that are turned away are accepted at once, and then a pause is made: with the rest waiting in the
/// system's queue they are at most 20,000 a second. Fewer would have somebody with a token wait behind them.
const TURNED_AWAY: u64 = 100;
const PAUSE: Duration = Duration::from_millis(5);
/// How often the log says that some were turned away.
const TELLING: Duration = Duration::from_secs(60);

/// What encrypts connections with this certificate and its key, in PEM.
///
/// # Errors
/// If they can't be read, or don't fit together.
pub fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor, ServeError> {
    let unfit = |path: &Path, reason: String| ServeError::Certificate {
        path: path.to_owned(),
        reason,
    };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unfit(chain, error.to_string()))?;
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unfit(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_no_client_auth())
        .and_then(|builder| builder.with_single_cert(certificates, secret));
    let mut config = config.map_err(|error| unfit(chain, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts connections until the server stops; then those that are there have some time to end.
pub async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: Router,
    stopping: watch::Receiver<bool>,
) {
    let room = Arc::new(Room::new(Instant::now()));
    let wish = match tls {
        Some(_) => Wish::Handshake,
        None => Wish::Connection,
    };
    let mut turned_away = TurnedAway::default();
    let exchange = Exchange::new(app, room.clone(), stopping.clone());
    // Each connection has a sender; when all are gone, so are the connections.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let mut stop = pin!(stopped(stopping.clone()));
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection for HTTP could not be accepted");
                // Probably out of file handles; without a pause this would spin.
                room.give_way();
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let network = Network::of(peer.ip());
        if !room.admits(network, wish, Instant::now()) {
            // A reset, so that the system keeps nothing of it either.
            let _ = stream.set_zero_linger();
            drop(stream);
            if turned_away.one_more(peer.ip(), Instant::now()) {
                sleep(PAUSE).await;
            }
            continue;
        }
        let visit = room.enter(network);
        // One that had to leave for it closes its connection first, and requests have their turn.
        tokio::task::yield_now().await;
        let (tls, exchange) = (tls.clone(), exchange.clone());
        let (open, stopping) = (open.clone(), stopping.clone());
        tokio::spawn(async move {
            let _open = open;
            tokio::select! {
                () = converse(stream, tls, (&exchange, &visit), stopping) => {}
                () = visit.sent_away() => {}
            }
        });
    }
    drop((listener, open));
    // Nothing is ever sent; it ends when the last sender does.
    let _ = timeout(GRACE, all_closed.recv()).await;
}

/// Connections that were closed at once.
#[derive(Default)]
struct TurnedAway {
    count: u64,
    told: Option<Instant>,
}

impl TurnedAway {
    /// Counts one, and says so in the log now and then; whether it is time for a pause.
    fn one_more(&mut self, last: IpAddr, now: Instant) -> bool {
        self.count += 1;
        if self
            .told
            .is_none_or(|told| now.duration_since(told) >= TELLING)
        {
            self.told = Some(now);
            tracing::warn!(
                count = self.count,
                %last,
                "HTTP connections without a token come faster than the limit; some are closed at once"
            );
        }
        self.count.is_multiple_of(TURNED_AWAY)
    }
}

async fn converse(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    with: (&Exchange, &Visit),
    stopping: watch::Receiver<bool>,
) {
    // Without it small answers wait for acknowledgements.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return answer(Patient::new(stream, WRITE_PATIENCE), with, stopping).await;
    };
    let shaken = timeout(HEADER_PATIENCE, tls.accept(stream)).await;
    if let Ok(Ok(stream)) = shaken {
        answer(Patient::new(stream, WRITE_PATIENCE), with, stopping).await;
    }
}

async fn answer<S>(
    stream: S,
    (exchange, visit): (&Exchange, &Visit),
    stopping: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (exchange, visitor) = (exchange.clone(), visit.visitor());
    let service = service_fn(move |request| {
        let (exchange, visitor) = (exchange.clone(), visitor.clone());
        Box::pin(async move { exchange.answer(request, visitor).await })
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut stop = pin!(stopped(stopping));
    let mut stops = false;
    let served = poll_fn(|context| {
        if !stops && stop.as_mut().poll(context).is_ready() {
            stops = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(context)
    });
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection for HTTP ended");
    }
    let mut stream = connection.into_parts().io.into_inner();
    if stream.shutdown().await.is_ok() && visit.has_unread() {
        // To close while bytes arrive would tell the client to forget the answer.
        let _ = timeout(LINGER, discard(&mut stream)).await;
    }
}

/// Reads what a client still sends of a body that was refused.
async fn discard(stream: &mut (impl AsyncRead + Unpin)) {
    let mut bytes = vec![0; 16 << 10];
    let mut left = LINGER_BYTES;
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        match left.checked_sub(read) {
            Some(less) => left = less,
            None => return,
        }
    }
}
