//! Engines that share a database are one engine to operators: an order may be given at any of them, by command or over HTTP,
//! whichever has what the order is about.

use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    engine::{Engine, broker_url, of_this_run},
    http::{Answer, Client},
    operating::Operated,
    postgres::{holders, new_url},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// With so many, each of two engines has some.
const PROCESSES: usize = 12;

const WAITS: &str = r#"<process name="waits"><await event="never"/></process>"#;
const STUCK: &str =
    r#"<process name="stuck" on-fault="incident"><fault code="NoStock"/></process>"#;

struct Pair {
    engines: [Operated; 2],
    database: String,
}

impl Pair {
    fn start(name: &str) -> Result<Self> {
        let database = new_url()?;
        let prefix = of_this_run(name);
        let make = || -> Result<Operated> {
            let options = [
                "--store-lease",
                "2s",
                "--store-sharing",
                "on",
                "--http-listen",
                "0",
            ];
            let mut operated = Operated::new(name, &options)?;
            let folder = operated.path("");
            // Both use the same queues.
            operated.engine = Engine::new(&broker_url()?, &folder, &prefix, &options)
                .with_database(Some(database.clone()));
            operated.start()?;
            Ok(operated)
        };
        let engines = [make()?, make()?];
        let pair = Self { engines, database };
        until("both have groups", || {
            let holders: BTreeSet<String> = holders(&pair.database)?.into_values().collect();
            Ok(holders.len() == 2)
        })?;
        for operated in &pair.engines {
            operated.engine.answers(PATIENCE)?;
        }
        Ok(pair)
    }

    /// Both, the first one first for even numbers.
    fn from(&self, number: usize) -> [&Operated; 2] {
        let [one, other] = &self.engines;
        match number % 2 {
            0 => [one, other],
            _ => [other, one],
        }
    }

    fn end(mut self) -> Result<()> {
        for operated in &mut self.engines {
            operated.end()?;
        }
        self.engines[0].leaves_with(0, &["fsck"]).map(drop)
    }
}

fn until(what: &str, is_so: impl Fn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        ensure!(Instant::now() < deadline, "{what}: it does not happen");
        std::thread::sleep(Duration::from_millis(30));
    }
    Ok(())
}

fn post(operated: &Operated, path: &str, body: &Value, key: Option<&str>) -> Result<Answer> {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    send(operated, path, &headers, body.to_string().as_bytes())
}

fn send(operated: &Operated, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    let client = Client::of(&operated.engine)?;
    let token = std::fs::read_to_string(operated.engine.storage().join("http-token"))?;
    let bearer = format!("Bearer {}", token.trim());
    let headers = [&[("authorization", bearer.as_str())], headers].concat();
    client.send(("POST", path), &headers, body)
}

fn process_of(answer: &Answer) -> Result<String> {
    ensure!(matches!(answer.status, 200 | 201), "{answer:?}");
    let process = answer.json()?["process"].clone();
    Ok(process.as_str().context("no id")?.to_owned())
}

#[test]
fn an_order_is_carried_out_wherever_it_is_given() -> Result<()> {
    let pair = Pair::start("sharing-orders")?;
    for number in 0..PROCESSES {
        let [one, other] = pair.from(number);
        let process = one.launch(WAITS)?;
        other.until(&process, "running")?;
        for (operated, verb, state) in [
            (one, "suspend", "suspended"),
            (other, "resume", "running"),
            (other, "suspend", "suspended"),
            (one, "terminate", "failed"),
        ] {
            operated.leaves_with(0, &[verb, &process])?;
            let shown = operated.show(&process)?;
            ensure!(shown["state"] == state, "{verb}: {shown}");
        }
        // What was refused is told as well.
        for operated in [one, other] {
            let words = operated.leaves_with(1, &["resume", &process])?;
            ensure!(words.contains("ended"), "{words}");
        }
    }
    pair.end()
}

#[test]
fn a_message_that_is_handed_in_reaches_the_engine_that_has_to_take_it() -> Result<()> {
    let pair = Pair::start("sharing-handed-in")?;
    let path = "/api/v1/processes";
    let [first, _] = &pair.engines;
    let file = first.path("waits.xml");
    std::fs::write(&file, WAITS)?;
    first.leaves_with(0, &["deploy", file.to_str().context("a path in UTF-8")?])?;
    for number in 0..PROCESSES {
        let [one, other] = pair.from(number);
        let body = json!({"source": WAITS});
        let key = format!("launch-{number}");
        let first = process_of(&post(one, path, &body, Some(&key))?)?;
        // Again, and at the other one: the same process.
        for operated in [one, other] {
            let again = process_of(&post(operated, path, &body, Some(&key))?)?;
            ensure!(again == first, "{again} is not {first}");
        }
        other.until(&first, "running")?;

        let order = json!({"definition": "waits", "key": format!("order {number}")});
        let keyed = process_of(&post(one, path, &order, None)?)?;
        one.until(&keyed, "running")?;
        let refused = post(other, path, &order, None)?;
        ensure!(
            refused.status >= 400 && refused.body.contains(&keyed),
            "{refused:?}"
        );

        let path = format!("/api/v1/processes/{first}/orders");
        let cancelled = post(
            other,
            &path,
            &json!({"order": "cancel", "reason": "test"}),
            None,
        )?;
        ensure!(cancelled.status < 300, "{cancelled:?}");
        one.until(&first, "failed")?;
    }
    pair.end()
}

#[test]
fn what_exists_once_is_changed_at_either_engine() -> Result<()> {
    let pair = Pair::start("sharing-once")?;
    for number in 0..4 {
        let [one, other] = pair.from(number);
        let name = format!("version{number}");
        let file = one.path("deployed.xml");
        std::fs::write(&file, WAITS.replace("waits", &name))?;
        let file = file.to_str().context("a path in UTF-8")?;
        for (version, operated) in (1..).zip([one, other]) {
            let comment = format!("<!-- {version} -->");
            let text = std::fs::read_to_string(file)?;
            std::fs::write(file, format!("{text}{comment}"))?;
            let deployed = operated.json(0, &["deploy", file, "--json"])?;
            ensure!(deployed["version"] == version, "{deployed}");
        }
        for operated in [one, other] {
            let process = operated.published(&["launch", &name])?.trim().to_owned();
            operated.until(&process, "running")?;
        }
        let retired = other.leaves_with(0, &["definitions", "retire", &format!("{name}@1")])?;
        ensure!(retired.contains(&name), "{retired}");
    }
    // A bulk job over what both have, started at either.
    for number in 0..2 {
        let [one, _] = pair.from(number);
        let stuck: Vec<String> = (0..PROCESSES)
            .map(|_| one.launch(STUCK))
            .collect::<Result<_>>()?;
        for process in &stuck {
            one.until(process, "incident")?;
        }
        one.leaves_with(0, &["bulk", "terminate", "--definition", "stuck", "--yes"])?;
        for process in &stuck {
            one.until(process, "failed")?;
        }
    }
    pair.end()
}

#[test]
fn what_is_too_large_for_the_broker_is_taken_by_its_engine_alone() -> Result<()> {
    let pair = Pair::start("sharing-large")?;
    let module = vec![0; 13 << 20];
    let mut answers = Vec::new();
    for operated in &pair.engines {
        let headers = [("content-type", "application/wasm")];
        answers.push(send(operated, "/api/v1/modules", &headers, &module)?);
    }
    // One sees that this is not a module; the other cannot even ask.
    answers.sort_by_key(|answer| answer.status);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    ensure!(statuses == [413, 422], "{statuses:?}: {answers:?}");
    ensure!(
        answers[0].body.contains("too large to be sent on"),
        "{answers:?}"
    );
    pair.end()
}
