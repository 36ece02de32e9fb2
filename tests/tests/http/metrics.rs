//! Metrics: Prometheus' own tool reads them and has nothing to say against them, they are those of
//! docs/http.md, and they say what is so.

use crate::rig::Rig;
use anyhow::{Context, Result, ensure};
use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// It waits for a participant that nobody is, and for a time.
const ASKS: &str = r#"<process name="asks"><action participant="nobody"/></process>"#;
const BROKEN: &str =
    r#"<process name="broken" on-fault="incident"><fault code="NoStock"/></process>"#;

fn scraped(rig: &Rig) -> Result<String> {
    let answer = rig.ask(&rig.local, ("GET", "/api/v1/metrics"), None)?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(answer.body)
}

fn launch(rig: &Rig, source: &str) -> Result<()> {
    let body = serde_json::json!({"source": source});
    let answer = rig.ask(&rig.local, ("POST", "/api/v1/processes"), Some(&body))?;
    ensure!(answer.status == 201, "{answer:?}");
    Ok(())
}

/// The value of a metric, with its labels as they are written.
fn value(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines();
    lines.find_map(|line| {
        let (found, value) = line.rsplit_once(' ')?;
        (found == name).then(|| value.parse().ok())?
    })
}

#[test]
fn metrics_are_those_of_the_documents_and_promtool_likes_them() -> Result<()> {
    let rig = Rig::new("http-metrics")?;
    for source in [ASKS, ASKS, BROKEN] {
        launch(&rig, source)?;
    }
    let wanted = [
        ("bureaucrat_launches_total", 3.0),
        ("bureaucrat_tasks_total", 2.0),
        ("bureaucrat_processes{state=\"running\"}", 2.0),
        ("bureaucrat_processes{state=\"incident\"}", 1.0),
        (
            "bureaucrat_participant_waiting_processes{participant=\"nobody\"}",
            2.0,
        ),
        ("bureaucrat_incidents_by_code{code=\"NoStock\"}", 1.0),
        (
            "bureaucrat_incidents_by_definition{definition=\"broken\"}",
            1.0,
        ),
        ("bureaucrat_first_task_seconds_count", 2.0),
        ("bureaucrat_timers_due", 0.0),
        ("bureaucrat_timer_lateness_seconds", 0.0),
    ];
    let deadline = Instant::now() + PATIENCE;
    let text = loop {
        let text = scraped(&rig)?;
        let missing = wanted
            .iter()
            .find(|(name, wanted)| value(&text, name) != Some(*wanted));
        let Some((name, wanted)) = missing else {
            break text;
        };
        ensure!(Instant::now() < deadline, "{name} is not {wanted}:\n{text}");
        std::thread::sleep(Duration::from_millis(20));
    };
    for name in [
        "bureaucrat_participant_oldest_wait_seconds{participant=\"nobody\"}",
        "bureaucrat_memory_bytes{part=\"memtables\"}",
        "bureaucrat_memory_bytes{part=\"processes\"}",
        "bureaucrat_log_sync_seconds_sum",
        "bureaucrat_resident_memory_bytes",
    ] {
        let value = value(&text, name);
        ensure!(
            value.is_some_and(|value| value > 0.0),
            "{name} is {value:?}:\n{text}"
        );
    }
    // The store was also written to before the engine began to count.
    let commits = value(&text, "bureaucrat_commit_seconds_count").context("no commits")?;
    let syncs = value(&text, "bureaucrat_log_sync_seconds_count").context("no log")?;
    ensure!(syncs >= commits, "{syncs} syncs for {commits} commits");
    check(&text)?;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let told: BTreeSet<(&str, &str)> = types.filter_map(|line| line.split_once(' ')).collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/http.md");
    let page = std::fs::read_to_string(page)?;
    let (_, table) = page.split_once("<!-- metrics -->").context("no table")?;
    let (table, _) = table
        .split_once("<!-- /metrics -->")
        .context("no end of the table")?;
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        Some((cells.next()?.trim_end_matches('`'), cells.next()?))
    });
    let documented: BTreeSet<(&str, &str)> = rows.collect();
    let differences: Vec<_> = told.symmetric_difference(&documented).collect();
    ensure!(
        differences.is_empty(),
        "docs/http.md and the engine differ: {differences:?}"
    );
    Ok(())
}

/// Has promtool read them.
fn check(text: &str) -> Result<()> {
    let mut tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("promtool is not there: scripts/setup installs it")?;
    let mut input = tool.stdin.take().context("no input")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    let output = tool.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(
        output.status.success() && said.trim().is_empty(),
        "promtool: {said}\n{text}"
    );
    Ok(())
}
