//! The audit log on a host that is polled: an entry for each order that was carried out, and none for any other; what
//! is too old or too much goes.

use crate::rig::{Hosted, text};
use bureaucrat_host::{
    audit_log::{About, AuditPage, AuditQuery, AuditRecord, Verb},
    broker::Source,
    bulk::{BulkAnswer, BulkCommand, BulkOrder, BulkQuery, Started},
    commands::{Migration, Order, OrderOutcome},
    deployed::DefinitionOrder,
    letters::{LetterCommand, LetterOrder},
    query::{Query, QueryAnswer, State, Wanted},
    router::Incoming,
};
use bureaucrat_model::{
    Change, Fields, IdPrefix, Initiator, Modification, Operator, PartOf, ProcessId,
};
use bureaucrat_store::{Table, keys};
use std::collections::BTreeSet;

pub const WAITS: &str = r#"<process name="waits"><await id="first" event="a"/><await id="second" event="b"/></process>"#;
const OTHER: &str =
    r#"<process name="waits"><await id="first" event="a"/><await id="third" event="c"/></process>"#;

pub fn page(hosted: &Hosted, query: AuditQuery) -> AuditPage {
    let QueryAnswer::Audit(page) = hosted.asked(&Query::Audit(query)) else {
        panic!("no audit log");
    };
    page
}

/// All entries that fit, in pages of two, oldest first.
pub fn entries(hosted: &Hosted, query: AuditQuery) -> Vec<AuditRecord> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let query = AuditQuery {
            after,
            limit: 2,
            ..query.clone()
        };
        let AuditPage { entries, next, .. } = page(hosted, query);
        assert!(entries.len() <= 2);
        all.extend(entries);
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    all.reverse();
    all
}

fn verbs(hosted: &Hosted, query: AuditQuery) -> Vec<&'static str> {
    let entries = entries(hosted, query).into_iter();
    entries.map(|record| record.entry.verb.name()).collect()
}

pub fn launched(hosted: &mut Hosted, name: &str) -> ProcessId {
    let known: BTreeSet<_> = hosted
        .named(name)
        .iter()
        .map(|found| found.process)
        .collect();
    hosted.begin(&format!(r#"{{"process": "{name}"}}"#));
    hosted.host().settle().unwrap();
    let named = hosted.named(name);
    let mut new = named.iter().filter(|found| !known.contains(&found.process));
    new.next().unwrap().process
}

pub fn reason() -> String {
    "they asked".to_owned()
}

fn modify(part: PartOf, change: Change, dry_run: bool) -> Order {
    Order::Modify(Modification {
        part,
        change,
        reason: reason(),
        dry_run,
    })
}

fn fields(text: &str) -> Fields {
    Fields::parse(text).unwrap()
}

pub fn resume(hosted: &mut Hosted, process: ProcessId) {
    let resumed = hosted.obeyed(process, Order::Resume { reason: reason() });
    assert_eq!(resumed, OrderOutcome::Done);
}

#[test]
fn each_order_about_a_process_has_its_entry() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(WAITS);
    let process = launched(&mut hosted, "waits");
    hosted.deployed(OTHER);
    let part = PartOf::Activity("first".to_owned());
    let set = Change::Set {
        fields: fields(r#"{"paid": true}"#),
        removed: vec!["sum".to_owned()],
    };
    let skip = || Change::Skip {
        fields: fields(r#"{"b": 1}"#),
    };
    let back = Change::Move {
        to: "first".to_owned(),
    };
    let migrate = |dry_run| {
        Order::Migrate(Migration {
            to: "waits@2".parse().unwrap(),
            dry_run,
            reason: reason(),
        })
    };
    let orders = [
        Order::Suspend { reason: reason() },
        Order::Resume { reason: reason() },
        modify(part.clone(), set, false),
        modify(part.clone(), skip(), false),
        modify(PartOf::Only, back, false),
        migrate(false),
        Order::Cancel { reason: reason() },
    ];
    // What only says what would be leaves none.
    let planned = hosted.obeyed(process, modify(part, skip(), true));
    assert!(matches!(planned, OrderOutcome::Planned(_)), "{planned:?}");
    let planned = hosted.obeyed(process, migrate(true));
    assert!(matches!(planned, OrderOutcome::Planned(_)), "{planned:?}");
    for order in orders {
        let words = format!("{order:?}");
        assert_eq!(hosted.obeyed(process, order), OrderOutcome::Done, "{words}");
    }
    // Neither does what is refused.
    let refused = hosted.obeyed(process, Order::Cancel { reason: reason() });
    assert_eq!(refused, OrderOutcome::Ended);
    let other = launched(&mut hosted, "waits");
    assert_eq!(
        hosted.obeyed(other, Order::Terminate { reason: reason() }),
        OrderOutcome::Done
    );

    let own = AuditQuery {
        process: Some(IdPrefix::from(process)),
        ..AuditQuery::default()
    };
    let found = entries(&hosted, own.clone());
    let names: Vec<_> = found
        .iter()
        .map(|record| record.entry.verb.name())
        .collect();
    let expected = [
        "suspend", "resume", "set", "skip", "move", "migrate", "cancel",
    ];
    assert_eq!(names, expected);
    for record in &found {
        let AuditRecord { entry, .. } = record;
        assert_eq!(entry.reason, reason());
        assert!(matches!(&entry.by, Initiator::Operator(_)), "{entry:?}");
        let About::Process {
            process: about,
            definition,
            ..
        } = &entry.about
        else {
            panic!("{entry:?}");
        };
        assert_eq!((*about, definition.as_str()), (process, "waits"));
    }
    let told = |number: usize| {
        let About::Process {
            part, fields, to, ..
        } = &found[number].entry.about
        else {
            panic!("{:?}", found[number]);
        };
        format!("{part:?} {fields:?} {to:?}")
    };
    assert_eq!(told(2), r#"Some(Activity("first")) ["paid", "sum"] None"#);
    assert_eq!(told(4), r#"None [] Some("first")"#);
    assert_eq!(told(5), r#"None [] Some("waits@2")"#);
    assert!(
        verbs(&hosted, AuditQuery::default()).ends_with(&["terminate"]),
        "the last order"
    );
    // They outlive their process.
    hosted.later();
    assert!(hosted.named("waits").is_empty());
    assert_eq!(entries(&hosted, own), found);
    hosted.is_clean();
}

/// The entry and what it is about are in one commit: what is lost with the engine's memory is both.
#[test]
fn an_entry_is_durable_with_its_order() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(WAITS);
    let process = launched(&mut hosted, "waits");
    let state = |hosted: &Hosted| hosted.detail(process).summary.state;
    let of_process = AuditQuery {
        process: Some(IdPrefix::from(process)),
        ..AuditQuery::default()
    };
    for _ in 0..10 {
        let (command, outcome) = bureaucrat_host::commands::Command::new(
            process,
            Order::Suspend { reason: reason() },
            Operator::named("ada"),
        );
        hosted.host().send(Incoming::Ordered(command));
        loop {
            let is_told = outcome.try_recv().is_ok();
            let is_suspended = state(&hosted) == State::Suspended;
            let last = verbs(&hosted, of_process.clone()).last().copied();
            assert_eq!(is_suspended, last == Some("suspend"));
            if is_told {
                assert!(is_suspended);
                break;
            }
            hosted.host().turn().unwrap();
        }
        hosted.restart();
        assert_eq!(verbs(&hosted, of_process.clone()).last(), Some(&"suspend"));
        resume(&mut hosted, process);
    }
    let numbers: Vec<_> = entries(&hosted, AuditQuery::default())
        .iter()
        .map(|record| record.number)
        .collect();
    // The definition, and two orders in each round: the numbers continue after a restart.
    assert_eq!(numbers, (1..22).collect::<Vec<_>>());
    hosted.is_clean();
}

#[test]
fn a_bulk_job_has_one_entry_when_it_begins_and_one_when_it_is_stopped() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(WAITS);
    for _ in 0..100 {
        hosted.begin(r#"{"process": "waits"}"#);
    }
    hosted.host().settle().unwrap();
    let by = Operator::named("night shift");
    let begin = |hosted: &mut Hosted| {
        let started = Started {
            wanted: Wanted {
                states: vec![State::Running],
                ..Wanted::default()
            },
            order: Order::Suspend { reason: reason() },
            by: by.clone(),
        };
        let (command, answer) = BulkCommand::new(BulkOrder::Start(Box::new(started)));
        hosted.host().send(Incoming::OrderedBulk(command));
        loop {
            hosted.host().turn().unwrap();
            if let Ok(answer) = answer.try_recv() {
                let BulkAnswer::Started { job } = answer else {
                    panic!("{answer:?}");
                };
                return job;
            }
        }
    };
    let job = begin(&mut hosted);
    let stop = BulkOrder::Stop {
        job,
        by: by.clone(),
    };
    let (command, answer) = BulkCommand::new(stop);
    hosted.host().send(Incoming::OrderedBulk(command));
    hosted.host().settle().unwrap();
    assert_eq!(answer.try_recv(), Ok(BulkAnswer::Stopped));
    let whole = begin(&mut hosted);
    hosted.host().settle().unwrap();
    let QueryAnswer::Bulk(BulkAnswer::Job(view)) =
        hosted.asked(&Query::Bulk(BulkQuery::Show { job: whole }))
    else {
        panic!("no job");
    };
    assert!(view.counts.done > 0, "{view:?}");

    let all = AuditQuery {
        by: Some("night shift".to_owned()),
        ..AuditQuery::default()
    };
    assert_eq!(
        verbs(&hosted, all.clone()),
        ["start_job", "stop_job", "start_job"]
    );
    let of_job = AuditQuery {
        job: Some(job),
        ..AuditQuery::default()
    };
    let found = entries(&hosted, of_job);
    assert_eq!(found.len(), 2);
    let About::Job {
        order,
        search,
        counts,
        ..
    } = &found[1].entry.about
    else {
        panic!("{found:?}");
    };
    let wanted: Wanted = serde_json::from_str(search).unwrap();
    assert_eq!(
        (*order, wanted.states),
        (Verb::Suspend, vec![State::Running])
    );
    assert!(counts.is_some(), "what was done until then");
    assert_eq!(found[0].entry.reason, reason());
    hosted.is_clean();
}

#[test]
fn definitions_and_dead_letters_have_entries_from_any_door() {
    let mut hosted = Hosted::new(None);
    // Over AMQP by a user, and by an operator; the same text again changes nothing.
    hosted.deploy(Some("shop"), &text("order", 1));
    hosted.deploy(Some("shop"), &text("order", 1));
    let source = std::sync::Arc::from(text("other", 1).as_bytes());
    hosted.order(DefinitionOrder::Deploy { source });
    hosted.order(DefinitionOrder::Deploy {
        source: std::sync::Arc::from(text("other", 1).as_bytes()),
    });
    hosted.retire("order");
    hosted.retire("order");
    hosted.host().deliver(Source::Answers, None, "no answer");
    hosted.host().deliver(Source::Answers, None, "none either");
    hosted.host().settle().unwrap();
    let letters = hosted.rows(Table::Letters);
    let letters: Vec<_> = letters
        .iter()
        .map(|(key, _)| keys::letter_of(key).unwrap().1)
        .collect();
    for (letter, order) in [
        (letters[0], LetterOrder::ResendAndKeep),
        (letters[1], LetterOrder::Discard),
        (letters[1], LetterOrder::Discard),
    ] {
        let (command, outcome) = LetterCommand::new(letter, order, Operator::named("ada"));
        hosted.host().send(Incoming::OrderedLetter(command));
        hosted.host().settle().unwrap();
        outcome.try_recv().unwrap();
    }
    let found = entries(&hosted, AuditQuery::default());
    let names: Vec<_> = found
        .iter()
        .map(|record| record.entry.verb.name())
        .collect();
    let expected = [
        "deploy_definition",
        "deploy_definition",
        "retire_definition",
        "resend_letter",
        "discard_letter",
    ];
    assert_eq!(names, expected);
    assert_eq!(found[0].entry.name(), Some("shop"));
    assert_eq!(found[1].entry.name(), Some("ops"));
    let About::Letter {
        letter,
        queue,
        code,
    } = &found[4].entry.about
    else {
        panic!("{found:?}");
    };
    assert_eq!(*letter, letters[1]);
    assert!(!queue.is_empty() && !code.is_empty());

    let named = |name: &str, version: Option<u32>| AuditQuery {
        definition: Some((
            name.to_owned(),
            version.and_then(bureaucrat_model::Version::new),
        )),
        ..AuditQuery::default()
    };
    assert_eq!(
        verbs(&hosted, named("order", None)),
        ["deploy_definition", "retire_definition"]
    );
    assert_eq!(verbs(&hosted, named("order", Some(1))).len(), 2);
    assert_eq!(verbs(&hosted, named("order", Some(2))).len(), 0);
    // Whom an entry concerns.
    let user = |user: &str| AuditQuery {
        user: Some(user.to_owned()),
        ..AuditQuery::default()
    };
    assert_eq!(verbs(&hosted, user("shop")), ["deploy_definition"]);
    assert_eq!(verbs(&hosted, user("ada")).len(), 0);
    hosted.is_clean();
}
