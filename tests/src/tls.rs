//! The HTTP API over TLS: a certificate for an engine, a client that trusts it, and how a handshake begins.

use crate::http::{Answer, read};
use anyhow::{Context, Result, ensure};
use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A certificate for 127.0.0.1 that signs itself, and its key, in PEM.
#[derive(Debug)]
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl Certificate {
    /// Makes one, with an RSA key: the most work for a server that many have.
    ///
    /// # Errors
    /// When openssl does not work.
    pub fn make(folder: &Path) -> Result<Self> {
        let own = Self {
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
        };
        let arguments = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=engine \
             -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE";
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .arg("-keyout")
            .arg(&own.key)
            .arg("-out")
            .arg(&own.chain)
            .output()
            .context("openssl can't be run")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "openssl {arguments}: {words}");
        Ok(own)
    }

    /// A client that trusts it alone.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn trusted(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.chain)?)?;
        config(roots)
    }
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

fn connection(config: Arc<ClientConfig>) -> Result<ClientConnection> {
    let name = ServerName::try_from("127.0.0.1")?;
    Ok(ClientConnection::new(config, name)?)
}

/// How a client begins a handshake; any number of them may begin like this.
///
/// # Errors
/// When there is no cryptography.
pub fn hello() -> Result<Vec<u8>> {
    let mut hello = Vec::new();
    connection(config(RootCertStore::empty())?)?.write_tls(&mut hello)?;
    Ok(hello)
}

/// Sends a request over a connection of its own.
///
/// # Errors
/// When there is no answer.
pub fn send(config: Arc<ClientConfig>, address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection(config)?, stream);
    stream.write_all(request)?;
    read(&mut stream)
}
