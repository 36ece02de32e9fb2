//! What operators are told: of tasks that reach nobody, of processes that failed, of lists and short ids, and of what did
//! not come in time.

use anyhow::{Result, ensure};
use bureaucrat_tests::{
    engine::{broker_url, of_this_run},
    operating::Operated,
    queues::declare_queue,
};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicGetOptions, BasicPublishOptions},
    types::AMQPValue,
};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

fn text(output: &std::process::Output) -> (Option<i32>, String) {
    let words = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(words).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_without_a_queue_says_so_until_it_is_delivered() -> Result<()> {
    let mut operated = Operated::new("told-task", &[])?;
    operated.start()?;
    let participant = of_this_run("told-nobody");
    let queue = format!("worker_{participant}");
    let definition =
        format!(r#"<process name="p"><action participant="{participant}"/></process>"#);
    let process = operated.launch(&definition)?;
    let shown = operated.until_it(&process, "tried twice", |shown| {
        shown["waits"][0]["task"]["tries"].as_u64() >= Some(2)
    })?;
    let wait = &shown["waits"][0];
    assert_eq!(wait["waits_for"]["kind"], "answer");
    assert_eq!(wait["waits_for"]["participant"], *participant);
    let task = &wait["task"];
    assert_eq!(task["state"], "undelivered", "{shown}");
    assert_eq!(task["reason"], json!({"reason": "no_queue"}), "{shown}");
    assert_eq!(task["routing_key"], queue);
    let words = operated.leaves_with(0, &["show", &process[..8]])?;
    assert!(
        words.contains(&format!("not delivered: no queue `{queue}`, tried ")),
        "{words}"
    );
    assert!(words.contains("line 1 of the definition"), "{words}");
    let listed = operated.leaves_with(0, &["list"])?;
    let row = format!("answer from `{participant}` (no queue `{queue}`)");
    assert!(listed.contains(&row), "{listed}");

    let connection = Connection::connect(&broker_url()?, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    declare_queue(&channel, &queue).await?;
    operated.until_it(&process, "delivered", |shown| {
        shown["waits"][0]["task"]["state"] == "delivered"
    })?;
    let words = operated.leaves_with(0, &["show", &process])?;
    assert!(words.contains("its task was delivered"), "{words}");
    channel
        .queue_delete(queue.as_str().into(), Default::default())
        .await?;
    operated.end()
}

/// Small fields are part of the record, large ones are rows of their own; a branch has fields of its own.
#[test]
fn a_process_that_failed_keeps_its_fields() -> Result<()> {
    let mut operated = Operated::new("told-fields", &["--retention", "1h"])?;
    operated.start()?;
    let fails = r#"<switch><case><condition>context["missing"] == 1</condition></case></switch>"#;
    let large = "x".repeat(20_000);
    let context = |note: &str| {
        format!(
            r#"<context><property name="n" type="int">7</property><property name="note" type="str">{note}</property></context>"#
        )
    };
    let mut shown = Vec::new();
    for note in ["small", &large] {
        for body in [
            fails.to_owned(),
            format!("<all>{fails}<await event=\"never\"/></all>"),
        ] {
            let definition = format!(r#"<process name="f">{}{body}</process>"#, context(note));
            let process = operated.launch(&definition)?;
            let failed = operated.until(&process, "failed")?;
            assert_eq!(failed["fields"], json!({"n": 7, "note": note}), "{failed}");
            assert_eq!(failed["fault"]["code"], "KeyError", "{failed}");
            shown.push((process, failed["fields"].clone()));
        }
    }
    let waits = format!(
        r#"<process>{}<await event="never"/></process>"#,
        context(&large)
    );
    let cancelled = operated.launch(&waits)?;
    operated.leaves_with(0, &["cancel", &cancelled])?;
    let failed = operated.until(&cancelled, "failed")?;
    assert_eq!(failed["fields"], json!({"n": 7, "note": large}));
    let words = operated.leaves_with(0, &["show", &cancelled])?;
    assert!(!words.contains("line 0"), "{words}");
    operated.end()?;
    operated.is_clean(&operated.engine.storage())?;
    operated.start()?;
    for (process, fields) in shown {
        assert_eq!(operated.show(&process)?["fields"], fields);
    }
    operated.end()
}

#[test]
fn lists_are_newest_first_and_take_short_ids() -> Result<()> {
    let mut operated = Operated::new("told-list", &[])?;
    operated.start()?;
    let fails = r#"<process name="fails"><switch><case><condition>1/0</condition></case></switch></process>"#;
    let waits = r#"<process name="waits"><await event="told.never"/></process>"#;
    let mut launched = Vec::new();
    for definition in [waits, fails, waits, fails, waits] {
        let process = operated.launch(definition)?;
        let state = if definition == fails {
            "failed"
        } else {
            "running"
        };
        operated.until(&process, state)?;
        launched.insert(0, process);
    }
    let listed = |arguments: &[&str]| -> Result<Vec<Value>> {
        let out = operated.run(&[&["list", "--json"][..], arguments].concat())?;
        let lines = String::from_utf8(out.stdout)?;
        let lines = lines.lines().map(serde_json::from_str);
        Ok(lines.collect::<Result<_, _>>()?)
    };
    let ids = |rows: &[Value]| -> Vec<String> {
        let id = |row: &Value| row["process"].as_str().unwrap().to_owned();
        rows.iter().map(id).collect()
    };
    assert_eq!(ids(&listed(&[])?), launched);
    let failed = listed(&["--state", "failed"])?;
    assert_eq!(ids(&failed), [&*launched[1], &*launched[3]]);
    assert_eq!(failed[0]["fault"]["code"], "ZeroDivisionError");
    assert!(failed[0]["launched_at"].as_u64() > failed[1]["launched_at"].as_u64());
    let behind = listed(&["--after", &launched[1][..13]])?;
    assert_eq!(ids(&behind), launched[2..]);

    let (code, words) = text(&operated.run(&["list", "--limit", "2"])?);
    assert_eq!(code, Some(0));
    assert!(words.contains("and 3 more: --limit 0"), "{words}");
    assert!(
        words.contains("ZeroDivisionError: division by zero"),
        "{words}"
    );
    assert!(words.contains("event `told.never`"), "{words}");
    assert!(
        !words.contains('\u{1b}'),
        "colours are for terminals: {words}"
    );
    let (_, all) = text(&operated.run(&["list", "--limit", "0"])?);
    assert!(!all.contains("more"), "{all}");

    let short = &launched[0][..8];
    operated.leaves_with(0, &["cancel", short])?;
    assert_eq!(operated.show(short)?["state"], "failed");
    let words = operated.leaves_with(1, &["retry", short])?;
    assert!(words.contains("has already ended"), "{words}");
    let unknown = if launched.iter().any(|id| id.starts_with("ffff")) {
        "0000"
    } else {
        "ffff"
    };
    let words = operated.leaves_with(1, &["show", unknown])?;
    assert!(words.contains("whose id begins with"), "{words}");
    let words = operated.leaves_with(2, &["show", "abc"])?;
    assert!(words.contains("at least the first 4 hex digits"), "{words}");
    operated.end()?;
    let words = operated.leaves_with(1, &["show", short])?;
    assert!(
        words.contains("no engine is running on the storage"),
        "{words}"
    );
    operated.is_clean(&operated.engine.storage())
}

#[test]
fn an_event_tells_who_waited_for_it_and_who_took_it() -> Result<()> {
    let mut operated = Operated::new("told-event", &[])?;
    operated.start()?;
    let waits = r#"<process name="w"><await event="told.paid"><condition>context["event"]["n"] == 1</condition></await></process>"#;
    let any = r#"<process name="a"><await event="told.paid"/></process>"#;
    for definition in [waits, waits, any] {
        let process = operated.launch(definition)?;
        operated.until_it(&process, "waiting", |shown| shown["waits"][0].is_object())?;
    }
    let event = ["event", "told.paid", "--json", "--field", "n=2"];
    assert_eq!(
        operated.json(0, &event)?,
        json!({"status": "delivered", "event": "told.paid", "waiting": 3, "taken": 1, "parked": 0})
    );
    let words = operated.leaves_with(0, &["event", "told.paid", "--field", "n=1"])?;
    assert_eq!(
        words.trim(),
        "2 activities waited for `told.paid` and all took it"
    );
    let words = operated.leaves_with(0, &["event", "told.paid"])?;
    assert_eq!(
        words.trim(),
        "nothing waits for `told.paid`: the event was dropped"
    );
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}

#[test]
fn what_does_not_come_in_time_leaves_with_3() -> Result<()> {
    let mut operated = Operated::new("told-time", &[])?;
    operated.start()?;
    let path = operated.path("waits.xml");
    std::fs::write(&path, r#"<process><await event="told.never"/></process>"#)?;
    let file = path.to_str().unwrap();
    // The queues are declared once this is answered.
    let process = operated.launch(r#"<process><await event="told.never"/></process>"#)?;
    let words = operated.leaves_with(3, &["launch", file, "--wait", "--timeout", "1s"])?;
    assert!(
        words.contains("it keeps running, and `bureaucrat show"),
        "{words}"
    );
    let json = ["launch", file, "--wait", "--json", "--timeout", "1s"];
    let launched: Value = serde_json::from_str(&operated.leaves_with(3, &json)?)?;
    assert_eq!(launched["status"], "launched");
    assert_ne!(launched["process"], process.as_str());
    operated.end()?;
    for arguments in [&["launch", file][..], &["event", "told.never"]] {
        let words = operated.leaves_with(3, &[arguments, &["--timeout", "1s"][..]].concat())?;
        assert!(
            words.contains("waits in its queue until one is. If one is running, its policy"),
            "{words}"
        );
    }
    // A broker that takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("amqp://127.0.0.1:{}/%2f", silent.local_addr()?.port());
    for arguments in [&["launch", file][..], &["event", "told.never"]] {
        let late = [arguments, &["--timeout", "1s", "--amqp", url.as_str()][..]].concat();
        let words = operated.leaves_with(3, &late)?;
        assert!(words.contains("no answer within 1 s; is this"), "{words}");
        assert!(words.contains("127.0.0.1:"), "{words}");
    }
    Ok(())
}

fn letters(operated: &Operated) -> Result<Vec<Value>> {
    let out = operated.run(&["dead", "list", "--json"])?;
    let lines = String::from_utf8(out.stdout)?;
    let lines = lines.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// Waits until something is so.
pub async fn until(is_so: impl Fn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so()? {
        ensure!(Instant::now() < deadline, "it does not come about");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    Ok(())
}

async fn letters_until(
    operated: &Operated,
    is_so: impl Fn(&[Value]) -> bool,
) -> Result<Vec<Value>> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let letters = letters(operated)?;
        if is_so(&letters) {
            return Ok(letters);
        }
        ensure!(Instant::now() < deadline, "{letters:?}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_looked_at_sent_again_and_discarded() -> Result<()> {
    let mut operated = Operated::new("told-dead", &[])?;
    operated.start()?;
    // The queues are declared once this is answered.
    operated.launch(r#"<process><await event="told.never"/></process>"#)?;
    let connection = Connection::connect(&broker_url()?, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let [events, dead] = ["events", "dead"].map(|of| operated.engine.name(of));
    let properties = BasicProperties::default().with_message_id("m".into());
    let body = r#"{"no": "event"}"#;
    channel
        .basic_publish(
            "".into(),
            events.as_str().into(),
            BasicPublishOptions::default(),
            body.as_bytes(),
            properties,
        )
        .await?;
    let found = letters_until(&operated, |letters| !letters.is_empty()).await?;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["queue"], events.as_str());
    let number = found[0]["letter"].to_string();
    let shown = operated.json(0, &["dead", "show", "--json", &number])?;
    assert_eq!(shown["body"], body);
    assert_eq!(shown["properties"]["message_id"], "m");
    for command in [&["dead", "list"][..], &["dead", "show", &number]] {
        let words = operated.leaves_with(0, command)?;
        assert!(
            words.contains(&number) && words.contains(&events),
            "{words}"
        );
    }

    operated.end()?;
    operated.start()?;
    // Numbers grow by a million at a restart; their last digits are enough.
    let end = &number[number.len().saturating_sub(3)..];
    let words = operated.leaves_with(0, &["dead", "resend", "--keep", end])?;
    assert!(
        words.contains(&format!("letter {number}: resent to `{events}`")),
        "{words}"
    );
    // It is not an event this time either, and comes back as another letter.
    let first = found[0]["letter"].clone();
    let found = letters_until(&operated, |letters| letters.len() == 2).await?;
    assert_eq!(found[1]["letter"], first, "newest first, and it is kept");
    let (code, words) = text(&operated.run(&["dead", "list", "--limit", "1"])?);
    assert_eq!(code, Some(0));
    assert!(words.contains("and 1 more: --limit 0 shows all"), "{words}");
    assert!(!words.contains(&number), "{words}");
    operated.leaves_with(0, &["dead", "discard", &found[0]["letter"].to_string()])?;
    let end = &number[number.len() - 1..];
    let words = operated.leaves_with(0, &["dead", "resend", end])?;
    assert!(
        words.contains(&format!("letter {number}: resent to `{events}`")),
        "{words}"
    );
    let is_another = |letters: &[Value]| letters.len() == 1 && letters[0]["letter"] != first;
    let found = letters_until(&operated, is_another).await?;
    let second = found[0]["letter"].to_string();
    let words = operated.leaves_with(0, &["dead", "discard", &second])?;
    assert!(
        words.contains(&format!("stays in the queue `{dead}`")),
        "{words}"
    );
    operated.leaves_with(1, &["dead", "show", &second])?;
    operated.leaves_with(1, &["dead", "resend", &number])?;
    assert!(letters(&operated)?.is_empty());
    // Nothing of this took anything off the queue; each letter names its copy.
    let mut numbers = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while numbers.len() < 3 && Instant::now() < deadline {
        let got = channel
            .basic_get(dead.as_str().into(), BasicGetOptions::default())
            .await?;
        let Some(letter) = got else {
            tokio::time::sleep(Duration::from_millis(30)).await;
            continue;
        };
        let headers = letter.properties.headers().clone().unwrap_or_default();
        let Some(AMQPValue::LongString(number)) = headers.inner().get("bureaucrat-letter") else {
            panic!("{headers:?}");
        };
        numbers.push(number.to_string());
    }
    assert_eq!((&numbers[0], &numbers[2]), (&number, &second));
    let unknown = operated.leaves_with(1, &["dead", "show", "--json", &number])?;
    assert!(unknown.contains(r#""failure":"unknown""#), "{unknown}");
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}
