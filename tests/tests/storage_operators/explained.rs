//! What `show` explains of a process that waits for many things, how lists find it, and what commands
//! do over the broker.

use anyhow::Result;
use bureaucrat_tests::{
    engine::{broker_url, of_this_run},
    operating::Operated,
    queues::declare_queue,
};
use lapin::{BasicProperties, Connection, ConnectionProperties, options::BasicPublishOptions};
use serde_json::{Value, json};

/// A task, an event and a sequence that is tried again, in a scope.
fn definition(participant: &str, event: &str) -> String {
    format!(
        r#"<process name="explained">
  <context><property name="customer" type="str" searchable="yes">Ada</property></context>
  <sequence id="paying" title="Take the money">
    <context><property name="tries" type="int">7</property><finally><delay duration="1ms"/></finally></context>
    <all>
      <action id="charge" title="Charge the customer" participant="{participant}"
              timeout="1h" within="2h" heartbeat="30m"><retry attempts="5"/></action>
      <await event="{event}" key="A-17" since="1d" timeout="3h"><condition>context["event"]["ok"]</condition></await>
      <sequence><retry attempts="3" delay="1h" on="oops"/><fault code="oops"/></sequence>
    </all>
  </sequence>
</process>"#
    )
}

/// The wait of this kind.
fn wait<'a>(shown: &'a Value, kind: &str) -> &'a Value {
    let mut waits = shown["waits"].as_array().unwrap().iter();
    let found = waits.find(|wait| wait["waits_for"]["kind"] == kind);
    found.unwrap_or_else(|| panic!("{kind}: {shown}"))
}

async fn publish(queue: &str, body: &Value) -> Result<()> {
    let connection = Connection::connect(&broker_url()?, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let options = BasicPublishOptions::default();
    let (body, properties) = (body.to_string(), BasicProperties::default());
    let sent = channel.basic_publish(
        "".into(),
        queue.into(),
        options,
        body.as_bytes(),
        properties,
    );
    sent.await?.await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn show_explains_what_would_wake_a_process_and_where_it_is() -> Result<()> {
    let mut operated = Operated::new("explained", &[])?;
    operated.start()?;
    let (participant, event) = (of_this_run("explains"), of_this_run("explained"));
    let connection = Connection::connect(&broker_url()?, ConnectionProperties::default()).await?;
    let queue = format!("worker_{participant}");
    declare_queue(&connection.create_channel().await?, &queue).await?;
    let process = operated.launch(&definition(&participant, &event))?;
    let activity = format!("{process}_0_0_0");
    let progress = json!({
        "name": "progress", "target": activity, "origin": activity, "progress": {"percent": 40},
    });
    publish(&operated.engine.name("answers"), &progress).await?;
    let shown = operated.until_it(&process, "with progress", |shown| {
        shown["waits"].as_array().is_some_and(|waits| {
            let mut of_tasks = waits.iter().map(|wait| &wait["waits_for"]["progress"]);
            of_tasks.any(Value::is_object)
        })
    })?;
    in_fields(&shown, &participant, &event);
    in_words(&operated.leaves_with(0, &["show", "--history", &process])?);

    // Lists find it by its field.
    let found = operated.json(0, &["list", "--json", "--where", "customer=Ada"])?;
    assert_eq!(found["process"], *process);
    operated.launch(&definition(&participant, &of_this_run("other")))?;
    let cut = operated.run(&["list", "--limit", "1", "--where", "customer=Ada"])?;
    let told = String::from_utf8_lossy(&cut.stderr).into_owned();
    assert!(told.contains("and 1 more: --limit 0 shows all"), "{told}");
    let nothing = operated.leaves_with(0, &["list", "--where", "customer=Bob"])?;
    assert!(
        nothing.contains("no processes; --where only finds fields"),
        "{nothing}"
    );
    let wrong = operated.leaves_with(2, &["list", "--where", "customer"])?;
    assert!(wrong.contains("it must be NAME=VALUE"), "{wrong}");

    over_the_broker(&operated, &process, &event)?;
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}

fn in_fields(shown: &Value, participant: &str, event: &str) {
    assert_eq!(shown["recorded"], "full");
    assert_eq!(shown["searchable"], json!({"customer": "Ada"}));
    let answer = wait(shown, "answer");
    assert_eq!(
        (&answer["id"], &answer["line"]),
        (&json!("charge"), &json!(6))
    );
    assert_eq!(answer["title"], "Charge the customer");
    assert_eq!(answer["attempt"], json!({"number": 1, "of": 5}));
    let waits_for = &answer["waits_for"];
    assert_eq!(waits_for["participant"], *participant);
    assert_eq!(waits_for["progress"]["value"], json!({"percent": 40}));
    assert_eq!(waits_for["heartbeat"]["silence_ms"], 1_800_000);
    let millis = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{shown}"));
    let since = millis(&answer["since"]);
    assert_eq!(millis(&waits_for["timeout"]) - since, 3_600_000);
    assert_eq!(millis(&waits_for["within"]) - since, 7_200_000);
    let scope = &answer["scopes"][0];
    assert_eq!(
        (&scope["id"], &scope["phase"]),
        (&json!("paying"), &json!("body"))
    );
    assert_eq!(scope["fields"], json!({"tries": 7}));
    assert_eq!(shown["broker"], "connected");
    let awaited = &wait(shown, "event")["waits_for"];
    let wanted = &awaited["events"][0];
    assert_eq!(
        (&wanted["event"], &wanted["key"]),
        (&json!(event), &json!("A-17"))
    );
    assert_eq!(wanted["conditions"], json!(["context[\"event\"][\"ok\"]"]));
    assert!(
        wanted["since"].is_u64() && awaited["timeout"].is_u64(),
        "{awaited}"
    );
    let attempt = &wait(shown, "attempt")["waits_for"];
    assert_eq!((&attempt["number"], &attempt["of"]), (&json!(2), &json!(3)));
    let activities = shown["activities"].as_object().unwrap();
    assert!(activities.values().any(|found| found["id"] == "charge"));
}

fn in_words(words: &str) {
    for expected in [
        "(attempt 1 of 5)",
        "{\"percent\":40}",
        "without further progress, HeartbeatLost at ",
        "this attempt times out at ",
        "the time of all attempts ends at ",
        "[`charge`: Charge the customer]",
        "[`paying`: Take the money]",
        "with its fields {\"tries\":7}",
        "with the key `A-17`",
        "counts only if `context[\"event\"][\"ok\"]`",
        "the wait ends without one at ",
        "attempt 2 of 3, at ",
        "attempt 1 failed, attempt 2 begins at ",
    ] {
        assert!(words.contains(expected), "{expected} is not in\n{words}");
    }
}

/// An event with a key, and cancelling.
fn over_the_broker(operated: &Operated, process: &str, event: &str) -> Result<()> {
    let sent = |arguments: &[&str]| {
        let mut all = vec!["event", event, "--json"];
        all.extend(arguments);
        operated.json(0, &all)
    };
    assert_eq!(sent(&["--key", "A-18"])?["waiting"], 0);
    let other = "0c4b8a0e-1111-8222-9333-444455556666";
    let not_ours = ["--key", "A-17", "--field", "ok=true", "--process", other];
    assert_eq!(sent(&not_ours)?["taken"], 0);
    let short = &process[..8];
    let ours = ["--key", "A-17", "--field", "ok=true", "--process", short];
    let took = sent(&ours)?;
    assert_eq!((&took["waiting"], &took["taken"]), (&json!(1), &json!(1)));
    let kept = operated.leaves_with(0, &["event", event, "--keep", "1h"])?;
    assert!(kept.contains("the event is kept"), "{kept}");
    let twice = ["event", event, "--key", "a", "--text", "key=b"];
    let words = operated.leaves_with(2, &twice)?;
    assert!(words.contains("use --key instead"), "{words}");
    let mistaken = ["event", event, "--field", "keep=1h"];
    let words = operated.leaves_with(2, &mistaken)?;
    assert!(words.contains("use --keep instead"), "{words}");

    let cancel = |id: &str, code: i32| operated.leaves_with(code, &["cancel", id, "--broker"]);
    let words = cancel(short, 2)?;
    assert!(words.contains("needs the whole id"), "{words}");
    let words = cancel(other, 1)?;
    assert!(words.contains("there is no process"), "{words}");
    let words = cancel(process, 0)?;
    assert!(words.contains("cancelled"), "{words}");
    operated.until(process, "failed")?;
    let words = cancel(process, 1)?;
    assert!(words.contains("has already ended"), "{words}");
    let words = operated.leaves_with(0, &["show", "--history", process])?;
    assert!(words.contains("cancelled by a message of user "), "{words}");
    Ok(())
}
