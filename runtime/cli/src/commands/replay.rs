//! `replay`: plays again what failed, from a file, without an engine.
//!
//! The file may come from a stranger: it is read within bounds, its guests are admitted and compiled
//! as uploads are, and its limits are taken as far as they are sensible here.

mod activity;
mod playing;
mod reading;

use super::{id, print_line};
use crate::{Exit, arguments::Replay, screen::clean};
use bureaucrat_sandbox::shortened;
use playing::{Fuel, Played, Player, Verdict};
use reading::File;
use serde_json::{Value, json};

/// Plays each part, and prints what happened then and now.
pub fn run(replay: &Replay) -> anyhow::Result<Exit> {
    let file = File::read(&replay.file)?;
    let mut player = Player::new(&file)?;
    let mut played = Vec::with_capacity(file.incident.parts.len());
    for part in &file.incident.parts {
        played.push(player.play(part));
    }
    let exit = exit(&played);
    if replay.json {
        let parts: Vec<Value> = played.iter().map(json_of).collect();
        let object = json!({
            "process": id(file.incident.process),
            "name": file.incident.name,
            "same": exit == Exit::Done,
            "masks": file.incident.masks,
            "parts": parts,
        });
        print_line(&object.to_string())?;
        return Ok(exit);
    }
    let name = clean(&file.incident.name);
    print_line(format!("process {} {name}", file.incident.process).trim_end())?;
    if let Some(reason) = &file.incident.parked {
        print_line(&format!("parked: {}", clean(reason)))?;
    }
    for played in &played {
        words(played)?;
    }
    Ok(exit)
}

fn exit(played: &[Played]) -> Exit {
    let is = |verdict| played.iter().any(|played| played.verdict() == verdict);
    if is(Verdict::Different) {
        return Exit::Failed;
    }
    match is(Verdict::Same) {
        true => Exit::Done,
        false => Exit::Unusable,
    }
}

fn words(played: &Played) -> anyhow::Result<()> {
    let about = match &played.expression {
        Some(text) => format!(": {}", clean(&shortened(text))),
        None => String::new(),
    };
    let activity = clean(&played.activity);
    print_line(&format!("{activity}, line {}{about}", played.line))?;
    let outcome = |words: &str, fuel: Option<u64>| {
        let fuel = fuel.map(|fuel| format!("; fuel {fuel}"));
        format!("{}{}", clean(&shortened(words)), fuel.unwrap_or_default())
    };
    print_line(&format!(
        "  then  {}",
        outcome(&played.then, played.fuel_then)
    ))?;
    match &played.now {
        Ok(now) => print_line(&format!("  now   {}", outcome(now, played.fuel_now)))?,
        Err(reason) => print_line(&format!("  now   not replayed: {}", clean(reason)))?,
    }
    if played.now.is_ok() {
        let outcome = match played.is_same {
            true => "the same outcome",
            false => "another outcome",
        };
        print_line(&format!("  {outcome}, {}", fuel_words(&played.fuel)))?;
    }
    if let Some(remark) = &played.remark {
        print_line(&format!("  note  {}", clean(remark)))?;
    }
    Ok(())
}

fn fuel_words(fuel: &Fuel) -> String {
    match fuel {
        Fuel::Same => "the same fuel".to_owned(),
        Fuel::Different => "another fuel".to_owned(),
        Fuel::NotCompared(why) => format!("fuel is not compared: {why}"),
        Fuel::None => "no fuel to compare".to_owned(),
    }
}

fn json_of(played: &Played) -> Value {
    let verdict = match played.verdict() {
        Verdict::Same => "same",
        Verdict::Different => "different",
        Verdict::NotPlayed => "not_replayed",
    };
    let (now, reason) = match &played.now {
        Ok(now) => (json!({"outcome": now, "fuel": played.fuel_now}), None),
        Err(reason) => (Value::Null, Some(reason)),
    };
    let (fuel, why) = match &played.fuel {
        Fuel::Same => ("same", None),
        Fuel::Different => ("different", None),
        Fuel::NotCompared(why) => ("not_compared", Some(why)),
        Fuel::None => ("none", None),
    };
    json!({
        "activity": played.activity,
        "line": played.line,
        "expression": played.expression,
        "then": {"outcome": played.then, "fuel": played.fuel_then},
        "now": now,
        "verdict": verdict,
        "fuel": fuel,
        "reason": reason.or(why),
        "note": played.remark,
    })
}
