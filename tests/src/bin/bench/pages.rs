//! How long each page of the dashboard takes among few processes and among many, and each page of a long list
//! from its first to its last.

use crate::{processes, statistics::quantile, subject::Subject};
use anyhow::{Context, Result, bail, ensure};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::{audited, engine::Engine, http::Client, population::Population};
use clap::Args;
use serde::Serialize;
use std::time::{Duration, Instant};

/// How often each page is opened.
const ROUNDS: usize = 21;
const PATIENCE: Duration = Duration::from_secs(120);
/// Entries of the audit log, at most.
const ORDERS: u64 = 100_000;
/// Pages of a long list whose times are compared.
const PART: usize = 100;
/// The lists that are read to their ends.
const LISTS: [&str; 2] = ["/processes?state=completed", "/audit"];
/// Definitions that are deployed, so that they and processes of them can be drawn.
const DEPLOYED: [&str; 2] = ["d3", "d-rare"];

#[derive(Debug, Args)]
pub struct Settings {
    /// How many processes are stored, in rising order
    /// [default: 10000,50000, thorough: 10000,1000000]
    #[arg(long, value_delimiter = ',')]
    stored: Vec<u64>,
    /// Up to a million processes: some minutes, and some gigabytes of disk
    #[arg(long)]
    thorough: bool,
    /// Rows of the long list, at most
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    subject: Subject,
}

#[derive(Debug, Serialize)]
struct Row {
    page: String,
    /// The median, by how many were stored.
    millis: Vec<f64>,
    /// How many rows of tables it has.
    rows: Vec<usize>,
    /// The last to the first.
    ratio: f64,
    /// The same, for each row and the page around them, where the last has more rows.
    ratio_by_row: f64,
}

/// A list from its first page to its last.
#[derive(Debug, Serialize)]
struct Scrolled {
    list: &'static str,
    stored: u64,
    rows: usize,
    pages: usize,
    first_millis: f64,
    last_millis: f64,
    longest_millis: f64,
}

#[derive(Debug, Serialize)]
struct Measured {
    stored: Vec<u64>,
    pages: Vec<Row>,
    scrolled: Vec<Scrolled>,
}

/// # Errors
/// If the store or the engine fail, or a page is not there.
pub fn run(settings: &Settings) -> Result<()> {
    let stored = match (settings.stored.is_empty(), settings.thorough) {
        (false, _) => settings.stored.clone(),
        (true, false) => vec![10_000, 50_000],
        (true, true) => vec![10_000, 1_000_000],
    };
    let folder = tempfile::tempdir()?;
    let prefix = format!("pages-{}", std::process::id());
    let subject = settings.subject.with_option("--http-listen=0".into());
    let mut engine = subject.engine(folder.path(), &prefix)?;
    let state = engine.storage().join("state");
    let mut measured = Measured {
        pages: Vec::new(),
        scrolled: Vec::new(),
        stored: stored.clone(),
    };
    let mut before = 0;
    for count in stored {
        std::fs::create_dir_all(engine.storage())?;
        {
            let store = RocksStore::open(&state)?;
            Population::after(&store, before)?.grow(count)?;
            audited::fill(&store, before.min(ORDERS)..count.min(ORDERS))?;
        }
        before = count;
        engine.start()?;
        engine.answers(PATIENCE)?;
        let pid = engine.pid().context("the engine does not run")?;
        processes::rest(pid, PATIENCE)?;
        let reader = Reader::of(&engine)?;
        reader.deploy()?;
        look(&reader, &mut measured.pages)?;
        for list in LISTS {
            let scrolled = reader.scroll(list, count, settings.rows)?;
            measured.scrolled.push(scrolled);
        }
        engine.end()?;
        // The next run has a log of its own.
        std::fs::remove_file(folder.path().join("engine.log"))?;
    }
    match settings.json {
        true => println!("{}", serde_json::to_string_pretty(&measured)?),
        false => print(&measured),
    }
    Ok(())
}

/// Every page of a session, and filters of each kind.
fn paths(reader: &Reader) -> Result<Vec<(&'static str, String)>> {
    let newest = reader.process("/api/v1/processes?definition=d3&limit=1")?;
    let oldest = reader.process("/api/v1/processes?definition=d-rare&limit=1")?;
    let mut paths: Vec<(&'static str, String)> = [
        ("overview", "/"),
        ("all processes", "/processes"),
        ("running", "/processes?state=running"),
        ("incidents", "/processes?state=incident"),
        ("failed", "/processes?state=failed"),
        ("of a definition", "/processes?definition=d3"),
        ("of a definition, rare", "/processes?definition=d-rare"),
        ("with a key", "/processes?key=k4711"),
        ("that wait for a participant", "/processes?participant=p7"),
        ("the same, rare", "/processes?participant=p-rare"),
        ("that wait for an event", "/processes?event=e3"),
        ("with a fault", "/processes?fault=f2"),
        ("of a user", "/processes?user=u5"),
        ("with a searchable field", "/processes?where=customer%3Dc17"),
        (
            "incidents of a definition",
            "/processes?state=incident&definition=d3",
        ),
        (
            "of a definition and a participant",
            "/processes?definition=d3&participant=p7",
        ),
        ("that nothing is", "/processes?participant=nobody"),
        ("definitions", "/definitions"),
        ("a definition", "/definitions/d3"),
        ("a version", "/definitions/d3/1"),
        ("its diagram", "/definitions/d3/1/diagram"),
        ("dead letters", "/letters"),
        ("bulk jobs", "/bulk"),
        ("audit log", "/audit"),
        ("the same, of an operator", "/audit?by=operator+3"),
        ("the same, that nothing is", "/audit?definition=none"),
        ("metrics", "/api/v1/metrics"),
    ]
    .map(|(name, path)| (name, path.to_owned()))
    .into();
    paths.push(("a process, newest", format!("/processes/{newest}")));
    paths.push(("a process, oldest", format!("/processes/{oldest}")));
    paths.push((
        "a process's diagram",
        format!("/processes/{oldest}/diagram"),
    ));
    Ok(paths)
}

fn look(reader: &Reader, rows: &mut Vec<Row>) -> Result<()> {
    let is_first = rows.is_empty();
    for (place, (name, path)) in paths(reader)?.into_iter().enumerate() {
        let (mut times, mut shown) = (Vec::with_capacity(ROUNDS), 0);
        for _ in 0..ROUNDS {
            let (body, took) = reader.open(&path)?;
            times.push(took.as_secs_f64() * 1e3);
            shown = rows_of(&body);
        }
        times.sort_by(f64::total_cmp);
        if is_first {
            rows.push(Row {
                page: name.to_owned(),
                millis: Vec::new(),
                rows: Vec::new(),
                ratio: 1.0,
                ratio_by_row: 1.0,
            });
        }
        let row = rows.get_mut(place).context("other pages than before")?;
        row.millis.push(quantile(&times, 0.5));
        row.rows.push(shown);
        row.ratio = row.millis[row.millis.len() - 1] / row.millis[0];
        let (few, many) = (row.rows[0] + 1, shown + 1);
        row.ratio_by_row = row.ratio * few.min(many) as f64 / many as f64;
    }
    Ok(())
}

/// Somebody who reads pages.
struct Reader {
    client: Client,
    token: String,
}

impl Reader {
    fn of(engine: &Engine) -> Result<Self> {
        let token = std::fs::read_to_string(engine.storage().join("http-token"))?;
        Ok(Self {
            client: Client::of(engine)?,
            token: token.trim().to_owned(),
        })
    }

    /// A page, and how long it took; without the times in which there were too many requests.
    fn open(&self, path: &str) -> Result<(String, Duration)> {
        loop {
            let began = Instant::now();
            let answer = self.client.with(&self.token, ("GET", path), None)?;
            match answer.status {
                200 => return Ok((answer.body, began.elapsed())),
                429 => std::thread::sleep(Duration::from_millis(100)),
                _ => bail!("{path}: {answer:?}"),
            }
        }
    }

    fn process(&self, path: &str) -> Result<String> {
        let (body, _) = self.open(path)?;
        let body: serde_json::Value = serde_json::from_str(&body)?;
        let id = body["processes"][0]["process"].as_str();
        Ok(id.context("no process")?.to_owned())
    }

    fn deploy(&self) -> Result<()> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/xml"),
        ];
        let request = ("POST", "/api/v1/definitions");
        for name in DEPLOYED {
            let source = format!(
                "<process name=\"{name}\"><action id=\"pay\" participant=\"p0\"/></process>"
            );
            let deployed = self.client.send(request, &headers, &source)?;
            ensure!(deployed.status < 300, "{deployed:?}");
        }
        Ok(())
    }

    /// Goes from page to page of a list, to its end or until there were so many rows.
    fn scroll(&self, list: &'static str, stored: u64, rows_max: usize) -> Result<Scrolled> {
        let mut path = list.to_owned();
        let (mut times, mut rows) = (Vec::new(), 0);
        loop {
            let (body, took) = self.open(&path)?;
            times.push(took.as_secs_f64() * 1e3);
            rows += rows_of(&body);
            let next = body.split("href=\"").skip(1).find_map(|rest| {
                let (link, _) = rest.split_once('"')?;
                let is_next = link.contains("after=") && !link.ends_with("after=");
                is_next.then(|| link.replace("&amp;", "&"))
            });
            match next {
                Some(next) if rows < rows_max => path = next,
                Some(_) | None => break,
            }
        }
        let median = |times: &[f64]| {
            let mut times = times.to_vec();
            times.sort_by(f64::total_cmp);
            quantile(&times, 0.5)
        };
        let part = PART.min(times.len());
        Ok(Scrolled {
            list,
            stored,
            rows,
            pages: times.len(),
            first_millis: median(&times[..part]),
            last_millis: median(&times[times.len() - part..]),
            longest_millis: times.iter().copied().fold(0.0, f64::max),
        })
    }
}

/// Rows of its tables, without headings.
fn rows_of(page: &str) -> usize {
    let all = page.matches("<tr").count();
    all.saturating_sub(page.matches("<thead").count())
}

fn print(measured: &Measured) {
    println!(
        "pages over HTTP, each with a new connection: ms (rows), median of {ROUNDS}; stored: {:?}; the ratio, and by row",
        measured.stored
    );
    for row in &measured.pages {
        let points = row.millis.iter().zip(&row.rows);
        let points = points.map(|(millis, rows)| format!("{millis:>9.2} ({rows:>3})"));
        let points: String = points.collect();
        println!(
            "{:<36} {points}  {:>6.2} {:>6.2}",
            row.page, row.ratio, row.ratio_by_row
        );
    }
    for scrolled in &measured.scrolled {
        println!(
            "{}, {} rows among {} processes, {} pages: the first {PART} take {:.2} ms, the last {:.2} ms, the longest {:.1} ms",
            scrolled.list,
            scrolled.rows,
            scrolled.stored,
            scrolled.pages,
            scrolled.first_millis,
            scrolled.last_millis,
            scrolled.longest_millis
        );
    }
}
