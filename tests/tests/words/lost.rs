//! A connection that ends, and a broker that blocks publishing, while a command waits.

use super::{PATIENCE, World, consumes};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

pub fn who_waits_for_an_end_is_told_when_the_connection_is_lost(world: &World) -> Result<()> {
    let definition = r#"<process><await event="never"/></process>"#;
    std::fs::write(world.path("waits.xml"), definition)?;
    let address = world.rabbit.url().to_owned();
    let mut engine = world.engine(&address, "lost", &[])?;
    engine.answers(PATIENCE)?;
    consumes(&engine, 1)?;
    for form in [None, Some("--json")] {
        let mut command = engine.command()?;
        command.args(["launch", "--wait"]).args(form);
        command.arg(world.path("waits.xml"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut waiting = command.spawn()?;
        // In words it says the process on standard error, as JSON on standard output.
        let mut first: Box<dyn BufRead> = match form {
            None => Box::new(BufReader::new(waiting.stderr.take().context("no pipe")?)),
            Some(_) => Box::new(BufReader::new(waiting.stdout.take().context("no pipe")?)),
        };
        let mut line = String::new();
        first.read_line(&mut line)?;
        let process = match form {
            None => line.trim().trim_start_matches("process ").to_owned(),
            Some(_) => {
                let launched: Value = serde_json::from_str(&line)?;
                launched["process"].as_str().unwrap_or_default().to_owned()
            }
        };
        ensure!(process.len() == 36, "{line}");
        world
            .rabbit
            .control(&["close_all_connections", "closed by the test"])?;
        let mut said = String::new();
        match form {
            None => first.read_to_string(&mut said)?,
            Some(_) => {
                let mut stderr = waiting.stderr.take().context("no pipe")?;
                stderr.read_to_string(&mut said)?
            }
        };
        ensure!(waiting.wait()?.code() == Some(1), "{said}");
        let told = format!(
            "the connection to the broker was lost while waiting for the end of process {process}; \
             unless it has ended, it keeps running: `bureaucrat show {process}` shows"
        );
        ensure!(said.contains(&told), "{said}");
        ensure!(
            said.contains(r#""failure":"broker""#) == form.is_some(),
            "{said}"
        );
        let shown = engine
            .command()?
            .args(["show", "--json", &process])
            .output()?;
        let shown = String::from_utf8(shown.stdout)?;
        ensure!(shown.contains(r#""state":"running""#), "{shown}");
    }
    ensure!(engine.end()? == 0);
    Ok(())
}

pub fn whom_the_broker_blocks_is_told_so(world: &World) -> Result<()> {
    std::fs::write(world.path("x.xml"), "<process/>")?;
    let address = world.rabbit.url().to_owned();
    let low = ["set_vm_memory_high_watermark", "0.00001"];
    world.rabbit.control(&low)?;
    for arguments in [&["launch", "x.xml"][..], &["event", "paid"]] {
        let late = [arguments, &["--timeout", "2s"]].concat();
        let output = world.run(&address, &late)?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(3), "{said}");
        ensure!(
            said.starts_with("the broker blocks publishing (low on memory); waiting until"),
            "{said}"
        );
        ensure!(
            said.contains("error: the broker still blocks publishing after 2 s (low on memory)"),
            "{said}"
        );
    }
    world
        .rabbit
        .control(&["set_vm_memory_high_watermark", "0.6"])
        .map(drop)
}
