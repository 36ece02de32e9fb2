//! The roles: launchers, participants, an event sender and a listener. Each one reconnects again
//! and again, for as long as the load runs.

use super::{
    Shared,
    clients::{self, PARTICIPANTS},
};
use crate::modules::risk_above;
use anyhow::{Result, bail};
use futures_lite::StreamExt;
use lapin::options::BasicAckOptions;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// Each activity once, with an end that can be computed; and what belongs to scopes, faults and events.
const EVERYTHING: &str = include_str!("definitions/everything.xml");
const SCOPES: &str = include_str!("definitions/scopes.xml");
/// What both call, and what only the second one starts.
const INNER: &str = include_str!("definitions/inner.xml");
const ASIDE: &str = include_str!("definitions/aside.xml");
/// What launches itself, each minute.
const CLOCK: &str = include_str!("definitions/clock.xml");

/// How long a client waits before it connects again.
const PAUSE: Duration = Duration::from_millis(50);

/// The delay before an event is sent again, at first and at most.
const FIRST_AGAIN: Duration = Duration::from_millis(500);
const LAST_AGAIN: Duration = Duration::from_secs(8);

/// Number of event names. Most processes that wait for a name receive events that are meant for
/// another process; processes that wait for other names receive none of them.
const GROUPS: u64 = 20;

/// A participant answers one of this many tasks twice, and loses its connection before
/// acknowledging one of this many.
const TWICE: u64 = 5;
const LOST: u64 = 400;

pub fn spawn(shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
    let mut clients = vec![
        again_and_again(shared, launch),
        again_and_again(shared, send_events),
        again_and_again(shared, listen),
        again_and_again(shared, open_mail),
    ];
    clients.extend(PARTICIPANTS.map(|participant| {
        again_and_again(shared, move |shared| participate(shared, participant))
    }));
    clients
}

fn again_and_again<F>(
    shared: &Arc<Shared>,
    role: impl Fn(Arc<Shared>) -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = Result<()>> + Send,
{
    let shared = shared.clone();
    tokio::spawn(async move {
        loop {
            // Whatever the cause, usually a lost connection: try again.
            let _ = role(shared.clone()).await;
            tokio::time::sleep(PAUSE).await;
        }
    })
}

/// Publishes launches until each is confirmed, each with its own message id.
async fn launch(shared: Arc<Shared>) -> Result<()> {
    let client = clients::connect(&shared).await?;
    let queue = shared.name("launches");
    clients::declare_queue(&shared, &client.channel, &queue).await?;
    let module = clients::Module {
        name: shared.called("risk"),
        component: risk_above(10_000)?,
    };
    clients::deploy_module(&client.channel, &queue, module).await?;
    for definition in [INNER, ASIDE, CLOCK] {
        let text = definition.replace("PREFIX", &shared.prefix);
        clients::deploy(&client.channel, &queue, text.as_bytes()).await?;
    }
    loop {
        let next = {
            let seen = shared.seen();
            let next = seen.to_launch.front().copied();
            next.filter(|number| !seen.quiet && *number < seen.held_from)
        };
        let Some(number) = next else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Follows the time since the start, so that launches delayed by an outage are caught up.
        if let Some(rate) = shared.plan.rate {
            let due = Duration::from_secs_f64(number as f64 / f64::from(rate.max(1)));
            tokio::time::sleep(due.saturating_sub(shared.started.elapsed())).await;
        }
        let definition = match Shared::has_scopes(number) {
            true => SCOPES,
            false => EVERYTHING,
        };
        let body = definition
            .replace("NUMBER", &number.to_string())
            .replace("GROUP", &(number % GROUPS).to_string())
            .replace("PADDING", &"p".repeat(shared.plan.padding))
            .replace("PREFIX", &shared.prefix);
        let id = format!("{}-{number}", shared.prefix);
        clients::publish(&client.channel, &queue, body.as_bytes(), Some(id)).await?;
        shared.seen().to_launch.pop_front();
    }
}

/// Sends the events that processes wait for, and repeats them less and less often until the process
/// has ended: an event that arrives before its await is dropped, and each one goes to all processes
/// that wait for its name.
async fn send_events(shared: Arc<Shared>) -> Result<()> {
    let client = clients::connect(&shared).await?;
    let queue = shared.name("events");
    clients::declare_queue(&shared, &client.channel, &queue).await?;
    let mut next = BTreeMap::<u64, (Instant, Duration)>::new();
    loop {
        let awaiting = {
            let seen = shared.seen();
            if seen.quiet {
                BTreeSet::new()
            } else {
                seen.awaiting.range(..seen.kept_from).copied().collect()
            }
        };
        next.retain(|number, _| awaiting.contains(number));
        for number in awaiting {
            let (at, pause) = next
                .entry(number)
                .or_insert_with(|| (Instant::now(), FIRST_AGAIN));
            if *at > Instant::now() {
                continue;
            }
            *at = Instant::now() + *pause;
            *pause = (*pause * 2).min(LAST_AGAIN);
            let body =
                json!({"event": shared.name(&format!("go.{}", number % GROUPS)), "number": number})
                    .to_string();
            clients::publish(&client.channel, &queue, body.as_bytes(), None).await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Plays a participant.
async fn participate(shared: Arc<Shared>, participant: &str) -> Result<()> {
    if shared.seen().away.contains(participant) {
        return Ok(());
    }
    let client = clients::connect(&shared).await?;
    let queue = format!("worker_{}", shared.name(participant));
    let consuming = client.connection.create_channel().await?;
    let mut consumer = clients::consume(&shared, &consuming, &queue).await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        let id = delivery
            .properties
            .message_id()
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let task: Value = serde_json::from_slice(&delivery.data)?;
        // Some tasks are called as Celery's are: the callback brings back the argument.
        let callback = task[2]["callbacks"][0]["options"]["task_id"].as_str();
        let result = callback.map(|callback| (callback.to_owned(), json!([task[0], {}, {}])));
        let answers = match &result {
            Some(_) => Vec::new(),
            None => work(&shared, participant, task),
        };
        let count = {
            let mut seen = shared.seen();
            seen.tasks += 1;
            if !seen.task_ids.insert(id) {
                seen.repeated_tasks += 1;
            }
            seen.tasks
        };
        let (to, results) = (shared.name("answers"), shared.name("results"));
        for _ in 0..=u64::from(count.is_multiple_of(TWICE)) {
            if let Some((id, body)) = &result {
                let body = body.to_string();
                clients::bring_back(&client.channel, &results, id, body.as_bytes()).await?;
            }
            for answer in &answers {
                let body = answer.to_string();
                clients::publish(&client.channel, &to, body.as_bytes(), None).await?;
            }
        }
        shared.seen().double_answers += u64::from(count.is_multiple_of(TWICE));
        if count.is_multiple_of(LOST) {
            bail!("a participant lost its connection between answering and acknowledging");
        }
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

/// The answers that a participant gives to a task, some of them to an earlier one.
fn work(shared: &Shared, participant: &str, mut task: Value) -> Vec<Value> {
    let plus_one = |value: &Value| json!(value.as_i64().unwrap_or(0) + 1);
    let number = task["fields"]["number"].as_u64();
    let (name, value) = match participant {
        "add" => ("n", plus_one(&task["fields"]["n"])),
        "inner" => ("m", plus_one(&task["fields"]["m"])),
        "child" => ("inner", json!(INNER.replace("PREFIX", &shared.prefix))),
        "undo" => {
            let step = task["fields"]["step"].as_str().unwrap_or_default();
            let mut seen = shared.seen();
            let undone = seen.undone.entry(number.unwrap_or_default()).or_default();
            if !undone.iter().any(|known| known == step) {
                undone.push(step.to_owned());
            }
            ("done", json!(true))
        }
        "moody" => match task["fields"]["attempt"].as_u64() {
            Some(attempt) if attempt < 3 => {
                task["fault"] = json!({"code": "Moody", "message": "not yet"});
                return vec![task];
            }
            Some(_) | None => ("calm", json!(true)),
        },
        "idle" => {
            // Answered when its race is over.
            let mut seen = shared.seen();
            seen.late.extend(number.map(|number| (number, task)));
            return Vec::new();
        }
        "never" => {
            shared.seen().wrong.push(format!("was sent: {task}"));
            return Vec::new();
        }
        other => (other, json!(1)),
    };
    let mut late = None;
    if participant == "right"
        && let Some(number) = number
    {
        let mut seen = shared.seen();
        late = seen.late.remove(&number);
        if !seen.ended_numbers.contains(&number) {
            seen.awaiting.insert(number);
        }
    }
    task["fields"][name] = value;
    late.into_iter().chain([task]).collect()
}

/// Receives what processes send by themselves.
async fn open_mail(shared: Arc<Shared>) -> Result<()> {
    let client = clients::connect(&shared).await?;
    let mut consumer = clients::consume(&shared, &client.channel, &shared.name("mail")).await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        let number: u64 = serde_json::from_slice(&delivery.data)?;
        let id = delivery.properties.message_id();
        let id = id.as_ref().map(ToString::to_string).unwrap_or_default();
        let known = shared.seen().mail.insert(number, id.clone());
        if let Some(other) = known.filter(|known| *known != id) {
            let message = format!("{number} was sent as {other} and as {id}");
            shared.seen().wrong.push(message);
        }
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

async fn listen(shared: Arc<Shared>) -> Result<()> {
    let client = clients::connect(&shared).await?;
    let mut consumer = clients::consume(&shared, &client.channel, &shared.name("listener")).await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        let notice: Value = serde_json::from_slice(&delivery.data)?;
        hear(&shared, notice);
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

fn hear(shared: &Shared, notice: Value) {
    let process = notice["process"].as_str().unwrap_or_default().to_owned();
    let (aside, clock) = (shared.called("aside"), shared.called("clock"));
    let mut seen = shared.seen();
    match (notice["status"].as_str(), notice["name"].as_str()) {
        (Some("completed"), Some("everything" | "scopes")) => {
            let fields = notice["fields"].clone();
            if let Some(number) = fields["number"].as_u64() {
                seen.ended_numbers.insert(number);
                seen.awaiting.remove(&number);
            }
            // The notice itself may be repeated; its content may not change.
            if let Some(earlier) = seen.ended.insert(process.clone(), fields.clone())
                && earlier != fields
            {
                seen.wrong
                    .push(format!("{process} ended twice: {earlier} and {fields}"));
            }
        }
        (Some("completed"), Some(name)) if name == aside => {
            let number = notice["fields"]["number"].as_u64().unwrap_or_default();
            let known = seen.asides.insert(number, process.clone());
            if let Some(other) = known.filter(|known| *known != process) {
                let message = format!("{number} started {other} and {process}");
                seen.wrong.push(message);
            }
        }
        (Some("completed"), Some(name)) if name == clock => {
            seen.scheduled.insert(process);
        }
        (Some("launched" | "completed"), _) => {}
        _ => seen.wrong.push(notice.to_string()),
    }
}
