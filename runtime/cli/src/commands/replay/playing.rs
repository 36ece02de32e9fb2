//! Plays parts of an incident again.

use super::{activity, reading::File};
use crate::commands::worker;
use anyhow::Context;
use bureaucrat_engine::placed_words;
use bureaucrat_host::incidents::{
    file::{EvaluationPart, FaultPart, Part, SeenFields},
    guest_entry,
};
use bureaucrat_model::{
    Condition, EngineLimits, EvaluationBounds, Fields, Guest as GuestName, GuestClass, JsonText,
    View,
};
use bureaucrat_sandbox::{
    Class, Evaluated, Guest, LoadError, Outcome, Reads, RuntimeClass, Sandbox, SandboxConfig,
    SandboxLimits, WASMTIME, WorkerCommand, beyond_small, costs, costs_the_same, to_limits,
};
use std::time::{Duration, Instant};

/// How long all parts together may take; what is left then is not played.
const TIME_MAX: Duration = Duration::from_secs(600);

/// What became of a part that was played.
pub struct Played {
    pub activity: String,
    pub line: u32,
    pub expression: Option<String>,
    pub then: String,
    pub fuel_then: Option<u64>,
    /// Its outcome now, or why it was not played.
    pub now: Result<String, String>,
    pub fuel_now: Option<u64>,
    pub is_same: bool,
    pub fuel: Fuel,
    pub remark: Option<String>,
}

/// How the fuel of now compares with that of then.
pub enum Fuel {
    Same,
    Different,
    NotCompared(String),
    /// There is none.
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Different,
    NotPlayed,
}

impl Played {
    pub fn new(part: &Part) -> Self {
        let then = match &part.fault {
            Some(fault) => words(&fault.code, &fault.message),
            None => "no outcome".to_owned(),
        };
        let evaluation = part.evaluation.as_ref();
        Self {
            activity: part.activity.clone(),
            line: evaluation.map_or(part.line, |found| found.line),
            expression: evaluation.map(|found| found.text.clone()),
            then,
            fuel_then: evaluation.and_then(|found| found.fuel),
            now: Err(String::new()),
            fuel_now: None,
            is_same: false,
            fuel: Fuel::None,
            remark: None,
        }
    }

    pub fn not_played(part: &Part, why: impl Into<String>) -> Self {
        Self {
            now: Err(why.into()),
            ..Self::new(part)
        }
    }

    pub const fn verdict(&self) -> Verdict {
        match (&self.now, self.is_same, &self.fuel) {
            (Err(_), _, _) => Verdict::NotPlayed,
            (Ok(_), false, _) | (Ok(_), true, Fuel::Different) => Verdict::Different,
            (Ok(_), true, Fuel::Same | Fuel::NotCompared(_) | Fuel::None) => Verdict::Same,
        }
    }
}

pub fn words(code: &str, message: &str) -> String {
    match message {
        "" => code.to_owned(),
        message => format!("{code}: {message}"),
    }
}

/// Plays the parts of a file, one after the other.
pub struct Player<'a> {
    file: &'a File,
    worker: WorkerCommand,
    /// The one that was used last.
    sandbox: Option<(EvaluationBounds, Sandbox)>,
    began: Instant,
}

impl<'a> Player<'a> {
    pub fn new(file: &'a File) -> anyhow::Result<Self> {
        Ok(Self {
            file,
            worker: worker().context("cannot set up the sandbox")?,
            sandbox: None,
            began: Instant::now(),
        })
    }

    pub fn play(&mut self, part: &Part) -> Played {
        if self.is_late() {
            return Played::not_played(part, "the parts before it took too long");
        }
        match &part.evaluation {
            Some(evaluation) => match self.evaluate(evaluation) {
                Ok(evaluated) => compared(part, evaluation, evaluated),
                Err(why) => Played::not_played(part, why),
            },
            None => activity::play(self, part),
        }
    }

    /// Whether all that was played took too long.
    pub fn is_late(&self) -> bool {
        self.began.elapsed() > TIME_MAX
    }

    /// What is played.
    pub const fn file(&self) -> &'a File {
        self.file
    }

    /// Evaluates a function of the program, within the bounds of the engine that exported it.
    pub fn evaluate_function(
        &mut self,
        named: &Condition,
        view: View,
    ) -> Result<Evaluated, String> {
        let guest = guest_entry(named.guest);
        let class = match named.guest {
            GuestName::Inline => GuestClass::Small,
            GuestName::Module(_) => self.class_of(&guest)?,
        };
        let mut bounds = self.file.incident.bounds.iter();
        let bounds = bounds.find(|bounds| bounds.class == class);
        let bounds = bounds.ok_or("the file lacks the limits of its engine")?;
        let run = self.run(&guest, &named.function, view, bounds)?;
        Ok(run.0)
    }

    /// The class that a module is of here.
    fn class_of(&self, guest: &str) -> Result<GuestClass, String> {
        let component = self.file.entry(guest);
        let component = component.ok_or_else(|| format!("the file lacks the guest {guest}"))?;
        Ok(match beyond_small(component, &SandboxLimits::default()) {
            None => GuestClass::Small,
            Some(_) => GuestClass::Runtime,
        })
    }

    fn evaluate(
        &mut self,
        evaluation: &EvaluationPart,
    ) -> Result<(Evaluated, Reads, Vec<String>), String> {
        let Some(place) = evaluation.fields else {
            return Err("the fields that it saw were too large to be kept".to_owned());
        };
        let seen = self.file.incident.fields.get(place);
        let seen = seen.ok_or("the file lacks the fields that it saw")?;
        let mut view = View {
            fields: fields(seen)?,
            reserved: Fields::new(),
        };
        let mut masked = seen.masked.clone();
        if let Some(reserved) = &evaluation.reserved {
            view.reserved = fields(reserved)?;
            masked.extend(reserved.masked.iter().cloned());
        }
        let (guest, function) = (&evaluation.guest, &evaluation.function);
        let (evaluated, reads) = self.run(guest, function, view, &evaluation.bounds)?;
        Ok((evaluated, reads, masked))
    }

    fn run(
        &mut self,
        guest: &str,
        function: &str,
        view: View,
        bounds: &EvaluationBounds,
    ) -> Result<(Evaluated, Reads), String> {
        let component = self.file.entry(guest);
        let component = component.ok_or_else(|| format!("the file lacks the guest {guest}"))?;
        let (limits, budget) = to_limits(bounds).map_err(|error| error.to_string())?;
        // A guest that was small may have been admitted under higher limits than those of here.
        let limits = match bounds.class {
            GuestClass::Small => limits.admitting_more(),
            GuestClass::Runtime => limits,
        };
        let sandbox = self.sandbox(bounds, limits)?;
        let guest = loaded(&sandbox, component, bounds)?;
        Ok(sandbox.evaluate_traced(&guest, function, view, budget))
    }

    fn sandbox(
        &mut self,
        bounds: &EvaluationBounds,
        limits: SandboxLimits,
    ) -> Result<Sandbox, String> {
        if let Some((of, sandbox)) = &self.sandbox
            && of == bounds
        {
            return Ok(sandbox.clone());
        }
        // Two sets of pools at once would need twice the addresses.
        self.sandbox = None;
        let made = Sandbox::new(SandboxConfig {
            threads: 1,
            limits,
            cache: None,
            runtime_class: RuntimeClass::Allowed,
            worker: self.worker.clone(),
        });
        let sandbox = made.map_err(|error| format!("cannot set up the sandbox: {error}"))?;
        self.sandbox = Some((bounds.clone(), sandbox.clone()));
        Ok(sandbox)
    }
}

/// A guest of the file: whatever it was, it is admitted and compiled here like an upload.
fn loaded(sandbox: &Sandbox, component: &[u8], bounds: &EvaluationBounds) -> Result<Guest, String> {
    let guest = match sandbox.load_module(component) {
        Ok(guest) => guest,
        Err(LoadError::Refused(refusal)) => return Err(format!("the guest is refused: {refusal}")),
        Err(LoadError::Environment(error)) => {
            return Err(format!("the guest can't be compiled now: {error}"));
        }
    };
    let class = match guest.class() {
        Class::Small => GuestClass::Small,
        Class::Runtime => GuestClass::Runtime,
    };
    if class != bounds.class {
        return Err("the guest is of another class here, with other limits".to_owned());
    }
    Ok(guest)
}

fn fields(seen: &SeenFields) -> Result<Fields, String> {
    Fields::parse(seen.fields.get()).map_err(|error| format!("the fields of the file: {error}"))
}

fn compared(
    part: &Part,
    evaluation: &EvaluationPart,
    (evaluated, reads, masked): (Evaluated, Reads, Vec<String>),
) -> Played {
    let (now, is_same) = match &evaluated.outcome {
        Outcome::Verdict(verdict) => (format!("the verdict {verdict}"), false),
        Outcome::Value(value) => (format!("the value {value}"), false),
        Outcome::Environmental(reason) => {
            return Played::not_played(part, format!("no outcome here: {reason}"));
        }
        Outcome::Fault { code, message } => {
            let message = shortened(placed_words(&evaluation.text, message));
            let data = evaluated.log.to_data();
            let fault = part.fault.as_ref();
            let is_same = fault.is_some_and(|then| {
                then.code == code.as_str() && then.message == message && same_data(then, &data)
            });
            (words(code.as_str(), &message), is_same)
        }
    };
    let fuel = match evaluation.fuel {
        None => Fuel::None,
        Some(_) if !costs_the_same(&evaluation.bounds) => Fuel::NotCompared(format!(
            "then it was counted by wasmtime {} with {}, here by wasmtime {WASMTIME} with {}",
            evaluation.bounds.wasmtime,
            evaluation.bounds.costs,
            costs()
        )),
        Some(then) if then == evaluated.fuel => Fuel::Same,
        Some(_) => Fuel::Different,
    };
    Played {
        now: Ok(now),
        fuel_now: Some(evaluated.fuel),
        is_same,
        fuel,
        remark: about_masks(&reads, &masked),
        ..Played::new(part)
    }
}

/// A message as the engine cuts it.
fn shortened(mut message: String) -> String {
    let most = EngineLimits::default().fault_message_bytes;
    message.truncate(message.floor_char_boundary(most));
    message
}

fn same_data(then: &FaultPart, now: &Option<JsonText>) -> bool {
    let then = then.data.as_ref().map(|data| data.get());
    then == now.as_ref().map(JsonText::as_str)
}

/// What is said if the guest read something that is masked.
fn about_masks(reads: &Reads, masked: &[String]) -> Option<String> {
    if masked.is_empty() {
        return None;
    }
    let read = reads.fields();
    let is_within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let touched = masked.iter().find(|place| {
        let mut read = read.iter();
        read.any(|read| is_within(place, &read.field) || is_within(&read.field, place))
    });
    match touched {
        Some(place) => Some(format!(
            "it read {place}, which is masked in this file: what differs may come from that"
        )),
        None if reads.more() > 0 => {
            Some("it read many fields; some of them may be masked in this file".to_owned())
        }
        None => None,
    }
}
