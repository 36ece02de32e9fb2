//! What definitions say of processes as wholes, and what calls by name start, on a host that is polled.

use crate::rig::{Hosted, ended, text};
use bureaucrat_host::commands::OrderOutcome;
use bureaucrat_model::ProcessId;
use bureaucrat_store::Table;
use bureaucrat_tests::polled::retry;
use serde_json::json;

/// Its key is computed, and it waits for an event.
fn keyed(duplicate: &str) -> String {
    format!(
        r#"<process name="order" key="A-{{context['number']}}" duplicate="{duplicate}">
             <context><property name="number" type="int">1</property></context>
             <await event="order.go"/>
           </process>"#
    )
}

#[test]
fn a_definition_gives_its_processes_keys() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&keyed("refuse"));
    let launch = |number: u32| json!({"process": "order", "fields": {"number": number}});
    let first = hosted.launch(None, &launch(7));
    let process = first.reply["process"].as_str().unwrap().to_owned();
    assert_eq!(hosted.keyed("A-7"), std::slice::from_ref(&process));
    let (code, reason) = hosted.refused(&launch(7));
    assert_eq!(code, "duplicate-key");
    assert_eq!(
        reason,
        format!("process {process} has the key `A-7` of `order` and has not ended")
    );
    assert_eq!(hosted.launch(None, &launch(8)).reply["status"], "launched");
    // A definition that is launched as a text has the same keys.
    let kind = "application/xml";
    let sent = hosted.send(None, None, kind, &keyed("refuse").replace(">1<", ">7<"));
    assert_eq!(sent.dead.as_deref(), Some("duplicate-key"));

    hosted.deployed(&keyed("replace"));
    let replacing = hosted.launch(None, &launch(7));
    // The launcher of the first one gets its end.
    assert_eq!(replacing.reply["process"], process, "{replacing:?}");
    assert_eq!(replacing.reply["fault"]["code"], "Cancelled");
    let after = hosted.keyed("A-7");
    assert!(after.len() == 2 && after.contains(&process), "{after:?}");
    hosted.event("order.go");
    hosted.later();
    assert_eq!(hosted.rows(Table::BusinessKeys), []);
    hosted.is_clean();
}

#[test]
fn a_launch_that_gives_another_key_is_refused() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&keyed("refuse"));
    let launch = |key: &str| json!({"process": "order", "key": key});
    let (code, reason) = hosted.refused(&launch("B"));
    assert_eq!(code, "launch");
    assert_eq!(
        reason,
        "the launch has the key `B`, but `order` computes its own, `A-1`; omit the key"
    );
    let same = hosted.launch(None, &launch("A-1"));
    assert_eq!(same.reply["status"], "launched", "{same:?}");
    let empty = r#"<process name="empty" key="{context['k']}">
        <context><property name="k" type="str"/></context></process>"#;
    hosted.deployed(empty);
    let (code, reason) = hosted.refused(&json!({"process": "empty"}));
    assert_eq!(
        (code.as_str(), reason.as_str()),
        (
            "launch",
            "the key of `empty` can't be computed: it is empty"
        )
    );
    let long = json!({"process": "empty", "fields": {"k": "x".repeat(256)}});
    assert!(hosted.refused(&long).1.contains("it has 256 bytes"));
    let costly = r#"<process name="costly" key="{sum([n for n in range(1000000)])}"/>"#;
    hosted.deployed(costly);
    let (_, reason) = hosted.refused(&json!({"process": "costly"}));
    assert!(reason.contains("units of fuel"), "{reason}");
}

#[test]
fn a_call_by_name_runs_what_is_newest_when_it_comes_to_it_and_stays_with_it() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&waiting("inner", 1));
    hosted.deployed(
        r#"<process name="outer"><await event="outer.go"/><call process="inner" into="got"/></process>"#,
    );
    let outer = hosted.launch(None, &json!({"process": "outer"}));
    assert_eq!(outer.reply["status"], "launched");
    hosted.deployed(&waiting("inner", 2));
    hosted.event("outer.go");
    // What comes later changes nothing, even when what is in memory is lost.
    hosted.deployed(&waiting("inner", 3));
    hosted.restart();
    hosted.is_clean();
    let sent = hosted.event("inner.go");
    let reply = sent
        .iter()
        .find(|sent| sent.routing_key == "client")
        .unwrap();
    let reply: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(reply["fields"]["got"]["version"], 2, "{reply}");
    hosted.later();
    hosted.is_clean();
}

fn waiting(name: &str, version: u32) -> String {
    format!(
        r#"<process name="{name}"><await event="{name}.go" into="event"/>
             <assign property="event">0</assign><assign property="version">{version}</assign></process>"#
    )
}

#[test]
fn calls_and_detached_processes_obey_the_rules_of_their_user() {
    const POLICY: &str = r#"
[default]
reply_to = ["client"]
calls = true
awaits = ["*"]
[users.alice]
[users.bob]
definitions = ["shared.*"]
[users.bob.quotas]
live_processes = 2
"#;
    let mut hosted = Hosted::new(Some(POLICY));
    let (alice, bob) = (Some("alice"), Some("bob"));
    hosted.deploy(alice, &text("inner", 1));
    hosted.deploy(alice, &text("shared.inner", 2));
    let calls = |user: &str, name: &str, detached: &str| {
        format!(
            r#"<process name="{user}-{name}-{detached}"><sequence>
              <context><faults><case code="CallError"><assign property="why">context["inst:fault"]["message"]</assign></case></faults></context>
              <call process="{name}" into="got" detached="{detached}"/></sequence></process>"#
        )
    };
    let mut run = |user: Option<&str>, name: &str, detached: &str| {
        let owner = user.unwrap();
        hosted.deploy(user, &calls(owner, name, detached));
        let launch = json!({"process": format!("{owner}-{name}-{detached}")});
        ended(&hosted.launch(user, &launch))
    };
    for detached in ["no", "yes"] {
        let why = run(bob, "inner", detached)["why"].clone();
        assert_eq!(
            why,
            "the called definition is refused: no definition `inner` is deployed here"
        );
        assert!(run(alice, "inner", detached)["got"] != json!(null));
        assert!(run(bob, "shared.inner", detached)["got"] != json!(null));
    }
    // A process that waits leaves room for one more, which the caller takes.
    hosted.deploy(bob, &waiting("wait", 1));
    let waits = hosted.launch(bob, &json!({"process": "wait"}));
    assert_eq!(waits.reply["status"], "launched", "{waits:?}");
    let launch = json!({"process": "bob-shared.inner-yes"});
    let got = ended(&hosted.launch(bob, &launch));
    let why = got["why"].as_str().unwrap();
    assert!(
        why.contains("quota.live-processes") || why.contains("live_processes"),
        "{why}"
    );
    assert_eq!(hosted.rows(Table::Launches), []);
    hosted.is_clean();
}

#[test]
fn a_detached_process_starts_once_whatever_is_lost() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&waiting("inner", 1));
    hosted.deployed(
        r#"<process name="outer"><call process="inner" detached="yes" into="id"/>
           <call process="inner" detached="yes" into="other"/></process>"#,
    );
    let launch = json!({"process": "outer"}).to_string();
    hosted.begin(&launch);
    // Until it is durable that it starts.
    while hosted.rows(Table::Launches).is_empty() {
        hosted.host().turn().unwrap();
        hosted.host().jobs();
    }
    hosted.is_clean();
    for _ in 0..2 {
        hosted.restart();
        assert_eq!(hosted.rows(Table::Launches), []);
        let found = hosted.named("inner");
        assert_eq!(found.len(), 2, "{found:?}");
        hosted.is_clean();
    }
    hosted.event("inner.go");
    hosted.later();
    assert_eq!(hosted.rows(Table::Instances), []);
}

#[test]
fn an_operator_retries_what_nothing_handled() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(
        r#"<process name="stuck" on-fault="incident"><call process="later" into="got"/></process>"#,
    );
    let launched = hosted.launch(None, &json!({"process": "stuck"}));
    let process: ProcessId = launched.reply["process"].as_str().unwrap().parse().unwrap();
    let shown = hosted.shown(process);
    assert_eq!(shown.0, "incident", "{shown:?}");
    let wanted =
        "CallError: the called definition is refused: no definition `later` is deployed here";
    assert!(shown.1.starts_with(wanted), "{shown:?}");
    hosted.restart();
    hosted.is_clean();
    let retried = hosted.host().order(process, retry()).unwrap();
    assert_eq!(retried, Some(OrderOutcome::Done));
    assert_eq!(hosted.shown(process).0, "incident");
    hosted.deployed(&text("later", 5));
    hosted.host().order(process, retry()).unwrap();
    assert_eq!(hosted.shown(process).0, "completed");
    hosted.is_clean();
}

#[test]
fn a_key_is_free_for_the_next_call_of_the_same_step() {
    let mut hosted = Hosted::new(None);
    let inner = r#"<process name="inner" key="one"><await event="inner.go"/></process>"#;
    hosted.deployed(inner);
    hosted.deployed(
        r#"<process name="outer"><call process="inner"/><call process="inner"/></process>"#,
    );
    hosted.launch(None, &json!({"process": "outer"}));
    let first = hosted.named("inner");
    hosted.event("inner.go");
    let second = hosted.named("inner");
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].process, second[0].process);
    for restarts in [false, true] {
        if restarts {
            hosted.restart();
        }
        let (code, reason) = hosted.refused(&json!({"process": "inner"}));
        assert_eq!(code, "duplicate-key");
        assert!(reason.contains(&second[0].process.to_string()), "{reason}");
        hosted.is_clean();
    }
    hosted.event("inner.go");
    hosted.later();
    assert_eq!(hosted.rows(Table::BusinessKeys), []);
    hosted.is_clean();
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Launches itself at every full hour, and waits for an event.
fn hourly(version: u32, missed: &str) -> String {
    format!(
        r#"<process name="hourly"><schedule cron="0 * * * *" missed="{missed}"/>
             <context><property name="version" type="int">{version}</property></context>
             <await event="hourly.go"/></process>"#
    )
}

#[test]
fn a_deployed_definition_launches_itself_once_at_each_instant() {
    let mut hosted = Hosted::new(None);
    hosted.deployed(&hourly(1, "skip"));
    assert_eq!(hosted.rows(Table::Schedules).len(), 1);
    // The clock of the test begins at a full hour, which is over when the version is there.
    assert_eq!(hosted.named("hourly").len(), 0);
    hosted.pass(59 * MINUTE);
    assert_eq!(hosted.named("hourly").len(), 0);
    hosted.pass(MINUTE + 1);
    assert_eq!(hosted.named("hourly").len(), 1);
    for _ in 0..3 {
        hosted.restart();
        hosted.pass(1);
        assert_eq!(hosted.named("hourly").len(), 1);
        hosted.is_clean();
    }
    hosted.pass(HOUR);
    let found = hosted.named("hourly");
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|one| one.version.is_some_and(|version| version.number() == 1))
    );

    // A newer version takes its place; retiring it ends the schedule.
    hosted.deployed(&hourly(2, "skip"));
    hosted.pass(HOUR);
    let found = hosted.named("hourly");
    let newest = found.iter().filter_map(|one| one.version).max();
    assert_eq!(
        (found.len(), newest.map(|version| version.number())),
        (3, Some(2))
    );
    hosted.retire("hourly@2");
    assert_eq!(hosted.rows(Table::Schedules), []);
    hosted.pass(5 * HOUR);
    assert_eq!(hosted.named("hourly").len(), 3);
    hosted.is_clean();
}

#[test]
fn what_was_missed_is_skipped_or_made_good_once() {
    for (missed, launched) in [("skip", 0), ("once", 1)] {
        let mut hosted = Hosted::new(None);
        hosted.deployed(&hourly(1, missed));
        hosted.off(7 * HOUR + MINUTE * 30);
        hosted.restart();
        hosted.pass(1);
        assert_eq!(hosted.named("hourly").len(), launched, "{missed}");
        hosted.pass(30 * MINUTE);
        assert_eq!(hosted.named("hourly").len(), launched + 1, "{missed}");
        hosted.is_clean();
    }
}

#[test]
fn scheduled_launches_obey_the_rules_of_their_deployer() {
    const POLICY: &str = r#"
[default]
awaits = ["*"]
publishes = ["*"]
reply_to = ["client"]
[users.alice.quotas]
live_processes = 2
"#;
    let mut hosted = Hosted::new(Some(POLICY));
    let alice = Some("alice");
    hosted.deploy(alice, &hourly(1, "skip"));
    for hours in 1..=4_usize {
        let sent = hosted.pass(HOUR);
        assert_eq!(hosted.named("hourly").len(), hours.min(2));
        let refused = sent
            .iter()
            .any(|sent| sent.routing_key.starts_with("rejected"));
        assert_eq!(refused, hours > 2);
    }
    hosted.restart();
    hosted.event("hourly.go");
    assert_eq!(hosted.named("hourly").len(), 0);
    hosted.pass(HOUR);
    assert_eq!(hosted.named("hourly").len(), 1);
    // A key that is taken refuses a launch, too.
    let keyed = hourly(2, "skip").replace("<process ", "<process key=\"one\" ");
    hosted.deploy(alice, &keyed);
    hosted.event("hourly.go");
    hosted.pass(HOUR);
    hosted.pass(HOUR);
    assert_eq!(hosted.named("hourly").len(), 1);
    assert_eq!(hosted.keyed("one").len(), 1);
    hosted.is_clean();
}
