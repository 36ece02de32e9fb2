//! What commands show of what comes from outside, in which colours, and what they say of launches
//! that are not what somebody meant.

use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    engine::{binary, broker_url},
    operating::Operated,
};
use lapin::{BasicProperties, Connection, ConnectionProperties, options::BasicPublishOptions};
use serde_json::{Value, json};
use std::process::{Command, Output};

/// Both streams of a command, as a terminal would get them.
fn both(output: &Output) -> Result<String> {
    let bytes = [&output.stdout[..], &output.stderr[..]].concat();
    Ok(String::from_utf8(bytes)?)
}

/// Whether a terminal that gets this shows it all, and in the order in which it is.
fn is_harmless(text: &str) -> bool {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    !text
        .chars()
        .any(|c| turns(c) || c.is_control() && c != '\n')
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_from_outside_steers_the_terminal() -> Result<()> {
    let mut operated = Operated::new("shown-outside", &["--retention", "1h"])?;
    operated.start()?;
    let evil = "a\u{202e}b\u{9b}2Jc\u{feff}";
    let definition = format!(
        r#"<process name="n{evil}"><context><property name="f{evil}" type="str">v{evil}</property></context>
        <switch><case><condition>context["f{evil}"] == "other"</condition></case></switch>
        <fault code="x.Y" message="m{evil}"/></process>"#
    );
    let file = operated.path("evil.xml");
    std::fs::write(&file, &definition)?;
    let file = file.to_str().context("a path in UTF-8")?;
    let wrong = operated.path("wrong.xml");
    let condition = format!(r#"<while><condition>context["{evil}"] = 1</condition></while>"#);
    std::fs::write(&wrong, format!("<process>{condition}<{evil}/></process>"))?;
    let wrong = wrong.to_str().context("a path in UTF-8")?;
    // The queues are declared once this is answered.
    let process = operated.launch(&definition)?;
    operated.until(&process, "failed")?;
    let waits = format!(r#"<process><await event="e{evil}"/></process>"#);
    let waiting = operated.launch(&waits)?;
    operated.until_it(&waiting, "waiting", |shown| shown["waits"][0].is_object())?;

    let connection = Connection::connect(&broker_url()?, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let body = format!("{{\"no\u{1b}]0;title\u{7}\": \"{evil}\"}}");
    channel
        .basic_publish(
            "".into(),
            operated.engine.name("events").as_str().into(),
            BasicPublishOptions::default(),
            body.as_bytes(),
            BasicProperties::default().with_message_id(evil.into()),
        )
        .await?
        .await?;
    let letters = || -> Result<String> { both(&operated.run(&["dead", "list"])?) };
    super::told::until(|| Ok(letters()?.contains("wire."))).await?;
    let listed: Value = serde_json::from_slice(&operated.run(&["dead", "list", "--json"])?.stdout)?;
    let letter = listed["letter"].to_string();

    let field = format!("--field=g{evil}=1");
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["show", &process],
        &["show", "--history", &process],
        &["show", "--history", "--json", &process],
        &["show", &waiting],
        &["show", &waiting, "--json"],
        &["launch", file, "--wait", &field],
        &["launch", file, "--wait", "--json"],
        &["check", wrong],
        &["check", "--json", wrong],
        &["compile", wrong],
        &["launch", wrong],
        &["launch", wrong, "--json"],
        &["compile", "--disassemble", file],
        &["event", &format!("x{evil}")],
        &["event", &format!("x{evil}"), "--json"],
        &["dead", "list"],
        &["dead", "list", "--json"],
        &["dead", "show", &letter],
        &["dead", "show", "--json", &letter],
        &["show", evil],
        &["eval", &format!("'{evil}'")],
        &["eval", "--json", &format!("{{'{evil}': 1}}['other']")],
        &["module", "check", evil],
    ] {
        let text = both(&operated.run(arguments)?)?;
        ensure!(
            !text.is_empty() && is_harmless(&text),
            "{arguments:?}: {text:?}"
        );
    }
    // It is escaped, not dropped, and in JSON it means the same as before.
    let shown = operated.leaves_with(0, &["show", &process])?;
    ensure!(shown.contains(r"x.Y: ma\u202eb\u009b2Jc\ufeff"), "{shown}");
    let shown = operated.show(&process)?;
    ensure!(shown["fault"]["message"] == format!("m{evil}"), "{shown}");
    operated.end()
}

#[test]
fn colours_are_for_terminals_alone() -> Result<()> {
    let mut operated = Operated::new("shown-colour", &["--retention", "1h"])?;
    operated.start()?;
    let process = operated.launch(r#"<process name="p"><fault code="x.Y"/></process>"#)?;
    operated.until(&process, "failed")?;
    let python = std::env::var("BUREAUCRAT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let on_a_terminal = |arguments: &[&str], colour: Option<&str>| -> Result<String> {
        let mut command = Command::new(&python);
        command
            .args([
                "-c",
                "import os, pty, sys; sys.exit(pty.spawn(sys.argv[1:]))",
            ])
            .arg(binary()?)
            .args(arguments)
            .env("BUREAUCRAT_STORAGE", operated.engine.storage())
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR");
        if let Some(value) = colour {
            command.env("NO_COLOR", value);
        }
        let output = command.output()?;
        ensure!(output.status.success(), "{output:?}");
        both(&output)
    };
    let listed = on_a_terminal(&["list"], None)?;
    ensure!(listed.contains("\u{1b}[31mfailed"), "{listed:?}");
    ensure!(
        listed.contains(&process[..8]) && !listed.contains(&process[..9]),
        "{listed:?}"
    );
    let shown = on_a_terminal(&["show", &process], None)?;
    ensure!(shown.contains("\u{1b}[31mfailed\u{1b}[0m"), "{shown:?}");
    ensure!(shown.contains("\u{1b}[1mprocess"), "{shown:?}");
    let json = on_a_terminal(&["list", "--json"], None)?;
    let json: Value = serde_json::from_str(json.trim())?;
    ensure!(json["process"] == process.as_str(), "{json}");
    for arguments in [&["list"][..], &["show", &process], &["config"]] {
        let plain = on_a_terminal(arguments, Some("1"))?;
        ensure!(!plain.contains('\u{1b}'), "{arguments:?}: {plain:?}");
    }
    operated.end()
}

#[test]
fn a_launch_or_an_event_in_a_wrong_queue_is_rejected_at_once() -> Result<()> {
    let mut operated = Operated::new("shown-misplaced", &[])?;
    operated.start()?;
    let file = operated.path("x.xml");
    std::fs::write(&file, r#"<process><delay duration="0"/></process>"#)?;
    let file = file.to_str().context("a path in UTF-8")?;
    // The queues are declared once this is answered.
    operated.launch(r#"<process><delay duration="0"/></process>"#)?;
    let [launches, answers, events] =
        ["launches", "answers", "events"].map(|of| operated.engine.name(of));
    for queue in [&answers, &events] {
        let launch = ["launch", file, "--routing-key", queue.as_str()];
        let said = operated.leaves_with(1, &launch)?;
        let belongs = format!("(XML), which belongs in the queue `{launches}`");
        ensure!(
            said.starts_with("rejected: ") && said.contains(&belongs),
            "{said}"
        );
        let told = operated.json(1, &[&launch[..], &["--json"]].concat())?;
        ensure!(told["status"] == "rejected", "{told}");
    }
    for queue in [&answers, &launches] {
        let event = ["event", "paid", "--routing-key", queue.as_str()];
        let said = operated.leaves_with(1, &event)?;
        let belongs = format!("an event, which belongs in the queue `{events}`");
        ensure!(said.contains(&belongs), "{said}");
        let told = operated.json(1, &[&event[..], &["--json"]].concat())?;
        ensure!(told["failure"] == "rejected", "{told}");
    }
    operated.end()
}

#[test]
fn a_declared_type_holds_for_a_launch() -> Result<()> {
    let mut operated = Operated::new("shown-types", &[])?;
    operated.start()?;
    let definition = r#"<process><context>
        <property name="zip" type="str">0</property>
        <property name="customer" type="str">nobody</property></context>
        <switch><case><condition>context["zip"].startswith("1") and context["customer"] == "5"</condition>
        <assign property="was">"right"</assign></case></switch></process>"#;
    let file = operated.path("zip.xml");
    std::fs::write(&file, definition)?;
    let file = file.to_str().context("a path in UTF-8")?;
    operated.launch(definition)?;
    let launch = ["launch", file, "--wait", "--field", "zip=12345", "--field"];
    let output = operated.run(&[&launch[..], &["customer=5"]].concat())?;
    ensure!(
        output.status.success() && !both(&output)?.contains("warning"),
        "{output:?}"
    );
    let fields: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(
        fields == json!({"zip": "12345", "customer": "5", "was": "right"}),
        "{fields}"
    );
    let output = operated.run(&[&launch[..], &["custmer=5"]].concat())?;
    let said = String::from_utf8(output.stderr)?;
    let warning = "warning: --field: the definition declares no property `custmer`; did you mean \
                   `customer`?";
    ensure!(output.status.success() && said.contains(warning), "{said}");
    operated.end()
}
