//! The wall clock jumps both ways, while the engine runs and while it is down: timers are neither lost nor early, and nothing
//! happens twice.

use anyhow::{Result, ensure};
use bureaucrat_tests::{
    engine::{Engine, broker_url, of_this_run},
    faults::{Load, Plan, Preload, audit, rounds, row, seed},
    operating::Operated,
    simulation::Random,
};
use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
const PROCESSES_A_JUMP: u64 = 30;
/// So many of them begin just before the jump, and end after it.
const FRESH: u64 = 10;
const TASKS: usize = 80;

/// Where the wall clock is set to, in milliseconds off the right time: forward and back, by little, by hours, by a day.
const OFFSETS: [i64; 6] = [5_000, -5_000, 7_200_000, -7_200_000, 86_400_000 * 2, -3_000];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_clock_jumps() -> Result<()> {
    let rounds = rounds()?;
    let url = broker_url()?;
    let prefix = of_this_run("clock");
    let folder = tempfile::tempdir()?;
    let preload = Preload::new(folder.path())?;
    // The longest jump between two runs is two days; the audit must still find ended processes.
    let mut engine = Engine::new(&url, folder.path(), &prefix, &["--retention", "30d"])
        .with_environment(preload.environment());
    let jumps = rounds * OFFSETS.len();
    let plan = Plan {
        processes: jumps as u64 * PROCESSES_A_JUMP,
        rate: None,
        padding: 0,
    };
    let load = Load::start(&url, &prefix, plan).await?;
    let mut random = Random::new(seed()?);
    engine.start()?;
    let (mut running, mut down) = (0, 0);
    for (number, offset) in OFFSETS.into_iter().cycle().take(jumps).enumerate() {
        let begun = (number as u64 + 1) * PROCESSES_A_JUMP;
        load.hold_back_from(begun - FRESH);
        load.keep_from(begun - FRESH);
        load.progress(TASKS, PATIENCE).await?;
        load.hold_back_from(begun);
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
        // A clock that was set back by two days while the engine was down would hold its timers for two days.
        if number % 3 == 1 && offset.abs() <= 5_000 {
            engine.kill()?;
            preload.set_clock(offset)?;
            engine.start()?;
            down += 1;
        } else {
            preload.set_clock(offset)?;
            running += 1;
        }
        ensure!(!load.have_ended(begun), "{offset} ms proved nothing");
    }
    load.let_all_end();
    load.finish(&engine, PATIENCE).await?;
    let log = engine.log_tail();
    let tally = audit(&load, &mut engine)?;
    row("clock-jumped:running", running, &tally);
    row("clock-jumped:down", down, &tally);
    println!(
        "the clock jumped {running} times while the engine ran, {down} times while it was down: {} launches ended, none lost, none doubled",
        tally.ended
    );
    ensure!(!log.contains("panic"), "{log}");
    Ok(())
}

/// Seconds of a delay, and what it may last by: the engine's time slews by a tenth at most.
const DELAY: f64 = 4.0;
const SLEW: f64 = 0.1;
/// What starting, launching and hearing of the end may take besides.
const BESIDES: f64 = 20.0;

/// What else happens when the clock jumps.
#[derive(Debug, Clone, Copy)]
enum Engines {
    Runs,
    Restarts,
}

/// Measured by a clock that does not jump, from before the launch until its client hears of the end.
#[test]
fn a_delay_lasts_as_long_as_it_says_though_the_clock_jumps() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let preload = Preload::new(folder.path())?;
    let mut operated =
        Operated::new("delays", &["--retention", "30d"])?.with_environment(preload.environment());
    operated.start()?;
    let definition = operated.path("delay.xml");
    let text = format!(r#"<process name="delay"><delay duration="{DELAY}"/></process>"#);
    std::fs::write(&definition, text)?;
    let hour = 3_600_000;
    let mut lasted = Vec::new();
    let offsets = [
        (Engines::Runs, hour),
        (Engines::Runs, -hour),
        (Engines::Restarts, -48 * hour),
        (Engines::Runs, 0),
    ];
    for (launched, (engine, offset)) in (1..).zip(offsets) {
        let started = Instant::now();
        let waiting = wait_for_end(&operated, &definition)?;
        has_launched(&operated, launched)?;
        match engine {
            Engines::Runs => preload.set_clock(offset)?,
            Engines::Restarts => {
                operated.engine.kill()?;
                preload.set_clock(offset)?;
                operated.start()?;
            }
        }
        let output = waiting.wait_with_output()?;
        let took = started.elapsed().as_secs_f64();
        ensure!(output.status.success(), "launch --wait: {output:?}");
        let allowed = DELAY / (1.0 + SLEW)..=DELAY / (1.0 - SLEW) + BESIDES;
        ensure!(
            allowed.contains(&took),
            "with the clock {offset} ms off and {engine:?} a delay of {DELAY} s lasted {took:.1} s"
        );
        lasted.push(format!("{took:.1}"));
    }
    operated.end()?;
    operated.is_clean(&operated.engine.storage())?;
    println!("delays of {DELAY} s lasted {} s", lasted.join(", "));
    Ok(())
}

/// A laptop's lid, a virtual machine that was suspended: what is due meanwhile is due when it wakes.
#[test]
fn a_delay_ends_soon_after_the_machine_wakes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let preload = Preload::new(folder.path())?;
    let mut operated = Operated::new("sleeps", &[])?.with_environment(preload.environment());
    operated.start()?;
    let definition = operated.path("delay.xml");
    std::fs::write(
        &definition,
        r#"<process name="delay"><delay duration="1800"/></process>"#,
    )?;
    let started = Instant::now();
    let waiting = wait_for_end(&operated, &definition)?;
    has_launched(&operated, 1)?;
    preload.sleep(3_600_000)?;
    let output = waiting.wait_with_output()?;
    ensure!(output.status.success(), "launch --wait: {output:?}");
    println!(
        "a delay of 1800 s ended {:.1} s after it began, an hour of sleep aside",
        started.elapsed().as_secs_f64()
    );
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}

/// A client that launches, and leaves when the process has ended.
fn wait_for_end(operated: &Operated, definition: &std::path::Path) -> Result<Child> {
    let mut command = operated.engine.command()?;
    Ok(command
        .env("BUREAUCRAT_CONFIG", operated.path("config.ini"))
        .args(["launch", "--wait"])
        .arg(definition)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?)
}

/// Waits until so many processes were launched. On a busy machine the delay of the last one may be over then.
fn has_launched(operated: &Operated, count: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = operated.leaves_with(0, &["list", "--json", "--limit", "0"])?;
        if listed.matches("\"launched_at\"").count() >= count {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the launch does not arrive; the engine lists {listed}, its log ends with:\n{}",
            operated.engine.log_tail()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
