//! A broker and an engine of their own, and the steps that make the situations of docs/why.md.

use super::document::Situation;
use anyhow::{Context, Result, bail, ensure};
use bureaucrat_tests::{faults::Rabbit, operating::Operated};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind,
    message::BasicGetMessage,
    options::{
        BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions,
        ExchangeDeclareOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable, LongString},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(30);

/// An engine's settings: an evaluation is given up soon, but has fuel for long.
const LIMITS: &str = "[limits]\ndeadline_ms = 300\nfuel = 1000000000000\n";

pub struct World {
    runtime: Runtime,
    connection: Connection,
    /// For consumers: they stay as long as it does.
    channel: Channel,
    pub operated: Operated,
    rabbit: Rabbit,
    broker_pid: String,
    _folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let rabbit = Rabbit::start(&folder.path().join("rabbitmq"))?;
        // A user who may do everything but send to the exchange `vault`.
        rabbit.control(&["add_user", "engine", "engine"])?;
        rabbit.control(&["set_permissions", "engine", ".*", "^(?!vault$).*", ".*"])?;
        let asked = ["eval", "list_to_integer(os:getpid())."];
        let broker_pid = rabbit.control(&asked)?.trim().to_owned();
        let place = rabbit
            .url()
            .split_once('@')
            .context("a place")?
            .1
            .to_owned();
        let url = format!("amqp://engine:engine@{place}");
        let mut operated = Operated::on(&url, "why", &[])?;
        let settings = std::fs::read_to_string(operated.path("config.ini"))?;
        std::fs::write(operated.path("config.ini"), settings + LIMITS)?;
        let file = operated.path("config.ini").display().to_string();
        operated = operated.with_environment([("BUREAUCRAT_CONFIG".to_owned(), file)]);
        operated.start()?;
        let runtime = Runtime::new()?;
        let connecting = Connection::connect(rabbit.url(), ConnectionProperties::default());
        let connection = runtime.block_on(connecting)?;
        let channel = runtime.block_on(connection.create_channel())?;
        Ok(Self {
            runtime,
            connection,
            channel,
            operated,
            rabbit,
            broker_pid,
            _folder: folder,
        })
    }

    /// Makes a situation; returns what `why` is asked for.
    pub fn make(&mut self, situation: &Situation) -> Result<String> {
        let mut process = String::new();
        for step in &situation.steps {
            let step = step.replace("PROCESS", &process);
            let done = self.step(situation, &step, &mut process);
            done.with_context(|| format!("{}: the step `{step}`", situation.title))?;
        }
        Ok(process)
    }

    fn step(&mut self, situation: &Situation, step: &str, process: &mut String) -> Result<()> {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        let word = |at: usize| words.get(at).copied().context("a word is missing");
        match verb {
            "launch" => {
                let definition = situation.definitions.last().context("no definition")?;
                let file = self.operated.path("launched.xml");
                std::fs::write(&file, definition)?;
                let file = file.display().to_string();
                let mut arguments = vec!["launch", &file];
                arguments.extend(&words);
                *process = self.operated.published(&arguments)?.trim().to_owned();
            }
            "deploy" => {
                let at: usize = word(0)?.parse()?;
                let definition = situation.definitions.get(at - 1).context("no definition")?;
                let file = self.operated.path("deployed.xml");
                std::fs::write(&file, definition)?;
                self.run(&["deploy", &file.display().to_string()])?;
            }
            "named" => {
                let mut arguments = vec!["launch"];
                arguments.extend(&words);
                *process = self.operated.published(&arguments)?.trim().to_owned();
            }
            "module" => {
                let source = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("..")
                    .join(word(0)?);
                let file = self.operated.path("deployed.wasm");
                std::fs::write(&file, wat::parse_file(source)?)?;
                let file = file.display().to_string();
                self.run(&["module", "deploy", &file, "--name", word(1)?])?;
            }
            "ask" => word(0)?.clone_into(process),
            "bureaucrat" => {
                let arguments = split(rest);
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                self.run(&arguments)?;
            }
            "until" => self.until(process, rest)?,
            "queue" => self.queue(&words)?,
            "fill" => {
                for _ in 0..word(1)?.parse::<usize>()? {
                    self.publish(word(0)?, b"another task")?;
                }
            }
            "consumer" => self.consume(word(0)?, word(1)?.parse()?)?,
            "exchange" => self.exchange(word(0)?)?,
            "take" => drop(self.take(word(0)?)?),
            "answer" => self.answer(word(0)?, rest.split_once(' ').context("an answer")?.1)?,
            "message" => self.publish(&self.operated.engine.name("answers"), rest.as_bytes())?,
            "delete" => {
                let gone = self
                    .channel
                    .queue_delete(word(0)?.into(), QueueDeleteOptions::default());
                self.runtime.block_on(gone)?;
            }
            "alarm" => {
                let high = match word(0)? {
                    "on" => "0.00001",
                    _ => "0.4",
                };
                self.rabbit
                    .control(&["set_vm_memory_high_watermark", high])?;
            }
            "called" => {
                let shown = self.operated.show(process)?;
                let called = &shown["waits"][0]["waits_for"]["process"];
                called
                    .as_str()
                    .context("no called process")?
                    .clone_into(process);
            }
            "beginning" => process.truncate(word(0)?.parse()?),
            "freeze-broker" => self.signal("-STOP")?,
            "thaw-broker" => self.signal("-CONT")?,
            "stop-broker" => self.rabbit.stop()?,
            other => bail!("there is no step `{other}`"),
        }
        Ok(())
    }

    /// Stops the broker's process in its tracks, or resumes it.
    fn signal(&self, signal: &str) -> Result<()> {
        let status = Command::new("kill")
            .args([signal, &self.broker_pid])
            .status()?;
        ensure!(status.success(), "kill {signal}: {status}");
        Ok(())
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        self.operated.leaves_with(0, arguments).map(drop)
    }

    /// Waits until `show` has a text about the process.
    fn until(&self, process: &str, text: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.operated.show(process)?.to_string();
            if shown.contains(text) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "`{text}` is not in {shown}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `NAME`, `NAME exclusive`, or `NAME max 1`: full with one message, and rejecting more.
    fn queue(&self, words: &[&str]) -> Result<()> {
        let name = *words.first().context("a name")?;
        let mut arguments = FieldTable::default();
        if let Some(count) = words.get(2) {
            let overflow = LongString::from("reject-publish");
            arguments.insert("x-max-length".into(), AMQPValue::LongInt(count.parse()?));
            arguments.insert("x-overflow".into(), AMQPValue::LongString(overflow));
        }
        let is_exclusive = words.get(1) == Some(&"exclusive");
        let options = QueueDeclareOptions {
            durable: !is_exclusive,
            exclusive: is_exclusive,
            ..QueueDeclareOptions::default()
        };
        let declared = self.channel.queue_declare(name.into(), options, arguments);
        self.runtime.block_on(declared)?;
        Ok(())
    }

    fn exchange(&self, name: &str) -> Result<()> {
        let options = ExchangeDeclareOptions::default();
        let none = FieldTable::default();
        let kind = ExchangeKind::Direct;
        let declared = self
            .channel
            .exchange_declare(name.into(), kind, options, none);
        Ok(self.runtime.block_on(declared)?)
    }

    /// A consumer that answers nothing and has at most so many messages in hand.
    fn consume(&self, queue: &str, prefetch: u16) -> Result<()> {
        self.runtime.block_on(async {
            let channel = self.connection.create_channel().await?;
            channel
                .basic_qos(prefetch, BasicQosOptions::default())
                .await?;
            let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
            let consumer = channel
                .basic_consume(queue.into(), "".into(), options, none)
                .await?;
            // It lives as long as the connection.
            consumer.set_delegate(|_| async {});
            std::mem::forget((channel, consumer));
            Ok(())
        })
    }

    fn publish(&self, queue: &str, body: &[u8]) -> Result<()> {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let sent = self
            .channel
            .basic_publish("".into(), queue.into(), options, body, properties);
        self.runtime
            .block_on(async { anyhow::Ok(sent.await?.await?) })?;
        Ok(())
    }

    /// Waits for a message, and takes it.
    fn take(&self, queue: &str) -> Result<BasicGetMessage> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let options = BasicGetOptions { no_ack: true };
            let got = self.channel.basic_get(queue.into(), options);
            if let Some(message) = self.runtime.block_on(got)? {
                return Ok(message);
            }
            ensure!(Instant::now() < deadline, "no message came to {queue}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Takes a task and answers it with what is given in place of its fields.
    fn answer(&self, queue: &str, given: &str) -> Result<()> {
        let task: Value = serde_json::from_slice(&self.take(queue)?.delivery.data)?;
        let mut answer = json!({"header": task["header"]});
        let given: Value = serde_json::from_str(given)?;
        for (name, value) in given.as_object().context("an object")? {
            match name.as_str() {
                "header" => {
                    for (name, value) in value.as_object().context("an object")? {
                        answer["header"][name] = value.clone();
                    }
                }
                name => answer[name] = value.clone(),
            }
        }
        self.publish(
            &self.operated.engine.name("answers"),
            answer.to_string().as_bytes(),
        )
    }

    /// What `why --json` says; none where it fails.
    pub fn json(&self, process: &str) -> Result<Option<Value>> {
        let output = self.operated.run(&["why", "--json", process])?;
        match output.status.success() {
            true => Ok(Some(serde_json::from_slice(&output.stdout)?)),
            false => Ok(None),
        }
    }

    /// What `why` says, on whichever output.
    pub fn said(&self, process: &str) -> Result<String> {
        let output = self.operated.run(&["why", process])?;
        let bytes = match output.status.success() {
            true => output.stdout,
            false => output.stderr,
        };
        let text = String::from_utf8(bytes)?;
        Ok(text.trim_end().to_owned())
    }
}

/// Words of a command line, as a shell splits them.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}
