//! What is said about certificates: whose they are, whose they should be, and where to name them.

use super::World;
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::faults::Rabbit;
use std::{path::Path, process::Command};

/// A certificate authority, and certificates for the broker and a client, in PEM.
pub fn certificates(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let openssl = |arguments: &str| -> Result<()> {
        let mut command = Command::new("openssl");
        let output = command
            .current_dir(folder)
            .args(arguments.split_whitespace())
            .output()
            .context("openssl can't be run")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "openssl {arguments}: {words}");
        Ok(())
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=ca \
         -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign"
    ))?;
    std::fs::write(
        folder.join("extensions"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )?;
    openssl(&format!(
        "req {key} -keyout key.pem -out cert.csr -subj /CN=broker"
    ))?;
    openssl(
        "x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
         -extfile extensions -out cert.pem",
    )?;
    // Somebody else's: a CA and a certificate that it signed itself.
    openssl(&format!(
        "req -x509 {key} -keyout other.key -out other.pem -days 30 -subj /CN=other"
    ))
}

#[test]
fn a_broker_that_demands_a_certificate_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tls = folder.path().join("tls");
    certificates(&tls)?;
    let demanding = folder.path().join("demanding");
    let rabbit = Rabbit::start_demanding_certificates(&demanding, &tls)?;
    let world = World { folder, rabbit };
    let address = world.rabbit.tls_url()?;
    for (files, expected) in [
        (
            "",
            "it probably demands a certificate from its clients; name one with --amqp-cert-file",
        ),
        (
            "&certfile=tls/other.pem&keyfile=tls/other.key",
            "it probably doesn't trust the certificate tls/other.pem",
        ),
        (
            "&certfile=tls/cert.pem&keyfile=tls/key.pem",
            "no queue accepts messages",
        ),
    ] {
        let address = format!("{address}?cacertfile=tls/ca.pem{files}");
        let output = world.run(&address, &["event", "paid"])?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(1), "{files}: {words}");
        ensure!(words.contains(expected), "{files}: {words}");
    }
    Ok(())
}
