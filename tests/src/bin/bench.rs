//! The benchmark: conditions, engine steps, and actions over RabbitMQ beside a bare relay, in one run.
//!
//! Every figure that depends on the machine stands beside one that the same run measured.
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use anyhow::{Context, Result, ensure};
use bureaucrat_model::{
    ActivityPath, Answer, EngineLimits, Fields, Input, Launch, Op, OpIndex, ProcessId, Program,
    Redelivered, Site, Span, Timestamp, Turn,
};
use bureaucrat_sandbox::{
    Outcome, RuntimeClass, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand,
};
use bureaucrat_tests::engine::{Engine, broker_url};
use futures_lite::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const HELP: &str = "\
Usage: bench [--seconds N] [--processes N]
       bench guests

  --seconds N    how long each part is measured [default: 3]
  --processes N  processes that run at once in the part over RabbitMQ [default: 200]

`bench guests` prints the table of guest-sdk/README.md instead: it builds each language's example and measures it.

BUREAUCRAT_TEST_AMQP names the broker; scripts/bench starts one.";

struct Settings {
    seconds: u64,
    processes: u64,
}

fn main() -> Result<()> {
    let mut settings = Settings {
        seconds: 3,
        processes: 200,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u64> { Ok(arguments.next().context(HELP)?.parse()?) };
        match argument.as_str() {
            "guests" => return bureaucrat_tests::guests::print_table(),
            "--seconds" => settings.seconds = number()?.max(1),
            "--processes" => settings.processes = number()?.max(1),
            _ => {
                println!("{HELP}");
                return Ok(());
            }
        }
    }
    conditions(&settings)?;
    steps(&settings);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(actions(&settings))
}

/// Conditions evaluated a second on one thread, a fresh sandbox each.
fn conditions(settings: &Settings) -> Result<()> {
    let sandbox = Sandbox::new(SandboxConfig {
        threads: 1,
        limits: SandboxLimits::default(),
        cache: None,
        runtime_class: RuntimeClass::Refused,
        worker: WorkerCommand {
            program: "false".into(),
            arguments: Vec::new(),
        },
    })?;
    let fields = Fields::parse(
        r#"{"x": 3, "customer": {"country": "FI", "orders": [1, 2, 3]}, "text": "hello"}"#,
    )?;
    for text in [
        r#"workitem.fields["x"] < 4"#,
        r#"context["customer"]["country"] in ("FI", "SE") and len(context["customer"]["orders"]) >= 3"#,
    ] {
        let function = bureaucrat_expression::Function {
            name: "c0".into(),
            expression: bureaucrat_expression::parse(text)?,
            kind: bureaucrat_expression::Kind::Verdict,
        };
        let guest = sandbox.load_inline(&bureaucrat_expression::compile(&[function])?)?;
        let started = Instant::now();
        let mut count = 0_u32;
        while started.elapsed() < Duration::from_secs(settings.seconds) {
            for _ in 0..1_000 {
                let evaluated = sandbox.evaluate(&guest, "c0", &fields);
                ensure!(
                    evaluated.outcome == Outcome::Verdict(true),
                    "{:?}",
                    evaluated.outcome
                );
            }
            count += 1_000;
        }
        let each = started.elapsed() / count;
        println!(
            "conditions      {:>9.0} /s  {each:>9.2?} each, fresh sandbox, one thread: {text}",
            per_second(count.into(), started)
        );
    }
    Ok(())
}

/// Engine steps a second on one thread, without I/O: a loop of one action, answered.
fn steps(settings: &Settings) {
    let site = || Site {
        path: ActivityPath(vec![0, 0]),
        span: Span { line: 1, column: 1 },
    };
    let ops = vec![
        Op::Action {
            participant: "p".into(),
        },
        Op::Jump { target: OpIndex(0) },
    ];
    let program = Program {
        name: String::new(),
        context: Fields::parse(r#"{"n": 0, "text": "some text that goes along"}"#).unwrap(),
        sites: ops.iter().map(|_| site()).collect(),
        ops,
        conditions: Vec::new(),
        inline_guest: Vec::new(),
    };
    let launch = Launch {
        process: ProcessId::from_seed([1; 16]),
        program: Program::hash(&program.encode().unwrap()),
        user: None,
        reply_to: None,
        caller: None,
        message_id: None,
        redelivered: Redelivered::No,
    };
    let limits = EngineLimits::default();
    let environment = bureaucrat_engine::Environment {
        now: Timestamp(0),
        secret: &[0; 32],
        limits: &limits,
    };
    let (mut instance, _) = bureaucrat_engine::launch(&program, &launch, &environment);
    let answer = Answer::Update(Fields::parse(r#"{"n": 1}"#).unwrap());
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < Duration::from_secs(settings.seconds) {
        for _ in 0..1_000 {
            let input = Input::Answer {
                activity: ActivityPath(vec![0, 0]),
                turn: Some(Turn(count)),
                answer: answer.clone(),
            };
            bureaucrat_engine::step(&program, &mut instance, &environment, input).unwrap();
            count += 1;
        }
    }
    println!(
        "engine steps    {:>9.0} /s  an answer taken and the next task asked for, no I/O, one thread",
        per_second(count, started)
    );
}

/// Actions a second over RabbitMQ: the engine, beside a bare relay in its place, with the same participant.
async fn actions(settings: &Settings) -> Result<()> {
    let url = broker_url()?;
    let folder = tempfile::tempdir()?;
    let mut engine = Engine::new(&url, folder.path(), "bench", &[]);
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    for queue in ["launches", "answers", "events"]
        .map(|queue| engine.name(queue))
        .iter()
        .chain([&task_queue()])
    {
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        channel
            .queue_declare(queue.as_str().into(), durable, FieldTable::default())
            .await?;
    }
    let done = Arc::new(AtomicU64::new(0));
    forward(
        &connection,
        &task_queue(),
        &engine.name("answers"),
        done.clone(),
    )
    .await?;

    // The relay does what any engine must: consume, publish with confirm, acknowledge.
    let relay_connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    forward(
        &relay_connection,
        &engine.name("answers"),
        &task_queue(),
        Arc::default(),
    )
    .await?;
    let body = br#"{"header": {"message": "response", "target": "12345678-1234-8234-8234-123456789012_0_0", "origin": "12345678-1234-8234-8234-123456789012_0_0~1"}, "fields": {"n": 0, "text": "some text that goes along"}}"#;
    for _ in 0..settings.processes {
        publish(&channel, &task_queue(), body).await?;
    }
    let relay = measure(settings, &done).await;
    relay_connection.close(200, "done".into()).await?;
    println!(
        "relayed tasks   {relay:>9.0} /s  bare relay: consume, publish with confirm, acknowledge; {} in flight",
        settings.processes
    );
    tokio::time::sleep(Duration::from_millis(500)).await;
    for queue in [task_queue(), engine.name("answers")] {
        channel
            .queue_purge(queue.as_str().into(), Default::default())
            .await?;
    }

    engine.start()?;
    let definition = br#"<process><context><property name="n" type="int">0</property><property name="text" type="str">some text that goes along</property></context><while><condition>True</condition><action participant="bench"/></while></process>"#;
    for _ in 0..settings.processes {
        publish(&channel, &engine.name("launches"), definition).await?;
    }
    let actions = measure(settings, &done).await;
    println!(
        "actions         {actions:>9.0} /s  engine: each answer durable in RocksDB, synced; a condition each; {} processes",
        settings.processes
    );
    println!(
        "ratio           {:>9.2}     of the bare relay in the same run",
        actions / relay
    );
    engine.kill()?;
    for queue in ["launches", "answers", "events", "dead"]
        .map(|queue| engine.name(queue))
        .iter()
        .chain([&task_queue()])
    {
        channel
            .queue_delete(queue.as_str().into(), Default::default())
            .await?;
    }
    Ok(())
}

fn task_queue() -> String {
    "worker_bench".into()
}

/// The rate after a warm-up.
async fn measure(settings: &Settings, done: &AtomicU64) -> f64 {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, started) = (done.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(Duration::from_secs(settings.seconds)).await;
    per_second(done.load(Ordering::Relaxed) - before, started)
}

fn per_second(count: u64, started: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let count = count as f64;
    count / started.elapsed().as_secs_f64()
}

async fn publish(channel: &Channel, queue: &str, body: &[u8]) -> Result<()> {
    let properties = BasicProperties::default().with_delivery_mode(2);
    channel
        .basic_publish(
            "".into(),
            queue.into(),
            BasicPublishOptions::default(),
            body,
            properties,
        )
        .await?
        .await?;
    Ok(())
}

/// Moves messages from one queue to another, on a channel each way: publish with confirm, then acknowledge.
async fn forward(
    connection: &Connection,
    from: &str,
    to: &str,
    done: Arc<AtomicU64>,
) -> Result<()> {
    let consuming = connection.create_channel().await?;
    let publishing = connection.create_channel().await?;
    publishing
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    consuming.basic_qos(500, BasicQosOptions::default()).await?;
    let mut consumer = consuming
        .basic_consume(
            from.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let to = to.to_owned();
    tokio::spawn(async move {
        while let Some(Ok(delivery)) = consumer.next().await {
            let properties = BasicProperties::default().with_delivery_mode(2);
            let sent = publishing
                .basic_publish(
                    "".into(),
                    to.as_str().into(),
                    BasicPublishOptions::default(),
                    &delivery.data,
                    properties,
                )
                .await;
            // The connection is closed at the end of its part.
            let Ok(confirm) = sent else { return };
            let done = done.clone();
            tokio::spawn(async move {
                if confirm.await.is_ok() && delivery.ack(BasicAckOptions::default()).await.is_ok() {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    Ok(())
}
