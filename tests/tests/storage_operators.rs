//! Operators' commands for processes and storages, on the real engine: cancel, retry, fsck.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "storage_operators/astray.rs"]
mod astray;
#[path = "storage_operators/connected.rs"]
mod connected;
#[path = "storage_operators/explained.rs"]
mod explained;
#[path = "storage_operators/shown.rs"]
mod shown;
#[path = "storage_operators/told.rs"]
mod told;
#[path = "storage_operators/verified.rs"]
mod verified;

use anyhow::Result;
use bureaucrat_store::{Group, Row, Store, Table, Unit, Write};
use bureaucrat_tests::operating::Operated;

const AWAITS: &str = r#"<process name="awaits"><context><property name="n" type="int">1</property></context>
  <await event="sto.go"><condition>context["n"] == 1</condition></await>
</process>"#;

/// Its child waits forever.
const CALLS: &str = r#"<process name="calls"><context><property name="inner" type="str">
  &lt;process name="inner"&gt;&lt;await event="sto.never"/&gt;&lt;/process&gt;</property></context>
  <call process="$inner"/>
</process>"#;

fn rows(store: &dyn Store, table: Table) -> Vec<Row> {
    store.scan(table, &[], &[u8::MAX; 80], 1_000).unwrap()
}

fn commit(store: &dyn Store, writes: Vec<Write>) {
    let unit = Unit::of(writes);
    store.commit(&Group { units: vec![unit] }).unwrap();
}

fn delete(table: Table, key: &[u8]) -> Write {
    Write::Delete {
        table,
        key: key.to_vec(),
    }
}

#[test]
fn a_cancelled_process_fails_with_all_that_it_called() -> Result<()> {
    let mut operated = Operated::new("sto-cancel", &[])?;
    operated.start()?;
    let process = operated.launch(CALLS)?;
    let child = |shown: &serde_json::Value| {
        let process = &shown["waits"][0]["waits_for"]["process"];
        process.as_str().map(str::to_owned)
    };
    let shown = operated.until_it(&process, "calling", |shown| child(shown).is_some())?;
    let child = child(&shown).unwrap();
    operated.until(&child, "running")?;

    assert_eq!(
        operated.json(1, &["retry", "--json", &process])?["outcome"]["refused"]["refusal"],
        "meaningless"
    );
    let cancelled = ["cancel", "--json", &process, "--reason", "ordered twice"];
    assert_eq!(operated.json(0, &cancelled)?["outcome"], "done");
    // It is durable once the command was answered.
    let shown = operated.show(&process)?;
    assert_eq!(shown["state"], "failed");
    assert_eq!(shown["fault"]["code"], "Cancelled");
    assert_eq!(shown["fault"]["message"], "ordered twice");
    let history = shown["history"].as_array().unwrap();
    let cancelled_by = |entry: &serde_json::Value| {
        (entry["event"] == "cancelled").then(|| entry["reason"].clone())
    };
    let reason = history.iter().find_map(cancelled_by);
    assert_eq!(reason, Some("ordered twice".into()));
    assert_eq!(operated.show(&child)?["state"], "failed");
    assert_eq!(operated.json(1, &cancelled)?["outcome"], "ended");
    let unknown = "00000000-0000-8000-8000-000000000000";
    assert_eq!(
        operated.json(1, &["cancel", "--json", unknown])?["outcome"],
        "unknown"
    );
    assert!(
        operated
            .leaves_with(1, &["retry", unknown])?
            .contains("there is no process")
    );
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}

#[test]
fn a_suspended_process_stands_still_over_kills_until_it_is_resumed() -> Result<()> {
    let mut operated = Operated::new("sto-suspend", &[])?;
    operated.start()?;
    let (process, other) = (operated.launch(AWAITS)?, operated.launch(AWAITS)?);
    operated.until(&process, "running")?;
    operated.until(&other, "running")?;
    let order = |operated: &Operated, order: &str, code| {
        let answered = operated.json(code, &[order, "--json", &process])?;
        Ok::<_, anyhow::Error>(answered["outcome"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(order(&operated, "resume", 1)?, "not_suspended");
    let suspend = ["suspend", &process, "--reason", "the bank asks to wait"];
    operated.leaves_with(0, &suspend)?;
    assert_eq!(order(&operated, "retry", 1)?, "suspended");
    operated.engine.kill()?;
    operated.start()?;
    let shown = operated.show(&process)?;
    assert_eq!(shown["state"], "suspended");
    assert_eq!(shown["incident"], "the bank asks to wait");
    let list = ["list", "--json", "--state", "suspended"];
    let listed = operated.leaves_with(0, &list)?;
    assert!(
        listed.contains(&process) && !listed.contains(&other),
        "{listed}"
    );
    assert_eq!(order(&operated, "resume", 0)?, "done");
    operated.until(&process, "running")?;
    let terminate = ["terminate", &process, "--reason", "over"];
    operated.leaves_with(0, &terminate)?;
    let shown = operated.show(&process)?;
    assert_eq!(shown["fault"]["code"], "Terminated");
    assert_eq!(shown["fault"]["message"], "over");
    assert_eq!(order(&operated, "terminate", 1)?, "ended");
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}

#[test]
fn a_parked_process_is_tried_again_when_an_operator_says_so() -> Result<()> {
    let mut operated = Operated::new("sto-retry", &[])?;
    operated.start()?;
    let process = operated.launch(AWAITS)?;
    operated.until(&process, "running")?;
    operated.end()?;
    // Its program is gone, so it cannot continue.
    let store = operated.engine.records()?;
    let programs = rows(&*store, Table::Programs);
    commit(
        &*store,
        programs
            .iter()
            .map(|(key, _)| delete(Table::Programs, key))
            .collect(),
    );
    drop(store);
    let found = operated.json(1, &["fsck", "--json"])?;
    assert_eq!(found["findings"][0]["kind"], "inconsistent");
    assert_eq!(found["findings"][0]["process"], process);
    operated.start()?;
    operated.event("sto.go")?;
    let shown = operated.until(&process, "incident")?;
    assert!(
        shown["incident"]
            .as_str()
            .unwrap()
            .contains("is not in the store"),
        "{shown}"
    );
    assert_eq!(
        operated.json(0, &["retry", "--json", &process])?["outcome"],
        "done"
    );
    operated.until(&process, "incident")?;
    operated.end()?;
    // It is restored, and the kept event is taken.
    let store = operated.engine.records()?;
    let back = programs.into_iter().map(|(key, value)| Write::Put {
        table: Table::Programs,
        key,
        value,
    });
    commit(&*store, back.collect());
    drop(store);
    operated.start()?;
    assert_eq!(
        operated.json(0, &["retry", "--json", &process])?["outcome"],
        "done"
    );
    let shown = operated.until(&process, "completed")?;
    assert!(
        shown["history"]
            .to_string()
            .contains(r#""event":"retried""#),
        "{shown}"
    );
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}

#[test]
fn what_is_derived_is_rebuilt_and_the_process_goes_on() -> Result<()> {
    let mut operated = Operated::new("sto-fsck", &[])?;
    let storage = operated.engine.storage();
    let nothing = operated.path("nothing");
    operated.leaves_with(2, &["fsck", nothing.to_str().unwrap()])?;
    operated.start()?;
    assert!(
        operated
            .leaves_with(2, &["fsck"])?
            .contains("an engine is using the")
    );
    let awaiting = operated.launch(AWAITS)?;
    let delayed = operated.launch(r#"<process name="delayed"><delay duration="2"/></process>"#)?;
    operated.until(&awaiting, "running")?;
    operated.until_it(&delayed, "waiting", |shown| {
        !shown["waits"].as_array().unwrap().is_empty()
    })?;
    operated.end()?;
    operated.is_clean(&storage)?;
    let store = operated.engine.records()?;
    for table in [Table::Timers, Table::Subscriptions] {
        let rows = rows(&*store, table);
        assert_eq!(rows.len(), 1, "{table:?}");
        commit(
            &*store,
            rows.iter().map(|(key, _)| delete(table, key)).collect(),
        );
    }
    commit(
        &*store,
        vec![Write::Put {
            table: Table::Timers,
            key: b"no timer".to_vec(),
            value: vec![],
        }],
    );
    drop(store);
    let found = operated.json(1, &["fsck", "--json"])?;
    let kinds: Vec<_> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["kind"])
        .collect();
    assert_eq!(kinds, ["damaged", "missing", "missing"], "{found}");
    let text = operated.leaves_with(1, &["fsck"])?;
    assert!(
        text.contains("rebuild") && text.contains("remove") && text.contains(&awaiting),
        "{text}"
    );
    let repaired = operated.json(0, &["fsck", "--json", "--repair"])?;
    assert_eq!(repaired["repaired"], 3);
    let kept = std::fs::read_dir(&storage)?.map(|entry| entry.unwrap().path());
    let kept = kept.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let kept: String = kept
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(kept.contains("6e6f2074696d6572"), "{kept}");
    operated.start()?;
    operated.until(&delayed, "completed")?;
    operated.event("sto.go")?;
    operated.until(&awaiting, "completed")?;
    operated.end()?;
    operated.is_clean(&storage)
}
