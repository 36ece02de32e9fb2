//! Pages about what is waited for, what launches itself, and a process in full.

use crate::{
    ordering::{ORDER, deploy, launch},
    pages::{Visitor, values},
    rig::Rig,
};
use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

const WORK: &str = r#"<process name="work">
  <action participant="untended"/>
</process>"#;
const DAILY: &str = r#"<process name="daily">
  <schedule cron="0 3 * * *" zone="UTC"/>
  <await event="never"/>
</process>"#;
const OUTER: &str = r#"<process name="outer">
  <call id="first" process="middle"/>
</process>"#;
const MIDDLE: &str = r#"<process name="middle">
  <call process="order"/>
</process>"#;
/// Many small steps before it waits.
const STEPS: &str = r#"<process name="steps">
  <context>
    <property name="number" type="int">7</property>
    <property name="customer" type="json">{"name": "Ada &lt;b&gt;", "zip": "01234", "tags": ["new", "vip"]}</property>
  </context>
  <emit event="a"/><emit event="b"/><emit event="c"/><emit event="d"/><emit event="e"/><emit event="f"/>
  <delay duration="1ms"/>
  <await id="last" event="never"/>
</process>"#;

/// Reads a page until it has some words.
fn until(visitor: &Visitor<'_>, path: &str, words: &str) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = visitor.page(path)?;
        if page.contains(words) {
            return Ok(page);
        }
        ensure!(Instant::now() < deadline, "{words}: {page}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn participants_that_are_waited_for_are_told_with_their_queues() -> Result<()> {
    let rig = Rig::new("http-participants")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let none = visitor.page("/participants")?;
    ensure!(
        none.contains("No process waits for a participant"),
        "{none}"
    );
    deploy(&rig, WORK)?;
    let first = launch(&rig, &rig.local, "work")?;
    rig.state(&first, "running")?;
    let later = launch(&rig, &rig.local, "work")?;
    rig.state(&later, "running")?;
    // Nobody has made a queue for it.
    let page = until(&visitor, "/participants", "there is no such queue")?;
    ensure!(
        page.contains("href=\"/processes?participant=untended\"")
            && page.contains(&format!("href=\"/processes/{first}\""))
            && !page.contains(&later),
        "{page}"
    );
    let told = rig
        .ask(&rig.local, ("GET", "/api/v1/participants"), None)?
        .json()?;
    let told = &told["participants"][0];
    ensure!(
        told["value"] == "untended" && told["count"] == 2 && told["oldest"] == first.as_str(),
        "{told}"
    );
    // Queues are the engine's; a user sees whom that user's processes wait for.
    let ada = rig.token("ada", "read", Some("ada"))?;
    let hers = Visitor::new(&rig, &ada)?.page("/participants")?;
    ensure!(!hers.contains("untended"), "{hers}");
    Ok(())
}

#[test]
fn schedules_are_told_with_their_next_launch() -> Result<()> {
    let rig = Rig::new("http-schedules")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let none = visitor.page("/schedules")?;
    ensure!(none.contains("No definition launches itself"), "{none}");
    deploy(&rig, DAILY)?;
    deploy(&rig, ORDER)?;
    let process = launch(&rig, &rig.local, "daily")?;
    rig.state(&process, "running")?;
    let page = visitor.page("/schedules")?;
    ensure!(
        page.contains("0 3 * * *")
            && page.contains("href=\"/definitions/daily/1\"")
            && page.contains(&process)
            && !page.contains("/definitions/order"),
        "{page}"
    );
    Ok(())
}

#[test]
fn a_chain_of_calls_is_one_tree() -> Result<()> {
    let rig = Rig::new("http-calls")?;
    for source in [ORDER, MIDDLE, OUTER] {
        deploy(&rig, source)?;
    }
    let outer = launch(&rig, &rig.local, "outer")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let tree = until(
        &visitor,
        &format!("/processes/{outer}/calls"),
        "/definitions/order/1",
    )?;
    let ids: Vec<&str> = values(&tree, "title")
        .into_iter()
        .filter(|title| title.len() == 36)
        .collect();
    ensure!(ids.len() == 3 && ids[0] == outer, "{tree}");
    // From the innermost, the same chain is seen.
    let inner = *ids.last().context("none")?;
    let from_below = visitor.page(&format!("/processes/{inner}/calls"))?;
    let places: Vec<Option<usize>> = ids
        .iter()
        .map(|id| from_below.find(&format!("/processes/{id}\" title")))
        .collect();
    ensure!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{from_below}"
    );
    let own = visitor.page(&format!("/processes/{inner}"))?;
    ensure!(own.contains(&format!("/processes/{inner}/calls")), "{own}");
    Ok(())
}

#[test]
fn small_steps_are_folded_fields_are_searched_and_the_diagram_leads_to_the_timeline() -> Result<()>
{
    let rig = Rig::new("http-process-page")?;
    deploy(&rig, STEPS)?;
    let process = launch(&rig, &rig.local, "steps")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let path = format!("/processes/{process}");
    let page = until(&visitor, &path, "waits for event never")?;
    ensure!(page.contains("steps</summary>"), "{page}");
    let all = visitor.page(&format!("{path}?steps=all"))?;
    ensure!(!all.contains("steps</summary>"), "{all}");
    // Boxes lead to the entries about them, once each, and entries to the diagram.
    for page in [&page, &all] {
        let ids = values(page, "id");
        let boxes = values(page, "href");
        for activity in 0..=7 {
            let entry = format!("at_{activity}");
            let count = ids.iter().filter(|id| **id == entry).count();
            ensure!(count == 1, "{entry}: {page}");
            let link = format!("#{entry}");
            ensure!(boxes.contains(&link.as_str()), "{link}: {page}");
        }
        ensure!(
            boxes.contains(&"#diagram") && ids.contains(&"diagram"),
            "{page}"
        );
    }

    let found = visitor.page(&format!("{path}?field=vip"))?;
    ensure!(
        found.contains("customer.tags.1") && !found.contains("customer.zip"),
        "{found}"
    );
    let found = visitor.page(&format!("{path}?field=NAME"))?;
    ensure!(found.contains("Ada &lt;b&gt;"), "{found}");
    let none = visitor.page(&format!("{path}?field=%3Cscript%3E"))?;
    ensure!(none.contains("No field is like that"), "{none}");
    Ok(())
}
