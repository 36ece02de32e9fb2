//! A real engine as its operator sees it: by the commands of its binary, over the real broker.

use crate::engine::{Engine, broker_url, of_this_run};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Output,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long anything may take; generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine with a folder and queues of its own.
#[derive(Debug)]
pub struct Operated {
    pub engine: Engine,
    folder: TempDir,
}

impl Operated {
    /// An engine whose queues begin with `prefix`. Not started.
    ///
    /// # Errors
    /// When there is no broker or no folder.
    pub fn new(prefix: &str, options: &[&str]) -> Result<Self> {
        Self::on(&broker_url()?, prefix, options)
    }

    /// The same with another broker.
    ///
    /// # Errors
    /// When there is no folder.
    pub fn on(broker: &str, prefix: &str, options: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let prefix = of_this_run(prefix);
        let engine = Engine::new(broker, folder.path(), &prefix, options);
        // The engine's environment names its queues for the engine alone; the file names them for every command.
        let names = ["launches", "events"].map(|of| engine.name(of));
        let [launches, events] = names;
        let settings = format!("[bureaucrat]\nlaunch_queue = {launches}\nevent_queue = {events}\n");
        std::fs::write(folder.path().join("config.ini"), settings)?;
        Ok(Self { engine, folder })
    }

    /// Sets variables for the engine's process, not for commands.
    pub fn with_environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        self.engine = self.engine.with_environment(variables);
        self
    }

    /// A path in its folder, beside the storage.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of the records.
    pub fn state(&self) -> PathBuf {
        self.engine.storage().join("state")
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&mut self) -> Result<()> {
        self.engine.start()?;
        self.engine.answers(PATIENCE)
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn end(&mut self) -> Result<()> {
        let code = self.engine.end()?;
        ensure!(code == 0, "exit code {code}:\n{}", self.engine.log_tail());
        Ok(())
    }

    /// Runs a command.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = self.engine.command()?;
        command.env("BUREAUCRAT_CONFIG", self.path("config.ini"));
        Ok(command.args(arguments).output()?)
    }

    /// Runs a command that leaves with `code`, and gives what it printed.
    ///
    /// # Errors
    /// When it leaves with another code.
    pub fn leaves_with(&self, code: i32, arguments: &[&str]) -> Result<String> {
        self.left_with(code, arguments, &self.run(arguments)?)
    }

    fn left_with(&self, code: i32, arguments: &[&str], output: &Output) -> Result<String> {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        ensure!(
            output.status.code() == Some(code),
            "{arguments:?}: {}, not {code}\n{out}\n{err}\n{}",
            output.status,
            self.engine.log_tail()
        );
        Ok(if out.is_empty() { err } else { out })
    }

    /// As [`Self::leaves_with`], for a command that prints JSON.
    ///
    /// # Errors
    /// When it leaves with another code, or prints no JSON.
    pub fn json(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        let text = self.leaves_with(code, arguments)?;
        serde_json::from_str(&text).with_context(|| format!("{arguments:?}: {text}"))
    }

    /// Launches a definition, and gives the id of its process.
    ///
    /// # Errors
    /// When it is not launched.
    pub fn launch(&self, definition: &str) -> Result<String> {
        let file = self.path("definition.xml");
        std::fs::write(&file, definition)?;
        let file = file.to_str().context("a path in UTF-8")?;
        Ok(self.published(&["launch", file])?.trim().to_owned())
    }

    /// Launches a definition with fields, and gives the id of its process.
    ///
    /// # Errors
    /// When it is not launched.
    pub fn launch_with(&self, definition: &str, fields: &str) -> Result<String> {
        let file = self.path("definition.xml");
        std::fs::write(&file, definition)?;
        let file = file.to_str().context("a path in UTF-8")?;
        let printed = self.published(&["launch", file, "--fields", fields])?;
        Ok(printed.trim().to_owned())
    }

    /// Sets limits of the sandbox for the engine: lines of the section `limits`.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn limits(&mut self, lines: &str) -> Result<()> {
        let file = self.path("config.ini");
        let settings = std::fs::read_to_string(&file)?;
        std::fs::write(&file, format!("{settings}[limits]\n{lines}\n"))?;
        let file = file.to_str().context("a path in UTF-8")?;
        self.engine.add_option(&["--config", file]);
        Ok(())
    }

    /// Runs a command that publishes, again while the engine has not declared its queues yet.
    ///
    /// # Errors
    /// When it does not succeed in time.
    pub fn published(&self, arguments: &[&str]) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = self.run(arguments)?;
            let too_early = String::from_utf8_lossy(&output.stderr).contains("no queue accepts");
            if !too_early || Instant::now() > deadline {
                return self.left_with(0, arguments, &output);
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// What `show` says of a process.
    ///
    /// # Errors
    /// When it is not known.
    pub fn show(&self, process: &str) -> Result<Value> {
        self.json(0, &["show", "--history", "--json", process])
    }

    /// Waits until a process is in a state, and gives what `show` says then.
    ///
    /// # Errors
    /// When that does not happen.
    pub fn until(&self, process: &str, state: &str) -> Result<Value> {
        self.until_it(process, state, |shown| shown["state"] == state)
    }

    /// Waits until what `show` says of a process fulfils a condition.
    ///
    /// # Errors
    /// When that does not happen.
    pub fn until_it(
        &self,
        process: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.show(process)?;
            if is_so(&shown) {
                return Ok(shown);
            }
            if Instant::now() > deadline {
                bail!(
                    "{process} is not {what}: {shown}\n{}",
                    self.engine.log_tail()
                );
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Publishes an event.
    ///
    /// # Errors
    /// When that fails.
    pub fn event(&self, name: &str) -> Result<()> {
        self.published(&["event", name]).map(|_| ())
    }

    /// Audits a storage that no engine runs on: nothing may be wrong.
    ///
    /// # Errors
    /// When there are findings.
    pub fn is_clean(&self, storage: &Path) -> Result<()> {
        if storage == self.engine.storage() {
            // Its records may be in a database.
            return self.leaves_with(0, &["fsck"]).map(|_| ());
        }
        let storage = storage.to_str().context("a path in UTF-8")?;
        self.leaves_with(0, &["fsck", storage]).map(|_| ())
    }
}
