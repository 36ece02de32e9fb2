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

/// The engine, its queue for the Celery app, and what workers have to be told.
pub struct Shop {
    pub operated: Operated,
    queue: String,
    prefix: String,
}

impl Shop {
    /// Starts an engine; in its settings `SHOP_QUEUE` is the Celery app's queue. Without any,
    /// `shop.*` goes there.
    pub fn open(prefix: &str, settings: &str) -> Self {
        let queue = of_this_run(&format!("{prefix}.shop"));
        let operated = Operated::new(prefix, &[]).unwrap();
        let text = if settings.is_empty() {
            format!("[participants]\nshop.* = celery-workitem queue={queue}\n")
        } else {
            format!("[bureaucrat]\n{}", settings.replace("SHOP_QUEUE", &queue))
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
        let worker = "celery --quiet --app tasks worker --pool prefork --concurrency 2 \
                      --loglevel WARNING --without-gossip --without-mingle --without-heartbeat";
        let name = ["--hostname", &self.queue];
        self.python(
            ["-W", "ignore", "-m"]
                .into_iter()
                .chain(worker.split_whitespace())
                .chain(name),
        )
    }

    pub fn pika(&self) -> Worker {
        self.python(["pika_worker.py"])
    }

    fn python<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Worker {
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
        match self.operated.until(&process, "completed") {
            Ok(shown) => shown["fields"].clone(),
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
    pub fn close(mut self) {
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
            0,
            "dead letters:\n{}",
            self.operated.engine.log_tail()
        );
        self.operated.end().unwrap();
        let log = self.operated.engine.log_tail();
        assert!(!log.contains("dead-letter queue"), "{log}");
    }
}

/// A worker that ends with this.
pub struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
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
