//! Processes are found by what they have, and counted by it, on a host that is polled: each search gives what looking at
//! every process gives, whatever its pages.

use crate::rig::Hosted;
use bureaucrat_host::damage::Damages;
use bureaucrat_host::query::{
    Attribute, AttributeKind, Place, ProcessSummary, Query, QueryAnswer, State, WaitsFor, Wanted,
    WantedField,
};
use bureaucrat_host::questions::{Asked, answer};
use bureaucrat_model::{Timestamp, Version};
use bureaucrat_store::MemoryStore;
use bureaucrat_tests::{
    counted::Counted,
    population::{BEGAN, Population, searches as searches_of_many},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// It waits for two participants at once, then for one of two events; or fails, with or without an operator.
const ORDER: &str = r#"<process name="order" on-fault="incident">
  <context>
    <property name="customer" type="str" searchable="yes">nobody</property>
    <property name="way" type="str">both</property>
  </context>
  <switch>
    <case><condition>context["way"] == "both"</condition>
      <all>
        <action id="pay" participant="charge"/>
        <sequence><action participant="pack"/><action participant="charge"/></sequence>
      </all>
    </case>
    <case><condition>context["way"] == "late"</condition>
      <race><await id="slow" event="paid"/><await event="voided"/></race>
    </case>
    <case><condition>context["way"] == "stuck"</condition>
      <fault code="NoStock"/>
    </case>
  </switch>
</process>"#;

const REFUND: &str = r#"<process name="refund">
  <context><property name="way" type="str">fails</property></context>
  <switch>
    <case><condition>context["way"] == "fails"</condition><fault code="NoStock"/></case>
    <case><condition>context["way"] == "late"</condition><await event="paid"/></case>
  </switch>
</process>"#;

/// Some processes of each kind, a millisecond or none apart.
fn filled() -> Hosted {
    let mut hosted = Hosted::new(None);
    hosted.deployed(ORDER);
    hosted.deployed(REFUND);
    for number in 0..40_u64 {
        if number == 20 {
            hosted.deployed(&ORDER.replace("NoStock", "SoldOut"));
        }
        let (name, ways) = match number % 3 {
            0 => ("refund", ["fails", "late", "ends"]),
            _ => ("order", ["both", "late", "stuck"]),
        };
        let way = ways[(number / 3 % 3) as usize];
        let mut fields = json!({"way": way});
        if name == "order" {
            fields["customer"] = ["Ada", "Bob"][(number % 2) as usize].into();
        }
        hosted.pass(number % 2);
        let became = hosted.launch(None, &json!({"process": name, "fields": fields}));
        assert_eq!(became.reply["status"], "launched", "{became:?}");
    }
    hosted.is_clean();
    hosted
}

fn pages(hosted: &Hosted, wanted: &Wanted, limit: usize) -> Vec<ProcessSummary> {
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let query = Query::List {
            wanted: wanted.clone(),
            after,
            limit,
        };
        let QueryAnswer::Processes {
            processes, next, ..
        } = hosted.asked(&query)
        else {
            panic!("no list");
        };
        assert!(processes.len() <= limit);
        listed.extend(processes);
        match next {
            Some(next) => after = Some(next),
            None => return listed,
        }
    }
}

/// What a process has, as a list shows it.
fn attributes(hosted: &Hosted, row: &ProcessSummary) -> BTreeSet<Attribute> {
    let mut has = BTreeSet::from([Attribute::Definition(row.name.clone())]);
    has.extend(
        row.version
            .map(|version| Attribute::Version(row.name.clone(), version)),
    );
    let code = |code: &dyn ToString| Attribute::Fault(code.to_string());
    has.extend(row.fault.as_ref().map(|fault| code(&fault.code)));
    for wait in &row.waits {
        if let WaitsFor::Answer { participant, .. } = &wait.waits_for {
            has.insert(Attribute::Participant(participant.clone()));
        }
        if let WaitsFor::Event { events, .. } = &wait.waits_for {
            let names = events.iter().map(|event| event.event.clone());
            has.extend(names.map(Attribute::Event));
        }
        let fault = wait.waits_for.fault_for_operator();
        has.extend(fault.map(|fault| code(&fault.code)));
    }
    let searched = hosted.detail(row.process).searched.into_iter();
    has.extend(searched.filter_map(|field| Some(Attribute::Field(field.name, field.term?))));
    has
}

/// All that can be asked for: each criterion alone, and each with each other.
fn searches() -> Vec<Wanted> {
    let second = Version::FIRST.next().unwrap();
    let attribute = |attribute| Wanted {
        attributes: vec![attribute],
        ..Wanted::default()
    };
    let mut alone = vec![Wanted::default()];
    for name in ["order", "refund", "nothing"] {
        alone.push(attribute(Attribute::Definition(name.into())));
    }
    for version in [Version::FIRST, second] {
        alone.push(attribute(Attribute::Version("order".into(), version)));
    }
    for name in ["charge", "pack", "ship"] {
        alone.push(attribute(Attribute::Participant(name.into())));
    }
    for name in ["paid", "voided"] {
        alone.push(attribute(Attribute::Event(name.into())));
    }
    for code in ["NoStock", "SoldOut"] {
        alone.push(attribute(Attribute::Fault(code.into())));
    }
    for state in [
        State::Running,
        State::Incident,
        State::Failed,
        State::Completed,
        State::Suspended,
    ] {
        alone.push(Wanted {
            states: vec![state],
            ..Wanted::default()
        });
    }
    alone.push(Wanted {
        fields: vec![WantedField {
            name: "customer".into(),
            value: "Ada".into(),
        }],
        ..Wanted::default()
    });
    for activity in ["pay", "slow", "nowhere"] {
        alone.push(Wanted {
            activity: Some(activity.into()),
            ..Wanted::default()
        });
    }
    for (from, before) in [(Some(6), None), (None, Some(6)), (Some(4), Some(9))] {
        let time = |after: u64| Timestamp(1_800_000_000_000 + after);
        alone.push(Wanted {
            launched_from: from.map(time),
            launched_before: before.map(time),
            ..Wanted::default()
        });
    }
    let mut all = alone.clone();
    for (place, first) in alone.iter().enumerate() {
        for second in &alone[place + 1..] {
            let mut both = first.clone();
            both.attributes.extend(second.attributes.clone());
            both.fields.extend(second.fields.clone());
            if both.states.is_empty() {
                both.states.clone_from(&second.states);
            }
            both.activity = both.activity.or_else(|| second.activity.clone());
            both.launched_from = both.launched_from.or(second.launched_from);
            both.launched_before = both.launched_before.or(second.launched_before);
            all.push(both);
        }
    }
    all
}

fn fits(row: &ProcessSummary, has: &BTreeSet<Attribute>, wanted: &Wanted) -> bool {
    let at = row.launched_at;
    let is_there = |activity: &String| {
        let mut waits = row.waits.iter();
        waits.any(|wait| wait.at.id.as_ref() == Some(activity))
    };
    let has_field = |field: &WantedField| {
        let term = bureaucrat_model::Term::Text(field.value.clone());
        has.contains(&Attribute::Field(field.name.clone(), term))
    };
    (wanted.states.is_empty() || wanted.states.contains(&row.state))
        && wanted.attributes.iter().all(|wanted| has.contains(wanted))
        && wanted.fields.iter().all(has_field)
        && wanted.activity.iter().all(is_there)
        && wanted.launched_from.is_none_or(|from| at >= from)
        && wanted.launched_before.is_none_or(|before| at < before)
}

fn counted(hosted: &Hosted, wanted: &Wanted) -> u64 {
    let query = Query::Count {
        wanted: wanted.clone(),
        after: None,
    };
    let QueryAnswer::Counted { count, next: None } = hosted.asked(&query) else {
        panic!("not counted");
    };
    count
}

fn counted_by(hosted: &Hosted, by: &AttributeKind, wanted: &Wanted) -> BTreeMap<Attribute, u64> {
    let mut found: BTreeMap<Attribute, u64> = BTreeMap::new();
    let mut after: Option<(Attribute, Place)> = None;
    loop {
        let query = Query::CountBy {
            by: by.clone(),
            wanted: wanted.clone(),
            after,
        };
        let QueryAnswer::CountedBy { counts, next, .. } = hosted.asked(&query) else {
            panic!("not counted");
        };
        for (attribute, count) in counts {
            *found.entry(attribute).or_default() += count;
        }
        match next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

/// Each search gives what looking at every process gives.
fn agree(hosted: &Hosted) {
    let all = pages(hosted, &Wanted::default(), 1_000);
    let has: Vec<_> = all.iter().map(|row| attributes(hosted, row)).collect();
    let kinds = [
        AttributeKind::Definition,
        AttributeKind::Version,
        AttributeKind::Participant,
        AttributeKind::Event,
        AttributeKind::Fault,
        AttributeKind::Field("customer".into()),
    ];
    let mut found = 0;
    for wanted in searches() {
        let fit = |(row, has): &(&ProcessSummary, &BTreeSet<Attribute>)| fits(row, has, &wanted);
        let expected: Vec<_> = all.iter().zip(&has).filter(fit).collect();
        found += expected.len();
        let rows: Vec<_> = expected.iter().map(|(row, _)| (*row).clone()).collect();
        for limit in [3, 1_000] {
            assert_eq!(pages(hosted, &wanted, limit), rows, "{wanted:?}");
        }
        assert_eq!(counted(hosted, &wanted), rows.len() as u64, "{wanted:?}");
        for kind in &kinds {
            let mut counts = BTreeMap::new();
            for attribute in expected.iter().flat_map(|(_, has)| *has) {
                if attribute.kind() == *kind {
                    *counts.entry(attribute.clone()).or_default() += 1;
                }
            }
            assert_eq!(
                counted_by(hosted, kind, &wanted),
                counts,
                "{kind:?} of {wanted:?}"
            );
        }
    }
    assert!(found > 500, "{found}");
}

#[test]
fn each_search_gives_what_looking_at_every_process_gives() {
    let mut hosted = filled();
    agree(&hosted);
    // What they wait for changes, and some end.
    hosted.event("voided");
    hosted.is_clean();
    agree(&hosted);
    hosted.restart();
    agree(&hosted);
}

#[test]
fn what_removed_processes_had_is_gone() {
    let mut hosted = filled();
    hosted.event("paid");
    let running = pages(&hosted, &Wanted::default(), 1_000);
    for row in running {
        let reason = String::new();
        let order = bureaucrat_host::commands::Order::Terminate { reason };
        hosted.host().order(row.process, order).unwrap();
    }
    hosted.later();
    hosted.is_clean();
    let table = bureaucrat_store::Table::Searched;
    assert_eq!(hosted.rows(table), []);
}

/// How many rows the first page of each search reads among so many processes, and how many it shows.
fn rows_read(stored: u64) -> Vec<(&'static str, u64, usize)> {
    let store = Counted::new(Arc::new(MemoryStore::new()));
    let mut population = Population::new(&store).unwrap();
    population.grow(stored).unwrap();
    let damages = Damages::default();
    let asked = Asked {
        store: &store,
        now: Timestamp(BEGAN.0 + 1_000_000),
        damages: &damages,
    };
    let rows = searches_of_many().into_iter().map(|(name, wanted)| {
        let before = store.read();
        let query = Query::List {
            wanted,
            after: None,
            limit: 50,
        };
        let Some(QueryAnswer::Processes { processes, .. }) = answer(&asked, &query) else {
            panic!("no list");
        };
        (name, store.read() - before, processes.len())
    });
    rows.collect()
}

#[test]
fn a_first_page_reads_as_much_among_many_as_among_few() {
    let (few, many) = (rows_read(10_000), rows_read(60_000));
    for ((name, few, shown), (_, many, more)) in few.into_iter().zip(many) {
        let words = format!("{name}: {few} rows for {shown}, then {many} for {more}");
        let (shown, more) = (shown.max(1) as u64, more.max(1) as u64);
        assert!(many * shown <= 2 * few * more, "{words}");
    }
}
