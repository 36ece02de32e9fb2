//! Commands and their connection: whose they are, and what they say when the engine has none.

use anyhow::Result;
use bureaucrat_tests::{engine::broker_url, operating::Operated};

/// A policy that lets nobody launch without a name.
#[test]
fn a_command_is_the_user_of_its_connection() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let policy = folder.path().join("policy.toml");
    let rules = "[default]\nlaunches = true\nawaits = [\"*\"]\npublishes = [\"*\"]\n\
                 reply_to = [\"amq.gen-*\"]\n[anonymous]\nlaunches = false\n";
    std::fs::write(&policy, rules)?;
    let policy = policy.to_str().unwrap();
    let mut operated = Operated::new("told-user", &["--policy", policy])?;
    operated.start()?;
    let process = operated.launch(r#"<process><await event="told.user"/></process>"#)?;
    let user = broker_url()?;
    let user = user
        .split("//")
        .nth(1)
        .and_then(|rest| rest.split(':').next());
    assert_eq!(operated.show(&process)?["user"].as_str(), user);
    let words = operated.leaves_with(0, &["event", "told.user"])?;
    assert!(words.contains("and took it"), "{words}");
    operated.end()
}

/// The broker can be reached no more, and nothing that is shown waits for it.
#[test]
fn lists_and_processes_say_that_the_broker_is_away() -> Result<()> {
    let mut operated = Operated::new("told-away", &[])?;
    operated.start()?;
    let process = operated.launch(r#"<process><await event="told.never"/></process>"#)?;
    operated.end()?;
    let nowhere = (
        "BUREAUCRAT_AMQP".to_owned(),
        "amqp://127.0.0.1:1/".to_owned(),
    );
    let mut operated = operated.with_environment([nowhere]);
    operated.start()?;
    let output = operated.run(&["list"])?;
    let words = [&output.stdout[..], &output.stderr[..]].concat();
    let words = String::from_utf8(words)?;
    let away = "the engine has no connection to the broker; its log says why";
    assert!(
        words.contains(away) && words.contains("told.never"),
        "{words}"
    );
    let words = operated.leaves_with(0, &["show", &process])?;
    assert!(words.contains(away), "{words}");
    operated.end()
}
