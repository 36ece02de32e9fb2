//! A PostgreSQL for one test, run by `scripts/postgres`: started, killed, followed by a standby that is promoted.

use crate::scripts::script;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A database server that belongs to one test. Stopped when dropped.
#[derive(Debug)]
pub struct Database {
    folder: PathBuf,
    port: u16,
}

impl Database {
    /// Starts one with its data in `folder`, which others must be able to enter.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(folder: &Path) -> Result<Self> {
        let mut database = Self {
            folder: folder.to_owned(),
            port: 0,
        };
        database.port = port(&database.script("start", &[])?)?;
        Ok(database)
    }

    /// Begins again as a standby of another one, once it was killed.
    ///
    /// # Errors
    /// If it does not start.
    pub fn follow(&self, primary: &Self) -> Result<()> {
        let primary = primary.folder.display().to_string();
        self.script("standby", &[&primary]).map(drop)
    }

    /// Starts a standby of it, in a new folder. From then on it confirms nothing that the standby does not have.
    ///
    /// # Errors
    /// If it does not start.
    pub fn standby(&self, folder: &Path) -> Result<Self> {
        let mut standby = Self {
            folder: folder.to_owned(),
            port: 0,
        };
        let primary = self.folder.display().to_string();
        standby.port = port(&standby.script("standby", &[&primary])?)?;
        Ok(standby)
    }

    /// Where it listens, as addresses name it.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it in the middle of everything.
    ///
    /// # Errors
    /// If the script fails.
    pub fn kill(&self) -> Result<()> {
        self.script("kill", &[]).map(drop)
    }

    /// Makes a standby the primary.
    ///
    /// # Errors
    /// If the script fails.
    pub fn promote(&self) -> Result<()> {
        self.script("promote", &[]).map(drop)
    }

    fn script(&self, verb: &str, arguments: &[&str]) -> Result<String> {
        script("postgres", (verb, &self.folder), arguments, &[])
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = self.script("stop", &[]) {
            eprintln!("{error}");
        }
    }
}

fn port(url: &str) -> Result<u16> {
    let (_, port) = url.trim().rsplit_once(':').context("no port")?;
    let (port, _) = port.split_once('/').context("no port")?;
    Ok(port.parse()?)
}
