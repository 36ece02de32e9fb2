//! Processes that an operator suspends, resumes and terminates, at each kind of wait, over restarts.

use crate::rig::Hosted;
use bureaucrat_host::{
    broker::Source,
    commands::{Order, OrderOutcome},
};
use bureaucrat_model::{HistoryEvent, Initiator, Operator, ProcessId};
use bureaucrat_tests::polled::{OPERATOR, retry};
use serde_json::Value;

/// Waits for an answer, an event and a delay at once, and says at its end that it ran.
const WAITS: &str = r#"<process name="waits" deadline="1h"><context><finally><emit event="tidied"/></finally></context>
  <all>
    <action participant="work"/>
    <await event="paid" into="paid"/>
    <delay duration="10"/>
  </all></process>"#;

struct Waiting {
    hosted: Hosted,
    process: ProcessId,
    task: Value,
}

fn waiting() -> Waiting {
    let mut hosted = Hosted::new(None);
    let became = hosted.send(None, None, "application/xml", WAITS);
    let process = became.reply["process"].as_str().unwrap().parse().unwrap();
    let bodies = became.messages.iter();
    let mut bodies = bodies.filter_map(|sent| serde_json::from_slice::<Value>(&sent.body).ok());
    let task = bodies.find(|body| body["header"].is_object()).unwrap();
    Waiting {
        hosted,
        process,
        task,
    }
}

impl Waiting {
    fn order(&mut self, order: Order) -> OrderOutcome {
        self.hosted.obeyed(self.process, order)
    }

    fn suspend(&mut self) -> OrderOutcome {
        let reason = "the bank asks to wait".to_owned();
        self.order(Order::Suspend { reason })
    }

    fn state(&self) -> (String, String) {
        self.hosted.shown(self.process)
    }

    fn answered(&mut self) {
        let answer = self.task.to_string();
        let host = self.hosted.host();
        host.deliver(Source::Answers, None, &answer);
        host.settle().unwrap();
    }

    /// Everything comes that it waits for.
    fn all_comes(&mut self) {
        self.answered();
        self.hosted.event("paid");
        self.hosted.pass(10_000);
    }

    fn history(&self) -> Vec<HistoryEvent> {
        self.hosted.history(self.process)
    }

    fn has_tidied(&self) -> bool {
        let mut entries = self.history().into_iter();
        entries.any(|entry| matches!(entry, HistoryEvent::Emitted { .. }))
    }
}

fn state(state: &str, why: &str) -> (String, String) {
    (state.to_owned(), why.to_owned())
}

#[test]
fn what_comes_for_a_suspended_process_counts_when_it_is_resumed() {
    for restarts in [false, true] {
        let mut waiting = waiting();
        assert_eq!(
            waiting.order(Order::Resume {
                reason: "it may continue".into()
            }),
            OrderOutcome::NotSuspended
        );
        assert_eq!(waiting.suspend(), OrderOutcome::Done);
        assert_eq!(waiting.suspend(), OrderOutcome::Suspended);
        assert_eq!(waiting.order(retry()), OrderOutcome::Suspended);
        if restarts {
            waiting.hosted.restart();
        }
        waiting.all_comes();
        // Nobody tries it again.
        waiting.hosted.pass(300_000);
        assert_eq!(waiting.state(), state("suspended", "the bank asks to wait"));
        if restarts {
            waiting.hosted.restart();
        }
        assert_eq!(waiting.state().0, "suspended");
        assert_eq!(
            waiting.order(Order::Resume {
                reason: "it may continue".into()
            }),
            OrderOutcome::Done
        );
        assert_eq!(waiting.state(), state("completed", ""));
        assert!(waiting.has_tidied());
        assert_eq!(
            waiting.order(Order::Resume {
                reason: "it may continue".into()
            }),
            OrderOutcome::Ended
        );
        let history = waiting.history();
        let suspended = HistoryEvent::ProcessSuspended {
            reason: "the bank asks to wait".into(),
            by: Initiator::Operator(Operator::named(OPERATOR)),
        };
        assert_eq!(
            history.iter().filter(|entry| **entry == suspended).count(),
            1
        );
        waiting.hosted.later();
        waiting.hosted.is_clean();
    }
}

#[test]
fn an_answer_counts_once_whether_it_came_before_or_after() {
    let mut waiting = waiting();
    assert_eq!(waiting.suspend(), OrderOutcome::Done);
    waiting.answered();
    waiting.answered();
    assert_eq!(
        waiting.order(Order::Resume {
            reason: "it may continue".into()
        }),
        OrderOutcome::Done
    );
    waiting.answered();
    assert_eq!(waiting.state(), state("running", ""));
    let answers = |entry: &HistoryEvent| matches!(entry, HistoryEvent::Answered { .. });
    assert_eq!(
        waiting
            .history()
            .iter()
            .filter(|entry| answers(entry))
            .count(),
        1
    );
    waiting.hosted.event("paid");
    waiting.hosted.pass(10_000);
    assert_eq!(waiting.state(), state("completed", ""));
}

#[test]
fn a_deadline_that_passes_meanwhile_counts() {
    let mut waiting = waiting();
    assert_eq!(waiting.suspend(), OrderOutcome::Done);
    waiting.hosted.pass(3_600_000);
    assert_eq!(waiting.state().0, "suspended");
    assert_eq!(
        waiting.order(Order::Resume {
            reason: "it may continue".into()
        }),
        OrderOutcome::Done
    );
    assert_eq!(waiting.state().0, "failed");
    assert!(waiting.has_tidied());
}

#[test]
fn a_suspended_process_is_cancelled_like_any_other() {
    let mut waiting = waiting();
    assert_eq!(waiting.suspend(), OrderOutcome::Done);
    waiting.answered();
    let reason = "not needed".to_owned();
    assert_eq!(waiting.order(Order::Cancel { reason }), OrderOutcome::Done);
    assert_eq!(waiting.state().0, "failed");
    assert!(waiting.has_tidied());
    waiting.hosted.later();
    waiting.hosted.is_clean();
}

#[test]
fn nothing_runs_in_a_terminated_process() {
    for is_suspended in [false, true] {
        let mut waiting = waiting();
        if is_suspended {
            assert_eq!(waiting.suspend(), OrderOutcome::Done);
            waiting.hosted.restart();
            waiting.answered();
        }
        let reason = "its end never ends".to_owned();
        let terminate = Order::Terminate { reason };
        assert_eq!(waiting.order(terminate.clone()), OrderOutcome::Done);
        assert_eq!(waiting.state().0, "failed");
        assert!(!waiting.has_tidied());
        assert_eq!(waiting.order(terminate), OrderOutcome::Ended);
        let mut history = waiting.history().into_iter();
        let failed = history.find(|entry| {
            matches!(entry, HistoryEvent::Failed(fault)
                if (fault.code.as_str(), &*fault.message) == ("Terminated", "its end never ends"))
        });
        assert!(failed.is_some());
        waiting.all_comes();
        waiting.hosted.later();
        waiting.hosted.is_clean();
    }
}

#[test]
fn what_a_process_calls_goes_on_while_it_is_suspended() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(
        r#"<process name="called"><await event="go"/><assign property="n">7</assign></process>"#,
    );
    let caller = r#"<process name="caller"><call process="called" into="told"/></process>"#;
    let became = hosted.send(None, None, "application/xml", caller);
    let process: ProcessId = became.reply["process"].as_str().unwrap().parse().unwrap();
    let reason = String::new();
    let outcome = hosted.host().order(process, Order::Suspend { reason });
    assert_eq!(outcome.unwrap(), Some(OrderOutcome::Done));
    hosted.event("go");
    assert_eq!(hosted.shown(process).0, "suspended");
    assert_eq!(hosted.named("called").len(), 0);
    let outcome = hosted.host().order(
        process,
        Order::Resume {
            reason: "it may continue".into(),
        },
    );
    assert_eq!(outcome.unwrap(), Some(OrderOutcome::Done));
    assert_eq!(hosted.shown(process).0, "completed");
    hosted.is_clean();
}
