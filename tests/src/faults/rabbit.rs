//! A RabbitMQ for one test, run by `scripts/rabbitmq`: started, stopped, killed, controlled.

use crate::scripts::script;
use anyhow::{Result, ensure};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// A broker that belongs to one test. Stopped when dropped.
#[derive(Debug)]
pub struct Rabbit {
    folder: PathBuf,
    url: String,
    environment: Vec<(&'static str, OsString)>,
}

impl Rabbit {
    /// Starts a RabbitMQ with its data in `folder`. Takes ten to twenty seconds.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(folder: &Path) -> Result<Self> {
        Self::start_with(folder, Vec::new())
    }

    /// Starts one that forms a cluster with another one, in a folder beside that one's.
    ///
    /// # Errors
    /// If it does not start.
    pub fn join(folder: &Path, first: &Self) -> Result<Self> {
        let mut rabbit = Self {
            folder: folder.to_owned(),
            url: String::new(),
            environment: Vec::new(),
        };
        let first = first.folder.display().to_string();
        let url = rabbit.script("join", &[&first])?;
        rabbit.url = url.lines().next().unwrap_or_default().trim().to_owned();
        Ok(rabbit)
    }

    /// Starts one that takes TLS too, with the certificates of a folder, see `scripts/rabbitmq`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with_tls(folder: &Path, certificates: &Path) -> Result<Self> {
        let certificates = certificates.as_os_str().to_owned();
        Self::start_with(folder, vec![("BUREAUCRAT_RABBITMQ_TLS", certificates)])
    }

    /// Starts one that takes TLS from clients with a certificate alone.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_demanding_certificates(folder: &Path, certificates: &Path) -> Result<Self> {
        let certificates = certificates.as_os_str().to_owned();
        let demand = ("BUREAUCRAT_RABBITMQ_TLS_VERIFY", OsString::from("demand"));
        Self::start_with(
            folder,
            vec![("BUREAUCRAT_RABBITMQ_TLS", certificates), demand],
        )
    }

    /// Its URL with TLS.
    ///
    /// # Errors
    /// When it takes none.
    pub fn tls_url(&self) -> Result<String> {
        let url = std::fs::read_to_string(self.folder.join("tls-url"))?;
        Ok(url.trim().to_owned())
    }

    fn start_with(folder: &Path, environment: Vec<(&'static str, OsString)>) -> Result<Self> {
        let mut rabbit = Self {
            folder: folder.to_owned(),
            url: String::new(),
            environment,
        };
        rabbit.start_again()?;
        Ok(rabbit)
    }

    /// Its URL; the port stays the same over restarts.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts it after it was stopped or killed.
    ///
    /// # Errors
    /// If it does not start, or uses another port than before.
    pub fn start_again(&mut self) -> Result<()> {
        let url = self.script("start", &[])?.trim().to_owned();
        ensure!(
            self.url.is_empty() || self.url == url,
            "the broker came back elsewhere: {url} instead of {}",
            self.url
        );
        self.url = url;
        Ok(())
    }

    /// Stops it cleanly.
    ///
    /// # Errors
    /// If the script fails.
    pub fn stop(&self) -> Result<()> {
        self.script("stop", &[]).map(drop)
    }

    /// Kills it, as a power cut would.
    ///
    /// # Errors
    /// When the script fails.
    pub fn kill(&self) -> Result<()> {
        self.script("kill", &[]).map(drop)
    }

    /// Runs `rabbitmqctl` with these arguments.
    ///
    /// # Errors
    /// If it fails; the error contains its output.
    pub fn control(&self, arguments: &[&str]) -> Result<String> {
        self.script("ctl", arguments)
    }

    fn script(&self, verb: &str, arguments: &[&str]) -> Result<String> {
        script(
            "rabbitmq",
            (verb, &self.folder),
            arguments,
            &self.environment,
        )
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        // Without its folder nobody knows which processes are its own, and it would run on.
        let is_there = self.folder.exists();
        let _ = self.stop();
        assert!(
            is_there || std::thread::panicking(),
            "{} was removed while its broker ran; drop the broker first",
            self.folder.display()
        );
    }
}
