//! Launches that wait long: they are stored, and their messages acknowledged.

use crate::rig::Hosted;
use bureaucrat_host::{audit::Kind, broker::Source};
use bureaucrat_model::{Millis, ProcessId};
use bureaucrat_store::{Table, Write};
use bureaucrat_wire::{LAUNCH_TYPE, Properties};

const MINUTE: Millis = Millis(60_000);
const LOOK: Millis = Millis(5_000);

/// A replacement that waits for the end of the process with its key.
fn waiting(policy: Option<&str>) -> Hosted {
    let mut hosted = Hosted::new(policy);
    hosted.deployed(
        r#"<process name="slow" key="one" duplicate="replace">
             <context><finally><await event="slow.end"/></finally></context>
             <await event="slow.go"/></process>"#,
    );
    deliver(&mut hosted, "first");
    assert_eq!(hosted.named("slow").len(), 1);
    hosted
}

/// Delivers a launch, and lets the host do what it can; returns its tag.
fn deliver(hosted: &mut Hosted, id: &str) -> u64 {
    let properties = Properties {
        content_type: Some(LAUNCH_TYPE.to_owned()),
        message_id: Some(id.to_owned()),
        reply_to: Some("client".to_owned()),
        ..Properties::default()
    };
    let body = r#"{"process": "slow"}"#;
    let tag = hosted
        .host()
        .deliver_with(Source::Launches, properties, body);
    hosted.host().settle().unwrap();
    tag
}

fn is_acknowledged(hosted: &mut Hosted, tag: u64) -> bool {
    hosted.host().acknowledged().contains(&tag)
}

#[test]
fn a_launch_that_waits_long_is_stored_and_begins_once() {
    let mut hosted = waiting(None);
    let first = hosted.named("slow")[0].process;
    let tag = deliver(&mut hosted, "second");
    hosted.wait(Millis(MINUTE.0 - 1));
    assert!(!is_acknowledged(&mut hosted, tag));
    assert_eq!(hosted.rows(Table::Launches), []);
    hosted.wait(LOOK);
    assert!(is_acknowledged(&mut hosted, tag));
    let stored = hosted.rows(Table::Launches);
    assert_eq!(stored.len(), 1);
    hosted.is_clean();
    // A repeat joins it, and gets its reply with it.
    let again = deliver(&mut hosted, "second");
    hosted.wait(LOOK);
    assert!(is_acknowledged(&mut hosted, again));
    let joined = hosted.rows(Table::Launches);
    assert!(joined.len() == 1 && joined != stored);
    hosted.restart();
    assert_eq!(hosted.rows(Table::Launches), joined);
    assert_eq!(hosted.named("slow")[0].process, first);
    hosted.is_clean();
    let sent = hosted.event("slow.end");
    let replies = sent
        .iter()
        .filter(|message| message.routing_key == "client");
    let launched =
        replies.filter(|reply| String::from_utf8_lossy(&reply.body).contains("launched"));
    assert_eq!(launched.count(), 2, "{sent:?}");
    let found = hosted.named("slow");
    assert!(found.len() == 1 && found[0].process != first, "{found:?}");
    assert_eq!(hosted.rows(Table::Launches), []);
    hosted.is_clean();
    hosted.restart();
    assert_eq!(hosted.named("slow").len(), 1);
    // A repeat that comes later starts nothing.
    deliver(&mut hosted, "second");
    assert_eq!(hosted.named("slow").len(), 1);
    hosted.is_clean();
}

#[test]
fn a_launch_that_waits_is_refused_once() {
    let mut hosted = waiting(None);
    deliver(&mut hosted, "second");
    hosted.wait(Millis(MINUTE.0 + LOOK.0));
    assert_eq!(hosted.rows(Table::Launches).len(), 1);
    hosted.restart();
    // A newer one takes its place.
    deliver(&mut hosted, "third");
    assert_eq!(hosted.rows(Table::Launches), []);
    hosted.is_clean();
    hosted.restart();
    assert_eq!(hosted.rows(Table::Launches), []);
    assert_eq!(hosted.named("slow").len(), 1);
}

#[test]
fn a_launch_that_waits_counts_as_one_after_a_restart() {
    let policy =
        "[default]\nawaits = [\"*\"]\nreply_to = [\"*\"]\n[default.quotas]\nwaiting_launches = 1\n";
    let mut hosted = waiting(Some(policy));
    deliver(&mut hosted, "second");
    hosted.wait(Millis(MINUTE.0 + LOOK.0));
    hosted.restart();
    deliver(&mut hosted, "third");
    // It was refused, so the one that waits was not superseded.
    assert_eq!(hosted.rows(Table::Launches).len(), 1);
    hosted.is_clean();
}

#[test]
fn a_row_of_a_launch_that_began_is_found() {
    let mut hosted = waiting(None);
    deliver(&mut hosted, "second");
    hosted.wait(Millis(MINUTE.0 + LOOK.0));
    let rows = hosted.rows(Table::Launches);
    let (key, value) = rows[0].clone();
    hosted.event("slow.end");
    hosted.is_clean();
    // Under its own id the process is there; under another one only its message tells.
    let other = ProcessId::from_bytes([7; 16]).as_bytes().to_vec();
    for key in [key, other] {
        let (table, value) = (Table::Launches, value.clone());
        let put = Write::Put {
            table,
            key: key.clone(),
            value,
        };
        hosted.write(put);
        assert_eq!(hosted.findings(), [(table, Kind::Orphan)]);
        hosted.write(Write::Delete { table, key });
    }
    hosted.is_clean();
}
