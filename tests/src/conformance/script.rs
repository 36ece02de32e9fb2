//! Plays a script on a stage, and traces what was seen.
//!
//! A script never waits for some time to see whether something happens: steps name what must
//! happen, and a stage waits for that. Only `time` lets time pass.

use super::{
    calls::{Called, ResultMessage},
    case::{Action, Case, Expected, Fate, Step, TaskRef},
    matching::{as_refused, matches_fields, matches_glob},
    participant::{self, Received},
};
use bureaucrat_host::commands::Order;
use bureaucrat_model::{
    ActivityPath, DefinitionRef, Fields, JsonText, Millis, Modification, ProcessId,
};
use bureaucrat_wire::{Dialect, Reply as LauncherReply};
use std::{collections::BTreeMap, fmt};

/// The outcome of a launch.
#[derive(Debug)]
pub enum Launched {
    Process(ProcessId),
    /// A refusal with all its reasons.
    Refused(String),
}

/// Where a process runs. Errors are sentences: what did not happen, what went wrong.
pub trait Stage {
    fn launch(&mut self, definition: &str, fields: Option<&Fields>) -> Result<Launched, String>;
    /// The body of the next task for a participant.
    fn task(&mut self, participant: &str) -> Result<Vec<u8>, String>;
    /// Publishes a body to the answer queue; returns what happened to it, if that can be seen at
    /// once.
    fn answer(&mut self, body: String) -> Result<Option<Fate>, String>;
    /// The next call in a queue: its `correlation_id` and its body.
    fn call(&mut self, queue: &str) -> Result<(String, Vec<u8>), String>;
    /// Publishes to the queue of results; returns as [`Self::answer`] does.
    fn result(&mut self, message: ResultMessage) -> Result<Option<Fate>, String>;
    /// Publishes an event once this many fibers of the process await it.
    fn event(&mut self, name: &str, waiters: usize, body: String) -> Result<(), String>;
    /// The body of the next message in a queue that definitions send to.
    fn message(&mut self, queue: &str) -> Result<Vec<u8>, String>;
    /// A message was sent to a queue that is not there.
    fn undelivered(&mut self, queue: &str) -> Result<(), String>;
    fn time(&mut self, span: Millis) -> Result<(), String>;
    /// Deploys a definition.
    fn deploy(&mut self, definition: &str) -> Result<(), String>;

    /// Deploys a module as the next version of a name.
    fn deploy_module(&mut self, name: &str, component: &[u8]) -> Result<(), String>;
    /// The fault after which a part of the process waits for an operator.
    fn incident(&mut self) -> Result<String, String>;
    /// Changes where the process stands, unless it is refused with a text like this; gives why, if it is.
    fn modify(
        &mut self,
        modification: &Modification,
        refused: Option<&str>,
    ) -> Result<Option<String>, String>;
    /// Has the process continue as another version; gives why not, if it is refused.
    fn migrate(
        &mut self,
        to: &DefinitionRef,
        refused: Option<&str>,
    ) -> Result<Option<String>, String>;
    /// Gives an order about the whole process, which is obeyed.
    fn order(&mut self, order: &Order) -> Result<(), String>;
    fn ending(&mut self) -> Result<LauncherReply, String>;
    /// What is left that no step expected, given the number of expected dead letters.
    fn leftovers(&mut self, dead: usize) -> Vec<String>;
}

/// What was expected and what was seen, line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    pub entries: Vec<Entry>,
}

/// One step of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line in the file, from 1.
    pub line: usize,
    pub expected: String,
    pub seen: String,
    /// Whether the two are equal.
    pub same: bool,
}

impl Trace {
    /// Whether everything was as expected.
    pub fn is_right(&self) -> bool {
        self.entries.iter().all(|entry| entry.same)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            if entry.same {
                writeln!(f, "  {:3}  {}", entry.line, entry.expected)?;
            } else {
                writeln!(f, "  {:3} -{}", entry.line, entry.expected)?;
                writeln!(f, "      +{}", entry.seen)?;
            }
        }
        Ok(())
    }
}

/// Plays a case; stops at the first unexpected step.
pub fn play(case: &Case, dialect: Dialect, stage: &mut dyn Stage) -> Trace {
    let mut player = Player {
        dialect,
        stage,
        process: None,
        refused: None,
        tasks: BTreeMap::new(),
        calls: BTreeMap::new(),
        dead: 0,
    };
    let mut trace = Trace::default();
    let mut note = |line: usize, expected: &str, seen: Result<(), String>| {
        let same = seen.is_ok();
        trace.entries.push(Entry {
            line,
            expected: expected.to_owned(),
            seen: seen.err().unwrap_or_default(),
            same,
        });
        same
    };
    if note(0, "launch", player.launch(case)) {
        let went_well = case
            .steps
            .iter()
            .all(|step| note(step.line, &step.text, player.step(step)));
        if went_well {
            for leftover in player.stage.leftovers(player.dead) {
                note(0, "nothing left over", Err(leftover));
            }
        }
    }
    trace
}

struct Player<'s> {
    dialect: Dialect,
    stage: &'s mut dyn Stage,
    process: Option<ProcessId>,
    refused: Option<String>,
    tasks: BTreeMap<String, Vec<Received>>,
    /// The last call of each queue.
    calls: BTreeMap<String, Called>,
    dead: usize,
}

impl Player<'_> {
    fn launch(&mut self, case: &Case) -> Result<(), String> {
        for (name, component) in &case.modules {
            self.stage.deploy_module(name, component)?;
        }
        for definition in &case.deployed {
            self.stage.deploy(definition)?;
        }
        match self.stage.launch(&case.definition, case.fields.as_ref())? {
            Launched::Process(process) => self.process = Some(process),
            Launched::Refused(reasons) => self.refused = Some(reasons),
        }
        let refusal_expected = matches!(
            case.steps.first().map(|step| &step.action),
            Some(Action::Refused(_))
        );
        match &self.refused {
            Some(reasons) if !refusal_expected => Err(format!("refused: {reasons}")),
            Some(_) | None => Ok(()),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.action {
            Action::Task {
                participant,
                path,
                fields,
                dialect,
            } => {
                let dialect = dialect.unwrap_or(self.dialect);
                self.task(participant, path, fields, dialect)
            }
            Action::Answer { task, reply, fate } => {
                let body = self.find(task)?.answer(reply)?;
                self.send(body, *fate)
            }
            Action::Stray { path, fate } => {
                let target = format!("{}{path}", self.pid()?);
                let body = match self.dialect {
                    Dialect::Workitem => participant::workitem(&target, &target, &Fields::new()),
                    Dialect::Message => {
                        let done = [("status".to_owned(), JsonText::text("done"))];
                        participant::message(&target, &target, &done.into_iter().collect())
                    }
                };
                self.send(body, *fate)
            }
            Action::Raw { body, fate } => {
                let body = body.replace("PID", &self.pid()?.to_string());
                self.send(body, *fate)
            }
            Action::Event {
                name,
                waiters,
                fields,
            } => {
                let mut event = Fields::new();
                event.set("event", JsonText::text(name));
                event.update(fields);
                self.stage.event(name, *waiters, event.to_json())
            }
            Action::Message { queue, body } => {
                let seen = self.stage.message(queue)?;
                match seen == body.as_bytes() {
                    true => Ok(()),
                    false => Err(format!(
                        "message {queue} {}",
                        String::from_utf8_lossy(&seen)
                    )),
                }
            }
            Action::Call {
                queue,
                path,
                carries,
            } => {
                let (id, body) = self.stage.call(queue)?;
                let called = Called::read(id, &body)?;
                let seen = format!("call {queue} {} {}", called.place(), called.carries);
                self.calls.insert(queue.clone(), called);
                match seen == format!("call {queue} {path} {carries}") {
                    true => Ok(()),
                    false => Err(seen),
                }
            }
            Action::Result { queue, back, fate } => {
                let called = self.calls.get_mut(queue).ok_or("no call came")?;
                let message = called.back(back)?;
                let seen = self.stage.result(message)?;
                self.judge(seen, *fate)
            }
            Action::Undelivered(queue) => {
                self.dead += 1;
                self.stage.undelivered(queue)
            }
            Action::Time(span) => self.stage.time(*span),
            Action::Order(order) => self.stage.order(order),
            Action::Incident(pattern) => match self.stage.incident()? {
                fault if matches_glob(pattern, &fault) => Ok(()),
                fault => Err(format!("incident {fault}")),
            },
            Action::Modify(modification, refused) => {
                let seen = self.stage.modify(modification, refused.as_deref())?;
                as_refused(seen, refused.as_deref())
            }
            Action::Migrate(to, refused) => {
                let seen = self.stage.migrate(to, refused.as_deref())?;
                as_refused(seen, refused.as_deref())
            }
            Action::Completed(_) | Action::Failed { .. } => {
                let ending = self.stage.ending()?;
                self.check_ending(&step.action, &ending)
            }
            Action::Refused(pattern) => match &self.refused {
                Some(reasons) if matches_glob(pattern, reasons) => Ok(()),
                Some(reasons) => Err(format!("refused {reasons}")),
                None => Err("launched".into()),
            },
        }
    }

    fn task(
        &mut self,
        participant: &str,
        path: &ActivityPath,
        fields: &Expected,
        dialect: Dialect,
    ) -> Result<(), String> {
        let task = Received::read(&self.stage.task(participant)?)?;
        let seen_path = task.target.get(36..).unwrap_or_default();
        let as_expected = seen_path == path.to_string()
            && matches_fields(fields, &task.fields)
            && task.dialect == dialect;
        let seen = format!(
            "task {participant} {seen_path} {} in {}",
            task.fields.to_json(),
            task.dialect
        );
        let tasks = self.tasks.entry(participant.to_owned()).or_default();
        tasks.push(task);
        if as_expected { Ok(()) } else { Err(seen) }
    }

    fn send(&mut self, body: String, expected: Fate) -> Result<(), String> {
        let seen = self.stage.answer(body)?;
        self.judge(seen, expected)
    }

    fn judge(&mut self, seen: Option<Fate>, expected: Fate) -> Result<(), String> {
        self.dead += usize::from(matches!(expected, Fate::Dead | Fate::Bad));
        match seen {
            Some(fate) if fate != expected => Err(format!("{fate:?}")),
            Some(_) | None => Ok(()),
        }
    }

    fn check_ending(&self, expected: &Action, ending: &LauncherReply) -> Result<(), String> {
        let pid = self.pid()?;
        match (ending, expected) {
            (LauncherReply::Completed { process, fields }, Action::Completed(wanted))
                if *process == pid && matches_fields(wanted, fields) =>
            {
                Ok(())
            }
            (
                LauncherReply::Failed {
                    process,
                    code,
                    message,
                    activity,
                    ..
                },
                Action::Failed {
                    code: wanted,
                    path,
                    message: pattern,
                },
            ) if *process == pid
                && code == wanted
                && *activity == format!("{pid}{path}")
                && matches_glob(pattern, message) =>
            {
                Ok(())
            }
            _ => Err(describe(ending)),
        }
    }

    fn pid(&self) -> Result<ProcessId, String> {
        self.process.ok_or("there is no process".into())
    }

    fn find(&mut self, task: &TaskRef) -> Result<&mut Received, String> {
        let tasks = self.tasks.entry(task.participant.clone()).or_default();
        let count = tasks.len();
        let place = task.number.unwrap_or(count).wrapping_sub(1);
        tasks.get_mut(place).ok_or(format!("{count} tasks came"))
    }
}

/// An ending in the words of a script.
fn describe(ending: &LauncherReply) -> String {
    match ending {
        LauncherReply::Completed { fields, .. } => format!("completed {}", fields.to_json()),
        LauncherReply::Failed {
            code,
            message,
            activity,
            ..
        } => {
            let place = activity.get(36..).unwrap_or_default();
            format!("failed {code} {place} {message}")
        }
        other @ (LauncherReply::Launched { .. }
        | LauncherReply::Rejected { .. }
        | LauncherReply::Event(_)
        | LauncherReply::Cancelled { .. }) => format!("{other:?}"),
    }
}
