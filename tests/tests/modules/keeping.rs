//! Kept events on a host that is polled: a circuit of two processes, restarts, time, quotas, repairs.

use crate::rig::Hosted;
use bureaucrat_host::{audit::Kind, broker::Source};
use bureaucrat_store::{Table, Write};
use bureaucrat_wire::Outgoing;
use serde_json::{Value, json};

const ORDER: &str = include_str!("../../../definitions/circuit-order.xml");
const PAYMENT: &str = include_str!("../../../definitions/circuit-payment.xml");

fn body(message: &Outgoing) -> Value {
    serde_json::from_slice(&message.body).unwrap()
}

/// How the processes ended of which these messages tell: the first field of each.
fn endings(messages: &[Outgoing]) -> Vec<Value> {
    let notices = messages.iter().filter(|sent| !sent.exchange.is_empty());
    let ended = notices.map(body);
    ended.filter(|told| told["status"] != "launched").collect()
}

fn launch(hosted: &mut Hosted, definition: &str) -> Vec<Outgoing> {
    hosted
        .send(None, None, "application/xml", definition)
        .messages
}

fn shipped(messages: &[Outgoing]) -> Vec<Value> {
    let sent = messages.iter();
    let sent = sent.filter(|sent| sent.routing_key == "shipping");
    sent.map(body).collect()
}

#[test]
fn an_order_and_its_payment_find_each_other_in_any_order_and_over_restarts() {
    let paid = [json!({"order": "o-1", "receipt": "r-o-1"})];
    for restarts in [false, true] {
        for (first, second) in [(ORDER, PAYMENT), (PAYMENT, ORDER)] {
            let mut hosted = Hosted::new(None);
            let before = launch(&mut hosted, first);
            assert_eq!(endings(&before), Vec::<Value>::new());
            if restarts {
                hosted.restart();
            }
            let after = launch(&mut hosted, second);
            assert_eq!(endings(&after).len(), 2, "{after:?}");
            assert_eq!(shipped(&after), paid);
            hosted.is_clean();
        }
    }
    let mut hosted = Hosted::new(None);
    launch(&mut hosted, &ORDER.replace("120", "1200"));
    let after = endings(&launch(&mut hosted, PAYMENT));
    let failed = after.iter().find(|told| told["status"] == "failed");
    assert_eq!(
        failed.unwrap()["fault"]["code"],
        "shop.Declined",
        "{after:?}"
    );
}

#[test]
fn each_process_takes_a_kept_event_once_until_it_goes() {
    let mut hosted = Hosted::new(None);
    let kept = json!({"event": "news", "keep": "10s", "n": 1}).to_string();
    hosted.host().deliver(Source::Events, None, &kept);
    hosted.host().settle().unwrap();
    // Body, and when it goes: it has no key.
    assert_eq!(hosted.rows(Table::Kept).len(), 2);
    let reader = r#"<process><await event="news" since="1h"/><await event="news" since="1h" timeout="1s"/></process>"#;
    for _ in 0..2 {
        let messages = launch(&mut hosted, reader);
        assert_eq!(endings(&messages), Vec::<Value>::new(), "{messages:?}");
        hosted.restart();
    }
    assert_eq!(hosted.rows(Table::Taken).len(), 2);
    assert_eq!(hosted.rows(Table::Recalls).len(), 0);
    hosted.is_clean();
    hosted.later();
    for table in [
        Table::Kept,
        Table::Taken,
        Table::Recalls,
        Table::Subscriptions,
    ] {
        assert_eq!(hosted.rows(table), [], "{table:?}");
    }
    let late = r#"<process><await event="news" since="launch"/></process>"#;
    launch(&mut hosted, late);
    assert_eq!(hosted.rows(Table::Subscriptions).len(), 1);
    hosted.is_clean();
}

#[test]
fn a_user_keeps_a_limited_number() {
    let policy = "[users.ada]\nawaits = [\"*\"]\npublishes = [\"*\"]\nreply_to = [\"client\"]\n\
                  [users.ada.quotas]\nkept_events = 2\n[anonymous]\npublishes = [\"*\"]\n";
    let mut hosted = Hosted::new(Some(policy));
    let emits = r#"<process>
        <foreach select="[1, 2, 3]"><context><faults><case code="LimitExceeded">
            <await event="never" since="launch"/></case></faults></context>
          <emit event="e" keep="1h"/></foreach></process>"#;
    let messages = hosted
        .send(Some("ada"), None, "application/xml", emits)
        .messages;
    assert_eq!(endings(&messages), Vec::<Value>::new(), "{messages:?}");
    // Two rows of each event; the third was never emitted, and a handler waits.
    assert_eq!(hosted.rows(Table::Kept).len(), 4);
    hosted.restart();
    let more = hosted.send(
        Some("ada"),
        None,
        "application/xml",
        r#"<process><emit event="e" keep="1h"/></process>"#,
    );
    let failed = endings(&more.messages);
    assert_eq!(failed[0]["fault"]["code"], "LimitExceeded", "{failed:?}");
    let message = failed[0]["fault"]["message"].as_str().unwrap();
    assert!(message.contains("kept_events"), "{message}");
    hosted.is_clean();
}

#[test]
fn what_is_missing_or_left_over_is_found_and_repaired() {
    let mut hosted = Hosted::new(None);
    let kept = json!({"event": "news", "key": "k", "keep": "10d"}).to_string();
    hosted.host().deliver(Source::Events, None, &kept);
    hosted.host().settle().unwrap();
    let reader = r#"<process><await event="news" since="launch"/><await event="x"/></process>"#;
    launch(&mut hosted, reader);
    hosted.is_clean();
    let rows = hosted.rows(Table::Kept);
    assert_eq!(rows.len(), 3);
    for (key, value) in rows {
        let table = Table::Kept;
        hosted.write(Write::Delete {
            table,
            key: key.clone(),
        });
        let found = hosted.findings();
        assert!(!found.is_empty(), "{key:02x?}");
        hosted.write(Write::Put { table, key, value });
        hosted.is_clean();
    }
    let stray = Write::Put {
        table: Table::Taken,
        key: vec![7; 24],
        value: Vec::new(),
    };
    hosted.write(stray);
    assert_eq!(hosted.findings(), [(Table::Taken, Kind::Orphan)]);
    hosted.repair();
    hosted.is_clean();
}
