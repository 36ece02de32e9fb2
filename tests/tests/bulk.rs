//! A bulk retry on the real engine over the real broker, while the engine is killed three times in the middle of it:
//! each incident is retried once, and each has its outcome.
//!
//! `BUREAUCRAT_BULK` asks for another number of incidents; `scripts/faults` does.

use anyhow::{Context, Result, bail, ensure};
use bureaucrat_host::{
    bulk::{BulkAnswer, BulkOutcome, BulkQuery, BulkStatus, BulkView},
    query::{Query, QueryAnswer, State, Wanted},
};
use bureaucrat_model::{HistoryEvent, ProcessId};
use bureaucrat_store::{Store, Table, histories::HistoryRow, reading::scan_all};
use bureaucrat_tests::{
    engine::{Engine, broker_url, of_this_run},
    faults::asked,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    time::{Duration, Instant},
};

const INCIDENTS: u64 = 4_000;
const KILLS: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(120);

const STUCK: &str =
    r#"<process name="stuck" on-fault="incident"><fault code="NoStock"/></process>"#;

const MANY: &str = r#"<process name="many">
  <context><property name="numbers" type="json">[]</property></context>
  <foreach select="context['numbers']" property="number"><call process="stuck" detached="yes"/></foreach>
</process>"#;

struct Bulk {
    engine: Engine,
}

impl Bulk {
    fn command(&self, arguments: &[&str]) -> Result<String> {
        let output = self.engine.command()?.args(arguments).output()?;
        let (out, err) = (output.stdout, output.stderr);
        ensure!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&err)
        );
        Ok(String::from_utf8(out)?)
    }

    fn count(&self) -> Result<u64> {
        let count = self.command(&["list", "--state", "incident", "--count"])?;
        Ok(count.trim().parse()?)
    }

    /// The job, once the engine answers.
    fn job(&self, job: u64) -> Result<BulkView> {
        let answer = self.engine.ask(&Query::Bulk(BulkQuery::Show { job }))?;
        let QueryAnswer::Bulk(BulkAnswer::Job(view)) = answer else {
            bail!("{answer:?}");
        };
        Ok(*view)
    }

    /// Waits until the job has come further than this, or has ended.
    fn further(&self, job: u64, than: u64) -> Result<BulkView> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            // While it starts, it does not answer.
            if let Ok(view) = self.job(job)
                && (view.counts.done > than || view.status != BulkStatus::Running)
            {
                return Ok(view);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bail!("the job does not continue")
    }
}

/// How often operators retried each process, as its history says.
fn retried(store: &dyn Store) -> Result<BTreeMap<ProcessId, u64>> {
    let mut retried = BTreeMap::new();
    scan_all(store, Table::History, &[], &[u8::MAX; 32], |key, value| {
        for entry in HistoryRow::decode(&key, &value)?.entries {
            if let (HistoryEvent::Retried { .. }, Some(process)) = (entry.event, key.first_chunk())
            {
                *retried.entry(ProcessId::from_bytes(*process)).or_default() += 1;
            }
        }
        Ok(())
    })?;
    Ok(retried)
}

#[test]
fn each_incident_is_retried_once_though_the_engine_is_killed() -> Result<()> {
    let incidents = asked("BUREAUCRAT_BULK", INCIDENTS)?;
    let folder = tempfile::tempdir()?;
    let engine = Engine::new(&broker_url()?, folder.path(), &of_this_run("bulk"), &[]);
    let mut bulk = Bulk { engine };
    bulk.engine.start()?;
    bulk.engine.answers(PATIENCE)?;
    for (name, text) in [("stuck.xml", STUCK), ("many.xml", MANY)] {
        let file = folder.path().join(name);
        std::fs::write(&file, text)?;
        bulk.command(&["deploy", file.to_str().context("no text")?])?;
    }
    let numbers: Vec<u64> = (0..incidents).collect();
    let numbers = format!("numbers={}", serde_json::to_string(&numbers)?);
    bulk.command(&["launch", "many", "--field", &numbers, "--wait"])?;
    let deadline = Instant::now() + PATIENCE;
    while bulk.count()? < incidents {
        ensure!(Instant::now() < deadline, "not all became incidents");
        std::thread::sleep(Duration::from_millis(50));
    }
    let search = ["--definition", "stuck", "--fault", "NoStock", "--json"];
    let would = bulk.command(&[&["bulk", "retry"][..], &search].concat())?;
    let would: serde_json::Value = serde_json::from_str(&would)?;
    ensure!(would["would"] == incidents, "{would}");
    let begun = [&["bulk", "retry", "--yes", "--detach"][..], &search].concat();
    let begun: serde_json::Value = serde_json::from_str(&bulk.command(&begun)?)?;
    let job = begun["job"].as_u64().context("no job")?;
    // One that waits for the end of its job learns that the engine has ended. Its order is refused by each process.
    let arguments = [
        "bulk",
        "move",
        "--definition",
        "stuck",
        "--to",
        "nowhere",
        "--yes",
    ];
    let mut waits = bulk.engine.command()?;
    let waits = waits
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let waits = waits.spawn()?;
    let mut done = 0;
    for kill in 1..=KILLS {
        // Each run of the engine does about a quarter.
        let enough = done.max(incidents * (kill - 1) / (KILLS + 1));
        let view = bulk.further(job, enough)?;
        bulk.engine.kill()?;
        ensure!(
            view.status == BulkStatus::Running,
            "it ended before the kill {kill}, which proves nothing: {view:?}"
        );
        done = view.counts.done;
        bulk.engine.start()?;
    }
    let waited = waits.wait_with_output()?;
    let told = String::from_utf8(waited.stderr)?;
    ensure!(
        waited.status.code() == Some(1),
        "{:?}: {told}",
        waited.status
    );
    let view = bulk.further(job, u64::MAX)?;
    println!("{incidents} incidents, {KILLS} kills: {:?}", view.counts);
    ensure!(view.counts.done == incidents, "{view:?}");
    ensure!(view.counts.refused + view.counts.changed == 0, "{view:?}");
    let mut outcomes = BTreeSet::new();
    let mut after = None;
    loop {
        let refused = false;
        let query = Query::Bulk(BulkQuery::Outcomes {
            job,
            refused,
            after,
        });
        let QueryAnswer::Bulk(BulkAnswer::Outcomes {
            outcomes: found,
            next,
        }) = bulk.engine.ask(&query)?
        else {
            bail!("no outcomes");
        };
        for view in found {
            ensure!(view.outcome == BulkOutcome::Done, "{view:?}");
            ensure!(outcomes.insert(view.process), "{view:?} twice");
        }
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    ensure!(outcomes.len() as u64 == incidents);
    let wanted = Wanted {
        states: vec![State::Incident],
        ..Wanted::default()
    };
    let counted = bulk.engine.ask(&Query::Count {
        wanted,
        after: None,
    })?;
    ensure!(
        counted
            == QueryAnswer::Counted {
                count: incidents,
                next: None
            },
        "a definition that fails again is an incident again: {counted:?}"
    );
    ensure!(bulk.engine.end()? == 0);
    let store = bulk.engine.records()?;
    let retried = retried(&*store)?;
    for process in &outcomes {
        let times = retried.get(process).copied().unwrap_or_default();
        ensure!(times == 1, "{process} was retried {times} times");
    }
    ensure!(retried.len() as u64 == incidents);
    Ok(())
}
