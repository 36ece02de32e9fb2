//! Processes that replace others without being launched: detached ones, on a host that is polled.

use crate::rig::{Hosted, ended};
use bureaucrat_store::Table;
use serde_json::json;

#[test]
fn a_detached_process_replaces_the_one_with_its_key_whatever_is_lost() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(
        r#"<process name="inner" key="one" duplicate="replace">
             <context><finally><await event="inner.end"/></finally></context>
             <await event="inner.go"/></process>"#,
    );
    hosted.deployed(
        r#"<process name="outer"><call process="inner" detached="yes" into="id"/></process>"#,
    );
    let outer = json!({"process": "outer"});
    let first = hosted.launched("outer")["id"].clone();
    assert_eq!(hosted.named("inner")[0].process.to_string(), first);
    // The first one is cancelled, and runs what it runs at its end.
    let second = hosted.launched("outer")["id"].clone();
    let waiting = hosted.rows(Table::Launches);
    assert_eq!(waiting.len(), 1);
    hosted.is_clean();
    hosted.restart();
    assert_eq!(hosted.rows(Table::Launches), waiting);
    assert_eq!(hosted.named("inner")[0].process.to_string(), first);
    // A third one takes the place of the second, which a notice tells.
    let third = hosted.launch(None, &outer);
    let told = third.messages.iter();
    let told = told.map(|message| String::from_utf8_lossy(&message.body).into_owned());
    let told: Vec<_> = told.filter(|body| body.contains("rejected")).collect();
    let second = second.as_str().unwrap();
    assert!(told.len() == 1 && told[0].contains(second), "{told:?}");
    assert!(told[0].contains("takes its place"), "{told:?}");
    let third = ended(&third)["id"].clone();
    hosted.is_clean();
    hosted.event("inner.end");
    let found = hosted.named("inner");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].process.to_string(), third);
    assert_eq!(hosted.rows(Table::Launches), []);
    hosted.restart();
    hosted.is_clean();
    hosted.event("inner.go");
    hosted.event("inner.end");
    hosted.later();
    for table in [Table::Instances, Table::BusinessKeys, Table::Launches] {
        assert_eq!(hosted.rows(table), []);
    }
    // A call that is waited for replaces none.
    hosted.launched("outer");
    hosted.deployed(r#"<process name="caller"><call process="inner"/></process>"#);
    let refused = hosted.launch(None, &json!({"process": "caller"}));
    let mut told = refused.messages.iter();
    let is_told = told.any(|message| String::from_utf8_lossy(&message.body).contains("CallError"));
    assert!(is_told, "{refused:?}");
}
