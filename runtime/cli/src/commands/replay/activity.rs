//! Plays the activity that failed again, through the engine: for failures that are not the outcome of
//! an evaluation.
//!
//! The process of the file tries the activity again, as `bureaucrat retry` has it. Its evaluations run
//! in the sandbox; its task gets the answer that led to the failure; its timers fire when they are
//! due. What else it needs of an engine, such as other processes or a broker's refusal, is not here.

use super::{
    playing::{Played, Player, words},
    reading::File,
};
use bureaucrat_engine::{Environment, modify, step};
use bureaucrat_host::incidents::{
    STATE_TABLES,
    file::{PROGRAM, Part, STATE},
};
use bureaucrat_model::{
    ActivityPath, Answer, Change, ConditionIndex, Effect, EngineLimits, Evaluation,
    EvaluationOutcome, Fault, FaultCode, FiberState, Initiator, Input, Instance, JsonText,
    MessageKind, Modification, Operator, PartOf, Program, Status, Timestamp, Turn, Unhandled, View,
    Wait, WaitKind,
};
use bureaucrat_sandbox::Outcome;
use bureaucrat_store::{
    Group, MemoryStore, Store, Table, Unit, Write, instances::read_instance, records,
};
use bureaucrat_wire::{WireLimits, decode_answer};
use serde_bytes::ByteBuf;
use std::collections::VecDeque;

/// The most steps of the engine.
const STEPS_MAX: usize = 10_000;

/// The process of a file while it tries its activity again.
struct Trying<'a> {
    program: Program,
    instance: Instance,
    now: Timestamp,
    part: &'a Part,
    /// The answer that led to the failure.
    answer: Option<Answer>,
    effects: VecDeque<Effect>,
}

/// Plays a part. Its outcome, or why it is not played.
pub fn play(player: &mut Player<'_>, part: &Part) -> Played {
    match tried(player, part) {
        Ok(fault) => {
            let then = part.fault.as_ref();
            let is_same = then.is_some_and(|then| {
                let data = fault.data.as_ref().map(JsonText::as_str);
                then.code == fault.code.as_str()
                    && then.message == fault.message
                    && then.data.as_ref().map(|data| data.get()) == data
            });
            Played {
                now: Ok(words(fault.code.as_str(), &fault.message)),
                is_same,
                ..Played::new(part)
            }
        }
        Err(why) => Played::not_played(part, why),
    }
}

fn tried(player: &mut Player<'_>, part: &Part) -> Result<Fault, String> {
    let file = player.file();
    let fault = part.fault.as_ref().ok_or("it has no fault")?;
    match fault.code.as_str() {
        FaultCode::TASK_REFUSED => {
            return Err("the broker refused the task; only a broker can do that again".to_owned());
        }
        FaultCode::HEARTBEAT_LOST => {
            return Err("the worker's signs of progress are not in the file".to_owned());
        }
        FaultCode::BAD_ANSWER => {
            return Err(
                "an answer that could not be read is not in the file; it is a dead letter: \
                 `bureaucrat dead list`"
                    .to_owned(),
            );
        }
        _ => {}
    }
    let mut trying = Trying {
        program: program(file)?,
        instance: instance(file)?,
        now: part.since,
        part,
        answer: answer(file, part)?,
        effects: VecDeque::new(),
    };
    trying.begin()?;
    for _ in 0..STEPS_MAX {
        if player.is_late() {
            return Err("it took too long".to_owned());
        }
        if let Some(fault) = trying.fault() {
            return Ok(fault);
        }
        let input = match trying.effects.pop_front() {
            Some(effect) => trying.input(player, effect)?,
            None => Some(trying.when_it_waits()?),
        };
        if let Some(input) = input {
            trying.step(input)?;
        }
    }
    Err(format!("it did not fail within {STEPS_MAX} steps"))
}

fn program(file: &File) -> Result<Program, String> {
    let bytes = file.entry(PROGRAM);
    let bytes = bytes.ok_or_else(|| format!("the file has no {PROGRAM}"))?;
    Program::decode(bytes).map_err(|error| error.to_string())
}

/// The process as it was when it was exported.
fn instance(file: &File) -> Result<Instance, String> {
    let Some(bytes) = file.entry(STATE) else {
        return Err(match file.incident.masks.is_empty() {
            true => format!("the file has no {STATE}"),
            false => "the state of the process is left out of files with masks".to_owned(),
        });
    };
    let process = file.incident.process;
    type Rows = Vec<(String, ByteBuf, ByteBuf)>;
    let rows: Rows = records::decode(Table::Instances, STATE.as_bytes(), bytes)
        .map_err(|error| error.to_string())?;
    let mut writes = Vec::with_capacity(rows.len());
    for (table, key, value) in rows {
        let mut tables = STATE_TABLES.into_iter();
        let table = tables.find(|known| known.name() == table);
        let table = table.ok_or_else(|| format!("{STATE} has rows of another table"))?;
        if !key.starts_with(process.as_bytes()) {
            return Err(format!("{STATE} has rows of another process"));
        }
        let (key, value) = (key.into_vec(), value.into_vec());
        writes.push(Write::Put { table, key, value });
    }
    let store = MemoryStore::new();
    let units = vec![Unit::of(writes)];
    let read = store.commit(&Group { units });
    let read = read.and_then(|_| read_instance(&store, process));
    let stored = read.map_err(|error| error.to_string())?;
    let stored = stored.ok_or_else(|| format!("{STATE} has no process {process}"))?;
    Ok(stored.instance)
}

/// The answer that led to the failure, if the file has it.
fn answer(file: &File, part: &Part) -> Result<Option<Answer>, String> {
    let message = part.message.as_ref();
    let message = message.filter(|message| message.kind == MessageKind::Answer);
    let Some(body) = message.and_then(|message| message.body.as_ref()) else {
        return Ok(None);
    };
    let body = file.entry(body);
    let body = body.ok_or("the file lacks the message that led to the failure")?;
    match decode_answer(body, &WireLimits::default()) {
        Ok(message) => Ok(Some(message.answer)),
        Err(error) => Err(format!(
            "the message that led to the failure cannot be read: {error}"
        )),
    }
}

impl Trying<'_> {
    /// The part tries its activity again.
    fn begin(&mut self) -> Result<(), String> {
        // Why the process was parked does not count here.
        self.instance.status = Status::Running;
        let modification = Modification {
            part: PartOf::Fiber(self.part.fiber),
            change: Change::Retry,
            reason: String::new(),
            dry_run: false,
        };
        let limits = EngineLimits::default();
        let environment = environment(self.now, &limits);
        let (program, instance) = (&self.program, &mut self.instance);
        let by = Initiator::Operator(Operator::named("replay"));
        let effects = modify(program, instance, &environment, &modification, &by);
        self.effects
            .extend(effects.map_err(|refusal| refusal.to_string())?);
        Ok(())
    }

    fn step(&mut self, input: Input) -> Result<(), String> {
        let limits = EngineLimits::default();
        let environment = environment(self.now, &limits);
        let effects = step(&self.program, &mut self.instance, &environment, input);
        self.effects
            .extend(effects.map_err(|rejection| rejection.to_string())?);
        Ok(())
    }

    /// What the part waits for.
    fn wait(&self) -> Option<&Wait> {
        match &self.instance.fibers.get(self.part.fiber)?.state {
            FiberState::Waiting(wait) => Some(wait),
            FiberState::Ready => None,
        }
    }

    /// The fault for which the part waits for an operator again, or with which the process ended.
    fn fault(&self) -> Option<Fault> {
        if let Some(fault) = self.instance.fault() {
            return Some(fault.clone());
        }
        match &self.wait()?.kind {
            WaitKind::Operator { fault, .. } => Some(fault.clone()),
            WaitKind::Answer { .. }
            | WaitKind::Timer { .. }
            | WaitKind::Event { .. }
            | WaitKind::Child { .. }
            | WaitKind::Branches { .. }
            | WaitKind::Condition { .. }
            | WaitKind::Stopping { .. }
            | WaitKind::Fault { .. }
            | WaitKind::Compensation { .. }
            | WaitKind::Listening { .. }
            | WaitKind::Admission => None,
        }
    }

    /// What an effect leads to, if it is one of the part.
    fn input(&self, player: &mut Player<'_>, effect: Effect) -> Result<Option<Input>, String> {
        match effect {
            Effect::Evaluate {
                fiber,
                turn,
                condition,
                view,
            } if fiber == self.part.fiber => {
                let evaluation = self.evaluate(player, condition, view)?;
                Ok(Some(Input::Evaluated {
                    fiber,
                    turn,
                    condition,
                    evaluation,
                }))
            }
            Effect::SendTask { activity, turn, .. } if self.waits_under(turn) => {
                Ok(self.answered(activity, turn))
            }
            Effect::StartChild { .. } | Effect::FindDefinition { .. } => {
                Err("it calls another process, which is not in the file".to_owned())
            }
            Effect::Send { fiber, .. } | Effect::Emit { fiber, .. } if fiber == self.part.fiber => {
                Err("whether it may send is for the engine to say".to_owned())
            }
            Effect::Yield => Ok(Some(Input::Continue)),
            Effect::Evaluate { .. }
            | Effect::SendTask { .. }
            | Effect::Send { .. }
            | Effect::Emit { .. }
            | Effect::WithdrawTask { .. }
            | Effect::StartTimer { .. }
            | Effect::StopTimer { .. }
            | Effect::Subscribe { .. }
            | Effect::Unsubscribe { .. }
            | Effect::TakeKept { .. }
            | Effect::TakeEvent { .. }
            | Effect::EndRecall { .. }
            | Effect::CancelChild { .. }
            | Effect::End(_)
            | Effect::Record(_) => Ok(None),
        }
    }

    fn waits_under(&self, turn: Turn) -> bool {
        self.wait().is_some_and(|wait| wait.turn == turn)
    }

    fn answered(&self, activity: ActivityPath, turn: Turn) -> Option<Input> {
        Some(Input::Answer {
            activity,
            turn: Some(turn),
            answer: self.answer.clone()?,
            unusable: Vec::new(),
        })
    }

    fn evaluate(
        &self,
        player: &mut Player<'_>,
        condition: ConditionIndex,
        view: View,
    ) -> Result<Evaluation, String> {
        let named = self.program.condition(condition);
        let named = named.ok_or("the program lacks an expression")?;
        let evaluated = player.evaluate_function(named, view)?;
        let outcome = match evaluated.outcome {
            Outcome::Verdict(verdict) => EvaluationOutcome::Verdict(verdict),
            Outcome::Value(text) => {
                let value = JsonText::parse(&text).map_err(|error| error.to_string())?;
                EvaluationOutcome::Value(value)
            }
            Outcome::Fault { code, message } => EvaluationOutcome::Fault {
                code,
                message,
                data: evaluated.log.to_data(),
                ran: None,
            },
            Outcome::Environmental(reason) => return Err(format!("no outcome here: {reason}")),
        };
        Ok(Evaluation {
            outcome,
            fuel: evaluated.fuel,
        })
    }

    /// Nothing is left to do: the next timer of the part fires.
    fn when_it_waits(&mut self) -> Result<Input, String> {
        let wait = self.wait();
        let wait = wait.ok_or("it does not fail here: its activity has ended")?;
        let fault = self.part.fault.as_ref();
        let times_out = fault.is_some_and(|fault| fault.code == FaultCode::TIMEOUT);
        let due = match &wait.kind {
            WaitKind::Timer { due, .. } => Some(*due),
            // Another fault than this one has another cause than the time.
            WaitKind::Answer { .. } | WaitKind::Event { .. } => wait.timer.filter(|_| times_out),
            WaitKind::Child { .. }
            | WaitKind::Branches { .. }
            | WaitKind::Condition { .. }
            | WaitKind::Stopping { .. }
            | WaitKind::Fault { .. }
            | WaitKind::Compensation { .. }
            | WaitKind::Listening { .. }
            | WaitKind::Operator { .. }
            | WaitKind::Admission => None,
        };
        let turn = wait.turn;
        let due = due.ok_or(
            "what led to the failure is not in the file: its activity waits for something that \
             only an engine can give",
        )?;
        self.now = self.now.max(due);
        Ok(Input::TimerFired {
            fiber: self.part.fiber,
            turn,
        })
    }
}

const fn environment(now: Timestamp, limits: &EngineLimits) -> Environment<'_> {
    Environment {
        now,
        secret: &[0; 32],
        limits,
        unhandled: Unhandled::Waits,
    }
}
