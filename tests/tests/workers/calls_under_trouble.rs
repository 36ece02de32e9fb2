//! Calls of Celery tasks under trouble: workers and engines that die, times that run out, apps that
//! are set up in other ways. And requests to a service of another kind.

use super::{
    calls::{called, calls, with_data},
    started::{Settings, Shop},
};
use serde_json::json;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// How long something may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(120);

fn arg(path: &Path) -> String {
    format!("<arg>{:?}</arg>", path.to_str().unwrap())
}

/// Waits until a file has so many bytes.
fn grows(path: &Path, bytes: u64) {
    let deadline = Instant::now() + PATIENCE;
    while fs::metadata(path).map_or(0, |found| found.len()) < bytes {
        assert!(Instant::now() < deadline, "{path:?} has less than {bytes}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_call_survives_the_end_of_its_worker_and_of_the_engine() {
    let mut shop = Shop::open("calls-killed", Settings::Plain);
    let (mark, gate) = (shop.operated.path("mark"), shop.operated.path("gate"));
    let first = shop.calls(&[]);
    let waits = calls(&shop, "waits", &format!("{}{}", arg(&mark), arg(&gate)));
    let process = shop.operated.launch(&waits).unwrap();
    grows(&mark, 1);
    first.kill();
    shop.operated.engine.kill().unwrap();
    let second = shop.calls(&[]);
    grows(&mark, 2);
    // Its result comes while no engine is there.
    fs::write(&gate, "").unwrap();
    shop.operated.start().unwrap();
    assert_eq!(
        shop.ends(&process, "completed")["fields"]["result"],
        "let go"
    );
    let once = shop.operated.path("once");
    let killed = calls(&shop, "killed_once", &arg(&once));
    assert_eq!(shop.completes(&killed)["result"], "survived");
    drop(second);
    shop.close();
}

#[test]
fn a_call_that_nobody_waits_for_is_not_begun() {
    let shop = Shop::open("calls-late", Settings::Plain);
    let worker = shop.calls(&[]);
    let (held, gate) = (shop.operated.path("held"), shop.operated.path("gate"));
    let waits = calls(&shop, "waits", &format!("{}{}", arg(&held), arg(&gate)));
    let holding = [(); 2].map(|()| shop.operated.launch(&waits).unwrap());
    grows(&held, 2);
    let (late, lost) = (shop.operated.path("late"), shop.operated.path("lost"));
    let too_late = called(&shop, "marks", r#"timeout="0.5s""#, &arg(&late));
    let fault = shop.fails(&too_late);
    assert_eq!(fault["code"], "Timeout", "{fault}");
    let cancelled = shop
        .operated
        .launch(&calls(&shop, "marks", &arg(&lost)))
        .unwrap();
    let order = ["cancel", &cancelled, "--reason", "why"];
    shop.operated.leaves_with(0, &order).unwrap();
    shop.ends(&cancelled, "failed");
    // A task that no worker knows, whose worker says nothing.
    let unknown = called(&shop, "nobody", r#"timeout="0.5s""#, "");
    assert_eq!(shop.fails(&unknown)["code"], "Timeout");
    fs::write(&gate, "").unwrap();
    for process in holding {
        shop.ends(&process, "completed");
    }
    // Whatever waited in the queue is through when this has a result.
    assert_eq!(
        shop.completes(&calls(&shop, "nothing", ""))["result"],
        json!(null)
    );
    assert!(!late.exists() && !lost.exists(), "a revoked task ran");
    drop(worker);
    shop.close();
}

#[test]
fn quorum_queues_and_priorities_change_nothing() {
    let shop = Shop::open("calls-quorum", Settings::These("queue_type = quorum\n"));
    let worker = shop.calls(&[("CALLS_QUORUM", "1")]);
    let echo = called(&shop, "echo", r#"priority="5""#, "<arg>1</arg>");
    assert_eq!(
        shop.completes(&echo)["result"],
        json!({"args": [1], "kwargs": {}})
    );
    let replaced = calls(&shop, "replaced", "<arg>1</arg><arg>2</arg>");
    assert_eq!(shop.completes(&replaced)["result"], 113);
    assert_eq!(shop.completes(&calls(&shop, "retries", ""))["result"], 3);
    let fault = shop.fails(&calls(&shop, "decline", ""));
    assert_eq!(fault["code"], "CeleryTaskFailed", "{fault}");
    drop(worker);
    shop.close();
}

#[test]
fn an_app_with_an_older_protocol_and_pickle_answers_in_json() {
    let shop = Shop::open("calls-pickle", Settings::Plain);
    let worker = shop.calls(&[
        ("CALLS_BACKEND", "rpc://"),
        ("CALLS_PROTOCOL", "1"),
        ("CALLS_SERIALIZER", "pickle"),
        ("C_FORCE_ROOT", "1"),
    ]);
    let echo = calls(&shop, "echo", "<arg>1</arg>");
    assert_eq!(
        shop.completes(&echo)["result"],
        json!({"args": [1], "kwargs": {}})
    );
    // `rpc://` says why in pickle, which the engine does not read.
    let fault = shop.fails(&calls(&shop, "decline", ""));
    assert_eq!(fault["code"], "CeleryTaskFailed", "{fault}");
    drop(worker);
    shop.close();
}

#[test]
fn a_chord_and_large_results_come_back_and_too_large_ones_are_faults() {
    let shop = Shop::open("calls-chord", Settings::Plain);
    let folder = shop.operated.path("results");
    fs::create_dir(&folder).unwrap();
    let backend = format!("file://{}", folder.display());
    let worker = shop.calls(&[("CALLS_BACKEND", &backend)]);
    assert_eq!(shop.completes(&calls(&shop, "grouped", ""))["result"], 10);
    let size = calls(&shop, "large", "<arg>100000</arg>").replace("into=\"result\"", "");
    let size = size.replace(
        "</action>",
        r#"<out name="size">len(context["inst:answer"])</out></action>"#,
    );
    assert_eq!(shop.completes(&size), json!({"size": 100_000}));
    let dropped = calls(&shop, "nothing", "").replace("into=\"result\"", "");
    assert_eq!(shop.completes(&dropped), json!({}));
    let fault = shop.fails(&calls(&shop, "large", "<arg>17000000</arg>"));
    assert_eq!(fault["code"], "BadAnswer", "{fault}");
    drop(worker);
    // What is too large is a dead letter.
    shop.close_with(1);
}

#[test]
fn the_settings_can_say_that_participants_are_celery_tasks() {
    let shop = Shop::open("calls-settings", Settings::Calls);
    let worker = shop.calls(&[]);
    let action = |inside: &str| {
        format!(
            r#"<process><action participant="shop.echo" into="result">{inside}</action></process>"#
        )
    };
    let fields = shop.completes(&action(r#"<kwarg name="a">1</kwarg>"#));
    assert_eq!(fields["result"], json!({"args": [], "kwargs": {"a": 1}}));
    let fields = shop.completes(&action(""));
    assert_eq!(fields["result"], json!({"args": [], "kwargs": {}}));
    let file = shop.operated.path("refused.xml");
    let refused = |definition: &str, said: &str| {
        fs::write(&file, definition).unwrap();
        let output = shop.operated.run(&["launch", file.to_str().unwrap()]);
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(said), "{text}");
    };
    refused(
        &action(r#"<in name="a">1</in>"#),
        "1:10: the settings have the participant's tasks sent as calls",
    );
    refused(
        r#"<process><action participant="p"><arg>1</arg></action></process>"#,
        "1:10: `arg` and `kwarg` are for calls of Celery tasks",
    );
    // A computed participant is known when its task is sent.
    let computed = r#"<process><context><property name="p" type="str">pack</property></context>
        <action participant="{context['p']}"><arg>1</arg></action></process>"#;
    assert_eq!(shop.fails(computed)["code"], "TaskRefused");
    drop(worker);
    // The two refused launches had a sender who was told.
    shop.close();
}

#[test]
fn a_service_that_replies_to_requests_is_a_participant() {
    let shop = Shop::open("requests", Settings::Plain);
    let service = shop.service();
    let asks = |inside: &str| {
        let queue = shop.queue();
        format!(
            r#"<process><action participant="service" via="request" queue="{queue}" into="result">{inside}</action></process>"#
        )
    };
    let division = |by: &str| {
        asks(&format!(
            r#"<in name="divide">9</in><in name="by">{by}</in>"#
        ))
    };
    assert_eq!(shop.completes(&division("2"))["result"], 4.5);
    let fault = shop.fails(&division("0"));
    assert_eq!(fault["code"], "ZeroDivision", "{fault}");
    assert_eq!(fault["message"], "nothing can be divided by 0");
    let fault = shop.fails(&asks(r#"<in name="fault">1</in>"#));
    assert_eq!(fault["code"], "shop.Busy", "{fault}");
    let fields = shop.completes(&with_data(&asks(r#"<in name="fault">1</in>"#)));
    assert_eq!(fields["data"], json!({"line": 3}));
    assert_eq!(shop.completes(&asks(""))["result"], json!(null));
    let fault = shop.fails(&asks(r#"<in name="text">"not JSON"</in>"#));
    assert_eq!(fault["code"], "BadAnswer", "{fault}");
    drop(service);
    // Both replies that are not JSON are dead letters.
    shop.close_with(2);
}
