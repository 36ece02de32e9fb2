//! The real engine as a process of its own: started, killed, ended in order.

use crate::{postgres::new_url, simulation};
use anyhow::{Context, Error, Result, bail};
use bureaucrat_host::query::{Query, QueryAnswer, Wanted};
use bureaucrat_store::Store;
use bureaucrat_store_postgres::{Opening, PATIENCE, PostgresStore, for_a_while};
use bureaucrat_store_rocksdb::RocksStore;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// The broker that the scripts start for tests.
///
/// # Errors
/// When `BUREAUCRAT_TEST_AMQP` is not set: such tests never skip.
pub fn broker_url() -> Result<String> {
    std::env::var("BUREAUCRAT_TEST_AMQP").context(
        "BUREAUCRAT_TEST_AMQP names no broker: run the tests by scripts/test, which starts one",
    )
}

/// The prefix of queues that no other run of the tests has used: a broker remembers whose its
/// queues are.
pub fn of_this_run(prefix: &str) -> String {
    format!("{prefix}-{}", std::process::id())
}

/// The binary that was built beside this test.
///
/// # Errors
/// When it is not there.
pub fn binary() -> Result<PathBuf> {
    simulation::binary().map_err(Error::msg)
}

/// An engine with queues of its own, so that several can share a broker.
#[derive(Debug)]
pub struct Engine {
    url: String,
    folder: PathBuf,
    prefix: String,
    options: Vec<String>,
    environment: Vec<(String, String)>,
    /// Where its records are instead of in its storage.
    database: Option<String>,
    child: Option<Child>,
}

impl Engine {
    /// An engine that keeps its state and its log in `folder` and whose queues begin with `prefix`. Not started.
    pub fn new(url: &str, folder: &Path, prefix: &str, options: &[&str]) -> Self {
        Self {
            url: url.to_owned(),
            folder: folder.to_owned(),
            prefix: prefix.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            environment: Vec::new(),
            // So that all tests can be run with records in a database.
            database: std::env::var_os("BUREAUCRAT_TEST_STORE").map(|_| {
                new_url().unwrap_or_else(|error| panic!("BUREAUCRAT_TEST_STORE: {error}"))
            }),
            child: None,
        }
    }

    /// Keeps its records in a database.
    pub fn with_database(mut self, database: Option<String>) -> Self {
        self.database = database;
        self
    }

    /// The address of the database that has its records, if one does.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Its records, once it has ended.
    ///
    /// # Errors
    /// When they can't be opened.
    pub fn records(&self) -> Result<Box<dyn Store>> {
        Ok(match &self.database {
            Some(address) => Box::new(PostgresStore::open(
                address.parse()?,
                PATIENCE,
                Opening::Check,
                &mut for_a_while(PATIENCE),
            )?),
            None => Box::new(RocksStore::open(&self.storage().join("state"))?),
        })
    }

    /// Sets variables for its process, not for commands that talk to it.
    pub fn with_environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Adds options for its process.
    pub fn add_option(&mut self, options: &[&str]) {
        let options = options.iter().map(|option| (*option).to_owned());
        self.options.extend(options);
    }

    /// The id of its process while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Waits until it answers an operator's question: before that a signal finds it half started.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn answers(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let output = self.command()?.arg("list").output()?;
            if output.status.success() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the engine does not answer:\n{}", self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it was started and has ended by itself.
    ///
    /// # Errors
    /// When the system does not know.
    pub fn has_ended(&mut self) -> Result<bool> {
        let Some(child) = &mut self.child else {
            return Ok(false);
        };
        let has_ended = child.try_wait()?.is_some();
        if has_ended {
            self.child = None;
        }
        Ok(has_ended)
    }

    /// Waits until it ends by itself. Gives its exit code.
    ///
    /// # Errors
    /// When it does not end in time, or by a signal.
    pub fn ended(&mut self, patience: Duration) -> Result<i32> {
        let deadline = Instant::now() + patience;
        let child = self.child.as_mut().context("the engine does not run")?;
        loop {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return self.code(status);
            }
            if Instant::now() > deadline {
                bail!("the engine still runs:\n{}", self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn code(&self, status: ExitStatus) -> Result<i32> {
        let code = status.code();
        code.with_context(|| format!("the engine ended by {status}:\n{}", self.log_tail()))
    }

    /// The name of one of its queues or exchanges: `launches`, `answers`, `events`, `dead`,
    /// `processes`, `cancelled`, `results`, `celery`.
    pub fn name(&self, of: &str) -> String {
        format!("{}.{of}", self.prefix)
    }

    pub fn storage(&self) -> PathBuf {
        self.folder.join("storage")
    }

    /// A command of the binary that talks to this engine.
    ///
    /// # Errors
    /// When the binary is not built.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command
            .env("BUREAUCRAT_AMQP", &self.url)
            .env("BUREAUCRAT_STORAGE", self.storage())
            .env("BUREAUCRAT_LAUNCH_QUEUE", self.name("launches"))
            .env("BUREAUCRAT_MESSAGE_QUEUE", self.name("answers"))
            .env("BUREAUCRAT_EVENT_QUEUE", self.name("events"))
            .env("BUREAUCRAT_RESULT_QUEUE", self.name("results"))
            .env("BUREAUCRAT_RESULT_EXCHANGE", self.name("celery"))
            .env("BUREAUCRAT_DEAD_LETTER_QUEUE", self.name("dead"))
            .env("BUREAUCRAT_NOTICE_EXCHANGE", self.name("processes"))
            .env("BUREAUCRAT_CANCEL_EXCHANGE", self.name("cancelled"))
            .env("BUREAUCRAT_PID_FILE", self.folder.join("engine.pid"));
        if let Some(database) = &self.database {
            command.env("BUREAUCRAT_STORE", database);
        }
        Ok(command)
    }

    /// Asks it an operator's question.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ask(&self, query: &Query) -> Result<QueryAnswer> {
        let mut stream = UnixStream::connect(self.storage().join("control.sock"))?;
        stream.write_all(format!("{}\n", serde_json::to_string(query)?).as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// What it says of the processes that it has: an error, if it stands by.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn listed(&self) -> Result<QueryAnswer> {
        self.ask(&Query::List {
            wanted: Wanted::default(),
            after: None,
            limit: 1,
        })
    }

    /// Starts it in the foreground; its log is appended to `engine.log`.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(&mut self) -> Result<()> {
        std::fs::create_dir_all(self.storage())?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("engine.log"))?;
        let child = self
            .command()?
            .arg("--foreground")
            .args(&self.options)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    /// Kills it: SIGKILL, nothing in hand is finished.
    ///
    /// # Errors
    /// When it had ended by itself, which it never should.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            bail!("the engine does not run")
        };
        if let Some(status) = child.try_wait()? {
            bail!(
                "the engine ended by itself ({status}):\n{}",
                self.log_tail()
            );
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Ends it in order: SIGTERM, and waits until it is gone. Gives its exit code.
    ///
    /// # Errors
    /// When it does not end within 20 seconds, or by a signal.
    pub fn end(&mut self) -> Result<i32> {
        let Some(mut child) = self.child.take() else {
            bail!("the engine does not run")
        };
        kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = child.try_wait()? {
                return self.code(status);
            }
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                bail!(
                    "the engine did not end within 20 s of SIGTERM:\n{}",
                    self.log_tail()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends it SIGHUP.
    ///
    /// # Errors
    /// When it does not run.
    pub fn hang_up(&self) -> Result<()> {
        self.signal(Signal::SIGHUP)
    }

    /// Sends it SIGTERM; [`Engine::ended`] waits for what comes of it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::SIGTERM)
    }

    /// Stops it where it is: SIGSTOP.
    ///
    /// # Errors
    /// When it does not run.
    pub fn suspend(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it continue: SIGCONT.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the engine does not run")?;
        kill(Pid::from_raw(i32::try_from(child.id())?), signal)?;
        Ok(())
    }

    /// Waits until its log has a line with this text. Gives the line.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn says(&self, text: &str, patience: Duration) -> Result<String> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(line) = self.log().lines().find(|line| line.contains(text)) {
                return Ok(line.to_owned());
            }
            if Instant::now() > deadline {
                bail!("the log has no `{text}`:\n{}", self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All of its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("engine.log")).unwrap_or_default()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
