//! Bulk jobs on a host that is polled: each process that fits obeys once, whatever ends the engine in between, and each
//! has its outcome.

use crate::rig::Hosted;
use bureaucrat_host::{
    bulk::{
        BulkAnswer, BulkCommand, BulkCounts, BulkOrder, BulkOutcome, BulkOutcomeView, BulkQuery,
        BulkStatus, BulkView, Started,
    },
    commands::Order,
    query::{Attribute, Query, QueryAnswer, State, Wanted},
    router::Incoming,
};
use bureaucrat_model::{Change, HistoryEvent, Modification, Operator, PartOf};
use bureaucrat_store::Table;
use serde_json::json;
use std::collections::BTreeSet;

/// It waits for an operator at once, or for an event.
const ORDER: &str = r#"<process name="order" on-fault="incident">
  <context><property name="way" type="str">stuck</property></context>
  <switch>
    <case><condition>context["way"] == "stuck"</condition><fault code="NoStock"/></case>
    <default><await event="paid"/></default>
  </switch>
</process>"#;

fn filled(incidents: usize, waiting: usize) -> Hosted {
    let mut hosted = Hosted::new(None);
    hosted.deployed(ORDER);
    for number in 0..incidents + waiting {
        let way = if number < incidents { "stuck" } else { "waits" };
        hosted.pass(u64::from(number % 3 == 0));
        let body = json!({"process": "order", "fields": {"way": way}});
        let became = hosted.launch(None, &body);
        assert_eq!(became.reply["status"], "launched", "{became:?}");
    }
    hosted
}

fn incidents() -> Wanted {
    Wanted {
        states: vec![State::Incident],
        attributes: vec![Attribute::Fault("NoStock".into())],
        ..Wanted::default()
    }
}

fn retry() -> Order {
    let reason = "the stock is back".to_owned();
    Order::Retry { reason }
}

fn stop(job: u64) -> BulkOrder {
    let by = Operator::named("ops");
    BulkOrder::Stop { job, by }
}

/// Gives an order about jobs, and takes the first few turns.
fn ordered(hosted: &mut Hosted, order: BulkOrder) -> BulkAnswer {
    let (command, answer) = BulkCommand::new(order);
    hosted.host().send(Incoming::OrderedBulk(command));
    loop {
        hosted.host().turn().unwrap();
        if let Ok(answer) = answer.try_recv() {
            return answer;
        }
    }
}

fn started(hosted: &mut Hosted, wanted: Wanted, order: Order) -> u64 {
    let by = Operator::named("ops");
    let answer = ordered(
        hosted,
        BulkOrder::Start(Box::new(Started { wanted, order, by })),
    );
    let BulkAnswer::Started { job } = answer else {
        panic!("{answer:?}");
    };
    job
}

fn asked(hosted: &Hosted, query: BulkQuery) -> BulkAnswer {
    let QueryAnswer::Bulk(answer) = hosted.asked(&Query::Bulk(query)) else {
        panic!("no answer about bulk jobs");
    };
    answer
}

fn view(hosted: &Hosted, job: u64) -> BulkView {
    let BulkAnswer::Job(view) = asked(hosted, BulkQuery::Show { job }) else {
        panic!("no job");
    };
    *view
}

fn outcomes(hosted: &Hosted, job: u64, refused: bool) -> Vec<BulkOutcomeView> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let query = BulkQuery::Outcomes {
            job,
            refused,
            after,
        };
        let BulkAnswer::Outcomes { outcomes, next } = asked(hosted, query) else {
            panic!("no outcomes");
        };
        all.extend(outcomes);
        match next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

#[test]
fn each_incident_is_retried_once_though_the_engine_ends_three_times() {
    const INCIDENTS: usize = 1_200;
    let mut hosted = filled(INCIDENTS, 30);
    let job = started(&mut hosted, incidents(), retry());
    for turns in [3, 11, 14] {
        for _ in 0..turns {
            hosted.host().turn().unwrap();
        }
        let counts = view(&hosted, job).counts;
        assert!(
            counts.done > 0 && counts.done < INCIDENTS as u64,
            "{counts:?}"
        );
        assert_eq!(counts.done, outcomes(&hosted, job, false).len() as u64);
        // In the middle of what is planned and not durable.
        hosted.restart_at_once();
    }
    hosted.host().settle().unwrap();
    let ended = view(&hosted, job);
    assert!(
        matches!(ended.status, BulkStatus::Completed(_)),
        "{ended:?}"
    );
    let done = BulkCounts {
        done: INCIDENTS as u64,
        ..BulkCounts::default()
    };
    assert_eq!(ended.counts, done);
    let outcomes = outcomes(&hosted, job, false);
    assert!(
        outcomes
            .iter()
            .all(|found| found.outcome == BulkOutcome::Done)
    );
    let processes: BTreeSet<_> = outcomes.iter().map(|found| found.process).collect();
    assert_eq!(processes.len(), INCIDENTS);
    for process in processes {
        let history = hosted.history(process).into_iter();
        let retried = history.filter(|event| matches!(event, HistoryEvent::Retried { .. }));
        assert_eq!(retried.count(), 1, "{process}");
    }
    hosted.is_clean();
}

#[test]
fn a_job_that_is_stopped_goes_no_further() {
    let mut hosted = filled(600, 0);
    let job = started(&mut hosted, incidents(), retry());
    for _ in 0..4 {
        hosted.host().turn().unwrap();
    }
    assert_eq!(ordered(&mut hosted, stop(job)), BulkAnswer::Stopped);
    // Also when the engine ends before its last orders are counted.
    hosted.restart_at_once();
    hosted.host().settle().unwrap();
    let ended = view(&hosted, job);
    assert!(matches!(ended.status, BulkStatus::Stopped(_)), "{ended:?}");
    assert!(
        ended.counts.done > 0 && ended.counts.done < 600,
        "{ended:?}"
    );
    assert_eq!(
        outcomes(&hosted, job, false).len() as u64,
        ended.counts.done
    );
    assert_eq!(ordered(&mut hosted, stop(job)), BulkAnswer::Ended);
    let job = job + 1_000;
    assert_eq!(ordered(&mut hosted, stop(job)), BulkAnswer::Unknown);
    assert_eq!(asked(&hosted, BulkQuery::Show { job }), BulkAnswer::Unknown);
    hosted.is_clean();
}

#[test]
fn what_is_refused_says_why_and_old_jobs_are_removed() {
    let mut hosted = filled(3, 40);
    let wanted = Wanted {
        attributes: vec![Attribute::Event("paid".into())],
        ..Wanted::default()
    };
    let order = Order::Modify(Modification {
        part: PartOf::Only,
        change: Change::Move {
            to: "nowhere".into(),
        },
        reason: "a mistake".into(),
        dry_run: false,
    });
    let refused = started(&mut hosted, wanted.clone(), order);
    let reason = "for now".to_owned();
    let suspended = started(&mut hosted, wanted, Order::Suspend { reason });
    hosted.host().settle().unwrap();
    assert_eq!(view(&hosted, refused).counts.refused, 40);
    // Those that wait elsewhere are none of its processes.
    let elsewhere = Wanted {
        activity: Some("nowhere".into()),
        states: vec![State::Running, State::Suspended],
        ..Wanted::default()
    };
    let nothing = started(
        &mut hosted,
        elsewhere,
        Order::Resume {
            reason: "it may continue".into(),
        },
    );
    hosted.host().settle().unwrap();
    assert_eq!(view(&hosted, nothing).counts, BulkCounts::default());
    let why = outcomes(&hosted, refused, true);
    assert_eq!(why.len(), 40);
    for found in why {
        let BulkOutcome::Refused(why) = &found.outcome else {
            panic!("{found:?}");
        };
        assert!(why.contains("nowhere"), "{why}");
    }
    assert_eq!(view(&hosted, suspended).counts.done, 40);
    assert_eq!(outcomes(&hosted, suspended, true), []);
    let BulkAnswer::Listed { jobs } = asked(&hosted, BulkQuery::List) else {
        panic!("no list");
    };
    let numbers: Vec<_> = jobs.iter().map(|view| view.job).collect();
    assert_eq!(numbers, [nothing, suspended, refused]);
    hosted.restart();
    hosted.later();
    hosted.is_clean();
    assert_eq!(hosted.rows(Table::BulkJobs), []);
    assert_eq!(hosted.rows(Table::BulkOutcomes), []);
}

#[test]
fn only_so_many_jobs_are_under_way_and_none_is_too_large() {
    let mut hosted = filled(1, 0);
    let order = BulkOrder::Start(Box::new(Started {
        wanted: incidents(),
        order: Order::Cancel {
            reason: "x".repeat(2 << 20),
        },
        by: Operator::named("ops"),
    }));
    let answer = ordered(&mut hosted, order);
    assert!(matches!(answer, BulkAnswer::TooLarge { .. }), "{answer:?}");
    let mut answers = Vec::new();
    for _ in 0..20 {
        let (command, answer) = BulkCommand::new(BulkOrder::Start(Box::new(Started {
            wanted: incidents(),
            order: Order::Resume {
                reason: "it may continue".into(),
            },
            by: Operator::named("ops"),
        })));
        hosted.host().send(Incoming::OrderedBulk(command));
        answers.push(answer);
    }
    hosted.host().settle().unwrap();
    let answers = answers.into_iter().map(|answer| answer.try_recv().unwrap());
    let refused = answers.filter(|answer| *answer == BulkAnswer::TooMany { most: 16 });
    assert_eq!(refused.count(), 4);
    hosted.is_clean();
}
