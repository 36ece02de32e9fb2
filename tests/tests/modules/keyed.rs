//! Whose definitions are, and which process has a business key, on a host that is polled.

use crate::rig::{Became, Hosted, ended, text};
use bureaucrat_host::{
    audit::Kind,
    deployed::{DefinitionAnswer, DefinitionOrder},
};
use bureaucrat_store::MemoryStore;
use bureaucrat_store::{Table, Write};
use bureaucrat_tests::waiters::Waiters;
use serde_json::json;
use std::sync::Arc;

const POLICY: &str = r#"
[default]
reply_to = ["client"]
[users.alice.quotas]
deployed_names = 2
deployed_versions = 3
[users.bob]
definitions = ["shared.*"]
[users.carol]
definitions = ["*"]
deploys = ["shared.*"]
[users.carol.quotas]
deployed_bytes = 400
[users.mallory]
launches = false
"#;

#[test]
fn names_belong_to_their_first_deployer() {
    let mut hosted = Hosted::new(Some(POLICY));
    let code = |became: &Became| became.dead.clone().unwrap_or_default();
    let (alice, bob, carol) = (Some("alice"), Some("bob"), Some("carol"));
    hosted.deploy(alice, &text("order", 1));
    hosted.deploy(alice, &text("shared.order", 1));
    let became = hosted.deploy(bob, &text("order", 2));
    assert_eq!(code(&became), "policy.deploys");
    let reason = became.reply["reasons"][0].as_str().unwrap();
    assert!(
        reason.contains("the name `order` belongs to another user"),
        "{reason}"
    );
    assert_eq!(
        code(&hosted.deploy(carol, &text("order", 2))),
        "policy.deploys"
    );
    let became = hosted.deploy(carol, &text("shared.order", 2));
    assert_eq!(became.reply["version"], 2, "{became:?}");
    // Deploying is no way around the rules of launches.
    let became = hosted.deploy(Some("mallory"), &text("mine", 1));
    assert_eq!(code(&became), "policy.launches");
    let tasks = r#"<process name="mine"><action participant="x"/></process>"#;
    assert_eq!(code(&hosted.deploy(bob, tasks)), "policy.participants");

    // What a user may not launch does not exist for them, not even as a hint.
    let launch = |name: &str| json!({"process": name});
    let became = hosted.launch(bob, &launch("order"));
    assert_eq!(code(&became), "unknown-definition");
    let reason = became.reply["reasons"][0].as_str().unwrap();
    assert_eq!(reason, "no definition `order` is deployed here");
    assert_eq!(
        ended(&hosted.launch(bob, &launch("shared.order")))["version"],
        2
    );
    assert_eq!(ended(&hosted.launch(carol, &launch("order")))["version"], 1);
    assert_eq!(ended(&hosted.launch(alice, &launch("order")))["version"], 1);

    for restarts in [false, true] {
        if restarts {
            hosted.restart();
        }
        let became = hosted.deploy(alice, &text("third", 1));
        assert_eq!(code(&became), "quota.deployed-names");
        let became = hosted.deploy(carol, &text("shared.order", 9));
        assert_eq!(code(&became), "quota.deployed-bytes");
    }
    hosted.deploy(alice, &text("order", 2));
    let became = hosted.deploy(alice, &text("order", 3));
    assert_eq!(code(&became), "quota.deployed-versions");
    // An operator deploys whatever the name.
    let source = Arc::from(text("order", 4).as_bytes());
    let answer = hosted.order(DefinitionOrder::Deploy { source });
    assert!(
        matches!(answer, DefinitionAnswer::Deployed(_)),
        "{answer:?}"
    );
    hosted.is_clean();
}

/// Waits for an event.
fn waiting(name: &str) -> String {
    format!(r#"<process name="{name}"><await event="{name}.go"/></process>"#)
}

#[test]
fn a_business_key_is_unique_until_its_process_ends() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&waiting("order"));
    hosted.deployed(&waiting("other"));
    let (alice, bob) = (Some("alice"), Some("bob"));
    let launch = json!({"process": "order", "key": "A-17"});
    let first = hosted.launch(alice, &launch);
    let process = first.reply["process"].as_str().unwrap().to_owned();
    for restarts in [false, true] {
        if restarts {
            hosted.restart();
        }
        let second = hosted.launch(alice, &launch);
        assert_eq!(second.dead.as_deref(), Some("duplicate-key"));
        let reason = second.reply["reasons"][0].as_str().unwrap();
        let expected = format!("process {process} has the key `A-17` of `order` and has not ended");
        assert_eq!(reason, expected);
    }
    // Another key, name or user is another key.
    for (user, launch) in [
        (alice, json!({"process": "order", "key": "A-18"})),
        (alice, json!({"process": "other", "key": "A-17"})),
        (bob, launch.clone()),
        (None, launch.clone()),
        (alice, json!({"process": "order"})),
    ] {
        let became = hosted.launch(user, &launch);
        assert_eq!(became.reply["status"], "launched", "{launch}");
    }
    assert_eq!(hosted.rows(Table::BusinessKeys).len(), 5);
    hosted.is_clean();
    let listed = hosted.keyed("A-17");
    assert_eq!(listed.len(), 4);
    assert!(listed.contains(&process));

    hosted.event("order.go");
    assert_eq!(hosted.rows(Table::BusinessKeys).len(), 1);
    let third = hosted.launch(alice, &launch);
    assert_eq!(third.reply["status"], "launched");
    hosted.is_clean();
}

#[test]
fn a_process_that_ends_at_once_frees_its_key() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&text("order", 1));
    let launch = json!({"process": "order", "key": "A-17"});
    for _ in 0..3 {
        ended(&hosted.launch(None, &launch));
        assert_eq!(hosted.rows(Table::BusinessKeys), []);
    }
    hosted.restart();
    ended(&hosted.launch(None, &launch));
    hosted.is_clean();
}

#[test]
fn a_launch_replaces_the_process_that_has_its_key() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&waiting("order"));
    let launch = json!({"process": "order", "key": "A-17", "duplicate": "replace"});
    let mut before: Option<String> = None;
    for restarts in [false, true, false] {
        if restarts {
            hosted.restart();
        }
        let became = hosted.launch(None, &launch);
        let mut replies = became
            .messages
            .iter()
            .filter(|sent| sent.routing_key == "client");
        let told = |sent: &bureaucrat_wire::Outgoing| -> serde_json::Value {
            serde_json::from_slice(&sent.body).unwrap()
        };
        if let Some(before) = &before {
            let ended = told(replies.next().unwrap());
            assert_eq!(
                (&ended["status"], &ended["process"]),
                (&json!("failed"), &json!(before))
            );
            assert_eq!(ended["fault"]["code"], "Cancelled");
            let words = ended["fault"]["message"].as_str().unwrap();
            assert!(
                words.ends_with("replaces it under the key `A-17`"),
                "{words}"
            );
        }
        let launched = told(replies.next().unwrap());
        assert_eq!(launched["status"], "launched");
        before = launched["process"].as_str().map(str::to_owned);
        assert_eq!(hosted.rows(Table::BusinessKeys).len(), 1);
        hosted.is_clean();
    }
}

#[test]
fn the_audit_rebuilds_the_index_of_keys() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&waiting("order"));
    hosted.launch(None, &json!({"process": "order", "key": "A-17"}));
    let table = Table::BusinessKeys;
    let (key, value) = hosted.rows(table).remove(0);
    hosted.write(Write::Delete {
        table,
        key: key.clone(),
    });
    assert_eq!(hosted.findings(), [(table, Kind::Missing)]);
    hosted.repair();
    assert_eq!(hosted.rows(table), [(key, value.clone())]);
    let key = vec![7; 32];
    hosted.write(Write::Put { table, key, value });
    assert_eq!(hosted.findings(), [(table, Kind::Orphan)]);
    hosted.repair();
    hosted.is_clean();
}

/// `scripts/bench events` measures the time, among a million, too.
#[test]
fn an_event_finds_the_one_that_waits_for_its_key() {
    let mut waiters = Waiters::new(Arc::new(MemoryStore::default())).unwrap();
    let mut read = |waiting| {
        waiters.grow(waiting).unwrap();
        waiters.release(50).unwrap()
    };
    let (among_few, among_many) = (read(500), read(20_000));
    assert!(
        among_many <= among_few + among_few / 10,
        "{among_few} rows were read among 500 processes, {among_many} among 20,000"
    );
}
