//! Definitions by name and version on a host that is polled: numbering, launches by name,
//! retirement, programs that stay, damage.

use crate::rig::{Hosted, ended, text};
use bureaucrat_host::{
    audit::Kind,
    broker::Source,
    deployed::{DefinitionAnswer, DefinitionOrder, Made},
    router::Incoming,
};
use bureaucrat_store::{Row, Table, Write};
use bureaucrat_wire::{DEFINITION_TYPE, LAUNCH_TYPE, Properties};
use serde_json::{Value, json};
use std::sync::Arc;

fn new(version: u64) -> (u64, String) {
    (version, "new".to_owned())
}

fn unchanged(version: u64) -> (u64, String) {
    (version, "unchanged".to_owned())
}

#[test]
fn versions_are_numbered_and_a_text_makes_one() {
    let mut hosted = Hosted::new(None);
    assert_eq!(hosted.deployed(&text("order", 1)), new(1));
    assert_eq!(hosted.deployed(&text("order", 1)), unchanged(1));
    assert_eq!(hosted.deployed(&text("order", 2)), new(2));
    assert_eq!(hosted.deployed(&text("other", 1)), new(1));
    assert_eq!(hosted.deployed(&text("order", 1)), unchanged(1));
    hosted.restart();
    assert_eq!(hosted.deployed(&text("order", 2)), unchanged(2));
    let source = Arc::from(text("order", 3).as_bytes());
    let answer = hosted.order(DefinitionOrder::Deploy { source });
    let DefinitionAnswer::Deployed(view) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!((view.version.number(), view.made), (3, Made::New));
    assert_eq!(hosted.rows(Table::Definitions).len(), 4);
    assert_eq!(hosted.rows(Table::Sources).len(), 4);
    hosted.is_clean();
}

#[test]
fn two_deployments_at_once_get_two_numbers() {
    let mut hosted = Hosted::new(None);
    let properties = || Properties {
        content_type: Some(DEFINITION_TYPE.to_owned()),
        ..Properties::default()
    };
    for version in [1, 2, 1, 3] {
        let body = text("order", version);
        hosted
            .host()
            .deliver_with(Source::Launches, properties(), body);
    }
    hosted.host().settle().unwrap();
    assert_eq!(hosted.rows(Table::Definitions).len(), 3);
    hosted.is_clean();
}

#[test]
fn a_definition_without_a_usable_name_is_refused() {
    let mut hosted = Hosted::new(None);
    for (name, why) in [
        ("two words", "under the name `two words`: it contains ' '"),
        ("-x", "it begins with '-'"),
    ] {
        let became = hosted.deploy(None, &text(name, 1));
        let reason = became.reply["reasons"][0].as_str().unwrap();
        assert!(reason.contains(why), "{name}: {reason}");
        assert_eq!(became.dead.as_deref(), Some("definition"));
    }
    let became = hosted.deploy(None, "<process/>");
    let reason = became.reply["reasons"][0].as_str().unwrap();
    assert!(
        reason.starts_with("a definition that is deployed needs a name"),
        "{reason}"
    );
    let became = hosted.deploy(None, "<process name='a'><nothing/></process>");
    let reason = became.reply["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("1:"), "{reason}");
    assert_eq!(hosted.rows(Table::Definitions), []);
}

#[test]
fn a_launch_names_the_newest_version_or_one() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&text("order", 1));
    hosted.deployed(&text("order", 2));
    assert_eq!(hosted.launched("order")["version"], 2);
    assert_eq!(hosted.launched("order@1")["version"], 1);
    hosted.restart();
    assert_eq!(hosted.launched("order")["version"], 2);
    let fields = json!({"amount": 7, "zip": 12345, "own": [1]});
    let became = hosted.launch(None, &json!({"process": "order", "fields": fields}));
    let expected = json!({"amount": 7, "zip": "12345", "own": [1], "version": 2});
    assert_eq!(ended(&became), expected);
    hosted.is_clean();
}

#[test]
fn a_launch_of_nothing_is_refused_with_why() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&text("order", 1));
    hosted.deployed(&text("order", 2));
    let unknown = "unknown-definition";
    for (body, code, why) in [
        (
            json!({"process": "ordre"}),
            unknown,
            "no definition `ordre` is deployed here; did you mean `order`?",
        ),
        (
            json!({"process": "invoice"}),
            unknown,
            "no definition `invoice` is deployed here",
        ),
        (
            json!({"process": "order@3"}),
            unknown,
            "`order` has no version 3; its newest is 2",
        ),
        (
            json!({"process": "or der"}),
            "launch",
            "`or der` is not the name of a definition: it contains ' '",
        ),
        (
            json!({"fields": {}}),
            "wire.missing-key",
            "`process` is missing",
        ),
        (
            json!({"process": "order", "filds": {}}),
            "launch",
            "unknown key `filds`",
        ),
        (
            json!({"process": "order", "fields": {"amount": "x"}}),
            "launch",
            "`order@2`: the field `amount` is a text, but its property is of type `int`",
        ),
        (
            json!({"process": "order", "fields": {"inst:a": 1}}),
            "launch",
            "the field `inst:a`",
        ),
    ] {
        let (found, reason) = hosted.refused(&body);
        assert_eq!(found, code, "{body}: {reason}");
        assert!(reason.contains(why), "{body}: {reason}");
    }
    // What was unknown may be known later: the same message counts then.
    let body = json!({"process": "late"}).to_string();
    let became = hosted.send(None, Some("m-1"), LAUNCH_TYPE, &body);
    assert_eq!(became.reply["status"], "rejected");
    hosted.deployed(&text("late", 1));
    let became = hosted.send(None, Some("m-1"), LAUNCH_TYPE, &body);
    assert_eq!(ended(&became)["version"], 1);
}

#[test]
fn a_redelivery_launches_the_same_version() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&text("order", 1));
    let body = json!({"process": "order"}).to_string();
    let became = hosted.send(None, Some("m-1"), LAUNCH_TYPE, &body);
    let process = became.reply["process"].clone();
    assert_eq!(ended(&became)["version"], 1);
    hosted.deployed(&text("order", 2));
    for _ in 0..2 {
        let became = hosted.send(None, Some("m-1"), LAUNCH_TYPE, &body);
        assert_eq!(became.reply["process"], process);
        hosted.restart();
    }
    assert_eq!(hosted.rows(Table::Instances).len(), 1);
    let became = hosted.send(None, Some("m-2"), LAUNCH_TYPE, &body);
    assert_eq!(ended(&became)["version"], 2);
    // A deployment that is delivered again makes no version, not even of a retired text.
    let first = hosted.send(None, Some("d-1"), DEFINITION_TYPE, &text("order", 3));
    assert_eq!(first.reply["version"], 3);
    hosted.retire("order@3");
    hosted.restart();
    let again = hosted.send(None, Some("d-1"), DEFINITION_TYPE, &text("order", 3));
    assert_eq!(again.reply["version"], 3);
    assert_eq!(again.reply["outcome"], "unchanged");
    let third = hosted.send(None, Some("d-2"), DEFINITION_TYPE, &text("order", 3));
    assert_eq!(third.reply["version"], 4);
    hosted.is_clean();
}

#[test]
fn a_launch_that_comes_again_while_its_program_is_loaded_starts_once_and_whole() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&text("order", 1));
    // Afterwards the program must be loaded.
    hosted.restart();
    let launch = || Properties {
        content_type: Some(LAUNCH_TYPE.to_owned()),
        message_id: Some("m-1".to_owned()),
        ..Properties::default()
    };
    let body = json!({"process": "order", "fields": {"amount": 7}}).to_string();
    let host = hosted.host();
    host.deliver_with(Source::Launches, launch(), &body);
    host.turn().unwrap();
    host.send(Incoming::ConsumingDown { generation: 1 });
    host.deliver_with(Source::Launches, launch(), &body);
    assert_eq!(
        host.jobs(),
        1,
        "the program is loaded for the first delivery"
    );
    let messages = host.settle().unwrap();
    let mut ends = messages.iter();
    let ended = ends.find(|sent| sent.routing_key == "completed.order");
    let ended: Value = serde_json::from_slice(&ended.unwrap().body).unwrap();
    assert_eq!(
        ended["fields"],
        json!({"amount": 7, "zip": "none", "version": 1})
    );
    assert_eq!(hosted.rows(Table::Instances).len(), 1);
    hosted.is_clean();
}

#[test]
fn what_is_retired_is_not_launched() {
    let mut hosted = Hosted::new(None);
    for version in 1..=3 {
        hosted.deployed(&text("order", version));
    }
    let answer = hosted.retire("order@3");
    let DefinitionAnswer::Retired { newest, .. } = &answer else {
        panic!("{answer:?}");
    };
    assert_eq!(newest.map(|newest| newest.number()), Some(2));
    assert_eq!(hosted.launched("order")["version"], 2);
    let (_, reason) = hosted.refused(&json!({"process": "order@3"}));
    assert_eq!(reason, "version 3 of `order` is retired; its newest is 2");
    hosted.restart();
    assert_eq!(hosted.launched("order")["version"], 2);
    hosted.retire("order");
    let (_, reason) = hosted.refused(&json!({"process": "order"}));
    let said = "all versions of `order` are retired; deploy it again to launch it by its name";
    assert_eq!(reason, said);
    let again = hosted.retire("order");
    assert!(
        matches!(again, DefinitionAnswer::Unknown { .. }),
        "{again:?}"
    );
    assert_eq!(hosted.deployed(&text("order", 1)), new(4));
    assert_eq!(hosted.launched("order")["version"], 1);
    hosted.is_clean();
}

#[test]
fn the_program_of_a_version_stays_with_it() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&text("order", 1));
    hosted.launched("order");
    hosted.later();
    hosted.restart();
    let other = r#"<process name="other"/>"#;
    hosted.send(None, None, "application/xml", other);
    hosted.later();
    // The commit that removes programs is the next one.
    hosted.launched("order");
    let programs = hosted.rows(Table::Programs).len();
    assert_eq!(programs, 1, "the program of the version, and no other");
    hosted.later();
    hosted.is_clean();
}

#[test]
fn a_damaged_version_stops_only_its_own_launches() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&text("order", 1));
    hosted.deployed(&text("order", 2));
    hosted.deployed(&text("other", 1));
    let rows = hosted.rows(Table::Definitions);
    let is_second = |row: &&Row| row.0.ends_with(&2_u32.to_be_bytes());
    let (key, _) = rows.iter().find(is_second).unwrap().clone();
    let (table, value) = (Table::Definitions, b"\x01\xc1nothing".to_vec());
    hosted.write(Write::Put { table, key, value });
    hosted.restart();
    assert_eq!(hosted.launched("order")["version"], 1);
    assert_eq!(hosted.launched("other")["version"], 1);
    let (code, reason) = hosted.refused(&json!({"process": "order@2"}));
    assert_eq!(code, "unknown-definition");
    assert!(
        reason.contains("the record of version 2 of `order` is damaged"),
        "{reason}"
    );
    // Its number is not given again.
    assert_eq!(hosted.deployed(&text("order", 3)), new(3));
    assert_eq!(hosted.findings(), [(Table::Definitions, Kind::Damaged)]);
    let programs = hosted.rows(Table::Programs).len();
    hosted.later();
    assert_eq!(hosted.rows(Table::Programs).len(), programs);
}

#[test]
fn the_audit_misses_what_a_version_needs() {
    let mut hosted = Hosted::new(None);
    for version in 1..=3 {
        hosted.deployed(&text("order", version));
    }
    hosted.is_clean();
    let first = |table| hosted.rows(table).remove(0);
    let without = |table: Table| {
        let (key, value) = first(table);
        let removed = key.clone();
        hosted.write(Write::Delete {
            table,
            key: removed,
        });
        let findings = hosted.findings();
        hosted.write(Write::Put { table, key, value });
        findings
    };
    let inconsistent = Kind::Inconsistent;
    assert_eq!(without(Table::Sources), [(Table::Sources, inconsistent)]);
    assert_eq!(
        without(Table::Programs),
        [(Table::Definitions, inconsistent)]
    );
    assert_eq!(
        without(Table::Definitions),
        [
            (Table::Sources, Kind::Orphan),
            (Table::Definitions, inconsistent)
        ]
    );
    let (key, value) = first(Table::Sources);
    let table = Table::Sources;
    let (put, other) = (key.clone(), b"<process/>".to_vec());
    hosted.write(Write::Put {
        table,
        key: put,
        value: other,
    });
    assert_eq!(hosted.findings(), [(table, Kind::Damaged)]);
    hosted.write(Write::Put { table, key, value });
    hosted.is_clean();
}
