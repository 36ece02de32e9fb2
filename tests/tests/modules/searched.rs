//! Searchable fields and shortened histories on a host that is polled.

use crate::rig::Hosted;
use bureaucrat_host::{audit::Kind, query::WantedField};
use bureaucrat_model::{HistoryEvent, ProcessId};
use bureaucrat_store::{Table, Write};
use serde_json::{Value, json};

/// Two events, and what they change.
const ORDER: &str = r#"<process name="order">
  <context>
    <property name="customer" type="str" searchable="yes">nobody</property>
    <property name="total" type="json" searchable="yes">0</property>
    <property name="note" type="str">plain</property>
  </context>
  <await event="order.first"/>
  <assign property="total">context["total"] * 2</assign>
  <assign property="customer">context["customer"] + "!"</assign>
  <await event="order.second"/>
  <assign property="customer">["a", "list"]</assign>
  <assign property="total">5</assign>
</process>"#;

fn launch(hosted: &mut Hosted, customer: &str, total: &Value) -> String {
    let fields = json!({"customer": customer, "total": total, "note": "n"});
    let body = json!({"process": "order", "fields": fields});
    let became = hosted.launch(None, &body);
    assert_eq!(became.reply["status"], "launched", "{became:?}");
    became.reply["process"].as_str().unwrap().to_owned()
}

/// The processes that `list --where` shows, in its order.
fn found(hosted: &Hosted, wanted: &[(&str, &str)]) -> Vec<String> {
    let field = |(name, value): &(&str, &str)| WantedField {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    let mut after = None;
    let mut found = Vec::new();
    loop {
        // Pages of two, so that there are some.
        let fields = wanted.iter().map(field).collect();
        let (page, next) = hosted.searched(fields, after, 2);
        assert!(page.len() <= 2);
        found.extend(page);
        match next {
            None => return found,
            next => after = next,
        }
    }
}

#[test]
fn processes_are_found_by_what_their_fields_hold() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(ORDER);
    let mut ids: Vec<String> = Vec::new();
    for (customer, total) in [
        ("Ada", json!(10)),
        ("Bob", json!(10.0)),
        ("Ada", json!("10")),
    ] {
        hosted.pass(5);
        ids.insert(0, launch(&mut hosted, customer, &total));
    }
    let [text, bob, ada] = ids.as_slice() else {
        panic!("{ids:?}");
    };
    assert_eq!(found(&hosted, &[("total", "10")]), ids);
    assert_eq!(
        found(&hosted, &[("total", "10.0")]),
        [bob.clone(), ada.clone()]
    );
    assert_eq!(
        found(&hosted, &[("customer", "Ada")]),
        [text.clone(), ada.clone()]
    );
    let both = [("total", "10.0"), ("customer", "Ada")];
    assert_eq!(found(&hosted, &both), std::slice::from_ref(ada));
    for nothing in [
        ("customer", "ada"),
        ("note", "n"),
        ("customer", ""),
        ("", "Ada"),
    ] {
        assert_eq!(found(&hosted, &[nothing]), [""; 0], "{nothing:?}");
    }
    hosted.event("order.first");
    hosted.restart();
    hosted.is_clean();
    assert_eq!(found(&hosted, &[("total", "10")]), [""; 0]);
    assert_eq!(
        found(&hosted, &[("total", "20")]),
        [bob.clone(), ada.clone()]
    );
    assert_eq!(
        found(&hosted, &[("total", "1010")]),
        std::slice::from_ref(text)
    );
    assert_eq!(
        found(&hosted, &[("customer", "Bob!")]),
        std::slice::from_ref(bob)
    );
    // Ended processes are found by what they ended with, and go with the list.
    hosted.event("order.second");
    hosted.is_clean();
    assert_eq!(found(&hosted, &[("total", "5")]), ids);
    // Each has its name, its version, and one field that holds something.
    assert_eq!(hosted.rows(Table::Searched).len(), 9);
    hosted.later();
    assert_eq!(found(&hosted, &[("total", "5")]), [""; 0]);
    assert_eq!(hosted.rows(Table::Searched), []);
    hosted.is_clean();
}

#[test]
fn a_cancelled_process_is_found_by_the_fields_that_it_had() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(ORDER);
    let process = launch(&mut hosted, "Eve", &json!(1));
    let id: ProcessId = process.parse().unwrap();
    let reason = "why".to_owned();
    let order = bureaucrat_host::commands::Order::Cancel { reason };
    hosted.host().order(id, order).unwrap();
    assert_eq!(found(&hosted, &[("customer", "Eve")]), [process]);
    hosted.is_clean();
}

#[test]
fn the_index_is_checked_and_repaired() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(ORDER);
    let process = launch(&mut hosted, "Ada", &json!(1));
    let table = Table::Searched;
    let (key, _) = hosted.rows(table).remove(0);
    hosted.write(Write::Delete {
        table,
        key: key.clone(),
    });
    let mut stale = key.clone();
    let place = stale.len() - 25;
    stale[place] ^= 1;
    for key in [stale, vec![0, 9]] {
        let value = Vec::new();
        hosted.write(Write::Put { table, key, value });
    }
    let found_wrong = hosted.findings();
    let wrong: Vec<_> = found_wrong.iter().map(|(_, kind)| *kind).collect();
    assert!(found_wrong.iter().all(|(found, _)| *found == table));
    assert_eq!(wrong.len(), 3, "{found_wrong:?}");
    assert!(wrong.contains(&Kind::Missing) && wrong.contains(&Kind::Orphan));
    hosted.repair();
    hosted.is_clean();
    assert_eq!(found(&hosted, &[("customer", "Ada")]), [process]);
}

/// What is recorded of a process that decides, fails, is caught, and ends.
fn recorded(history: &str) -> Vec<HistoryEvent> {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&format!(
        r#"<process name="kept" {history}>
             <context><faults><default><assign property="caught">1</assign></default></faults></context>
             <delay duration="1ms"/>
             <switch><case><condition>True</condition><fault code="oops"/></case></switch>
           </process>"#
    ));
    let became = hosted.launch(None, &json!({"process": "kept"}));
    let process = became.reply["process"].as_str().unwrap().parse().unwrap();
    hosted.pass(10);
    hosted.is_clean();
    hosted.history(process)
}

#[test]
fn a_history_is_as_long_as_its_definition_wants() {
    let kinds = |history: &str| {
        let events = recorded(history);
        let words = [
            ("launched", 'l'),
            ("delay", 'd'),
            ("condition", 'c'),
            ("expression", 'c'),
            ("handler", 'f'),
            ("completed", 'e'),
        ];
        let kind = |event: &HistoryEvent| {
            let event = event.to_string();
            let mut words = words.iter().filter(|(word, _)| event.contains(word));
            words.next().unwrap_or_else(|| panic!("{event}")).1
        };
        events.iter().map(kind).collect::<String>()
    };
    assert_eq!(kinds(""), "lddcfce");
    assert_eq!(kinds("history=\"full\""), "lddcfce");
    assert_eq!(kinds("history=\"decisions\""), "lcfe");
    assert_eq!(kinds("history=\"ends\""), "lfe");
}

#[test]
fn a_history_says_who_cancelled() {
    let mut hosted = Hosted::new(None);
    let text = r#"<process name="order" key="A" duplicate="replace"><await event="go"/></process>"#;
    hosted.deployed(text);
    let launch = json!({"process": "order"});
    let first = hosted.launch(None, &launch).reply["process"].clone();
    hosted.launch(Some("bob"), &launch);
    let second = hosted.launch(None, &launch);
    let told = |hosted: &Hosted, process: &Value| {
        let events = hosted.history(process.as_str().unwrap().parse().unwrap());
        let words = events.iter().map(ToString::to_string);
        let mut words = words.filter(|words| words.starts_with("cancelled"));
        words.next().unwrap()
    };
    let running = hosted.keyed("A");
    let by = running.iter().find(|id| {
        let words = told(&hosted, &first);
        words.contains(&format!("the launch of process {id}"))
    });
    assert!(
        by.is_some(),
        "{} {running:?} {second:?}",
        told(&hosted, &first)
    );
    let process = json!(by.unwrap());
    let body = json!({"process": process, "reason": "not needed"}).to_string();
    let became = hosted.send(None, None, bureaucrat_wire::CANCEL_TYPE, &body);
    assert_eq!(became.reply["status"], "cancelled", "{became:?}");
    let words = told(&hosted, &process);
    assert_eq!(words, "cancelled by a message without a user: not needed");
}
