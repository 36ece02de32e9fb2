//! `store copy`: processes continue in another store, a copy that was interrupted is used by nobody, and at no moment
//! two engines could start with the same records.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "storage_copy/commits.rs"]
mod commits;
#[path = "storage_copy/refused.rs"]
mod refused;

use anyhow::Result;
use bureaucrat_tests::{
    answering::Answering,
    engine::binary,
    operating::Operated,
    postgres::{database_url, new_url},
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// A schema that nobody has used, as it is named on a command line, and the file with its password.
struct Schema {
    url: String,
    plain: String,
    password: PathBuf,
}

impl Schema {
    fn new(folder: &Path) -> Self {
        let url = new_url().unwrap();
        let (before, rest) = url.split_once("://").unwrap();
        let (credentials, rest) = rest.split_once('@').unwrap();
        let (user, password) = credentials.split_once(':').unwrap();
        let file = folder.join("password");
        std::fs::write(&file, format!("{password}\n")).unwrap();
        Self {
            plain: format!("{before}://{user}@{rest}"),
            url,
            password: file,
        }
    }
}

/// A command of the binary, with nothing configured.
fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary().unwrap());
    command
        .env_clear()
        .env("HOME", home)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Runs a command that leaves with `code`; returns what it says.
fn run(home: &Path, code: i32, arguments: &[&str]) -> String {
    let output = command(home, arguments).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}\n{out}\n{err}"
    );
    if out.is_empty() { err } else { out }
}

fn copy<'a>(from: &'a str, to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["store", "copy", from, to], more].concat()
}

/// Copies, and returns what it says of itself.
fn copied(home: &Path, from: &str, to: &str, more: &[&str]) -> Value {
    let arguments = [copy(from, to, more), vec!["--json"]].concat();
    serde_json::from_str(&run(home, 0, &arguments)).unwrap()
}

const QUEUE: &str = "worker_sto.copy";

/// Processes that wait, each in its own way, and what `show` says when it does.
const WAITS: [(&str, &str); 5] = [
    ("awaits", r#"<await event="copy.go"/>"#),
    ("delays", r#"<delay duration="2"/>"#),
    ("asks", r#"<action participant="sto.copy"/>"#),
    (
        "forks",
        r#"<all><action participant="sto.copy"/><await event="copy.go"/><delay duration="2"/></all>"#,
    ),
    (
        "tries",
        r#"<action participant="sto.copy"><retry attempts="3" delay="1s"/></action>"#,
    ),
];

struct Waiting {
    plain: Vec<String>,
    stuck: String,
    suspended: String,
    caller: String,
}

fn launch(operated: &Operated) -> Result<Waiting> {
    let mut plain = Vec::new();
    for (name, activity) in WAITS {
        let definition = format!(r#"<process name="{name}">{activity}</process>"#);
        plain.push(operated.launch(&definition)?);
    }
    let child = operated.path("child.xml");
    std::fs::write(
        &child,
        r#"<process name="child"><await event="copy.go"/></process>"#,
    )?;
    operated.leaves_with(0, &["deploy", child.to_str().unwrap()])?;
    let caller = operated.launch(r#"<process name="caller"><call process="child"/></process>"#)?;
    let stuck = operated
        .launch(r#"<process name="stuck" on-fault="incident"><fault code="NoStock"/></process>"#)?;
    let suspended =
        operated.launch(r#"<process name="suspended"><await event="copy.go"/></process>"#)?;
    for process in plain.iter().chain([&caller, &suspended]) {
        operated.until_it(process, "waiting", |shown| {
            shown["waits"]
                .as_array()
                .is_some_and(|waits| !waits.is_empty())
        })?;
    }
    operated.until(&stuck, "incident")?;
    operated.leaves_with(0, &["suspend", &suspended])?;
    Ok(Waiting {
        plain,
        stuck,
        suspended,
        caller,
    })
}

/// Everything ends, and each task was given once.
fn ends(operated: &Operated, waiting: &Waiting, tasks: &Answering) -> Result<()> {
    operated.until(&waiting.suspended, "suspended")?;
    operated.leaves_with(0, &["resume", &waiting.suspended])?;
    operated.until(&waiting.stuck, "incident")?;
    operated.leaves_with(0, &["skip", &waiting.stuck])?;
    operated.event("copy.go")?;
    let mut answered = 0;
    while answered < 3 {
        answered += tasks.answer(QUEUE)?;
        std::thread::sleep(Duration::from_millis(10));
    }
    let rest = [&waiting.stuck, &waiting.suspended, &waiting.caller];
    for process in waiting.plain.iter().chain(rest) {
        let shown = operated.until(process, "completed")?;
        let history = shown["history"].as_array().unwrap();
        let ended = history.iter().filter(|entry| entry["event"] == "completed");
        assert_eq!(ended.count(), 1, "{shown}");
    }
    assert_eq!((answered, tasks.answer(QUEUE)?), (3, 0));
    Ok(())
}

#[test]
fn what_waits_ends_once_in_a_database_and_back_in_a_folder() -> Result<()> {
    let mut operated = Operated::new("sto-copy", &[])?;
    let tasks = Answering::connect(operated.engine.name("answers"), &[QUEUE])?;
    let home = operated.path("");
    let storage = operated.engine.storage();
    let storage = storage.to_str().unwrap();
    let schema = Schema::new(&home);
    let password = schema.password.to_str().unwrap();

    operated.start()?;
    let first = launch(&operated)?;
    let in_use = run(
        &home,
        2,
        &copy(storage, &schema.plain, &["--to-password-file", password]),
    );
    assert!(in_use.contains("stop it first"), "{in_use}");
    operated.end()?;
    let to_database = copied(
        &home,
        storage,
        &schema.plain,
        &["--to-password-file", password],
    );
    assert!(
        to_database["tables"]["instances"]["records"] == 9,
        "{to_database}"
    );
    operated.is_clean(Path::new(storage))?;

    // No engine starts with what was left behind.
    operated.engine.start()?;
    assert_eq!(operated.engine.ended(Duration::from_secs(30))?, 1);
    let words = operated.engine.log_tail();
    assert!(words.contains("continue there"), "{words}");

    operated.engine = operated.engine.with_database(Some(schema.url.clone()));
    operated.leaves_with(0, &["fsck"])?;
    operated.start()?;
    ends(&operated, &first, &tasks)?;
    // A number that was drawn before is not drawn again: ids are derived from them.
    let second = launch(&operated)?;
    operated.end()?;

    let back = operated.path("back");
    let back = back.to_str().unwrap();
    // The password of the configured database counts.
    let words = operated.leaves_with(0, &["store", "copy", &schema.plain, back])?;
    assert!(words.contains("copied and compared"), "{words}");
    operated.leaves_with(0, &["fsck"])?;
    operated.engine.start()?;
    assert_eq!(operated.engine.ended(Duration::from_secs(30))?, 1);
    operated.engine = operated.engine.with_database(None);
    // The queues are those of the same storage.
    std::fs::rename(format!("{storage}/state"), operated.path("left-behind"))?;
    std::fs::rename(format!("{back}/state"), format!("{storage}/state"))?;
    operated.is_clean(Path::new(storage))?;
    operated.start()?;
    ends(&operated, &second, &tasks)?;
    operated.end()?;
    operated.is_clean(Path::new(storage))
}

/// A folder with processes in it, without an engine.
fn populated(folder: &TempDir) -> String {
    let storage = folder.path().join("storage");
    let clock = std::sync::Arc::new(bureaucrat_tests::simulation::SimulatedClock::new(
        1_800_000_000_000,
    ));
    let state = storage.join("state");
    let store = std::sync::Arc::new(bureaucrat_store_rocksdb::RocksStore::open(&state).unwrap());
    let sandbox = bureaucrat_tests::polled::sandbox().unwrap();
    let config = bureaucrat_host::HostConfig::default();
    let mut host = bureaucrat_tests::polled::Polled::open(config, store, clock, &sandbox).unwrap();
    for number in 0..40 {
        let text = "instances ".repeat(100);
        let body = format!(
            r#"<process name="p{number}"><context><property name="t" type="str">{text}{number}</property></context><all><await event="go"/><delay duration="60"/></all></process>"#
        );
        let source = bureaucrat_host::broker::Source::Launches;
        host.deliver(source, Some(&number.to_string()), &body);
        host.settle().unwrap();
    }
    storage.to_str().unwrap().to_owned()
}

/// The address of the tests' database has a password, which the helpers above rely on.
#[test]
fn the_database_of_the_tests_has_a_password() {
    let url = database_url().unwrap();
    assert!(
        url.split_once('@').unwrap().0.matches(':').count() == 2,
        "{url}"
    );
}
