//! Strangers at the HTTP API, 10,000 of them: how long healthy processes wait beside them, what they cost the
//! engine, and whether somebody with a token still gets in.

use crate::{
    clerk::Clerk,
    floods::{
        Waits,
        healthy::Healthy,
        runs::{all_have_asked, launch_healthy},
    },
    processes,
    statistics::quantile,
    subject::Subject,
};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    engine::broker_url,
    http::{Answer, Client},
    strangers::{Kind, Manner, Strangers},
    tls::{self, Certificate},
};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::{
    collections::VecDeque,
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

/// How long the engine may take to start, and strangers to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long healthy processes run before they are measured.
const WARMING: Duration = Duration::from_secs(3);
/// Connections that another server keeps: as many as the engine does of strangers.
const KEPT: usize = 256;
/// How often somebody with a token asks.
const ASKING: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub struct Settings {
    /// Strangers
    #[arg(long, default_value_t = 10_000)]
    strangers: usize,
    /// Milliseconds after which one whose connection was closed comes back
    #[arg(long, default_value_t = 5_000)]
    back: u64,
    /// Seconds of each look: calm, with strangers at another server, and with them at the engine
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Looks of each kind
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Healthy processes
    #[arg(long, default_value_t = 50)]
    healthy: u64,
    /// The API over TLS, and strangers that have it do its part of a handshake and leave
    #[arg(long)]
    tls: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

/// What somebody with a token got.
#[derive(Debug, Default, Clone, Serialize)]
struct Asked {
    answered: usize,
    /// Told to come again: 429 or 503.
    put_off: usize,
    /// Connections that were closed without an answer.
    closed: usize,
    median_millis: f64,
    longest_millis: f64,
}

#[derive(Debug, Serialize)]
struct Seen {
    waits: Waits,
    resident_mib: f64,
    handles: usize,
    /// CPU of the engine, in percent of one.
    cpu: f64,
    asked: Asked,
    connected: u64,
}

#[derive(Debug, Serialize)]
struct Measured {
    calm: Vec<Seen>,
    /// With the same strangers at a server that does nothing for them: what they cost this machine.
    elsewhere: Vec<Seen>,
    besieged: Vec<Seen>,
    /// Of the medians of the p99s.
    p99_to_calm: f64,
    p99_to_elsewhere: f64,
    /// From the end of the strangers until a launch was answered.
    launch_millis: f64,
    peak_mib: f64,
}

/// # Errors
/// When the engine or the broker fail, or nobody is answered.
pub fn run(settings: &Settings) -> Result<()> {
    let url = broker_url()?;
    let folder = tempfile::tempdir()?;
    let prefix = format!("strangers-{}", std::process::id());
    let certificate = match settings.tls {
        true => Some(Certificate::make(folder.path())?),
        false => None,
    };
    let mut subject = settings.subject.with_option("--http-listen=0".into());
    if let Some(Certificate { chain, key }) = &certificate {
        subject = subject.with_option(format!("--http-cert-file={}", chain.display()));
        subject = subject.with_option(format!("--http-key-file={}", key.display()));
    }
    let mut engine = subject.engine(folder.path(), &prefix)?;
    let mut clerk = Clerk::connect(&url)?;
    clerk.declare_queues_of(&engine)?;
    let participant = format!("{prefix}-healthy");
    let tasks = format!("worker_{participant}");
    clerk.declare(&tasks)?;
    engine.start()?;
    engine.answers(PATIENCE)?;
    let pid = engine.pid().context("the engine does not run")?;
    let client = Client::of(&engine)?;
    let token = std::fs::read_to_string(engine.storage().join("http-token"))?;
    let known = Known {
        client,
        bearer: format!("Bearer {}", token.trim()),
        certificate,
    };
    let healthy = Healthy::start(&url, &tasks, &engine.name("answers"))?;
    launch_healthy(
        settings.healthy,
        &clerk,
        &engine.name("launches"),
        &participant,
    )?;
    all_have_asked(&healthy, settings.healthy).with_context(|| engine.log_tail())?;
    std::thread::sleep(WARMING);
    let look = |strangers: Option<&Strangers>| -> Result<Seen> {
        let _ = healthy.waits();
        let (began, cpu) = (Instant::now(), processes::cpu(pid)?);
        let connected = strangers.map_or(0, Strangers::connected);
        let asked = ask(&known, Duration::from_secs(settings.seconds));
        let cpu = (processes::cpu(pid)? - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
        Ok(Seen {
            waits: Waits::of(&healthy.waits())?,
            resident_mib: mib(processes::memory(pid)?.resident),
            handles: std::fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
            cpu: cpu * 100.0,
            asked,
            connected: strangers.map_or(0, Strangers::connected) - connected,
        })
    };
    let manner = Manner {
        kinds: match settings.tls {
            true => vec![Kind::Hello],
            false => Kind::ALL.into(),
        },
        back: Duration::from_millis(settings.back),
        path: "/api/v1/openapi.json".into(),
        token: None,
        first: match settings.tls {
            // Handshakes are so expensive that those at the address of somebody with a token would lock them out.
            true => 2,
            false => 1,
        },
    };
    let besiege = |server: SocketAddr| -> Result<Strangers> {
        let strangers = Strangers::start(server, settings.strangers, manner.clone())?;
        let began = Instant::now();
        while strangers.connected() < settings.strangers as u64 && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(strangers)
    };
    let plain = plain_server()?;
    let (mut calm, mut elsewhere, mut besieged) = (Vec::new(), Vec::new(), Vec::new());
    let mut launch_millis: f64 = 0.0;
    for _ in 0..settings.rounds {
        calm.push(look(None)?);
        let strangers = besiege(plain)?;
        elsewhere.push(look(Some(&strangers))?);
        drop(strangers);
        std::thread::sleep(WARMING);
        let strangers = besiege(client.address)?;
        besieged.push(look(Some(&strangers))?);
        drop(strangers);
        let began = Instant::now();
        let launch = json!({"source": "<process/>"}).to_string();
        let launched = known.send(("POST", "/api/v1/processes"), &launch)?;
        ensure!(launched.status == 201, "{launched:?}");
        launch_millis = launch_millis.max(began.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(WARMING);
    }
    let p99 = |seen: &[Seen]| {
        let mut all: Vec<f64> = seen.iter().map(|seen| seen.waits.p99_millis).collect();
        all.sort_by(f64::total_cmp);
        quantile(&all, 0.5)
    };
    let measured = Measured {
        p99_to_calm: p99(&besieged) / p99(&calm),
        p99_to_elsewhere: p99(&besieged) / p99(&elsewhere),
        calm,
        elsewhere,
        besieged,
        launch_millis,
        peak_mib: mib(processes::memory(pid)?.peak),
    };
    match settings.json {
        true => println!("{}", serde_json::to_string_pretty(&measured)?),
        false => print(settings, &measured),
    }
    engine.end()?;
    Ok(())
}

/// A server that keeps some connections of strangers, and does nothing for them.
fn plain_server() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        let mut kept = VecDeque::new();
        for stream in listener.incoming() {
            kept.extend(stream);
            if kept.len() > KEPT {
                kept.pop_front();
            }
        }
    });
    Ok(address)
}

/// Somebody with a token.
struct Known {
    client: Client,
    bearer: String,
    certificate: Option<Certificate>,
}

impl Known {
    /// Sends a request over a new connection.
    fn send(&self, request: (&str, &str), body: &str) -> Result<Answer> {
        let headers = [
            ("authorization", self.bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let Some(certificate) = &self.certificate else {
            return self.client.send(request, &headers, body);
        };
        let head = self.client.head(request, &headers, body.len());
        let whole = [head.as_bytes(), body.as_bytes()].concat();
        tls::send(certificate.trusted()?, self.client.address, &whole)
    }
}

/// Asks again and again until the time is over, each time over a new connection.
fn ask(known: &Known, time: Duration) -> Asked {
    let (began, mut asked, mut took) = (Instant::now(), Asked::default(), Vec::new());
    while began.elapsed() < time {
        let at = Instant::now();
        let answer = known.send(("GET", "/api/v1/processes?limit=10"), "");
        match answer.map(|answer| answer.status) {
            Ok(200) => {
                asked.answered += 1;
                took.push(at.elapsed().as_secs_f64() * 1e3);
            }
            Ok(429 | 503) => asked.put_off += 1,
            Ok(_) | Err(_) => asked.closed += 1,
        }
        std::thread::sleep(ASKING);
    }
    took.sort_by(f64::total_cmp);
    if !took.is_empty() {
        asked.median_millis = quantile(&took, 0.5);
        asked.longest_millis = quantile(&took, 1.0);
    }
    asked
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn print(settings: &Settings, measured: &Measured) {
    println!(
        "http: {} healthy processes, {} strangers, looks of {} s; times in ms",
        settings.healthy, settings.strangers, settings.seconds
    );
    println!(
        "{:>9} | {:>7} {:>7} {:>8} {:>6} | {:>6} {:>7} {:>6} | {:>8} {:>7} {:>6} {:>7} {:>8} | {:>9}",
        "look",
        "count",
        "median",
        "p99",
        "max",
        "MiB",
        "handles",
        "CPU %",
        "answered",
        "put off",
        "closed",
        "median",
        "longest",
        "connected"
    );
    let looks = measured.calm.iter().zip(&measured.elsewhere);
    let looks = looks.zip(&measured.besieged);
    let looks = looks.flat_map(|((calm, elsewhere), besieged)| {
        [
            ("calm", calm),
            ("elsewhere", elsewhere),
            ("strangers", besieged),
        ]
    });
    for (name, seen) in looks {
        let (waits, asked) = (&seen.waits, &seen.asked);
        println!(
            "{name:>9} | {:>7} {:>7.2} {:>8.2} {:>6.1} | {:>6.0} {:>7} {:>6.1} | {:>8} {:>7} {:>6} {:>7.1} {:>8.1} | {:>9}",
            waits.count,
            waits.median_millis,
            waits.p99_millis,
            waits.longest_millis,
            seen.resident_mib,
            seen.handles,
            seen.cpu,
            asked.answered,
            asked.put_off,
            asked.closed,
            asked.median_millis,
            asked.longest_millis,
            seen.connected
        );
    }
    println!(
        "p99 with strangers / calm: {:.2}, / with them elsewhere: {:.2}; peak {:.0} MiB; a launch right after them: \
         {:.1} ms",
        measured.p99_to_calm, measured.p99_to_elsewhere, measured.peak_mib, measured.launch_millis
    );
}
