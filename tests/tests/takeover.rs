//! Two real engines over one database and one broker: one works, the other stands by and takes over, however the first ends
//! or falls silent. And what an engine says of itself over HTTP while its database is away.
//!
//! `BUREAUCRAT_TAKEOVERS` and `BUREAUCRAT_FAULT_SEED` ask for another number and other moments.

use anyhow::{Context, Result, bail, ensure};
use bureaucrat_host::query::QueryAnswer;
use bureaucrat_tests::{
    database::Database,
    engine::{Engine, broker_url},
    faults::{Load, Plan, asked, audit, row, seed},
    http::{Answer, Client},
    postgres::{disconnect, new_url},
    simulation::Random,
};
use serde_json::json;
use std::{
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

/// Takeovers of one run of the tests.
const TAKEOVERS: u64 = 8;
const TASKS: usize = 60;
const PROCESSES_EACH: u64 = 12;
/// So many of them begin just before the harm, and end after it.
const FRESH: u64 = 4;
/// How long an engine may be silent here.
const LEASE: &str = "2s";
const PATIENCE: Duration = Duration::from_secs(60);

/// What happens to the engine that works.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Killed,
    Terminated,
    /// It is continued once the other one has taken over.
    Suspended,
}

fn stands_by(engine: &Engine) -> Result<bool> {
    Ok(match engine.listed() {
        Ok(QueryAnswer::Error { reason }) => reason.contains("stands by"),
        Ok(_) | Err(_) => false,
    })
}

fn until(what: &str, engine: &Engine, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        if Instant::now() > deadline {
            bail!("{what}: not within {PATIENCE:?}:\n{}", engine.log_tail());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_engine_takes_over() -> Result<()> {
    let url = broker_url()?;
    let database = new_url()?;
    let takeovers = asked("BUREAUCRAT_TAKEOVERS", TAKEOVERS)?;
    let prefix = format!("takeover-{}", std::process::id());
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let [mut works, mut waits] = folders.each_ref().map(|folder| {
        let options = ["--store-lease", LEASE];
        Engine::new(&url, folder.path(), &prefix, &options).with_database(Some(database.clone()))
    });
    let plan = Plan {
        processes: takeovers * PROCESSES_EACH,
        rate: None,
        padding: 0,
    };
    let load = Load::start(&url, &prefix, plan).await?;
    let mut random = Random::new(seed()?);
    works.start()?;
    works.answers(PATIENCE)?;
    waits.start()?;
    let mut took = Vec::new();
    for done in 0..takeovers {
        until("standing by", &waits, || stands_by(&waits))?;
        let begun = (done + 1) * PROCESSES_EACH;
        load.hold_back_from(begun - FRESH);
        load.keep_from(begun - FRESH);
        load.progress(TASKS, Duration::from_secs(4)).await?;
        if random.once_in(2) {
            // An engine whose connections end keeps its lease.
            disconnect(&database)?;
            load.progress(TASKS / 4, Duration::from_secs(4)).await?;
            ensure!(stands_by(&waits)?, "{}", waits.log_tail());
        }
        load.hold_back_from(begun);
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
        let harm = match random.below(3) {
            0 => Harm::Killed,
            1 => Harm::Terminated,
            _ => Harm::Suspended,
        };
        let began = Instant::now();
        match harm {
            Harm::Killed => works.kill()?,
            Harm::Terminated => ensure!(works.end()? == 0, "{}", works.log_tail()),
            Harm::Suspended => works.suspend()?,
        }
        ensure!(!load.have_ended(begun), "{harm:?} proved nothing");
        waits.answers(PATIENCE)?;
        took.push((harm, began.elapsed()));
        if matches!(harm, Harm::Suspended) {
            load.keep_from(begun);
            load.progress(TASKS / 4, Duration::from_secs(4)).await?;
            works.resume()?;
            // What it does now counts for nothing, and it finds that out.
            ensure!(works.ended(PATIENCE)? == 1, "{}", works.log_tail());
            works.says("another engine has taken over", Duration::ZERO)?;
        }
        std::mem::swap(&mut works, &mut waits);
        waits.start()?;
    }
    until("standing by", &waits, || stands_by(&waits))?;
    ensure!(waits.end()? == 0, "an engine that stands by ends in order");
    load.let_all_end();
    load.finish(&works, PATIENCE).await?;
    let tally = audit(&load, &mut works)?;
    println!(
        "{took:?}: {} tasks, {} of them sent again, {} answers twice",
        tally.tasks, tally.repeated_tasks, tally.double_answers
    );
    row("engine-replaced", takeovers, &tally);
    Ok(())
}

/// An engine with the API over a database of its own.
struct Served {
    engine: Engine,
    client: Client,
    token: String,
}

impl Served {
    fn start(database: &Database, folder: &std::path::Path, prefix: &str) -> Result<Self> {
        let host = database.host();
        let address = format!("postgres://bureaucrat:bureaucrat@{host}/postgres");
        let options = ["--store-lease", LEASE, "--http-listen", "0"];
        let engine = Engine::new(&broker_url()?, folder, prefix, &options);
        let mut engine = engine.with_database(Some(address));
        engine.start()?;
        engine.answers(PATIENCE)?;
        let client = Client::of(&engine)?;
        let token = std::fs::read_to_string(engine.storage().join("http-token"))?;
        let served = Self {
            engine,
            client,
            token: token.trim().to_owned(),
        };
        served.until_ready("", 200)?;
        Ok(served)
    }

    fn list(&self) -> Result<Answer> {
        let request = ("GET", "/api/v1/processes");
        self.client.with(&self.token, request, None)
    }

    /// Waits until `/ready` has this status and these words.
    fn until_ready(&self, words: &str, status: u16) -> Result<()> {
        until(words, &self.engine, || {
            let answer = self.client.send(("GET", "/api/v1/ready"), &[], "")?;
            Ok(answer.status == status && answer.body.contains(words))
        })
    }
}

/// A folder that the server of a database may enter, who has another user.
fn open_folder() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711))?;
    Ok(folder)
}

#[test]
fn an_engine_without_its_database_says_so_and_keeps_nobody_waiting() -> Result<()> {
    let folder = open_folder()?;
    let database = Database::start(&folder.path().join("database"))?;
    let prefix = format!("unready-{}", std::process::id());
    let mut served = Served::start(&database, folder.path(), &prefix)?;
    ensure!(served.list()?.status == 200, "no list");
    database.kill()?;
    served.until_ready("the lease of the records is over", 503)?;
    // Several at once, as many as there are threads for questions and more.
    let lists = std::thread::scope(|scope| {
        let lists = (0..6).map(|_| scope.spawn(|| served.list()));
        let lists: Vec<_> = lists.collect();
        let ended = lists.into_iter().map(|list| list.join().ok());
        ended.collect::<Vec<_>>()
    });
    for list in lists {
        let list = list.context("a list panicked")??;
        ensure!(
            list.status == 503 && list.body.contains("the database has not answered"),
            "{list:?}"
        );
        ensure!(list.header("retry-after").is_some(), "{list:?}");
    }
    // Not because the engine has given up.
    ensure!(!served.engine.has_ended()?, "{}", served.engine.log_tail());
    served.engine.kill()
}

#[test]
fn an_engine_whose_commit_waits_for_the_standby_is_not_ready_and_can_be_looked_at() -> Result<()> {
    let folder = open_folder()?;
    let primary = Database::start(&folder.path().join("database1"))?;
    let standby = primary.standby(&folder.path().join("database2"))?;
    let prefix = format!("unconfirmed-{}", std::process::id());
    let mut served = Served::start(&primary, folder.path(), &prefix)?;
    standby.kill()?;
    let launch = json!({"source": "<process/>"});
    let request = ("POST", "/api/v1/processes");
    std::thread::scope(|scope| {
        let launched = scope.spawn(|| served.client.with(&served.token, request, Some(&launch)));
        served.until_ready("a commit has waited", 503)?;
        let list = served.list()?;
        ensure!(list.status == 200, "{list:?}");
        standby.follow(&primary)?;
        served.until_ready("", 200)?;
        let launched = launched.join().ok().context("the launch panicked")??;
        ensure!(launched.status == 201, "{launched:?}");
        anyhow::Ok(())
    })?;
    served.engine.kill()
}

/// A server that is suspended takes connections and says nothing: an orderly end would wait for it.
#[test]
fn another_signal_ends_an_engine_whose_database_is_silent() -> Result<()> {
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let database = format!("postgres://nobody:secret@{}/none", silent.local_addr()?);
    let folder = tempfile::tempdir()?;
    let mut engine =
        Engine::new(&broker_url()?, folder.path(), "silent", &[]).with_database(Some(database));
    engine.start()?;
    let deadline = Instant::now() + PATIENCE;
    // It catches signals before it has a socket.
    while !engine.storage().join("control.sock").exists() {
        ensure!(Instant::now() < deadline, "{}", engine.log_tail());
        std::thread::sleep(Duration::from_millis(20));
    }
    while !engine.has_ended()? {
        ensure!(Instant::now() < deadline, "{}", engine.log_tail());
        engine.terminate()?;
        std::thread::sleep(Duration::from_millis(200));
    }
    let said = engine.log_tail();
    ensure!(said.contains("the engine kills itself now"), "{said}");
    Ok(())
}
