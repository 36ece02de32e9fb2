//! Processes that an operator has continue as another version of their definition, over restarts.

use crate::rig::Hosted;
use bureaucrat_host::{
    broker::Source,
    commands::{Migration, Order, OrderOutcome},
};
use bureaucrat_model::{
    Change, HistoryEvent, Initiator, Misfit, Modification, Operator, PartOf, ProcessId, Refusal,
    Version,
};
use bureaucrat_store::Table;
use bureaucrat_tests::polled::OPERATOR;
use bureaucrat_wire::Outgoing;
use serde_json::{Value, json};

const FIRST: &str = r#"<process name="order">
  <context><property name="size" type="int" searchable="yes">7</property></context>
  <all id="both">
    <sequence><action id="work" participant="work"/><action id="ship" participant="ship"/></sequence>
    <await id="paid" event="paid"/>
  </all></process>"#;

/// With an action before everything else and another one after it.
const SECOND: &str = r#"<process name="order">
  <context><property name="size" type="int" searchable="yes">7</property></context>
  <action participant="check"/>
  <all id="both">
    <sequence><action id="work" participant="work"/><action participant="wrap"/><action id="ship" participant="ship"/></sequence>
    <await id="paid" event="paid"/>
  </all></process>"#;

/// Nobody ships any more.
const THIRD: &str = r#"<process name="order"><all id="both"><action id="work" participant="work"/><delay id="paid" duration="1h"/></all></process>"#;

struct Migrating {
    hosted: Hosted,
    process: ProcessId,
    task: Outgoing,
}

fn tasks(sent: Vec<Outgoing>) -> Vec<Outgoing> {
    let is_task = |sent: &Outgoing| {
        serde_json::from_slice::<Value>(&sent.body).is_ok_and(|body| body["header"].is_object())
    };
    sent.into_iter().filter(is_task).collect()
}

fn begun() -> Migrating {
    let mut hosted = Hosted::new(None);
    hosted.deployed(FIRST);
    let became = hosted.launch(None, &json!({"process": "order"}));
    let process = became.reply["process"].as_str().unwrap().parse().unwrap();
    let task = tasks(became.messages).remove(0);
    hosted.deployed(SECOND);
    hosted.deployed(THIRD);
    Migrating {
        hosted,
        process,
        task,
    }
}

impl Migrating {
    fn migrate(&mut self, to: &str, dry_run: bool) -> OrderOutcome {
        let order = Order::Migrate(Migration {
            to: to.parse().unwrap(),
            dry_run,
            reason: "the carrier has changed".into(),
        });
        self.hosted.obeyed(self.process, order)
    }

    fn answer(&mut self, task: &Outgoing) -> Vec<Outgoing> {
        let answer = String::from_utf8(task.body.to_vec()).unwrap();
        let host = self.hosted.host();
        host.deliver(Source::Answers, None, &answer);
        tasks(host.settle().unwrap())
    }
}

fn participant(task: &Outgoing) -> &str {
    &task.routing_key
}

#[test]
fn a_process_goes_on_in_another_version_with_what_it_waits_for() {
    for (restarts, suspended) in [(false, false), (true, false), (true, true)] {
        let mut order = begun();
        if suspended {
            let reason = String::new();
            let suspend = Order::Suspend { reason };
            assert_eq!(
                order.hosted.obeyed(order.process, suspend),
                OrderOutcome::Done
            );
        }
        let OrderOutcome::Planned(parts) = order.migrate("order@2", true) else {
            panic!("no plan");
        };
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        assert_eq!(
            parts,
            [
                "part 0: _0 -> _1 (both)",
                "part 1: _0_0_0 -> _1_0_0 (work)",
                "part 2: _0_1 -> _1_1 (paid)",
            ]
        );
        assert_eq!(order.migrate("order@2", false), OrderOutcome::Done);
        if restarts {
            order.hosted.restart();
        }
        let mut entries = order.hosted.history(order.process).into_iter();
        let program = order.hosted.detail(order.process).program;
        let migrated = HistoryEvent::Migrated {
            from: Some(Version::FIRST),
            to: Version::new(2).unwrap(),
            program: program.parse().unwrap(),
            reason: "the carrier has changed".into(),
            by: Initiator::Operator(Operator::named(OPERATOR)),
        };
        assert!(entries.any(|entry| entry == migrated));
        if suspended {
            let resumed = order.hosted.obeyed(
                order.process,
                Order::Resume {
                    reason: "it may continue".into(),
                },
            );
            assert_eq!(resumed, OrderOutcome::Done);
        }
        // Its task names the activity as it did before, also when it is sent again.
        let retry = Order::Modify(Modification {
            part: PartOf::Activity("work".into()),
            change: Change::Retry,
            reason: String::new(),
            dry_run: false,
        });
        assert_eq!(
            order.hosted.obeyed(order.process, retry),
            OrderOutcome::Done
        );
        let task = order.task.clone();
        let wrap = order.answer(&task).remove(0);
        assert!(participant(&wrap).ends_with("wrap"), "{wrap:?}");
        assert!(order.answer(&task).is_empty(), "it counts once");
        let ship = order.answer(&wrap).remove(0);
        assert!(participant(&ship).ends_with("ship"), "{ship:?}");
        order.answer(&ship);
        assert_eq!(order.hosted.shown(order.process).0, "running");
        order.hosted.event("paid");
        assert_eq!(order.hosted.shown(order.process).0, "completed");
        order.hosted.later();
        order.hosted.is_clean();
    }
}

#[test]
fn what_has_no_place_is_named_and_nothing_changes() {
    let mut order = begun();
    for dry_run in [true, false] {
        let OrderOutcome::Refused(Refusal::NoPlace { obstacles }) =
            order.migrate("order@3", dry_run)
        else {
            panic!("it is not refused");
        };
        let reasons: Vec<_> = obstacles.into_iter().map(|found| found.reason).collect();
        assert!(
            matches!(&*reasons, [Misfit::OtherKind { .. }]),
            "{reasons:?}"
        );
    }
    let refusals = [
        (
            "other@1",
            Refusal::OtherDefinition {
                name: "order".into(),
                wanted: "other".into(),
            },
        ),
        ("order@1", Refusal::SameVersion),
    ];
    for (to, refusal) in refusals {
        assert_eq!(order.migrate(to, false), OrderOutcome::Refused(refusal));
    }
    let OrderOutcome::Refused(Refusal::NoSuchVersion { .. }) = order.migrate("order@9", false)
    else {
        panic!("there is no such version");
    };
    let task = order.task.clone();
    let ship = order.answer(&task).remove(0);
    assert!(participant(&ship).ends_with("ship"), "{ship:?}");
    let mut entries = order.hosted.history(order.process).into_iter();
    assert!(!entries.any(|entry| matches!(entry, HistoryEvent::Migrated { .. })));
}

#[test]
fn the_program_that_it_ran_before_is_removed_when_nobody_needs_it() {
    let mut hosted = Hosted::new(None);
    let became = hosted.send(None, None, "application/xml", FIRST);
    let process = became.reply["process"].as_str().unwrap().parse().unwrap();
    let task = tasks(became.messages).remove(0);
    hosted.deployed(SECOND);
    assert_eq!(hosted.rows(Table::Programs).len(), 2);
    let mut order = Migrating {
        hosted,
        process,
        task,
    };
    assert_eq!(order.migrate("order", false), OrderOutcome::Done);
    // It is removed together with something else that is written.
    let task = order.task.clone();
    let wrap = order.answer(&task).remove(0);
    order.hosted.later();
    assert_eq!(order.hosted.rows(Table::Programs).len(), 1);
    order.hosted.restart();
    assert_eq!(order.answer(&wrap).len(), 1);
    order.hosted.is_clean();
}
