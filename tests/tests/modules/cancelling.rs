//! Cancelling over AMQP on a host that is polled: by whom, which process, once.

use crate::rig::{Became, Hosted};
use bureaucrat_wire::CANCEL_TYPE;
use serde_json::{Value, json};

const WAITS: &str = r#"<process><context><finally><await event="end"/></finally></context>
    <await event="never"/></process>"#;

fn waiting(hosted: &mut Hosted, user: Option<&str>) -> Value {
    let became = hosted.send(user, None, "application/xml", WAITS);
    assert_eq!(became.reply["status"], "launched", "{became:?}");
    became.reply["process"].clone()
}

fn cancel(hosted: &mut Hosted, user: Option<&str>, id: Option<&str>, process: &Value) -> Became {
    let body = json!({"process": process, "reason": "not needed"}).to_string();
    hosted.send(user, id, CANCEL_TYPE, &body)
}

#[test]
fn a_process_is_cancelled_once_by_its_launcher_or_whom_the_policy_lets() {
    let policy = "[default]\nreply_to = [\"client\"]\nawaits = [\"*\"]\n\
                  [users.boss]\ncancels = [\"a*\"]\n";
    let mut hosted = Hosted::new(Some(policy));
    let (ada, bob, boss) = (Some("ada"), Some("bob"), Some("boss"));
    let (of_ada, of_bob) = (waiting(&mut hosted, ada), waiting(&mut hosted, bob));
    for (user, process) in [(bob, &of_ada), (boss, &of_bob), (None, &of_bob)] {
        let became = cancel(&mut hosted, user, None, process);
        assert_eq!(became.dead.as_deref(), Some("unknown-process"));
        assert_eq!(became.reply["status"], "rejected", "{became:?}");
    }
    let other = json!("0123456789abcdef0123456789abcdef");
    let became = hosted.send(boss, None, CANCEL_TYPE, r#"{"process": 7}"#);
    assert_eq!(became.dead.as_deref(), Some("cancel"), "{other}");
    // It runs what it runs at its end; the same message again does not cut that short.
    for (user, process) in [(boss, &of_ada), (bob, &of_bob)] {
        for _ in 0..2 {
            let became = cancel(&mut hosted, user, Some("m"), process);
            assert_eq!(became.reply["status"], "cancelled", "{became:?}");
            assert_eq!(became.reply["process"], *process);
            hosted.restart();
        }
    }
    let became = cancel(&mut hosted, bob, None, &of_bob);
    assert_eq!(became.reply["status"], "cancelled");
    let told: Vec<Value> = became
        .messages
        .iter()
        .filter_map(|sent| serde_json::from_slice(&sent.body).ok())
        .filter(|told: &Value| told["status"] == "failed")
        .collect();
    assert_eq!(told[0]["fault"]["code"], "Cancelled", "{told:?}");
    assert_eq!(told[0]["fault"]["message"], "not needed (by user bob)");
    let became = cancel(&mut hosted, bob, None, &of_bob);
    assert_eq!(became.reply["status"], "ended", "{became:?}");
    hosted.event("end");
    hosted.is_clean();
}
