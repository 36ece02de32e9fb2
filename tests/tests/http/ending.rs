//! The engine is told to stop while clients wait.

use crate::rig::{Rig, WAITS};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    engine::{Engine, broker_url, of_this_run},
    http::{Answer, read},
};
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

fn sent(rig: &Rig, request: &str, body: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(rig.client.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        rig.local,
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    Ok(stream)
}

#[test]
fn who_waits_is_answered_before_the_engine_stops() -> Result<()> {
    let mut rig = Rig::new("http-ending")?;
    let body = json!({"source": WAITS}).to_string();
    let mut launch = sent(&rig, "POST /api/v1/processes?wait=300", &body)?;
    let stream = sent(&rig, "GET /api/v1/changes", "")?;
    // Two that are there and ask for nothing, before and after a request.
    let idle = TcpStream::connect(rig.client.address)?;
    idle.set_read_timeout(Some(PATIENCE))?;
    let mut changes = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with("event: change") {
        line.clear();
        ensure!(changes.read_line(&mut line)? > 0, "the stream has ended");
    }
    let deadline = Instant::now() + PATIENCE;
    let process = loop {
        if let Some((process, _)) = rig.processes()?.pop() {
            break process;
        }
        ensure!(Instant::now() < deadline, "it is not launched");
        // A token may not ask without a pause.
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut result = sent(
        &rig,
        &format!("GET /api/v1/processes/{process}/result?wait=300"),
        "",
    )?;
    rig.engine.terminate()?;
    let is_running = |answer: &Answer, status: u16| -> Result<bool> {
        let told = answer.json()?;
        let is_close = answer.header("connection") == Some("close");
        Ok(answer.status == status
            && is_close
            && told["status"] == "running"
            && told["process"] == process.as_str())
    };
    let answer = read(&mut launch)?;
    ensure!(is_running(&answer, 201)?, "{answer:?}");
    // It may have come just after the end.
    if let Ok(answer) = read(&mut result) {
        ensure!(is_running(&answer, 200)?, "{answer:?}");
    }
    // A stream ends as it should: with its last chunk.
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut changes, &mut rest)?;
    ensure!(
        rest.ends_with(b"0\r\n\r\n"),
        "{:?}",
        String::from_utf8_lossy(&rest)
    );
    let code = rig.engine.ended(PATIENCE)?;
    ensure!(code == 0, "it ended with {code}");
    ensure!(
        rig.engine.log().contains("bureaucrat has stopped"),
        "{}",
        rig.engine.log_tail()
    );
    // What was answered is there after the next start.
    rig.again()?;
    let path = format!("/api/v1/processes/{process}");
    let found = rig.ask(&rig.local, ("GET", &path), None)?.json()?;
    ensure!(found["state"] == "running", "{found}");
    drop(idle);
    Ok(())
}

/// It is noticed before anything is done: what waits in the queues is for an engine that works.
#[test]
fn a_port_that_is_taken_is_said_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let options = ["--http-listen", &port];
    let prefix = of_this_run("http-taken");
    let mut engine = Engine::new(&broker_url()?, folder.path(), &prefix, &options);
    engine.start()?;
    let code = engine.ended(PATIENCE)?;
    let log = engine.log();
    ensure!(
        code == 1 && log.contains("cannot listen on"),
        "{code}: {log}"
    );
    ensure!(!log.contains("bureaucrat is running"), "{log}");
    ensure!(!log.contains("still uses"), "{log}");
    drop(taken);
    engine.start()?;
    engine.answers(PATIENCE)?;
    ensure!(engine.end()? == 0);
    Ok(())
}

#[test]
fn a_request_that_never_ends_holds_up_nobody() -> Result<()> {
    let mut rig = Rig::new("http-held")?;
    let head = format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{",
        rig.local
    );
    let mut stream = TcpStream::connect(rig.client.address)?;
    stream.write_all(head.as_bytes())?;
    rig.launch(&rig.local).context("the engine works")?;
    // It fails unless the engine has ended within 20 seconds.
    let code = rig.engine.end()?;
    ensure!(code == 0, "it ended with {code}");
    Ok(())
}
