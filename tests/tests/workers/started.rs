//! An engine with a route to Celery, and workers as processes of their own.

use bureaucrat_tests::{
    engine::{broker_url, of_this_run},
    operating::Operated,
};
use lapin::{Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How long a worker has to end in order.
const PATIENCE: Duration = Duration::from_secs(20);

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// What the settings of an engine say of tasks.
pub enum Settings<'t> {
    /// Nothing.
    Plain,
    /// `shop.*` goes to the Celery app as workitems.
    Workitems,
    /// `shop.*` are tasks of the Celery app.
    Calls,
    /// This, below `[bureaucrat]`; `SHOP_QUEUE` is the Celery app's queue.
    These(&'t str),
}

/// The engine, its queue for the Celery app, and what workers have to be told.
pub struct Shop {
    pub operated: Operated,
    queue: String,
    prefix: String,
}

impl Shop {
    pub fn open(prefix: &str, settings: Settings<'_>) -> Self {
        let queue = of_this_run(&format!("{prefix}.shop"));
        let operated = Operated::new(prefix, &[]).unwrap();
        let text = match settings {
            Settings::Plain => String::new(),
            Settings::Workitems => {
                format!("[participants]\nshop.* = celery-workitem queue={queue}\n")
            }
            Settings::Calls => format!("[participants]\nshop.* = celery queue={queue}\n"),
            Settings::These(settings) => {
                format!("[bureaucrat]\n{}", settings.replace("SHOP_QUEUE", &queue))
            }
        };
        let file = operated.path("engine.ini");
        fs::write(&file, text).unwrap();
        let variable = (
            "BUREAUCRAT_CONFIG".to_owned(),
            file.to_str().unwrap().to_owned(),
        );
        let mut operated = operated.with_environment([variable]);
        operated.start().unwrap();
        Self {
            prefix: format!("{}.", operated.engine.name("pika")),
            operated,
            queue,
        }
    }

    /// The Celery app's queue.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// What the names of the pika worker's participants begin with.
    pub fn pika_prefix(&self) -> &str {
        &self.prefix
    }

    /// A Celery worker with the tasks of tests/workers/tasks.py.
    pub fn celery(&self) -> Worker {
        self.celery_app("tasks", &[])
    }

    /// One with the tasks of tests/workers/calls.py, which know nothing of the engine, and with
    /// variables that say what the app is like.
    pub fn calls(&self, variables: &[(&str, &str)]) -> Worker {
        self.celery_app("calls", variables)
    }

    fn celery_app(&self, app: &str, variables: &[(&str, &str)]) -> Worker {
        let worker = "worker --pool prefork --concurrency 2 --loglevel WARNING \
                      --without-gossip --without-mingle --without-heartbeat";
        let start = ["-W", "ignore", "-m", "celery", "--quiet", "--app", app];
        let name = ["--hostname", &self.queue];
        let arguments = start.into_iter().chain(worker.split_whitespace());
        self.python(arguments.chain(name), variables)
    }

    pub fn pika(&self) -> Worker {
        self.python(["pika_worker.py"], &[])
    }

    /// A service that takes requests, and replies to each twice.
    pub fn service(&self) -> Worker {
        self.python(["rpc_service.py"], &[])
    }

    fn python<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
        variables: &[(&str, &str)],
    ) -> Worker {
        let program = std::env::var_os("BUREAUCRAT_PYTHON")
            .expect("BUREAUCRAT_PYTHON is not set: run the tests by scripts/test");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.operated.path("workers.log"))
            .unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(root().join("tests/workers"))
            .env("PYTHONPATH", root().join("scripts/demo.d"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("BUREAUCRAT_TEST_AMQP", broker_url().unwrap())
            .env(
                "BUREAUCRAT_MESSAGE_QUEUE",
                self.operated.engine.name("answers"),
            )
            .env("SHOP_QUEUE", &self.queue)
            .env("PIKA_PREFIX", &self.prefix)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Worker(child)
    }

    /// Launches a process, and returns its fields at the end.
    pub fn completes(&self, definition: &str) -> Value {
        let process = self.operated.launch(definition).unwrap();
        self.ends(&process, "completed")["fields"].clone()
    }

    /// What `show` prints of a process once it has ended like this.
    pub fn ends(&self, process: &str, how: &str) -> Value {
        match self.operated.until(process, how) {
            Ok(shown) => shown,
            Err(problem) => panic!("{problem}\n{}", self.log()),
        }
    }

    /// Launches a process, and returns its fault at the end.
    pub fn fails(&self, definition: &str) -> Value {
        let process = self.operated.launch(definition).unwrap();
        let shown = self.operated.until(&process, "failed").unwrap();
        shown["fault"].clone()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.operated.path("workers.log")).unwrap_or_default()
    }

    /// Ends the engine: no message was a dead letter.
    pub fn close(self) {
        self.close_with(0);
    }

    /// Ends the engine: so many messages were dead letters.
    pub fn close_with(mut self, letters: u32) {
        let dead = self.operated.engine.name("dead");
        let count = Runtime::new().unwrap().block_on(async {
            let url = broker_url().unwrap();
            let connection = Connection::connect(&url, ConnectionProperties::default());
            let channel = connection.await.unwrap().create_channel().await.unwrap();
            let passive = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            let declared = channel.queue_declare(dead.into(), passive, FieldTable::default());
            declared.await.unwrap().message_count()
        });
        assert_eq!(
            count,
            letters,
            "dead letters:\n{}",
            self.operated.engine.log_tail()
        );
        self.operated.end().unwrap();
        let log = self.operated.engine.log_tail();
        assert!(letters > 0 || !log.contains("dead-letter queue"), "{log}");
    }
}

/// A worker that ends with this.
pub struct Worker(Child);

impl Worker {
    /// Ends it at once, whatever it does.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap_or_default());
        let _ = kill(pid, Signal::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.0.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.0.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
