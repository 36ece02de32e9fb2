//! The pure stage: the engine, the definition compiler, the sandbox and the wire's codecs, with
//! virtual time and nothing durable. It does the host's part as simply as the contracts allow.

mod called;
mod evaluating;
mod loading;
mod migrating;
mod operators;
pub mod places;
mod taken;
mod telling;

use super::{
    calls::ResultMessage,
    case::{Case, Fate},
    script::{Launched, Stage, Trace, play},
};
use bureaucrat_engine::{Rejection, launch, step, task_fields};
use bureaucrat_host::commands::Order;
use bureaucrat_model::{
    Caller, DefinitionRef, DeployedProgram, Effect, Ending, EngineLimits, FiberId, Fields, Input,
    Instance, Launch, Millis, Modification, ProcessId, Program, ProgramHash, ReplyTo, Subscription,
    Timestamp, Turn, Version,
};
use bureaucrat_sandbox::{RuntimeClass, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand};
use bureaucrat_wire::{
    Dialect, Reply, Report, WireLimits, decode_answer, decode_event, decode_reply, merge_fields,
    reply,
};
use loading::{Guests, environment};
use places::Ordered;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::OnceLock,
};

const SECRET: [u8; 32] = [5; 32];

/// Plays a case on a new pure stage.
///
/// # Errors
/// When the sandbox can't be set up.
pub fn run_pure(case: &Case, dialect: Dialect) -> Result<Trace, String> {
    Ok(observe_pure(case, dialect)?.0)
}

/// Plays a case on a new pure stage; returns also what operators ordered, and where the process stood then.
///
/// # Errors
/// When the sandbox can't be set up.
pub fn observe_pure(case: &Case, dialect: Dialect) -> Result<(Trace, Vec<Ordered>), String> {
    let mut stage = Pure::new(dialect)?;
    let trace = play(case, dialect, &mut stage);
    Ok((trace, stage.ordered))
}

/// One process, its program, and the program's guests.
struct Process {
    program: Program,
    guests: Guests,
    instance: Instance,
}

pub struct Pure {
    dialect: Dialect,
    limits: EngineLimits,
    sandbox: Sandbox,
    now: Timestamp,
    root: Option<ProcessId>,
    /// Versions with their texts, oldest first.
    deployed: Vec<(DeployedProgram, String)>,
    /// Deployed modules, in order.
    modules: Vec<(String, Vec<u8>)>,
    processes: BTreeMap<ProcessId, Process>,
    timers: BTreeSet<(Timestamp, ProcessId, FiberId, Turn)>,
    subscriptions: BTreeSet<(Subscription, ProcessId, FiberId, Turn)>,
    tasks: BTreeMap<String, VecDeque<Vec<u8>>>,
    /// Calls and requests by queue: their `correlation_id` and their body.
    calls: BTreeMap<String, VecDeque<(String, Vec<u8>)>>,
    /// What definitions sent, by queue.
    messages: BTreeMap<String, VecDeque<Vec<u8>>>,
    kept: Vec<telling::Kept>,
    /// Effects that cause further inputs, oldest first. A queue, because a loop may cause a million
    /// of them.
    later: VecDeque<(ProcessId, Effect)>,
    ending: Option<Vec<u8>>,
    ordered: Vec<Ordered>,
    dead: usize,
    wrong: Vec<String>,
}

/// The sandbox that all stages share; evaluations leave nothing behind.
fn sandbox() -> Result<Sandbox, String> {
    static SHARED: OnceLock<Result<Sandbox, String>> = OnceLock::new();
    let new = || {
        let config = SandboxConfig {
            threads: 32, // those of the tests of one program
            limits: SandboxLimits::default(),
            cache: None,
            runtime_class: RuntimeClass::Refused,
            // Modules of cases are our own and are compiled in this process.
            worker: WorkerCommand {
                program: "true".into(),
                arguments: Vec::new(),
            },
        };
        Sandbox::new(config).map_err(|error| error.to_string())
    };
    SHARED.get_or_init(new).clone()
}

impl Pure {
    /// A stage on which nothing has happened.
    ///
    /// # Errors
    /// If the sandbox cannot be set up.
    pub fn new(dialect: Dialect) -> Result<Self, String> {
        Ok(Self {
            dialect,
            limits: EngineLimits {
                // A loop that never waits is stopped sooner than in production, so that its case is
                // fast.
                ops_without_waiting: 30_000,
                ..EngineLimits::default()
            },
            sandbox: sandbox()?,
            now: Timestamp(1_800_000_000_000),
            root: None,
            deployed: Vec::new(),
            modules: Vec::new(),
            processes: BTreeMap::new(),
            timers: BTreeSet::new(),
            subscriptions: BTreeSet::new(),
            tasks: BTreeMap::new(),
            calls: BTreeMap::new(),
            messages: BTreeMap::new(),
            kept: Vec::new(),
            later: VecDeque::new(),
            ending: None,
            ordered: Vec::new(),
            dead: 0,
            wrong: Vec::new(),
        })
    }

    /// Compiles and starts a process, or the version of a deployed definition.
    fn start(
        &mut self,
        id: ProcessId,
        definition: &str,
        caller: Option<Caller>,
        (version, fields): (Option<Version>, Fields),
    ) -> Result<(), String> {
        let (program, guests) = self.compiled(definition)?;
        let mut start = Launch {
            caller,
            fields,
            version,
            ..Launch::new(id, ProgramHash::of(definition.as_bytes()))
        };
        let environment = environment(self.now, &self.limits);
        start.key = self.key_of(&program, &guests, &start, &environment)?;
        let (instance, effects) = launch(&program, &start, &environment);
        let process = Process {
            program,
            guests,
            instance,
        };
        self.processes.insert(id, process);
        self.carry_out(id, effects);
        Ok(())
    }

    /// Gives one input to a process and carries out what follows.
    fn bring(&mut self, id: ProcessId, input: Input) -> Result<(), Option<Rejection>> {
        let environment = environment(self.now, &self.limits);
        let process = self.processes.get_mut(&id).ok_or(None)?;
        if process.instance.status.parking().is_some() {
            return operators::keep_for_parked(process, input);
        }
        let effects = step(&process.program, &mut process.instance, &environment, input)?;
        self.carry_out(id, effects);
        Ok(())
    }

    /// Carries out deferred effects until none is left.
    fn settle(&mut self) {
        while let Some((id, effect)) = self.later.pop_front() {
            self.lead_on(id, effect);
        }
    }

    /// Like [`Pure::bring`], for inputs that always match.
    fn follow(&mut self, id: ProcessId, input: Input) {
        if let Err(rejection) = self.bring(id, input.clone()) {
            self.wrong
                .push(format!("{id} rejected {input:?}: {rejection:?}"));
        }
    }

    /// Carries out effects in order. Those that cause further inputs are deferred, as if until
    /// after a commit.
    fn carry_out(&mut self, id: ProcessId, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::SendTask {
                    activity,
                    turn,
                    participant,
                    way,
                    cargo,
                    expires,
                } => {
                    let process = self.processes.get(&id);
                    let fields = process.and_then(|process| task_fields(&process.instance, turn));
                    if let Some(fields) = fields {
                        let to = (participant.as_str(), &way);
                        self.send((id, &activity, turn), to, (cargo, &fields), expires);
                    }
                }
                Effect::StartTimer { fiber, turn, due } => {
                    self.timers.insert((due, id, fiber, turn));
                }
                Effect::StopTimer { fiber, turn, due } => {
                    self.timers.remove(&(due, id, fiber, turn));
                }
                Effect::Subscribe {
                    subscription,
                    fiber,
                    turn,
                } => {
                    let recall = (id, Effect::EndRecall { fiber, turn });
                    self.later.extend(subscription.since.map(|_| recall));
                    self.subscriptions.insert((subscription, id, fiber, turn));
                }
                Effect::TakeKept { sequence } => self.kept_was_taken(sequence, id),
                Effect::Unsubscribe {
                    subscription,
                    fiber,
                    turn,
                } => {
                    self.subscriptions.remove(&(subscription, id, fiber, turn));
                }
                Effect::Evaluate { .. }
                | Effect::Emit { .. }
                | Effect::Send { .. }
                | Effect::StartChild { .. }
                | Effect::FindDefinition { .. }
                | Effect::CancelChild { .. }
                | Effect::End(_)
                | Effect::Yield => self.later.push_back((id, effect)),
                Effect::WithdrawTask { .. }
                | Effect::EndRecall { .. }
                | Effect::TakeEvent { .. }
                | Effect::Record(_) => {}
            }
        }
    }

    /// Carries out an effect that causes further inputs.
    fn lead_on(&mut self, id: ProcessId, effect: Effect) {
        match effect {
            Effect::Evaluate {
                fiber,
                turn,
                condition,
                view,
            } => {
                // An earlier outcome of the same step may have ended the process.
                if self.has_ended(id) {
                    return;
                }
                let evaluation = self.evaluate(id, condition, view);
                let input = Input::Evaluated {
                    fiber,
                    turn,
                    condition,
                    evaluation,
                };
                // What was stopped meanwhile takes no outcome.
                match self.bring(id, input) {
                    Ok(()) | Err(Some(Rejection::Stale(_))) => {}
                    Err(rejection) => self.wrong.push(format!("{id} rejected: {rejection:?}")),
                }
            }
            Effect::StartChild {
                child,
                caller,
                definition,
                fields,
                bond,
            } => self.start_called(child, caller, &definition, (bond, fields)),
            Effect::FindDefinition {
                fiber,
                turn,
                definition,
            } => {
                let input = match self.find(&definition) {
                    Ok(definition) => Input::DefinitionFound {
                        fiber,
                        turn,
                        definition,
                    },
                    Err(reason) => Input::ChildRefused {
                        fiber,
                        turn,
                        reason,
                    },
                };
                self.follow(id, input);
            }
            Effect::Emit {
                fiber,
                turn,
                event,
                key,
                keep,
                fields,
                depth,
                ..
            } => {
                let asked = (id, Input::Admitted { fiber, turn });
                self.emit((&event, key.as_deref(), keep), &fields, depth, asked);
            }
            Effect::Send {
                activity,
                fiber,
                turn,
                message,
            } => {
                let asked = (fiber, turn);
                self.message_sent(id, activity, asked, &message);
            }
            Effect::CancelChild {
                child,
                turn,
                awaited_by: Some(fiber),
            } => match self.processes.contains_key(&child) {
                true => self.cancel_process(child, "the calling process no longer waits for it"),
                false => self.follow(
                    id,
                    Input::ChildRefused {
                        fiber,
                        turn,
                        reason: "it was cancelled before it began".into(),
                    },
                ),
            },
            Effect::CancelChild {
                child,
                awaited_by: None,
                ..
            } => self.cancel_called(child),
            Effect::EndRecall { fiber, turn } => self.recall(id, fiber, turn),
            Effect::End(ending) => self.end(id, ending),
            Effect::Yield => {
                if !self.has_ended(id) {
                    // Several yields may come before the process continues; the later ones find
                    // nothing to do.
                    let _ = self.bring(id, Input::Continue);
                }
            }
            Effect::SendTask { .. }
            | Effect::WithdrawTask { .. }
            | Effect::StartTimer { .. }
            | Effect::StopTimer { .. }
            | Effect::Subscribe { .. }
            | Effect::Unsubscribe { .. }
            | Effect::TakeKept { .. }
            | Effect::TakeEvent { .. }
            | Effect::Record(_) => {}
        }
    }

    fn has_ended(&self, id: ProcessId) -> bool {
        self.processes
            .get(&id)
            .is_none_or(|process| process.instance.has_ended())
    }

    fn end(&mut self, id: ProcessId, ending: Ending) {
        let Some(process) = self.processes.get(&id) else {
            return;
        };
        if let Some(caller) = process.instance.caller.clone() {
            self.follow(
                caller.process,
                Input::ChildEnded {
                    fiber: caller.fiber,
                    turn: caller.turn,
                    ending,
                },
            );
        } else if self.root == Some(id) {
            let report = match (&ending, process.instance.history) {
                (Ending::Completed(fields), history) => Report::Completed { fields, history },
                (Ending::Failed(fault), history) => Report::Failed { fault, history },
            };
            let launcher = ReplyTo {
                queue: "launcher".into(),
                correlation_id: None,
            };
            self.ending = Some(reply(&launcher, Some(id), report).body);
        }
    }
}

impl Stage for Pure {
    fn launch(&mut self, definition: &str, fields: Option<&Fields>) -> Result<Launched, String> {
        let merged = match fields {
            Some(fields) => merge_fields(definition, fields).map_err(|error| error.to_string())?,
            None => definition.to_owned(),
        };
        let id = ProcessId::from_seed([0x42; 16]);
        self.root = Some(id);
        let started = self.start(id, &merged, None, (None, Fields::new()));
        self.settle();
        Ok(match started {
            Ok(()) => Launched::Process(id),
            Err(reasons) => Launched::Refused(reasons),
        })
    }

    fn task(&mut self, participant: &str) -> Result<Vec<u8>, String> {
        let queue = self.tasks.get_mut(participant);
        queue.and_then(VecDeque::pop_front).ok_or_else(|| {
            let ending = self.ending.as_deref().map(String::from_utf8_lossy);
            format!("no task for {participant}; ending: {ending:?}")
        })
    }

    fn message(&mut self, queue: &str) -> Result<Vec<u8>, String> {
        let sent = self.messages.get_mut(queue);
        let next = sent.and_then(VecDeque::pop_front);
        next.ok_or_else(|| format!("nothing was sent to {queue}"))
    }

    fn undelivered(&mut self, queue: &str) -> Result<(), String> {
        self.dead += 1;
        self.message(queue).map(drop)
    }

    fn answer(&mut self, body: String) -> Result<Option<Fate>, String> {
        let decoded = decode_answer(body.as_bytes(), &WireLimits::default());
        Ok(Some(self.taken(decoded)))
    }

    fn call(&mut self, queue: &str) -> Result<(String, Vec<u8>), String> {
        let sent = self.calls.get_mut(queue);
        let next = sent.and_then(VecDeque::pop_front);
        next.ok_or_else(|| format!("no call came to {queue}"))
    }

    fn result(&mut self, message: ResultMessage) -> Result<Option<Fate>, String> {
        Ok(Some(self.came_back(message)))
    }

    fn event(&mut self, name: &str, waiters: usize, body: String) -> Result<(), String> {
        let message = decode_event(body.as_bytes(), &WireLimits::default())
            .map_err(|error| error.to_string())?;
        let open = self.open(&message.name, message.key.as_deref(), message.process);
        if open.len() != waiters {
            return Err(format!("{} fibers await {name}", open.len()));
        }
        let source = self.keep_one(
            (&message.name, message.key.as_deref(), message.keep),
            message.process,
            &message.event,
        );
        for (_, id, fiber, turn) in open {
            let event = message.event.clone();
            // A fiber that was ended by another one's failure awaits nothing any more.
            if !self.has_ended(id) {
                let input = Input::Event {
                    fiber,
                    turn,
                    name: message.name.clone(),
                    key: message.key.clone(),
                    depth: 0,
                    event,
                    source,
                };
                self.follow(id, input);
                self.settle();
            }
        }
        Ok(())
    }

    fn deploy(&mut self, definition: &str) -> Result<(), String> {
        self.deployed_as_next(definition)
    }

    fn deploy_module(&mut self, name: &str, component: &[u8]) -> Result<(), String> {
        self.modules.push((name.to_owned(), component.to_vec()));
        Ok(())
    }

    fn incident(&mut self) -> Result<String, String> {
        self.stuck()
    }

    fn modify(
        &mut self,
        modification: &Modification,
        _: Option<&str>,
    ) -> Result<Option<String>, String> {
        let refusal = self.modify_process(modification)?;
        self.settle();
        Ok(refusal)
    }

    fn migrate(&mut self, to: &DefinitionRef, _: Option<&str>) -> Result<Option<String>, String> {
        let refusal = self.migrated(to)?;
        self.settle();
        Ok(refusal)
    }

    fn order(&mut self, order: &Order) -> Result<(), String> {
        self.obey(order)
    }

    fn time(&mut self, span: Millis) -> Result<(), String> {
        let until = self.now.after(span);
        let tasks: Vec<&String> = self
            .tasks
            .keys()
            .filter(|name| !self.tasks[*name].is_empty())
            .collect();
        if !tasks.is_empty() {
            return Err(format!("tasks came before that: {tasks:?}"));
        }
        while let Some(&(due, id, fiber, turn)) = self.timers.first()
            && due <= until
        {
            self.now = self.now.max(due);
            // Of a suspended process, it does not stop the timer in this step.
            self.timers.pop_first();
            self.follow(id, Input::TimerFired { fiber, turn });
            self.settle();
        }
        self.now = until;
        Ok(())
    }

    fn ending(&mut self) -> Result<Reply, String> {
        let body = self.ending.take().ok_or("it has not ended")?;
        decode_reply(&body, &WireLimits::default()).map_err(|error| error.to_string())
    }

    fn leftovers(&mut self, dead: usize) -> Vec<String> {
        let mut left = std::mem::take(&mut self.wrong);
        for (participant, tasks) in &self.tasks {
            if !tasks.is_empty() {
                left.push(format!("{} tasks for {participant}", tasks.len()));
            }
        }
        for (queue, calls) in &self.calls {
            if !calls.is_empty() {
                left.push(format!("{} calls in {queue}", calls.len()));
            }
        }
        for (queue, messages) in &self.messages {
            if !messages.is_empty() {
                left.push(format!("{} messages in {queue}", messages.len()));
            }
        }
        if self.dead != dead {
            left.push(format!("{} dead letters", self.dead));
        }
        if self.ending.is_some() {
            left.push("an ending".into());
        }
        for (id, process) in &self.processes {
            if !process.instance.has_ended() {
                left.push(format!("process {id} has not ended"));
            }
        }
        if !self.timers.is_empty() || !self.subscriptions.is_empty() {
            left.push("timers or subscriptions".into());
        }
        left
    }
}
