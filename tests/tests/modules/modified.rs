//! Processes whose parts an operator retries, skips, changes and moves, over restarts and while they are suspended.

use crate::rig::Hosted;
use bureaucrat_host::{
    broker::Source,
    commands::{Order, OrderOutcome},
};
use bureaucrat_model::{
    Change, FiberId, Fields, Modification, Operator, PartOf, ProcessId, Refusal,
};
use bureaucrat_store::Table;
use bureaucrat_tests::polled::OPERATOR;
use bureaucrat_wire::Outgoing;

/// Waits for an answer, an event and a delay at once.
const WAITS: &str = r#"<process name="waits">
  <all>
    <action participant="work" id="work" timeout="100s"/>
    <await event="paid" id="paid"/>
    <delay duration="1h" id="pause"/>
  </all></process>"#;

struct Waiting {
    hosted: Hosted,
    process: ProcessId,
    task: Outgoing,
}

fn tasks(messages: Vec<Outgoing>) -> Vec<Outgoing> {
    let is_task = |sent: &Outgoing| sent.routing_key.ends_with("work");
    messages.into_iter().filter(is_task).collect()
}

fn waiting() -> Waiting {
    let mut hosted = Hosted::new(None);
    let became = hosted.send(None, None, "application/xml", WAITS);
    let process = became.reply["process"].as_str().unwrap().parse().unwrap();
    let task = tasks(became.messages).pop().unwrap();
    Waiting {
        hosted,
        process,
        task,
    }
}

fn fields(text: &str) -> Fields {
    Fields::parse(text).unwrap()
}

impl Waiting {
    fn order(&mut self, order: Order) -> OrderOutcome {
        self.hosted.obeyed(self.process, order)
    }

    fn change(&mut self, part: PartOf, change: Change) -> OrderOutcome {
        let reason = "a test".to_owned();
        self.order(Order::Modify(Modification {
            part,
            change,
            reason,
            dry_run: false,
        }))
    }

    fn at(&mut self, activity: &str, change: Change) -> OrderOutcome {
        self.change(PartOf::Activity(activity.into()), change)
    }

    fn answered(&mut self) {
        let answer = String::from_utf8(self.task.body.to_vec()).unwrap();
        let host = self.hosted.host();
        host.deliver(Source::Answers, None, &answer);
        host.settle().unwrap();
    }

    fn state(&self) -> String {
        self.hosted.shown(self.process).0
    }
}

#[test]
fn a_task_that_was_lost_is_sent_again_under_its_message_id() {
    for restarts in [false, true] {
        let mut waiting = waiting();
        if restarts {
            waiting.hosted.restart();
        }
        let process = waiting.process;
        let order = Order::Modify(Modification {
            part: PartOf::Activity("work".into()),
            change: Change::Retry,
            reason: String::new(),
            dry_run: false,
        });
        let (command, outcome) =
            bureaucrat_host::commands::Command::new(process, order, Operator::named(OPERATOR));
        waiting
            .hosted
            .host()
            .send(bureaucrat_host::router::Incoming::Ordered(command));
        let sent = tasks(waiting.hosted.host().settle().unwrap());
        assert_eq!(outcome.try_recv().unwrap(), OrderOutcome::Done);
        assert_eq!(sent.len(), 1);
        assert_eq!(
            sent[0].properties.message_id,
            waiting.task.properties.message_id
        );
        assert_eq!(sent[0].body, waiting.task.body);
        waiting.answered();
        waiting.answered();
        for activity in ["paid", "pause"] {
            let skip = Change::Skip {
                fields: Fields::new(),
            };
            assert_eq!(waiting.at(activity, skip), OrderOutcome::Done);
        }
        assert_eq!(waiting.state(), "completed");
        waiting.hosted.later();
        waiting.hosted.is_clean();
    }
}

#[test]
fn the_time_of_an_attempt_begins_again() {
    let mut waiting = waiting();
    waiting.hosted.pass(60_000);
    assert_eq!(waiting.at("work", Change::Retry), OrderOutcome::Done);
    waiting.hosted.pass(60_000);
    assert_eq!(waiting.state(), "running");
    waiting.hosted.pass(40_000);
    assert_eq!(waiting.state(), "failed");
}

#[test]
fn what_is_changed_while_it_is_suspended_shows_when_it_is_resumed() {
    for restarts in [false, true] {
        let mut waiting = waiting();
        let reason = "to look at it".to_owned();
        assert_eq!(waiting.order(Order::Suspend { reason }), OrderOutcome::Done);
        let set = Change::Set {
            fields: fields(r#"{"a": 1}"#),
            removed: Vec::new(),
        };
        assert_eq!(waiting.at("work", set), OrderOutcome::Done);
        for activity in ["paid", "pause", "work"] {
            let skip = Change::Skip {
                fields: fields(&format!("{{{activity:?}: 1}}")),
            };
            assert_eq!(waiting.at(activity, skip), OrderOutcome::Done);
        }
        assert_eq!(waiting.at("work", Change::Retry), OrderOutcome::Suspended);
        waiting.answered();
        assert_eq!(waiting.state(), "suspended");
        if restarts {
            waiting.hosted.restart();
        }
        assert_eq!(waiting.state(), "suspended");
        assert_eq!(
            waiting.order(Order::Resume {
                reason: "it may continue".into()
            }),
            OrderOutcome::Done
        );
        assert_eq!(waiting.state(), "completed");
        waiting.hosted.later();
        waiting.hosted.is_clean();
    }
}

#[test]
fn what_means_nothing_is_refused_and_changes_nothing() {
    let mut waiting = waiting();
    let refused = waiting.at("nowhere", Change::Retry);
    let name = "nowhere".to_owned();
    assert_eq!(
        refused,
        OrderOutcome::Refused(Refusal::NoSuchActivity { name })
    );
    let refused = waiting.change(PartOf::Only, Change::Retry);
    assert!(matches!(
        refused,
        OrderOutcome::Refused(Refusal::Several { .. })
    ));
    let refused = waiting.change(PartOf::Fiber(FiberId(9)), Change::Retry);
    assert!(matches!(
        refused,
        OrderOutcome::Refused(Refusal::NoSuchPart { number: 9, .. })
    ));
    let large = Change::Set {
        fields: fields(&format!(r#"{{"a": "{}"}}"#, "x".repeat(20 << 20))),
        removed: Vec::new(),
    };
    assert!(matches!(
        waiting.at("work", large),
        OrderOutcome::Refused(Refusal::TooLarge { .. })
    ));
    let retry = Order::Retry {
        reason: String::new(),
    };
    assert!(matches!(
        waiting.order(retry.clone()),
        OrderOutcome::Refused(Refusal::Several { .. })
    ));
    let reason = String::new();
    assert_eq!(
        waiting.order(Order::Terminate { reason }),
        OrderOutcome::Done
    );
    assert_eq!(waiting.at("work", Change::Retry), OrderOutcome::Ended);
    assert_eq!(waiting.order(retry), OrderOutcome::Ended);
}

#[test]
fn a_plan_names_the_part_and_changes_nothing() {
    let mut waiting = waiting();
    let plan = |part: PartOf, change: Change| {
        Order::Modify(Modification {
            part,
            change,
            reason: "a plan".to_owned(),
            dry_run: true,
        })
    };
    let skip = || Change::Skip {
        fields: fields(r#"{"paid": true}"#),
    };
    let seen = |waiting: &Waiting| {
        let fibers = waiting.hosted.rows(Table::Fibers);
        (fibers, waiting.hosted.history(waiting.process))
    };
    let before = seen(&waiting);
    let planned = waiting.order(plan(PartOf::Activity("paid".into()), skip()));
    let OrderOutcome::Planned(parts) = planned else {
        panic!("{planned:?}");
    };
    let [part] = &parts[..] else {
        panic!("{parts:?}");
    };
    assert_eq!(part.id.as_deref(), Some("paid"));
    assert_eq!(part.from, part.to);
    // What would be refused is refused.
    let several = waiting.order(plan(PartOf::Only, skip()));
    assert!(
        matches!(several, OrderOutcome::Refused(Refusal::Several { .. })),
        "{several:?}"
    );
    let nowhere = Change::Move {
        to: "nowhere".into(),
    };
    let refused = waiting.order(plan(PartOf::Activity("paid".into()), nowhere));
    assert!(
        matches!(
            refused,
            OrderOutcome::Refused(Refusal::NoSuchActivity { .. })
        ),
        "{refused:?}"
    );
    assert_eq!(seen(&waiting), before);
    assert_eq!(waiting.at("paid", skip()), OrderOutcome::Done);
    assert_ne!(seen(&waiting), before);
    waiting.hosted.is_clean();
}
