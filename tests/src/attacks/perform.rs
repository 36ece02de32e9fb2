//! Tries one attack and says how it ended.

use super::{Attack, How, Stop};
use crate::{polled::Polled, simulation::SimulatedClock};
use anyhow::{Context, Result, bail, ensure};
use bureaucrat_expression::{Function, Kind};
use bureaucrat_host::{HostConfig, broker::Source};
use bureaucrat_model::Fields;
use bureaucrat_sandbox::{Evaluated, Guest, LoadError, Outcome, Sandbox};
use bureaucrat_store::MemoryStore;
use bureaucrat_wire::{Outgoing, WireLimits, decode_answer, decode_event};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// With a fault of this code.
    Fault(String),
    Refused(String),
    /// A dead letter with this code.
    DeadLetter(&'static str),
    /// It did no harm.
    Harmless,
    Elsewhere,
}

impl Seen {
    /// Whether it ended as the catalogue says.
    pub fn is(&self, stop: Stop) -> bool {
        match (self, stop) {
            (Self::Fault(code), Stop::Fault(wanted)) => code == wanted,
            (Self::Refused(words), Stop::Refused(wanted)) => words.contains(wanted),
            (Self::DeadLetter(code), Stop::DeadLetter(wanted)) => *code == wanted,
            (Self::Harmless, Stop::Harmless) | (Self::Elsewhere, _) => true,
            (Self::Fault(_) | Self::Refused(_) | Self::DeadLetter(_) | Self::Harmless, _) => false,
        }
    }
}

/// A process that ends at once, to check that other processes still run.
const BENIGN: &str = "<process name=\"benign\"/>";

/// Tries an attack. Whatever a guest returned must come out again.
///
/// # Errors
/// If the test itself fails, or the outcome depends on the machine.
pub fn perform(attack: &Attack, sandbox: &Sandbox) -> Result<Seen> {
    match &attack.how {
        How::Guest { component, fields } => match sandbox.load_module(component) {
            Ok(guest) => evaluated(sandbox, &guest, fields),
            Err(error) => refused(error),
        },
        How::Upload(bytes) => match sandbox.load_module(bytes) {
            Ok(guest) => evaluated(sandbox, &guest, "{}"),
            Err(error) => refused(error),
        },
        How::Definition(source) => {
            let limits = bureaucrat_definition::Limits::default();
            Ok(match bureaucrat_definition::compile(source, &limits) {
                Ok(_) => Seen::Harmless,
                Err(diagnostics) => {
                    let words: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
                    Seen::Refused(words.join("\n"))
                }
            })
        }
        How::Expression { text, fields } => expression(sandbox, text, fields),
        How::Process(definition) => launched(sandbox, definition),
        How::Answer(body) => Ok(match decode_answer(body, &WireLimits::default()) {
            Ok(_) => Seen::Harmless,
            Err(unreadable) => Seen::DeadLetter(unreadable.reason.code()),
        }),
        How::Event(body) => Ok(match decode_event(body, &WireLimits::default()) {
            Ok(_) => Seen::Harmless,
            Err(unreadable) => Seen::DeadLetter(unreadable.code()),
        }),
        How::Elsewhere { .. } => Ok(Seen::Elsewhere),
    }
}

fn refused(error: LoadError) -> Result<Seen> {
    match error {
        LoadError::Refused(refusal) => Ok(Seen::Refused(refusal.to_string())),
        LoadError::Environment(reason) => bail!("no verdict: {reason}"),
    }
}

fn evaluated(sandbox: &Sandbox, guest: &Guest, fields: &str) -> Result<Seen> {
    let fields = Fields::parse(fields)?;
    let first = sandbox.evaluate(guest, "evaluate", &fields);
    let again = sandbox.evaluate(guest, "evaluate", &fields);
    let told = |told: &Evaluated| (told.outcome.clone(), told.fuel, told.memory_bytes);
    ensure!(
        told(&first) == told(&again),
        "not the same again: {first:?}, {again:?}"
    );
    Ok(match first.outcome {
        Outcome::Verdict(_) | Outcome::Value(_) => Seen::Harmless,
        Outcome::Fault { code, .. } => Seen::Fault(code.as_str().to_owned()),
        Outcome::Environmental(reason) => bail!("no outcome: {reason}"),
    })
}

fn expression(sandbox: &Sandbox, text: &str, fields: &str) -> Result<Seen> {
    let expression = match bureaucrat_expression::parse(text) {
        Ok(expression) => expression,
        Err(refusal) => return Ok(Seen::Refused(refusal.to_string())),
    };
    let function = Function {
        name: "evaluate".to_owned(),
        expression,
        kind: Kind::Verdict,
    };
    match bureaucrat_expression::compile(&[function]) {
        Ok(component) => match sandbox.load_inline(&component) {
            Ok(guest) => evaluated(sandbox, &guest, fields),
            Err(error) => refused(error),
        },
        Err(error) => Ok(Seen::Refused(error.to_string())),
    }
}

/// Launches it on a host, and another process after it, which must end.
fn launched(sandbox: &Sandbox, definition: &str) -> Result<Seen> {
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let store = Arc::new(MemoryStore::new());
    let mut host = Polled::open(HostConfig::default(), store, clock, sandbox)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    host.deliver(Source::Launches, Some("attack"), definition);
    host.turn().context("the attack's first turn")?;
    host.deliver(Source::Launches, Some("benign"), BENIGN);
    let mut published = host.settle()?;
    // The participant `hand` passes the definition on.
    let mut fresh = published.clone();
    while !fresh.is_empty() {
        for task in fresh
            .iter()
            .filter(|message| message.routing_key == "worker_hand")
        {
            let mut answer: serde_json::Value = serde_json::from_slice(&task.body)?;
            answer["header"]["message"] = "response".into();
            answer["fields"] = serde_json::json!({ "d": definition });
            host.deliver(Source::Answers, None, &answer.to_string());
        }
        fresh = host.settle()?;
        published.extend(fresh.iter().cloned());
    }
    ensure!(
        published
            .iter()
            .any(|message| message.routing_key == "completed.benign"),
        "the other process did not end"
    );
    let fault = published.iter().find_map(fault_of);
    Ok(fault.map_or(Seen::Harmless, Seen::Fault))
}

fn fault_of(message: &Outgoing) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(&message.body).ok()?;
    Some(body.get("fault")?.get("code")?.as_str()?.to_owned())
}
