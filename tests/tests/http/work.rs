//! What pages cost: each reads about as much of the store among many processes as among few, and the last
//! page of a long list as much as the first. Rows are counted, not time.

use anyhow::{Result, bail, ensure};
use bureaucrat_host::{
    Host, HostConfig, Standing,
    backlog::Waiting,
    clock::SystemClock,
    damage::Damages,
    handing_in::HandedIn,
    meters::{MemoryUse, Meters, Spans},
    query::{Query, QueryAnswer},
    questions::{Asked, answer},
};
use bureaucrat_http::{Bound, Engine, Server, Settings};
use bureaucrat_model::{Operator, Timestamp};
use bureaucrat_store::{MemoryStore, Store};
use bureaucrat_tests::{
    audited,
    counted::Counted,
    http::Client,
    polled::sandbox,
    population::{BEGAN, Population},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A host that answers and was not started.
struct Still {
    host: Host,
    store: Arc<Counted>,
    damages: Damages,
    log: Spans,
}

impl Engine for Still {
    fn ask(&self, query: &Query, by: &Operator) -> QueryAnswer {
        let asked = Asked {
            store: &*self.store,
            now: Timestamp(BEGAN.0 + 1_000_000),
            damages: &self.damages,
        };
        // The host would ask its driver where tasks are, and wait.
        answer(&asked, query).unwrap_or_else(|| self.host.query(query, by))
    }

    fn hand_in(&self, _: HandedIn) {}

    fn is_active(&self) -> bool {
        self.host.is_active()
    }

    fn stalled(&self) -> Option<String> {
        None
    }

    fn unreadable(&self) -> Option<String> {
        None
    }

    fn commits(&self) -> u64 {
        self.host.commits()
    }

    fn meters(&self) -> Option<Arc<Meters>> {
        self.host.meters()
    }

    fn standing(&self) -> Option<Standing> {
        None
    }

    fn waiting(&self) -> Result<Vec<Waiting>, String> {
        self.host.waiting()
    }

    fn store(&self) -> (MemoryUse, &Spans) {
        (MemoryUse::default(), &self.log)
    }

    fn in_hand(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    fn shares(&self, user: &str, definition: &str) -> bool {
        self.host.shares(user, definition)
    }
}

/// Pages over so many processes.
struct Pages {
    store: Arc<Counted>,
    client: Client,
    token: String,
    _server: Server,
    _folder: tempfile::TempDir,
}

impl Pages {
    fn of(stored: u64) -> Result<Self> {
        let store = Arc::new(Counted::new(Arc::new(MemoryStore::new())));
        Population::new(&*store)?.grow(stored)?;
        audited::fill(&*store, 0..stored)?;
        let host = Host::open(
            HostConfig::default(),
            store.clone() as Arc<dyn Store>,
            Arc::new(SystemClock::new()),
            sandbox().map_err(anyhow::Error::msg)?,
            [7; 32],
        )?;
        let folder = tempfile::tempdir()?;
        let settings = Settings {
            listen: "127.0.0.1:0".parse()?,
            hosts: Vec::new(),
            tls: None,
            storage: folder.path().to_owned(),
            version: "0",
        };
        let log = Spans::default();
        let server = Bound::new(settings)?.serve(Arc::new(Still {
            host,
            store: store.clone(),
            damages: Damages::default(),
            log,
        }))?;
        let token = std::fs::read_to_string(folder.path().join("http-token"))?;
        Ok(Self {
            client: Client {
                address: server.address,
            },
            token: token.trim().to_owned(),
            store,
            _server: server,
            _folder: folder,
        })
    }

    /// A page, and how many rows were read for it.
    fn open(&self, path: &str) -> Result<(String, u64)> {
        let before = self.store.read();
        let answer = self.client.with(&self.token, ("GET", path), None)?;
        ensure!(answer.status == 200, "{path}: {answer:?}");
        Ok((answer.body, self.store.read() - before))
    }

    /// Waits until the processes are counted, which is done beside the pages.
    fn counted(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, read) = self.open("/")?;
            // Without the count, a page reads about as many rows as there are processes.
            if read < 5_000 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the processes are not counted");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn shown(page: &str) -> u64 {
    page.matches("<tr").count().max(1) as u64
}

const PATHS: [&str; 22] = [
    "/",
    "/processes",
    "/processes?state=running",
    "/processes?state=incident",
    "/processes?state=failed",
    "/processes?definition=d3",
    "/processes?definition=d-rare",
    "/processes?key=k4711",
    "/processes?participant=p7",
    "/processes?participant=p-rare",
    "/processes?event=e3",
    "/processes?fault=f2",
    "/processes?user=u5",
    "/processes?where=customer%3Dc17",
    "/processes?state=incident&definition=d3",
    "/processes?definition=d3&participant=p7",
    "/processes?participant=nobody",
    "/definitions",
    "/letters",
    "/bulk",
    "/audit",
    "/audit?by=operator+3",
];

#[test]
fn a_page_reads_as_much_among_many_as_among_few() -> Result<()> {
    let mut read: Vec<Vec<(u64, u64)>> = Vec::new();
    for stored in [10_000, 20_000] {
        let pages = Pages::of(stored)?;
        pages.counted()?;
        let of_path = |path: &&str| {
            let (page, read) = pages.open(path)?;
            Ok((read, shown(&page)))
        };
        read.push(PATHS.iter().map(of_path).collect::<Result<_>>()?);
    }
    let [few, many] = &read[..] else {
        bail!("two levels");
    };
    for ((path, (few, shown)), (many, more)) in PATHS.iter().zip(few).zip(many) {
        let words = format!("{path}: {few} rows for {shown}, then {many} for {more}");
        ensure!(many * shown <= 2 * few.max(&1) * more, "{words}");
    }
    Ok(())
}

#[test]
fn the_last_page_of_a_long_list_reads_as_much_as_the_first() -> Result<()> {
    let pages = Pages::of(20_000)?;
    // Three of twenty have completed.
    let (rows, count) = to_the_end(&pages, "/processes?state=completed")?;
    ensure!(rows > 2_500 && count > 50, "{rows} rows on {count} pages");
    let (rows, count) = to_the_end(&pages, "/audit")?;
    ensure!(
        rows == 20_000 && count == 400,
        "{rows} rows on {count} pages"
    );
    Ok(())
}

/// Reads a list from page to page; how many rows and pages it has.
fn to_the_end(pages: &Pages, list: &str) -> Result<(u64, u64)> {
    let mut path = list.to_owned();
    let (mut first, mut rows, mut count) = (0, 0, 0);
    loop {
        let (page, read) = pages.open(&path)?;
        if count == 0 {
            first = read;
        }
        ensure!(
            read <= 2 * first,
            "page {count} reads {read} rows, the first {first}"
        );
        count += 1;
        rows += shown(&page) - 1;
        let next = page.split("href=\"").skip(1).find_map(|rest| {
            let (link, _) = rest.split_once('"')?;
            let is_next = link.contains("after=") && !link.ends_with("after=");
            is_next.then(|| link.replace("&amp;", "&"))
        });
        match next {
            Some(next) => path = next,
            None => return Ok((rows, count)),
        }
    }
}
