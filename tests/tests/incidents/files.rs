//! What the file of an incident holds, and what becomes of it elsewhere: masks, failures that are not
//! the outcome of an evaluation, several stuck parts, files that can't be used.

use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    answering::Answering, attacks::wat::evaluates, engine::of_this_run, operating::Operated,
};
use serde_json::Value;
use std::{
    path::Path,
    time::{Duration, Instant},
};

const SECRET: &str = "4111-1111-1111-1111";

/// Exports an incident, and returns the file.
fn exported(operated: &Operated, process: &str, masks: &[&str]) -> Result<String> {
    let file = operated.path(&format!("{process}-{}.tar", masks.len()));
    let file = file.to_str().context("a path in UTF-8")?.to_owned();
    let mut arguments = vec!["incident", "export", process, "--output", &file];
    for mask in masks {
        arguments.extend(["--mask", *mask]);
    }
    operated.leaves_with(0, &arguments)?;
    Ok(file)
}

fn contains(file: &str, text: &str) -> Result<bool> {
    let bytes = std::fs::read(file)?;
    Ok(bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes()))
}

/// `incident.json` of a file.
fn described(file: &str) -> Result<Value> {
    let bytes = std::fs::read(file)?;
    let mut archive = tar::Archive::new(bytes.as_slice());
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.path()? == Path::new("incident.json") {
            return Ok(serde_json::from_reader(entry)?);
        }
    }
    anyhow::bail!("{file} has no incident.json")
}

/// Answers the one task of a queue with a body that `change` makes of its own.
pub fn answered(
    answering: &Answering,
    queue: &str,
    change: impl Fn(String) -> String,
) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let changed = |body: &[u8]| change(String::from_utf8_lossy(body).into_owned()).into_bytes();
    while answering.answer_with(queue, changed)? == 0 {
        ensure!(Instant::now() < deadline, "no task came to {queue}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn a_file_holds_what_led_to_the_failure() -> Result<()> {
    // The setting makes incidents of faults, unless a definition says otherwise.
    let mut operated = Operated::new("incident-files", &["--on-fault", "incident"])?;
    operated.start()?;
    let participant = of_this_run("cashier");
    let queue = format!("worker_{participant}");
    let answering = Answering::connect(operated.engine.name("answers"), &[&queue])?;
    after_an_answer(&operated, &answering, (&participant, &queue))?;
    a_workers_fault(&operated, &answering, (&participant, &queue))?;
    a_timeout(&operated, &participant)?;
    several_parts(&operated)?;
    what_is_no_incident(&operated)?;
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}

/// The message that led to it is there; masks leave nothing of what they mask.
fn after_an_answer(
    operated: &Operated,
    answering: &Answering,
    (participant, queue): (&str, &str),
) -> Result<()> {
    let definition = format!(
        r#"<process name="pays"><action participant="{participant}"/>
        <assign property="limit">context["limits"][context["card"]["number"]]</assign></process>"#
    );
    let fields = format!(
        r#"{{"card": {{"number": "{SECRET}", "cvc": 737373}}, "limits": {{}}, "other": 1.50}}"#
    );
    let process = operated.launch_with(&definition, &fields)?;
    answered(answering, queue, |body| body.replace("1.50", "2.50"))?;
    operated.until(&process, "incident")?;
    let file = exported(operated, &process, &[])?;
    ensure!(contains(&file, SECRET)?, "the fields are there");
    let told = described(&file)?;
    let message = &told["parts"][0]["message"];
    ensure!(
        message["kind"] == "answer" && message["body"] == "messages/1",
        "{told}"
    );
    let other = told["fields"][0]["fields"]["other"].to_string();
    ensure!(other == "2.50", "{told}");
    let replayed = operated.json(0, &["replay", &file, "--json"])?;
    ensure!(replayed["parts"][0]["fuel"] == "same", "{replayed}");

    let file = exported(operated, &process, &["card.number", "cvc"])?;
    for secret in [SECRET, "737373"] {
        ensure!(!contains(&file, secret)?, "{secret} is in {file}");
    }
    let told = described(&file)?;
    ensure!(
        told["fields"][0]["fields"]["card"]["number"] == "masked",
        "{told}"
    );
    ensure!(told["fields"][0]["fields"]["card"]["cvc"] == 0, "{told}");
    let played = operated.run(&["replay", &file, "--json"])?;
    let played: Value = serde_json::from_slice(&played.stdout)?;
    let note = played["parts"][0]["note"].as_str().unwrap_or_default();
    ensure!(note.contains("/card/number, which is masked"), "{played}");

    // What an operator sets later is not what failed.
    operated.leaves_with(0, &["set", &process, "--field", "other=3"])?;
    let file = exported(operated, &process, &["none"])?;
    let told = described(&file)?;
    let other = told["fields"][0]["fields"]["other"].to_string();
    ensure!(other == "2.50", "{told}");
    Ok(())
}

/// A worker's fault comes again from its answer.
fn a_workers_fault(
    operated: &Operated,
    answering: &Answering,
    (participant, queue): (&str, &str),
) -> Result<()> {
    let definition =
        format!(r#"<process name="buys"><action participant="{participant}"/></process>"#);
    let process = operated.launch(&definition)?;
    answered(answering, queue, |body| {
        let fault =
            r#""fault": {"code": "Declined", "message": "no money", "data": [1]}, "fields""#;
        body.replace(r#""fields""#, fault)
    })?;
    operated.until(&process, "incident")?;
    let file = exported(operated, &process, &[])?;
    let replayed = operated.json(0, &["replay", &file, "--json"])?;
    let part = &replayed["parts"][0];
    ensure!(part["now"]["outcome"] == "Declined: no money", "{replayed}");
    ensure!(
        part["fuel"] == "none" && part["verdict"] == "same",
        "{replayed}"
    );
    // Without the state there is nothing to try again.
    let file = exported(operated, &process, &["x"])?;
    let replayed = operated.json(2, &["replay", &file, "--json"])?;
    ensure!(
        replayed["parts"][0]["verdict"] == "not_replayed",
        "{replayed}"
    );
    Ok(())
}

fn a_timeout(operated: &Operated, participant: &str) -> Result<()> {
    let definition = format!(
        r#"<process name="waits"><action participant="{participant}-away" timeout="50ms"/></process>"#
    );
    let process = operated.launch(&definition)?;
    operated.until(&process, "incident")?;
    let file = exported(operated, &process, &[])?;
    let replayed = operated.json(0, &["replay", &file, "--json"])?;
    let outcome = replayed["parts"][0]["now"]["outcome"]
        .as_str()
        .unwrap_or_default();
    ensure!(outcome.starts_with("Timeout"), "{replayed}");
    Ok(())
}

fn several_parts(operated: &Operated) -> Result<()> {
    let definition = r#"<process name="both"><all>
        <assign property="a">context["x"]["a"]</assign><assign property="b">1 / context["zero"]</assign>
        </all></process>"#;
    let process = operated.launch_with(definition, r#"{"x": {}, "zero": 0}"#)?;
    operated.until_it(&process, "stuck twice", |shown| {
        let waits = shown["waits"].as_array().into_iter().flatten();
        waits
            .filter(|wait| wait["waits_for"]["kind"] == "operator")
            .count()
            == 2
    })?;
    let file = exported(operated, &process, &[])?;
    let replayed = operated.json(0, &["replay", &file, "--json"])?;
    let parts = replayed["parts"].as_array().context("parts")?;
    let outcomes: Vec<&str> = parts
        .iter()
        .filter_map(|part| part["now"]["outcome"].as_str())
        .collect();
    ensure!(outcomes.len() == 2, "{replayed}");
    ensure!(
        outcomes[0].starts_with("KeyError") && outcomes[1].starts_with("ZeroDivisionError"),
        "{replayed}"
    );
    let text = operated.leaves_with(0, &["replay", &file])?;
    ensure!(
        text.matches("the same outcome, the same fuel").count() == 2,
        "{text}"
    );
    Ok(())
}

fn what_is_no_incident(operated: &Operated) -> Result<()> {
    // The definition's own word goes first.
    let definition = r#"<process name="fails" on-fault="fail"><assign property="a">context["x"]</assign></process>"#;
    let process = operated.launch(definition)?;
    operated.until(&process, "failed")?;
    let text = operated.leaves_with(1, &["incident", "export", &process])?;
    ensure!(text.contains("is not an incident"), "{text}");
    let unknown = "ffffffff-1111-8222-9333-444455556666";
    operated.leaves_with(1, &["incident", "export", unknown])?;
    let text = operated.leaves_with(2, &["replay", "Cargo.toml"])?;
    ensure!(
        text.contains("is not an incident that can be replayed"),
        "{text}"
    );
    operated
        .leaves_with(2, &["replay", "/nowhere/at/all.tar"])
        .map(drop)
}

/// The machine was too slow: there is no outcome to compare with, and replaying says what comes where
/// there is time. The user's policy makes incidents of faults here.
#[test]
fn an_evaluation_without_an_outcome_is_played_where_there_is_time() -> Result<()> {
    let policy = "[default]\nmodules = \"any\"\nparticipants = [\"*\"]\nreply_to = [\"*\"]\non_fault = \"incident\"\n\
                  [default.quotas]\nfuel = \"unlimited\"\n";
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("policy.toml");
    std::fs::write(&file, policy)?;
    let file = file.to_str().context("a path in UTF-8")?;
    let mut operated = Operated::new("incident-slow", &["--policy", file])?;
    operated.limits("deadline_ms = 10\nfuel = 10000000000")?;
    operated.start()?;
    let faulty = r#"<process name="f"><assign property="a">context["x"]["y"]</assign></process>"#;
    let process = operated.launch_with(faulty, r#"{"x": {}}"#)?;
    operated.until(&process, "incident")?;

    let slow = "(local i32) (loop local.get 0 i32.const 1 i32.add local.tee 0 i32.const 300000000 i32.lt_u br_if 0)
        unreachable";
    let module = super::definitions::module("m", &evaluates(slow).component());
    let definition = format!(
        r#"<process name="slow">{module}<switch><case><condition module="m"/><action participant="nobody"/></case></switch></process>"#
    );
    let process = operated.launch(&definition)?;
    let shown = operated.until(&process, "incident")?;
    let reason = shown["incident"].as_str().unwrap_or_default();
    ensure!(reason.starts_with("sandbox.deadline"), "{shown}");
    let file = exported(&operated, &process, &[])?;
    let replayed = operated.json(1, &["replay", &file, "--json"])?;
    let part = &replayed["parts"][0];
    ensure!(
        part["then"]["outcome"] == "no outcome" && part["verdict"] == "different",
        "{replayed}"
    );
    let now = part["now"]["outcome"].as_str().unwrap_or_default();
    ensure!(now.starts_with("sandbox.trap"), "{replayed}");
    operated.end()
}
