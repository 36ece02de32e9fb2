//! How long the first page of each search takes among few processes and among many.

use anyhow::{Result, bail};
use bureaucrat_host::{
    damage::Damages,
    query::{AttributeKind, Query, QueryAnswer, Wanted},
    questions::{Asked, answer},
};
use bureaucrat_model::Timestamp;
use bureaucrat_store::Store;
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::population::{BEGAN, Population, searches};
use clap::Args;
use serde::Serialize;
use std::time::{Duration, Instant};

/// How often each search is made.
const ROUNDS: usize = 21;
const SETTLING: Duration = Duration::from_secs(10);
/// Processes of the first page, as `bureaucrat list` asks for them.
const PAGE: usize = 50;

#[derive(Debug, Args)]
pub struct Settings {
    /// How many processes are stored, in rising order
    /// [default: 10000,50000, thorough: 10000,100000,1000000]
    #[arg(long, value_delimiter = ',')]
    stored: Vec<u64>,
    /// Up to a million processes: some minutes, and some gigabytes of disk
    #[arg(long)]
    thorough: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    search: String,
    /// The median, by how many were stored.
    micros: Vec<f64>,
    /// How many processes the page has.
    shown: Vec<usize>,
    /// The last to the first: of the whole page, or of each process shown where the pages have not the
    /// same number.
    ratio: f64,
    compared: Compared,
}

/// What a ratio compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Compared {
    Page,
    Process,
}

/// # Errors
/// If the store fails.
pub fn run(settings: &Settings) -> Result<()> {
    let levels = match (settings.stored.is_empty(), settings.thorough) {
        (false, _) => settings.stored.clone(),
        (true, false) => vec![10_000, 50_000],
        (true, true) => vec![10_000, 100_000, 1_000_000],
    };
    let folder = tempfile::tempdir()?;
    let mut rows: Vec<Row> = Vec::new();
    let mut before = 0;
    for (level, stored) in levels.iter().enumerate() {
        {
            let store = RocksStore::open(folder.path())?;
            match before {
                0 => Population::new(&store)?.grow(*stored)?,
                before => Population::after(&store, before)?.grow(*stored)?,
            }
            before = *stored;
        }
        // As after a start: what few processes have would be in memory alone otherwise, and what many have in files.
        let store = RocksStore::open(folder.path())?;
        // The store sorts what was written in the background.
        std::thread::sleep(SETTLING);
        for (place, (name, query)) in questions().into_iter().enumerate() {
            let (micros, shown) = median(&store, &query)?;
            if level == 0 {
                rows.push(Row {
                    search: name,
                    micros: Vec::new(),
                    shown: Vec::new(),
                    ratio: 1.0,
                    compared: Compared::Page,
                });
            }
            let row = &mut rows[place];
            row.micros.push(micros);
            row.shown.push(shown);
            row.compare();
        }
    }
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("first page of {PAGE}, µs (processes shown), median of {ROUNDS}; stored: {levels:?}");
    for row in &rows {
        let points = row.micros.iter().zip(&row.shown);
        let micros = points.map(|(micros, shown)| format!("{micros:>9.0} ({shown:>2})"));
        let micros: String = micros.collect();
        let note = match row.compared {
            Compared::Page => "",
            Compared::Process => "  each process shown",
        };
        println!("{:<36} {micros}  {:>6.2}{note}", row.search, row.ratio);
    }
    Ok(())
}

impl Row {
    /// A page of few processes is no measure for a full one.
    fn compare(&mut self) {
        let (Some(first), Some(last)) = (self.micros.first(), self.micros.last()) else {
            return;
        };
        let (few, many) = (self.shown.first(), self.shown.last());
        let (few, many) = (few.copied().unwrap_or(0), many.copied().unwrap_or(0));
        self.ratio = last / first;
        self.compared = Compared::Page;
        if few != many && few > 0 && many > 0 {
            self.ratio *= few as f64 / many as f64;
            self.compared = Compared::Process;
        }
    }
}

fn questions() -> Vec<(String, Query)> {
    let mut questions = Vec::new();
    for (name, wanted) in searches() {
        let query = Query::List {
            wanted,
            after: None,
            limit: PAGE,
        };
        questions.push((name.to_owned(), query));
    }
    let wanted = Wanted {
        launched_before: Some(Timestamp(BEGAN.0 + 4_000)),
        ..Wanted::default()
    };
    let by = AttributeKind::Participant;
    let after = None;
    let query = Query::CountBy { by, wanted, after };
    questions.push(("counted by participant, 2,000".to_owned(), query));
    questions
}

fn median(store: &dyn Store, query: &Query) -> Result<(f64, usize)> {
    let damages = Damages::default();
    let asked = Asked {
        store,
        now: Timestamp(BEGAN.0 + 10_000_000),
        damages: &damages,
    };
    let (mut times, mut shown) = (Vec::with_capacity(ROUNDS), 0);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let answered = answer(&asked, query);
        times.push(started.elapsed());
        shown = match answered {
            Some(QueryAnswer::Processes { processes, .. }) => processes.len(),
            Some(QueryAnswer::CountedBy { counts, .. }) => counts.len(),
            other => bail!("{other:?}"),
        };
    }
    times.sort();
    let micros = times.get(ROUNDS / 2).map_or(0.0, Duration::as_secs_f64) * 1e6;
    Ok((micros, shown))
}
