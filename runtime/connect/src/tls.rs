//! TLS on top of a socket: which certificates are trusted and shown, and what failed, in words.

use crate::{Tls, Trouble, trouble::of_file};
use futures_io::{AsyncRead, AsyncWrite};
use lapin::tcp::{AsyncTcpStream, RustlsConnector, RustlsConnectorConfig};
use rustls::{
    AlertDescription, CertificateError, Error,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{io, path::Path};

/// The largest file of certificates or keys, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Encrypts a connection that was just made. The files are read for each, since certificates are
/// renewed.
///
/// # Errors
/// When a file can't be used, or both sides don't agree.
pub(crate) async fn encrypt<S>(
    stream: AsyncTcpStream<S>,
    host: &str,
    tls: &Tls,
) -> Result<AsyncTcpStream<S>, Trouble>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let connector = connector(tls)?;
    let name = tls.server_name.as_deref().unwrap_or(host);
    let name = name.split('%').next().unwrap_or(name);
    let encrypted = stream.into_rustls(&connector, name).await;
    encrypted.map_err(|error| trouble(&error, tls))
}

fn connector(tls: &Tls) -> Result<RustlsConnector, Trouble> {
    let other = |error: io::Error| Trouble::Tls(error.to_string());
    let config = match &tls.ca_file {
        Some(path) => {
            let certificates = certificates("CA file", path)?;
            RustlsConnectorConfig::default().with_parsable_certificates(certificates)
        }
        None => RustlsConnectorConfig::new_with_native_certs().map_err(|error| {
            Trouble::Tls(format!(
                "cannot read the certificates that this system trusts ({error}); name the \
                 broker's CA with --amqp-ca-file"
            ))
        })?,
    };
    let Some(path) = &tls.cert_file else {
        return match &tls.key_file {
            Some(path) => Err(lone("key", path, "certificate", "--amqp-cert-file")),
            None => config.connector_with_no_client_auth().map_err(other),
        };
    };
    let Some(key_path) = &tls.key_file else {
        return Err(lone("certificate", path, "key", "--amqp-key-file"));
    };
    let chain = certificates("certificate file", path)?;
    let key = PrivateKeyDer::from_pem_slice(&read("key file", key_path)?).map_err(|_| {
        file(
            "key file",
            key_path,
            "there is no unencrypted PEM private key in it",
        )
    })?;
    let pair = config.connector_with_single_cert(chain, key);
    pair.map_err(|error| unfit(&error, path, key_path))
}

/// Why a certificate and a key can't be used together.
fn unfit(error: &io::Error, certificate: &Path, key: &Path) -> Trouble {
    let of_tls = error.get_ref().and_then(|error| error.downcast_ref());
    match of_tls {
        Some(Error::InconsistentKeys(_)) => Trouble::Tls(format!(
            "the key {} does not belong to the certificate {}; name the key that the certificate \
             was made for with --amqp-key-file",
            key.display(),
            certificate.display()
        )),
        Some(Error::General(reason)) => file("key file", key, reason),
        Some(_) | None => file("certificate file", certificate, &error.to_string()),
    }
}

fn lone(given: &str, path: &Path, missing: &str, flag: &str) -> Trouble {
    Trouble::Tls(format!(
        "there is a client {given} ({}) without a {missing}; name it with {flag}",
        path.display()
    ))
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let pem = read(what, path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(file(what, path, "there is no PEM certificate in it")),
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, Trouble> {
    let reason = |error: io::Error| file(what, path, &of_file(&error));
    let size = std::fs::metadata(path).map_err(reason)?.len();
    if size > FILE_BYTES_MAX {
        return Err(file(what, path, "it is too large"));
    }
    std::fs::read(path).map_err(reason)
}

fn file(what: &'static str, path: &Path, reason: &str) -> Trouble {
    let (path, reason) = (path.to_owned(), reason.to_owned());
    Trouble::File { what, path, reason }
}

/// What an error of a socket with TLS means; `None` when it is not about TLS.
pub(crate) fn words(error: &io::Error, tls: &Tls) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls adds errors as it likes"
    )]
    Some(match error {
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => match &tls.ca_file {
            Some(file) => format!(
                "the broker's certificate is not signed by the CA in {}; name the file of the CA \
                 that signed it with --amqp-ca-file",
                file.display()
            ),
            None => "the broker's certificate is not signed by a CA that this system trusts; name \
                     its CA with --amqp-ca-file"
                .to_owned(),
        },
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!("the broker's certificate is for another host ({error}); use its name"),
        Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => format!("the broker's certificate has expired, or a clock is wrong ({error})"),
        Error::InvalidCertificate(_) => {
            format!("the broker's certificate is not valid ({error})")
        }
        Error::InvalidMessage(_) => {
            "this port doesn't speak TLS; use amqp:// in place of amqps://, or the TLS port, \
             usually 5671"
                .to_owned()
        }
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => format!("the broker refused ({error}): {}", wanted(tls)),
        _ => error.to_string(),
    })
}

/// What a broker probably wants that ends the connection where certificates are shown.
fn wanted(tls: &Tls) -> String {
    match &tls.cert_file {
        Some(file) => format!(
            "it probably doesn't trust the certificate {}; use one signed by a CA that the broker \
             trusts (its `ssl_options.cacertfile`)",
            file.display()
        ),
        None => "it probably demands a certificate from its clients; name one with \
                 --amqp-cert-file and --amqp-key-file"
            .to_owned(),
    }
}

/// The connection ended after both sides agreed on TLS, before the broker said anything: with TLS
/// 1.3 it looks at the client's certificate only then.
pub(crate) fn ended(reason: Option<&str>, tls: &Tls) -> Trouble {
    let reason = reason.unwrap_or("without a word");
    let wanted = wanted(tls);
    Trouble::Tls(format!(
        "the broker closed the connection after the TLS handshake ({reason}): {wanted}. The \
         broker's log says more"
    ))
}

fn trouble(error: &io::Error, tls: &Tls) -> Trouble {
    if let Some(words) = words(error, tls) {
        return Trouble::Tls(words);
    }
    let closed = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
    Trouble::Tls(match closed.contains(&error.kind()) {
        true => {
            "the port closed the connection when it was greeted with TLS; use amqp:// in place \
                 of amqps://, or the TLS port, usually 5671"
                .to_owned()
        }
        false => error.to_string(),
    })
}
