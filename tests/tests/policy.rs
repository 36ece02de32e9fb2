//! Policies on the real engine and the real broker: what RabbitMQ vouches for, what is refused with which code, quotas
//! that survive a kill, reloading, and launches in turn.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "policy/modules.rs"]
mod modules;
#[path = "policy/quotas.rs"]
mod quotas;
#[path = "policy/rig.rs"]
mod rig;
#[path = "policy/sending.rs"]
mod sending;
#[path = "policy/timing.rs"]
mod timing;

use anyhow::{Result, ensure};
use rig::{PATIENCE, Rig, With, by, send};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use timing::{FEW, different, listen, serve_bob};

const POLICY: &str = r#"
[default]
launches = false
[users.alice]
launches = true
participants = ["POL.a", "POL.shared"]
awaits = ["POL.go"]
answers = ["POL.a"]
publishes = ["POL.go"]
reply_to = ["POL*"]
calls = true
[users.alice.quotas]
definition_bytes = 2_000
live_processes = 2
branches = 2
[users.bob]
launches = true
participants = ["POL.b"]
modules = "any"
answers = ["POL.b"]
reply_to = ["POL*"]
[users.guest]
answers = ["*"]
publishes = ["*"]
"#;

fn policy(prefix: &str) -> String {
    POLICY.replace("POL", prefix)
}

fn action(participant: &str) -> String {
    format!(r#"<process><action participant="{participant}"/></process>"#)
}

/// The answer to a task, with a field.
fn answer(task: &[u8]) -> String {
    let mut task: Value = serde_json::from_slice(task).unwrap();
    task["fields"]["answered"] = json!(true);
    task.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_refuses_a_forged_user_id_and_nothing_reaches_the_engine() -> Result<()> {
    let rig = Rig::start("polf", &policy("polf"), &[]).await?;
    let launches = rig.operated.engine.name("launches");
    let forged = send(&rig.alice, &launches, &action("polf.b"), by("bob")).await?;
    let refused = forged.await.unwrap_err().to_string();
    ensure!(
        refused.contains("PRECONDITION_FAILED") && refused.contains("user_id"),
        "{refused}"
    );
    // What bob publishes later is the first that the engine sees.
    let (status, reply) = rig.launch(&rig.bob, Some("bob"), &action("polf.b")).await?;
    ensure!(status == "launched", "{reply}");
    ensure!(rig.processes()?.len() == 1);
    let dead = rig.operated.engine.name("dead");
    let letter = rig
        .operator
        .basic_get(dead.as_str().into(), Default::default())
        .await?;
    ensure!(letter.is_none());
    rig.clean(&[]).await
}

/// A program that the engine may not answer says how that can be.
async fn unanswered(rig: &Rig, definition: &str) -> Result<()> {
    let path = rig.operated.path("unanswered.xml");
    std::fs::write(&path, definition)?;
    let file = path.to_str().unwrap();
    let launch = ["launch", file, "--timeout", "2s"];
    let words = rig.operated.leaves_with(3, &launch)?;
    ensure!(words.contains("rule `reply_to`"), "{words}");
    let (code, reason) = rig.letter(definition.as_bytes()).await?;
    ensure!(code.starts_with("policy."), "{code}: {reason}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_user_may_not_do_is_refused_and_names_its_rule() -> Result<()> {
    let mut rig = Rig::start("polr", &policy("polr"), &[]).await?;
    let (code, reason) = rig
        .refused(&rig.alice, Some("alice"), &action("polr.b"))
        .await?;
    ensure!(code == "policy.participants", "{code}");
    ensure!(
        reason
            == "1:10: tasks for participant `polr.b` are not allowed (rule `participants` of the policy's [users.alice])",
        "{reason}"
    );
    let large = format!("<process><!--{}--></process>", "x".repeat(2_000));
    let wide = r#"<process><all><action participant="polr.a"/><action participant="polr.a"/><action participant="polr.a"/></all></process>"#;
    for (definition, wanted) in [
        (
            r#"<process><await event="polr.other"/></process>"#,
            "policy.awaits",
        ),
        (large.as_str(), "quota.definition-bytes"),
        (wide, "quota.branches"),
        ("<process><nonsense/></process>", "definition"),
    ] {
        let (code, _) = rig.refused(&rig.alice, Some("alice"), definition).await?;
        ensure!(code == wanted, "{code}, not {wanted}");
    }
    // Neither a queue of others nor a user who may not launch gets a reply; the dead letter says why.
    let (definition, other) = (action("polr.a"), "somebody.else");
    let elsewhere = With {
        reply_to: Some(other),
        ..by("alice")
    };
    let alice = &rig.alice;
    rig.publish(alice, "launches", &definition, elsewhere)
        .await?;
    let letter = rig.letter(definition.as_bytes()).await?;
    ensure!(letter.0 == "policy.reply-to", "{letter:?}");
    unanswered(&rig, &definition).await?;
    // Modules that are deployed are held to the same rules, before anybody looks at them.
    for (channel, user, wanted) in [
        (&rig.alice, "alice", "policy.modules"),
        (&rig.bob, "bob", "module.no-component"),
    ] {
        let with = With {
            content_type: Some("application/wasm"),
            ..by(user)
        };
        rig.publish(channel, "launches", "no module", with).await?;
        let letter = rig.letter(b"no module").await?;
        ensure!(letter.0 == wanted, "{letter:?}");
    }
    rig.publish(alice, "launches", &definition, With::default())
        .await?;
    ensure!(rig.letter(definition.as_bytes()).await?.0 == "policy.launches");
    // Events.
    let event = r#"{"event": "polr.mine"}"#;
    rig.publish(alice, "events", event, by("alice")).await?;
    ensure!(rig.letter(event.as_bytes()).await?.0 == "policy.publishes");
    ensure!(rig.processes()?.is_empty());

    // A called definition runs under its caller's user.
    let inner = action("polr.b").replace('<', "&lt;");
    let calls = format!(
        r#"<process><context><property name="inner" type="str">{inner}</property></context><call process="$inner"/></process>"#
    );
    let (_, reply) = rig.launch(alice, Some("alice"), &calls).await?;
    let process = reply["process"].as_str().unwrap_or_default().to_owned();
    let shown = rig.operated.until(&process, "failed")?;
    ensure!(shown["fault"]["code"] == "CallError", "{shown}");
    ensure!(
        shown["fault"]["message"]
            .to_string()
            .contains("rule `participants` of the policy's [users.alice]"),
        "{shown}"
    );
    rig.operated.end()?;
    rig.operated.is_clean(&rig.operated.engine.storage())?;
    rig.clean(&[]).await
}

/// What is said about a process that waits for one thing, without how long it has.
fn unmoved(rig: &Rig, process: &str) -> Result<Value> {
    let mut shown = rig.operated.show(process)?;
    shown["now"] = Value::Null;
    // What came astray is told, and changes nothing.
    shown["astray"] = Value::Null;
    Ok(shown)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_counts_only_from_those_who_may_give_it() -> Result<()> {
    let rig = Rig::start("pola", &policy("pola"), &[]).await?;
    let tasks = "worker_pola.a";
    rig.declare(tasks).await?;
    let (_, reply) = rig
        .launch(&rig.alice, Some("alice"), &action("pola.a"))
        .await?;
    let process = reply["process"].as_str().unwrap_or_default().to_owned();
    let task = rig.next(tasks).await?;
    let answered = answer(&task.data);
    let before = unmoved(&rig, &process)?;

    // bob may answer for another participant, and anyone who says no name for none; unreadable answers fail a process.
    let mut bare: Value = serde_json::from_str(&answered)?;
    let origin = bare["header"]["origin"].as_str().unwrap_or_default();
    let origin = origin.split('~').next().unwrap_or_default().to_owned();
    bare["header"]["origin"] = json!(origin);
    let mut broken: Value = serde_json::from_str(&answered)?;
    broken["fields"] = json!(7);
    for (channel, with, body, code) in [
        (&rig.bob, by("bob"), &answered, "policy.answers"),
        (&rig.bob, by("bob"), &bare.to_string(), "policy.answers"),
        (&rig.bob, With::default(), &answered, "policy.answers"),
        (&rig.bob, by("bob"), &broken.to_string(), "wire.wrong-type"),
    ] {
        rig.publish(channel, "answers", body, with).await?;
        let letter = rig.letter(body.as_bytes()).await?;
        ensure!(letter.0 == code, "{letter:?}");
        let after = unmoved(&rig, &process)?;
        ensure!(after == before, "{before} became {after}");
    }
    rig.publish(&rig.alice, "answers", &answered, by("alice"))
        .await?;
    let shown = rig.operated.until(&process, "completed")?;
    ensure!(shown["fields"]["answered"] == json!(true), "{shown}");
    rig.clean(&[tasks]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotas_are_right_after_a_kill_and_policies_are_read_again() -> Result<()> {
    let mut rig = Rig::start("polq", &policy("polq"), &[]).await?;
    let file = rig.policy_file("polq");
    let tasks = "worker_polq.a";
    rig.declare(tasks).await?;
    let definition = action("polq.a");
    for _ in 0..2 {
        let (status, reply) = rig.launch(&rig.alice, Some("alice"), &definition).await?;
        ensure!(status == "launched", "{reply}");
    }
    let full = "quota.live-processes";
    let (code, reason) = rig.refused(&rig.alice, Some("alice"), &definition).await?;
    ensure!(code == full, "{code}: {reason}");
    rig.operated.engine.kill()?;
    rig.operated.start()?;
    ensure!(rig.refused(&rig.alice, Some("alice"), &definition).await?.0 == full);
    // One ends: there is place for one.
    let task = rig.next(tasks).await?;
    rig.publish(&rig.alice, "answers", &answer(&task.data), by("alice"))
        .await?;
    let task: Value = serde_json::from_slice(&task.data)?;
    let target = task["header"]["target"].as_str().unwrap_or_default();
    let process = target.split('_').next().unwrap_or_default();
    rig.operated.until(process, "completed")?;
    let (status, _) = rig.launch(&rig.alice, Some("alice"), &definition).await?;
    ensure!(status == "launched");
    ensure!(rig.refused(&rig.alice, Some("alice"), &definition).await?.0 == full);

    // A policy that can't be used changes nothing; one that can does.
    std::fs::write(&file, "[users.alice]\nparticipant = []\n")?;
    rig.hang_up("the old one stays in force")?;
    ensure!(rig.refused(&rig.alice, Some("alice"), &definition).await?.0 == full);
    let more = policy("polq").replace("live_processes = 2", "live_processes = 3");
    std::fs::write(&file, more)?;
    rig.hang_up("the new policy is in force")?;
    let (status, reply) = rig.launch(&rig.alice, Some("alice"), &definition).await?;
    ensure!(status == "launched", "{reply}");
    rig.operated.end()?;
    rig.operated.is_clean(&rig.operated.engine.storage())?;
    rig.clean(&[tasks]).await
}

const FLOOD: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_one_user_leaves_anothers_launches_served() -> Result<()> {
    let policy = r#"
        [default]
        participants = ["*"]
        reply_to = ["polx*"]
        [default.quotas]
        launches_per_minute = 3_000
        waiting_launches = 100
        [users.bob.quotas]
        waiting_launches = 200
    "#;
    let mut rig = Rig::start("polx", policy, &[]).await?;
    let (launches, replies) = (rig.operated.engine.name("launches"), rig.replies());
    let served = listen(&replies).await?;

    // Without company, for comparison.
    let alone = serve_bob(&rig, &launches, &replies, &served, 0).await?;
    let started = Instant::now();
    let mut confirms = Vec::with_capacity(FLOOD);
    for number in 0..FLOOD {
        let body = different(1_000_000 + number);
        confirms.push(send(&rig.alice, &launches, &body, by("alice")).await?);
    }
    for confirm in confirms {
        confirm.await?;
    }
    let published = started.elapsed();
    let beside = serve_bob(&rig, &launches, &replies, &served, FEW).await?;
    println!(
        "{FEW} launches alone: median {:?}, p99 {:?}; behind a flood of {FLOOD} launches, published in {published:?}: \
         median {:?}, p99 {:?}",
        alone.0, alone.1, beside.0, beside.1
    );
    // Everything of the flood is either a process or a dead letter: nothing is lost.
    let deadline = Instant::now() + PATIENCE;
    let dead = rig.operated.engine.name("dead");
    loop {
        let passive = lapin::options::QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let queue = rig
            .operator
            .queue_declare(dead.as_str().into(), passive, Default::default())
            .await?;
        let letters = usize::try_from(queue.message_count())?;
        let processes = rig.processes()?.len();
        if letters + processes == FLOOD + 2 * FEW {
            println!(
                "the flood: {} started, {letters} refused, all within {:?}",
                processes - 2 * FEW,
                started.elapsed()
            );
            break;
        }
        ensure!(
            Instant::now() < deadline,
            "{letters} letters and {processes} processes"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Generous, since machines are busy: in the order of arrival the flood would be compiled first, all of it.
    ensure!(beside.1 < Duration::from_secs(30), "{beside:?}");
    rig.operated.end()?;
    rig.clean(&[]).await
}

/// A guest that loops forever.
const ENDLESS: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "evaluate") (result i32) (loop br 0) unreachable))"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_burns_its_fuel_keeps_nobody_waiting_and_costs_its_quota() -> Result<()> {
    use base64::Engine as _;
    let policy = r#"
        [default]
        modules = "any"
        participants = ["*"]
        reply_to = ["polb*"]
        [default.quotas]
        waiting_launches = "unlimited"
        [users.alice.quotas]
        fuel = 15_000_000
    "#;
    let mut rig = Rig::start("polb", policy, &[]).await?;
    let (launches, replies) = (rig.operated.engine.name("launches"), rig.replies());
    let served = listen(&replies).await?;
    let alone = serve_bob(&rig, &launches, &replies, &served, 0).await?;
    let component =
        bureaucrat_sandbox::build_module(&wat::parse_str(ENDLESS)?, Some("condition"), None)?;
    let text = base64::engine::general_purpose::STANDARD.encode(component);
    let burning = format!(
        r#"<process><module name="m">{text}</module><switch><case><condition module="m"/><action participant="never"/></case></switch></process>"#
    );
    // The module is compiled once, before anything is measured.
    for _ in 0..200 {
        rig.publish(&rig.alice, "launches", &burning, by("alice"))
            .await?;
    }
    let beside = serve_bob(&rig, &launches, &replies, &served, FEW).await?;
    println!(
        "{FEW} launches alone: median {:?}, p99 {:?}; beside 200 processes that burn their fuel: median {:?}, p99 {:?}",
        alone.0, alone.1, beside.0, beside.1
    );
    let deadline = Instant::now() + PATIENCE;
    let failed = loop {
        let processes = rig.processes()?.into_iter();
        let failed: Vec<Value> = processes
            .filter(|process| process["state"] == "failed")
            .collect();
        if failed.len() == 200 {
            break failed;
        }
        ensure!(Instant::now() < deadline, "{} failed", failed.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let process = failed[0]["process"].as_str().unwrap_or_default();
    let shown = rig.operated.show(process)?;
    ensure!(shown["fault"]["code"] == "sandbox.fuel", "{shown}");
    // The fuel of one whole evaluation, not of the portion before it.
    ensure!(
        shown["history"].to_string().contains(r#""fuel":15000000"#),
        "{shown}"
    );
    rig.operated.end()?;
    rig.clean(&[]).await
}
