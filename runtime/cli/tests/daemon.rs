//! The daemon: detaches from the terminal, holds its pid file, reports a start that fails, ends on
//! a signal. No broker is needed: the engine runs while the broker is unreachable.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// The binary, with a broker address where nobody listens.
fn bureaucrat(storage: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bureaucrat"));
    command
        .env_clear()
        .env("HOME", storage)
        .args(["--amqp", "amqp://guest:guest@127.0.0.1:1/%2f", "--storage"])
        .arg(storage);
    command
}

fn kill(signal: &str, pid: &str) {
    assert!(
        Command::new("kill")
            .args([signal, pid])
            .status()
            .unwrap()
            .success()
    );
}

/// Waits for something that must happen; the time is generous, because machines are busy.
fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !happened() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn foreground(storage: &Path) -> Child {
    let engine = bureaucrat(storage)
        .arg("-f")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the start", || {
        bureaucrat(storage)
            .arg("list")
            .output()
            .unwrap()
            .status
            .success()
    });
    engine
}

#[test]
fn the_daemon_runs_alone_and_ends_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage");
    let started = bureaucrat(&storage).output().unwrap();
    assert!(started.status.success(), "{}", words(&started));
    let away = "warning: the engine has no connection to the broker; its log says why";
    assert!(words(&started).contains(away), "{}", words(&started));
    let pid = fs::read_to_string(storage.join("bureaucrat.pid"))
        .unwrap()
        .trim()
        .to_owned();
    assert!(words(&started).contains(&pid));
    // A session of its own: field 6 of its stat is its own id.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap();
    assert_eq!(session, pid);
    assert_eq!(
        fs::read_link(format!("/proc/{pid}/cwd")).unwrap(),
        Path::new("/")
    );

    let listed = bureaucrat(&storage)
        .args(["list", "--json"])
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", words(&listed));
    let second = bureaucrat(&storage).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        words(&second).contains(&format!("is already running (process {pid})")),
        "{}",
        words(&second)
    );
    let other_pid_file = bureaucrat(&storage)
        .args(["-f", "-p"])
        .arg(folder.path().join("other.pid"))
        .output()
        .unwrap();
    assert_eq!(other_pid_file.status.code(), Some(1));
    assert!(
        words(&other_pid_file).contains("in use by another engine"),
        "{}",
        words(&other_pid_file)
    );

    kill("-TERM", &pid);
    until("the end", || {
        !storage.join("control.sock").exists() && !Path::new(&format!("/proc/{pid}")).exists()
    });
    let log = fs::read_to_string(storage.join("bureaucrat.log")).unwrap();
    assert!(
        log.contains("bureaucrat is running")
            && log.contains("SIGTERM")
            && log.contains("bureaucrat has stopped"),
        "{log}"
    );
    assert_eq!(
        fs::read_to_string(storage.join("bureaucrat.pid")).unwrap(),
        ""
    );
    let gone = bureaucrat(&storage).arg("list").output().unwrap();
    assert!(
        words(&gone).contains("no engine is running"),
        "{}",
        words(&gone)
    );
}

#[test]
fn signals_end_the_foreground_with_0_and_a_killed_engine_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["-INT", "-KILL", "-TERM"] {
        let mut engine = foreground(folder.path());
        kill(signal, &engine.id().to_string());
        let code = engine.wait().unwrap().code();
        assert_eq!(
            code,
            if signal == "-KILL" { None } else { Some(0) },
            "{signal}"
        );
    }
}

#[test]
fn a_start_that_fails_says_why_and_leaves_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for flags in [&["-f"][..], &[]] {
        let output = bureaucrat(&file).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        assert!(words(&output).contains("file"), "{}", words(&output));
    }
    let storage = folder.path().join("storage");
    let output = Command::new(env!("CARGO_BIN_EXE_bureaucrat"))
        .args(["--amqp", "http://mq", "--storage"])
        .arg(&storage)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    assert!(
        words(&output).contains("an address begins with amqp:// or amqps://"),
        "{}",
        words(&output)
    );
}

#[test]
fn queues_with_two_uses_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage");
    for (flag, queue) in [
        ("--dead-letter-queue", "bureaucrat"),
        ("--event-queue", "bureaucrat_msgs"),
        ("--message-queue", "bureaucrat.storage"),
    ] {
        let output = bureaucrat(&storage)
            .args(["-f", flag, queue])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        let both = format!("both named `{queue}`");
        assert!(words(&output).contains(&both), "{}", words(&output));
    }
}

#[test]
fn nobody_waits_without_end_for_an_engine_that_was_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage");
    let mut engine = foreground(&storage);
    let pid = engine.id().to_string();
    kill("-STOP", &pid);
    let list = || bureaucrat(&storage).arg("list").output().unwrap();
    let silent = list();
    assert_eq!(silent.status.code(), Some(3), "{}", words(&silent));
    assert!(words(&silent).contains("SIGCONT"), "{}", words(&silent));
    kill("-CONT", &pid);
    until("an answer", || list().status.success());
    kill("-TERM", &pid);
    assert!(engine.wait().unwrap().success());
}
