//! What open pages of the dashboard cost the engine: its rate and its CPU for each action, with many pages open
//! and with none, in turn.
//!
//! A viewer does what the page's script does: it keeps a stream, and asks for the page again when that says that
//! there is something new, with the tag of what it has.

use crate::{
    clerk::Clerk,
    contenders::Contender,
    looks::{Compared, Turn, look, rest},
    subject::Subject,
};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{engine::broker_url, http::Client};
use clap::Args;
use serde::Serialize;
use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};

/// A page is asked for at most so often, as its script does.
const PAUSE: Duration = Duration::from_secs(2);
/// Opening many pages is not what is measured.
const SETTLING: Duration = Duration::from_secs(4);

#[derive(Debug, Args)]
pub struct Settings {
    /// Open pages: three eighths overviews, three eighths lists, the others of one process
    #[arg(long, default_value_t = 200)]
    pages: usize,
    /// Actions in flight
    #[arg(long, default_value_t = 200)]
    in_flight: u64,
    /// Seconds of each look
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Looks of each kind
    #[arg(long, default_value_t = 6)]
    rounds: usize,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

#[derive(Debug, Serialize)]
struct Measured {
    #[serde(flatten)]
    compared: Compared,
    /// Pages that were asked for again, of each second of a look.
    asked_per_second: f64,
}

/// # Errors
/// When engine or broker fail, or a page can't be opened.
pub fn run(settings: &Settings) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let prefix = format!("viewers-{}", std::process::id());
    let mut clerk = Clerk::connect(&broker_url()?)?;
    let subject = settings.subject.with_option("--http-listen=0".into());
    let mut engine = Contender::engine(&mut clerk, &subject, folder.path(), &prefix)?;
    engine.fill(&clerk, settings.in_flight)?;
    let client = Client::of(engine.engine_mut()?)?;
    let token = std::fs::read_to_string(folder.path().join("storage/http-token"))?;
    let bearer = format!("Bearer {}", token.trim());
    let list = client.with(token.trim(), ("GET", "/api/v1/processes?limit=1"), None)?;
    let process = list.json()?["processes"][0]["process"]
        .as_str()
        .context("no process")?
        .to_owned();
    let asked = Arc::new(AtomicU64::new(0));
    let compared = Compared::in_turns(settings.rounds, |turn| {
        let pages = match turn {
            Turn::Without => 0,
            Turn::With => settings.pages,
        };
        let viewers = (0..pages)
            .map(|number| Viewer::open(client, &bearer, &page(number, &process), &asked))
            .collect::<Result<Vec<Viewer>>>()?;
        sleep(SETTLING);
        rest(&engine)?;
        let seen = look(&mut engine, || {
            sleep(Duration::from_secs(settings.seconds));
            Ok(())
        });
        for viewer in viewers {
            viewer.close()?;
        }
        seen
    })?;
    let looked = settings.seconds * settings.rounds as u64;
    let measured = Measured {
        compared,
        asked_per_second: asked.load(Relaxed) as f64 / looked as f64,
    };
    match settings.json {
        true => println!("{}", serde_json::to_string_pretty(&measured)?),
        false => print(settings, &measured),
    }
    Ok(())
}

/// The page that a viewer has open, and its stream.
fn page(number: usize, process: &str) -> (String, String) {
    match number % 8 {
        0..3 => ("/".into(), "/live".into()),
        3..6 => ("/processes?state=running".into(), "/live".into()),
        _ => (
            format!("/processes/{process}"),
            format!("/live?process={process}"),
        ),
    }
}

struct Viewer {
    stream: TcpStream,
    is_closed: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Viewer {
    fn open(
        client: Client,
        bearer: &str,
        (path, live): &(String, String),
        asked: &Arc<AtomicU64>,
    ) -> Result<Self> {
        let mut tag = fetch(&client, bearer, path, "")?;
        let mut stream = TcpStream::connect(client.address)?;
        let host = client.address;
        write!(
            stream,
            "GET {live} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: {bearer}\r\n\r\n"
        )?;
        let is_closed = Arc::new(AtomicBool::new(false));
        let (reader, closed, asked) = (stream.try_clone()?, is_closed.clone(), asked.clone());
        let (bearer, path) = (bearer.to_owned(), path.clone());
        let thread = std::thread::Builder::new()
            .stack_size(128 << 10)
            .spawn(move || {
                let mut lines = BufReader::new(reader).lines();
                let status = lines.next().context("no answer")??;
                ensure!(status.contains(" 200 "), "{status}");
                let mut last = Instant::now();
                for line in lines {
                    if closed.load(Relaxed) {
                        break;
                    }
                    if line? != "event: news" {
                        continue;
                    }
                    sleep((last + PAUSE).saturating_duration_since(Instant::now()));
                    if closed.load(Relaxed) {
                        break;
                    }
                    tag = fetch(&client, &bearer, &path, &tag)?;
                    asked.fetch_add(1, Relaxed);
                    last = Instant::now();
                }
                ensure!(closed.load(Relaxed), "a stream has ended");
                Ok(())
            })?;
        Ok(Self {
            stream,
            is_closed,
            thread,
        })
    }

    fn close(self) -> Result<()> {
        self.is_closed.store(true, Relaxed);
        // It may be closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(anyhow::anyhow!("a viewer panicked")))
    }
}

/// Asks for a page's main part; its tag.
fn fetch(client: &Client, bearer: &str, path: &str, tag: &str) -> Result<String> {
    let mut headers = vec![("authorization", bearer), ("hx-request", "true")];
    if !tag.is_empty() {
        headers.push(("if-none-match", tag));
    }
    let answer = client.send(("GET", path), &headers, "")?;
    match answer.status {
        304 => Ok(tag.to_owned()),
        200 => Ok(answer.header("etag").unwrap_or_default().to_owned()),
        // The server is busy; the script tries again later.
        429 | 503 => Ok(tag.to_owned()),
        _ => anyhow::bail!("{path}: {answer:?}"),
    }
}

fn print(settings: &Settings, measured: &Measured) {
    println!(
        "viewers: {} pages open, {} actions in flight, looks of {} s",
        settings.pages, settings.in_flight, settings.seconds
    );
    measured.compared.print(&format!(
        "{:.1} pages a second were asked for again",
        measured.asked_per_second
    ));
}
