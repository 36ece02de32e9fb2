//! Connections: accepting, encrypting, and a limit on each thing that a client could have more and
//! more of before a request is there.

use crate::{patient::Patient, server::ServeError};
use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::{TlsAcceptor, rustls};

/// The most connections; further ones are closed at once.
const CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take for the headers of a request, and for a handshake.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take nothing of an answer.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// The most bytes of a request's headers.
const HEADER_BYTES_MAX: usize = 32 << 10;

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

/// Accepts connections without end.
pub async fn accept(listener: &TcpListener, tls: Option<TlsAcceptor>, app: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection for HTTP could not be accepted");
                // Probably out of file handles; without a pause this would spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(held) = room.clone().try_acquire_owned() else {
            continue;
        };
        let (tls, app) = (tls.clone(), app.clone());
        tokio::spawn(async move {
            let _held = held;
            converse(stream, tls, app).await;
        });
    }
}

async fn converse(stream: TcpStream, tls: Option<TlsAcceptor>, app: Router) {
    // Without it small answers wait for acknowledgements.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return answer(Patient::new(stream, WRITE_PATIENCE), app).await;
    };
    let shaken = tokio::time::timeout(HEADER_PATIENCE, tls.accept(stream)).await;
    if let Ok(Ok(stream)) = shaken {
        answer(Patient::new(stream, WRITE_PATIENCE), app).await;
    }
}

async fn answer<S>(stream: S, app: Router)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection for HTTP ended");
    }
}
