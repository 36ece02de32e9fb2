//! Bytes written by large processes: a step that changes one small field among large ones, and an
//! `all` with many branches.

use crate::{
    clerk::Clerk,
    forward::{Ends, confirmed, persistent, send},
    processes::{self, LogWatch},
    subject::Subject,
};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::engine::{Engine, broker_url};
use clap::Args;
use futures_lite::StreamExt;
use lapin::{message::Delivery, options::BasicAckOptions};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::{runtime::Runtime, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);
/// The fields of each process with an `all`, in bytes.
const BRANCH_FIELDS: usize = 5_000;
/// The most bytes of an answer that fills fields.
const ANSWER_BYTES: usize = 4 << 20;

#[derive(Debug, Args)]
pub struct Settings {
    /// Steps of each process with large fields
    #[arg(long, default_value_t = 10)]
    steps: u32,
    /// 4 fields of 4 MiB, 16,000 of 1 KiB, 10,000 branches; in place of 4 of 256 KiB, 1,000, 1,000
    #[arg(long)]
    thorough: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

/// A number of fields of one size.
#[derive(Debug, Clone, Copy, Serialize)]
struct Shape {
    fields: usize,
    bytes: usize,
}

#[derive(Debug, Serialize)]
struct Steps {
    shape: Shape,
    /// By which RocksDB's log files grew.
    log_bytes_per_step: f64,
    written_bytes_per_step: f64,
    cpu_millis_per_step: f64,
}

#[derive(Debug, Serialize)]
struct Branches {
    branches: usize,
    /// From launch to end; `None` if the engine does not allow so many.
    log_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Seen {
    steps: Vec<Steps>,
    branches: Vec<Branches>,
}

/// The parts of a task that an answer needs.
#[derive(Deserialize)]
struct Task {
    header: Header,
}

#[derive(Deserialize)]
struct Header {
    target: String,
    origin: String,
}

/// An engine with one participant, which this program plays.
struct Place {
    runtime: Runtime,
    engine: Engine,
    ends: Ends,
    participant: String,
}

/// # Errors
/// When engine or broker fail.
pub fn run(settings: &Settings) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = broker_url()?;
    let mut clerk = Clerk::connect(&url)?;
    let prefix = format!("sizes-{}", std::process::id());
    let mut engine = settings.subject.engine(folder.path(), &prefix)?;
    clerk.declare_queues_of(&engine)?;
    let participant = format!("{prefix}-participant");
    let tasks = format!("worker_{participant}");
    clerk.declare(&tasks)?;
    engine.start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let ends = runtime.block_on(Ends::open(&url, &tasks, 0))?;
    let mut place = Place {
        runtime,
        engine,
        ends,
        participant,
    };
    let (shapes, branches) = match settings.thorough {
        true => ([(4, 4 << 20), (16_000, 1 << 10)], [1_000, 10_000]),
        false => ([(4, 256 << 10), (1_000, 1 << 10)], [100, 1_000]),
    };
    let mut seen = Seen {
        steps: Vec::new(),
        branches: Vec::new(),
    };
    for count in branches {
        seen.branches.push(place.all(&clerk, count)?);
    }
    for (fields, bytes) in shapes {
        let shape = Shape { fields, bytes };
        let steps = place.steps(&clerk, shape, settings.steps);
        seen.steps
            .push(steps.with_context(|| place.engine.log_tail())?);
    }
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&seen)?);
    } else {
        print(&seen);
    }
    Ok(())
}

impl Place {
    /// A process whose fields have this shape, and steps that each change one other field.
    fn steps(&mut self, clerk: &Clerk, shape: Shape, steps: u32) -> Result<Steps> {
        let definition = format!(
            "<process><while><condition>True</condition><action participant=\"{}\"/></while></process>",
            self.participant
        );
        clerk.put(&self.engine.name("launches"), definition.as_bytes(), 1)?;
        let value = "v".repeat(shape.bytes);
        let numbers: Vec<usize> = (0..shape.fields).collect();
        for some in numbers.chunks((ANSWER_BYTES / shape.bytes).max(1)) {
            let field = |number: &usize| format!("\"field{number}\": \"{value}\"");
            let fields: Vec<String> = some.iter().map(field).collect();
            self.answer(&fields.join(", "))?;
        }
        self.answer("\"n\": 0")?;
        let pid = self.engine.pid().context("the engine does not run")?;
        processes::rest(pid, PATIENCE)?;
        let log = LogWatch::start(&self.engine.storage().join("state"))?;
        let (cpu, written) = (processes::cpu(pid)?, processes::written(pid)?);
        for number in 1..=steps {
            self.answer(&format!("\"n\": {number}"))?;
        }
        processes::rest(pid, PATIENCE)?;
        // The last task stays unanswered, so that no later process receives it.
        self.take()?;
        let each = |all: f64| all / f64::from(steps);
        Ok(Steps {
            shape,
            log_bytes_per_step: each(log.grown()? as f64),
            written_bytes_per_step: each((processes::written(pid)? - written) as f64),
            cpu_millis_per_step: each((processes::cpu(pid)? - cpu).as_secs_f64() * 1e3),
        })
    }

    /// An `all` with this many actions, from launch to end.
    fn all(&mut self, clerk: &Clerk, branches: usize) -> Result<Branches> {
        let pid = self.engine.pid().context("the engine does not run")?;
        processes::rest(pid, PATIENCE)?;
        let log = LogWatch::start(&self.engine.storage().join("state"))?;
        let action = format!("<action participant=\"{}\"/>", self.participant);
        let definition = format!(
            "<process><context><property name=\"text\" type=\"str\">{}</property></context>\
             <all>{}</all></process>",
            "t".repeat(BRANCH_FIELDS),
            action.repeat(branches)
        );
        let before = clerk.ready(&self.engine.name("dead"))?;
        clerk.put(&self.engine.name("launches"), definition.as_bytes(), 1)?;
        processes::rest(pid, PATIENCE)?;
        let refused = clerk.ready(&self.engine.name("dead"))? > before;
        if !refused {
            for number in 0..branches {
                self.answer(&format!("\"n{number}\": 1"))?;
            }
            processes::rest(pid, PATIENCE)?;
        }
        let log_bytes = log.grown()?;
        Ok(Branches {
            branches,
            log_bytes: (!refused).then_some(log_bytes),
        })
    }

    /// Takes a task, so that nobody else receives it.
    fn take(&mut self) -> Result<Delivery> {
        self.runtime.block_on(async {
            let task = timeout(PATIENCE, self.ends.consumer.next()).await;
            let task = task
                .context("no task comes")?
                .context("the broker is gone")??;
            let open = task.ack(BasicAckOptions::default()).await?;
            ensure!(open, "the channel is closed");
            Ok(task)
        })
    }

    /// Takes a task and answers it with these fields, in the dialect whose answers leave all other
    /// fields as they are.
    fn answer(&mut self, fields: &str) -> Result<()> {
        let task = self.take()?;
        let Header { target, origin } = serde_json::from_slice::<Task>(&task.data)?.header;
        let body = format!(
            "{{\"name\": \"response\", \"target\": \"{target}\", \"origin\": \"{origin}\", \
             \"payload\": {{{fields}, \"status\": \"done\"}}}}"
        );
        let answers = self.engine.name("answers");
        let publishing = &self.ends.publishing;
        self.runtime.block_on(async {
            let confirm = send(publishing, &answers, body.as_bytes(), persistent()).await?;
            confirmed(&confirm.await?)
        })
    }
}

fn print(seen: &Seen) {
    for branches in &seen.branches {
        let bytes = match branches.log_bytes {
            Some(bytes) => format!("{bytes} bytes of log, from launch to end"),
            None => "refused".to_owned(),
        };
        println!(
            "all of {:>6} branches, {BRANCH_FIELDS} bytes of fields: {bytes}",
            branches.branches
        );
    }
    if let [
        Branches {
            log_bytes: Some(few),
            ..
        },
        Branches {
            log_bytes: Some(many),
            ..
        },
    ] = seen.branches[..]
    {
        println!(
            "ten times as many branches: {:.1} times the log",
            many as f64 / few as f64
        );
    }
    for steps in &seen.steps {
        println!(
            "{:>6} fields of {:>8} bytes, another one changed: {:>10.0} bytes of log a step, {:.0} \
             written, {:.1} ms of CPU",
            steps.shape.fields,
            steps.shape.bytes,
            steps.log_bytes_per_step,
            steps.written_bytes_per_step,
            steps.cpu_millis_per_step
        );
    }
}
