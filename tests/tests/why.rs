//! docs/why.md does not lie: each of its situations is made with the real engine and a real broker, and
//! what `bureaucrat why` says of it is the text of the document, but for ids, times and counts of tries.
//!
//! `UPDATE_GOLDEN=1` writes the texts into the document; the difference is then for a person to judge.

#[path = "why/document.rs"]
mod document;
#[path = "why/masked.rs"]
mod masked;
#[path = "why/world.rs"]
mod world;

use anyhow::{Context, Result, ensure};
use document::Situation;
use masked::masked;
use serde_json::Value;
use std::time::{Duration, Instant};
use world::World;

/// The situations that there are at least.
const SITUATIONS: usize = 40;
/// The process and the first thing that it waits for: equal parts are told once in the text.
const PARTS: usize = 2;
/// How long a situation may take to come about.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn why_says_what_the_document_says() -> Result<()> {
    let source = std::fs::read_to_string(document::path())?;
    let situations = document::situations(&source)?;
    ensure!(
        situations.len() >= SITUATIONS,
        "{} situations",
        situations.len()
    );
    let is_written = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut world = World::new()?;
    let (mut said, mut wrong) = (Vec::new(), Vec::new());
    for situation in situations {
        let process = match world.make(&situation) {
            Ok(process) => process,
            Err(error) => {
                wrong.push(format!("{error:?}"));
                continue;
            }
        };
        let text = match is_written {
            true => settled(&world, &process)?,
            false => until_said(&world, &situation, &process)?,
        };
        fits(&text, &situation)?;
        if let Some(json) = world.json(&process)? {
            is_told(&json, &text).with_context(|| situation.title.clone())?;
        }
        if !is_written && masked(&text) != masked(&situation.text) {
            let (title, expected) = (&situation.title, masked(&situation.text));
            let found = masked(&text);
            wrong.push(format!(
                "{title}\nexpected: {expected}\nfound:    {found}\n\n{text}\n"
            ));
        }
        said.push((situation, text));
    }
    if is_written {
        document::rewrite(&source, &said)?;
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Asks until `why` says what is expected, or says something else for long.
fn until_said(world: &World, situation: &Situation, process: &str) -> Result<String> {
    let expected = masked(&situation.text);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = world.said(process)?;
        if masked(&text) == expected || Instant::now() > deadline {
            return Ok(text);
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// Asks until the same is said for a while.
fn settled(world: &World, process: &str) -> Result<String> {
    const WHILE: Duration = Duration::from_millis(700);
    let (mut text, mut since) = (world.said(process)?, Instant::now());
    loop {
        let next = world.said(process)?;
        if masked(&next) != masked(&text) {
            since = Instant::now();
        } else if since.elapsed() > WHILE {
            return Ok(next);
        }
        text = next;
    }
}

/// What the JSON has as causes and steps is in the text.
fn is_told(json: &Value, text: &str) -> Result<()> {
    let text = masked(text);
    let things = std::iter::once(json).chain(json["parts"].as_array().into_iter().flatten());
    for thing in things.take(PARTS) {
        let causes = thing["cause"].as_array().context("causes")?;
        let steps = thing["you_can"].as_array().context("steps")?;
        let commands = steps.iter().map(|step| &step["command"]);
        for told in causes.iter().chain(commands).filter_map(Value::as_str) {
            let told = masked(told);
            ensure!(text.contains(&told), "`{told}` is not in `{text}`");
        }
    }
    Ok(())
}

/// No line is wider than 80 columns, unless it is one word.
fn fits(text: &str, situation: &Situation) -> Result<()> {
    for line in text.lines().filter(|line| !line.starts_with("error:")) {
        let words = line.split_whitespace().count();
        let columns = line.chars().count();
        ensure!(
            columns <= 80 || words <= 3,
            "{}: {columns} columns: {line}",
            situation.title
        );
    }
    Ok(())
}
