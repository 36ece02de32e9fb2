//! What came for a process and did not continue it is shown beside what it waits for; what somebody
//! at a terminal did wrong is said there alone.

use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    engine::{broker_url, of_this_run},
    operating::Operated,
    queues::declare_queue,
};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, options::BasicPublishOptions,
};
use std::time::{Duration, Instant};

async fn publish(channel: &Channel, queue: &str, body: &str) -> Result<()> {
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel
        .basic_publish(
            "".into(),
            queue.into(),
            options,
            body.as_bytes(),
            properties,
        )
        .await?;
    Ok(())
}

/// What `show` says, once it says this.
async fn shown(operated: &Operated, process: &str, wanted: &str) -> Result<String> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let words = operated.leaves_with(0, &["show", process])?;
        if words.contains(wanted) {
            return Ok(words);
        }
        ensure!(Instant::now() < deadline, "`{wanted}` is not in\n{words}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_and_did_not_count_is_shown() -> Result<()> {
    let mut operated = Operated::new("astray", &[])?;
    operated.start()?;
    let participant = of_this_run("astray-worker");
    let connection = Connection::connect(&broker_url()?, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let worker = format!("worker_{participant}");
    declare_queue(&channel, &worker).await?;
    let definition = format!(r#"<process><action participant="{participant}"/></process>"#);
    let process = operated.launch(&definition)?;
    let words = operated.leaves_with(0, &["show", &process])?;
    ensure!(!words.contains("did not complete"), "{words}");

    let answers = operated.engine.name("answers");
    let finished = format!(
        r#"{{"name": "response", "target": "{process}_0", "origin": "{process}_0", "payload": {{"status": "finished"}}}}"#
    );
    publish(&channel, &answers, &finished).await?;
    let words = shown(&operated, &process, "an answer came at").await?;
    let reason = r#"status "finished"; the status must be `done`, or `critical`"#;
    ensure!(words.contains(reason), "{words}");

    let python = format!("{{'header': {{'target': '{process}_0'}}, 'fields': {{}}}}");
    publish(&channel, &answers, &python).await?;
    let words = shown(&operated, &process, "became the dead letter").await?;
    ensure!(words.contains("use `json.dumps`"), "{words}");
    let shown = operated.show(&process)?;
    let astray = shown["astray"].as_array().context("a list")?;
    ensure!(
        astray
            .iter()
            .map(|one| &one["kind"])
            .eq(["answer", "dead_letter"]),
        "{shown}"
    );
    ensure!(astray[0]["activity"] == format!("{process}_0"), "{shown}");
    ensure!(astray[1]["letter"].is_u64(), "{shown}");
    channel
        .queue_delete(worker.as_str().into(), Default::default())
        .await?;
    operated.end()
}

#[test]
fn a_slip_at_a_terminal_is_no_dead_letter() -> Result<()> {
    let mut operated = Operated::new("astray-slips", &[])?;
    operated.start()?;
    let definition = r#"<process name="order"><delay duration="0"/></process>"#;
    operated.launch(definition)?;
    for (name, text) in [
        ("order.xml", definition),
        ("slip.xml", "<process><dealy/></process>"),
    ] {
        std::fs::write(operated.path(name), text)?;
    }
    let [order, slip] = ["order.xml", "slip.xml"].map(|name| operated.path(name));
    let [order, slip] = [&order, &slip].map(|path| path.to_str().context("a path in UTF-8"));
    let (order, slip) = (order?, slip?);
    operated.leaves_with(0, &["deploy", order])?;
    for (arguments, expected) in [
        (&["launch", "ordr"][..], "did you mean `order`?"),
        (&["launch", "ORDER"], "did you mean `order`?"),
        (&["launch", "order@9"], "has no version 9"),
        (
            &["launch", "order@x"],
            "there is no file `order@x`, and it can't be the name of a definition",
        ),
        (&["launch", slip], "`bureaucrat check"),
        (&["launch", slip], "did you mean `delay`?"),
    ] {
        let said = operated.leaves_with(1, arguments)?;
        ensure!(said.contains(expected), "{arguments:?}: {said}");
    }
    operated.leaves_with(0, &["definitions", "retire", "order"])?;
    let said = operated.leaves_with(1, &["launch", "ordr"])?;
    ensure!(!said.contains("did you mean"), "{said}");
    let said = operated.leaves_with(1, &["launch", "order"])?;
    ensure!(said.contains("deploy it again"), "{said}");
    let said = operated.leaves_with(0, &["dead", "list"])?;
    ensure!(!said.contains("definition"), "{said}");
    operated.end()
}

#[test]
fn launch_points_to_check_for_what_check_sees() -> Result<()> {
    let mut operated = Operated::new("told-check", &[])?;
    operated.start()?;
    let own = operated.engine.name("launches");
    let path = operated.path("refused.xml");
    let file = path.to_str().context("a path in UTF-8")?;
    for (definition, reason, is_seen) in [
        (
            "<process><nonsense/></process>".to_owned(),
            "nonsense",
            true,
        ),
        (
            format!(r#"<process><action participant="told.p" queue="{own}"/></process>"#),
            "no definition may send tasks to",
            false,
        ),
    ] {
        std::fs::write(&path, definition)?;
        let words = operated.leaves_with(1, &["launch", file])?;
        ensure!(words.contains(reason), "{words}");
        ensure!(words.contains("shows the places") == is_seen, "{words}");
        operated.leaves_with(i32::from(is_seen), &["check", file])?;
    }
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}
