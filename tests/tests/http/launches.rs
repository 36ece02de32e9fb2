//! Launches, results, events and streams over HTTP.

use crate::rig::Rig;
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::http::Answer;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

const PAID: &str = r#"<process name="paid">
  <context><property name="order" type="int">0</property></context>
  <await event="paid" key="{context['order']}"/>
</process>"#;

fn send(rig: &Rig, key: Option<&str>, body: &Value) -> Result<Answer> {
    let bearer = format!("Bearer {}", rig.local);
    let mut headers = vec![
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    rig.client
        .send(("POST", "/api/v1/processes"), &headers, body.to_string())
}

fn deploy(rig: &Rig, source: &str) -> Result<Answer> {
    let bearer = format!("Bearer {}", rig.local);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/xml"),
    ];
    rig.client
        .send(("POST", "/api/v1/definitions"), &headers, source)
}

#[test]
fn what_is_answered_is_durable_and_a_repeat_takes_no_effect() -> Result<()> {
    let mut rig = Rig::new("http-launches")?;
    let deployed = deploy(&rig, PAID)?;
    ensure!(deployed.json()?["version"] == 1, "{deployed:?}");
    let launch = json!({"definition": "paid", "fields": {"order": 7}});
    let first = send(&rig, Some("order-7"), &launch)?;
    ensure!(first.status == 201, "{first:?}");
    // The power may fail as soon as the answer is there.
    rig.engine.kill()?;
    rig.again()?;
    let process = first.json()?["process"]
        .as_str()
        .context("no id")?
        .to_owned();
    let path = format!("/api/v1/processes/{process}");
    ensure!(first.header("location") == Some(path.as_str()), "{first:?}");
    rig.state(&process, "running")?;
    let again = send(&rig, Some("order-7"), &launch)?;
    ensure!(
        again.status == 201 && again.json()? == first.json()?,
        "{again:?}"
    );
    ensure!(rig.processes()?.len() == 1, "it was launched twice");
    let other = send(&rig, Some("order-8"), &launch)?;
    ensure!(
        other.json()?["process"] != process.as_str(),
        "another key is another launch"
    );

    // An event reaches it, and its result is there by its id.
    let event = json!({"event": "paid", "key": 7, "by": "card"});
    let told = rig
        .ask(&rig.local, ("POST", "/api/v1/events"), Some(&event))?
        .json()?;
    ensure!(
        told["status"] == "delivered" && told["taken"] == 2,
        "{told}"
    );
    let result = rig
        .ask(&rig.local, ("GET", &format!("{path}/result?wait=30")), None)?
        .json()?;
    ensure!(
        result["status"] == "completed" && result["fields"]["event"]["by"] == "card",
        "{result}"
    );
    Ok(())
}

#[test]
fn a_launch_can_wait_and_a_refusal_says_why() -> Result<()> {
    let rig = Rig::new("http-waits")?;
    let source = r#"<process name="quick"><context><property name="a" type="str">x</property></context><delay duration="0.2"/></process>"#;
    let bearer = format!("Bearer {}", rig.local);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = json!({"source": source}).to_string();
    let ended = rig
        .client
        .send(("POST", "/api/v1/processes?wait=30"), &headers, &body)?;
    let told = ended.json()?;
    ensure!(
        told["status"] == "completed" && told["fields"]["a"] == "x",
        "{ended:?}"
    );
    let failing = json!({"source": r#"<process><fault code="NoStock"/></process>"#}).to_string();
    let failed = rig
        .client
        .send(("POST", "/api/v1/processes?wait=30"), &headers, &failing)?
        .json()?;
    ensure!(
        failed["status"] == "failed" && failed["fault"]["code"] == "NoStock",
        "{failed}"
    );
    for body in [
        json!({"source": "<process><unknown/></process>"}),
        json!({"definition": "nothing"}),
    ] {
        let refused = send(&rig, None, &body)?;
        ensure!(refused.code() == "rejected", "{refused:?}");
        let reasons = refused.json()?["reasons"].clone();
        ensure!(
            reasons
                .as_array()
                .is_some_and(|reasons| !reasons.is_empty()),
            "{reasons}"
        );
    }
    // Its sender was told, so there is no dead letter.
    let letters = rig
        .ask(&rig.local, ("GET", "/api/v1/dead-letters"), None)?
        .json()?;
    ensure!(letters["letters"] == json!([]), "{letters}");
    Ok(())
}

#[test]
fn a_stream_tells_what_becomes_of_a_process() -> Result<()> {
    let rig = Rig::new("http-stream")?;
    deploy(&rig, PAID)?;
    let launched = send(
        &rig,
        None,
        &json!({"definition": "paid", "fields": {"order": 1}}),
    )?;
    let process = launched.json()?["process"]
        .as_str()
        .context("no id")?
        .to_owned();
    let mut stream = TcpStream::connect(rig.client.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /api/v1/changes?process={process} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        rig.client.address, rig.local
    )?;
    let mut lines = BufReader::new(stream).lines();
    let deadline = Instant::now() + PATIENCE;
    let mut next = |wanted: &str| -> Result<()> {
        for line in &mut lines {
            ensure!(
                Instant::now() < deadline,
                "the stream says nothing about `{wanted}`"
            );
            let line = line?;
            let Some(data) = line.strip_prefix("data: ") else {
                continue;
            };
            let data: Value = serde_json::from_str(data)?;
            if data["state"] == wanted {
                return Ok(());
            }
        }
        anyhow::bail!("the stream has ended before `{wanted}`")
    };
    next("running")?;
    let event = json!({"event": "paid", "key": 1});
    rig.ask(&rig.local, ("POST", "/api/v1/events"), Some(&event))?;
    next("completed")
}
