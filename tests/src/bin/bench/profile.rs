//! Where the engine's CPU time goes: samples by perf, system calls by strace, and thread switches,
//! for the engine under load at several numbers of actions in flight.

use crate::{clerk::Clerk, contenders::Contender, processes, subject::Subject};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::engine::broker_url;
use clap::Args;
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// Lines of perf's report to print; the files contain all.
const LINES: usize = 45;

#[derive(Debug, Args)]
pub struct Settings {
    /// How many actions are in flight, in rising order
    #[arg(long, value_delimiter = ',', default_values_t = [10, 200])]
    in_flight: Vec<u64>,
    /// Seconds of samples at each
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Where perf's data, its reports and strace's tables are left
    #[arg(long)]
    output: PathBuf,
    #[command(flatten)]
    subject: Subject,
}

/// # Errors
/// When engine, broker, perf or strace fail.
pub fn run(settings: &Settings) -> Result<()> {
    std::fs::create_dir_all(&settings.output)?;
    let folder = tempfile::tempdir()?;
    let mut clerk = Clerk::connect(&broker_url()?)?;
    let prefix = format!("profile-{}", std::process::id());
    let mut engine = Contender::engine(&mut clerk, &settings.subject, folder.path(), &prefix)?;
    for &in_flight in &settings.in_flight {
        engine.fill(&clerk, in_flight)?;
        engine.participant.open();
        std::thread::sleep(Duration::from_secs(1));
        println!("\n== {in_flight} in flight");
        counted(&engine, settings.seconds)?;
        sampled(&engine, settings, in_flight)?;
        traced(&engine, settings, in_flight)?;
        engine.participant.close();
        engine.settle()?;
    }
    Ok(())
}

/// CPU and thread switches per action, undisturbed.
fn counted(engine: &Contender, seconds: u64) -> Result<()> {
    let pid = engine.pid()?;
    let before = (
        processes::cpu(pid)?,
        processes::switches(pid)?,
        engine.participant.answered(),
    );
    std::thread::sleep(Duration::from_secs(seconds));
    let actions = (engine.participant.answered() - before.2) as f64;
    ensure!(actions > 0.0, "nothing moved");
    println!(
        "{:.0} actions/s, CPU {:.1} µs an action, {:.2} thread switches an action",
        actions / seconds as f64,
        (processes::cpu(pid)? - before.0).as_secs_f64() * 1e6 / actions,
        (processes::switches(pid)? - before.1) as f64 / actions
    );
    Ok(())
}

fn sampled(engine: &Contender, settings: &Settings, in_flight: u64) -> Result<()> {
    let data = settings.output.join(format!("perf-{in_flight}.data"));
    let status = Command::new("perf")
        .args([
            "record",
            "-q",
            "-F",
            "997",
            "--call-graph",
            "dwarf,16384",
            "-p",
        ])
        .arg(engine.pid()?.to_string())
        .arg("-o")
        .arg(&data)
        .args(["--", "sleep", &settings.seconds.to_string()])
        .stdin(Stdio::null())
        .status()
        .context("perf can't be run; Debian's package is linux-perf")?;
    ensure!(status.success(), "perf record: {status}");
    for (name, sort) in [
        ("threads", "comm"),
        ("symbols", "symbol"),
        ("objects", "comm,symbol"),
    ] {
        let file = settings.output.join(format!("perf-{in_flight}-{name}.txt"));
        report(&data, sort, &file)?;
        let text = std::fs::read_to_string(&file)?;
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        println!("-- samples by {sort}");
        for line in lines.take(LINES) {
            println!("{}", line.trim_end_matches([' ', '-']));
        }
    }
    Ok(())
}

fn report(data: &Path, sort: &str, to: &Path) -> Result<()> {
    let status = Command::new("perf")
        .args([
            "report",
            "--stdio",
            "--no-children",
            "-g",
            "none",
            "--percent-limit",
            "0.2",
        ])
        .args(["-F", &format!("overhead,{sort}"), "-i"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(File::create(to)?)
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "perf report: {status}");
    Ok(())
}

/// System calls per action. strace slows the engine down, so only the counts are meaningful.
fn traced(engine: &Contender, settings: &Settings, in_flight: u64) -> Result<()> {
    let file = settings.output.join(format!("syscalls-{in_flight}.txt"));
    let before = engine.participant.answered();
    let status = Command::new("timeout")
        .args([
            "--signal=INT",
            &settings.seconds.to_string(),
            "strace",
            "-c",
            "-f",
            "-qq",
            "-o",
        ])
        .arg(&file)
        .args(["-p", &engine.pid()?.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("strace can't be run")?;
    let actions = (engine.participant.answered() - before) as f64;
    ensure!(status.code().is_some(), "strace: {status}");
    ensure!(actions > 0.0, "nothing moved under strace");
    println!("-- system calls an action ({actions} actions)");
    for line in std::fs::read_to_string(&file)?.lines() {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        if let [_, _, _, calls, .., name] = columns[..]
            && let Ok(calls) = calls.parse::<f64>()
            && calls / actions > 0.01
        {
            println!("{name:>20} {:>8.2}", calls / actions);
        }
    }
    Ok(())
}
