//! The engine: runs a process, as a pure state machine.
//!
//! [`launch`] makes an instance and runs it until it waits; [`step`] gives it one input and runs it
//! until it waits again. Both return the effects that the host must carry out, in order. The crate
//! uses no clock, no randomness and no I/O: time and the store's secret come in through
//! [`Environment`], the outcome of a condition comes in as an input. The same inputs produce the
//! same state and effects, byte for byte.
//!
//! The crate promises that it never panics, whatever program and input it gets; that an input that
//! does not match leaves the instance unchanged; and that a process that ends withdraws every task,
//! timer, subscription and call that it had open. It leaves to the host: making effects durable,
//! evaluating conditions, and delivering inputs one at a time.
//!
//! # Layout
//! - `ops`: one file per instruction: how it starts, and how an input resumes it
//! - `machine`: an instance at work: the run loop, its budgets, waits and effects
//! - `fields`: changes of a fiber's fields, within their limits
//! - `input`: finds the instruction that an input is for
//! - `migrating`: where the parts of an instance are in another version of its definition
//! - `parked`: what comes for a parked process is kept with it
//! - `modifying`: what operators change about where a process stands
//! - `values`: what was computed for an instruction, as what the instruction needs it
//! - `reserved`: what functions read under the names that begin with `inst:`
//! - `sticking`: a fault that nothing handles, where operators look at those
//! - `choosing`: which handler of a scope is for a fault, by its codes and conditions
//! - `throwing`: finds the scope that handles a fault, and leads the fault there
//! - `stopping`: stops what is below a fiber, and waits for what that runs at its end
//! - `ending`: completion and failure
#![forbid(unsafe_code)]

mod choosing;
mod ending;
mod fields;
mod input;
mod machine;
mod migrating;
mod modifying;
mod ops;
mod parked;
mod pending;
mod rejection;
mod reserved;
mod sticking;
mod stopping;
mod surroundings;
mod throwing;
mod trouble;
mod values;

pub use migrating::Target;
pub use ops::evaluate::placed_words;
pub use parked::{Keeping, keep, unpark};
pub use pending::{evaluations_of_untaken, pending_evaluations};
pub use rejection::{Aim, Rejection};
pub use sticking::{keep_message, room as evidence_room, unhandled, view_of_failed};

use bureaucrat_model::{
    ActivityPath, ConditionIndex, Effect, EngineLimits, Fault, Fiber, FiberId, Fields, Head,
    HistoryEvent, HistoryHead, Initiator, Input, Instance, Launch, Modification, Obstacle, OpIndex,
    Program, Refusal, Relocation, Searched, Status, Timestamp, Turn, Unhandled, View,
};
use machine::Machine;

/// What a step sees of the outside world.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    /// The engine's time; never runs backwards.
    pub now: Timestamp,
    /// The store's secret, from which the ids of called processes are derived.
    pub secret: &'a [u8; 32],
    /// What one process may use.
    pub limits: &'a EngineLimits,
    /// What becomes of a fault that nothing handles, where the definition does not say.
    pub unhandled: Unhandled,
}

/// The fields that can be searched for, before they hold anything.
fn searched(program: &Program) -> Vec<Searched> {
    let names = program.conduct.searchable.iter().cloned();
    names.map(Searched::new).collect()
}

fn instance_of(program: &Program, launch: &Launch, environment: &Environment<'_>) -> Instance {
    let mut fields = program.context.clone();
    if !launch.fields.is_empty() {
        fields.update(&launch.fields);
    }
    let first = Fiber::new(OpIndex(0), fields, None);
    let head = Head {
        process: launch.process,
        program: launch.program,
        name: program.name.clone(),
        user: launch.user.clone(),
        reply_to: launch.reply_to.clone(),
        caller: launch.caller.clone(),
        launched_at: environment.now,
        ended_at: None,
        status: Status::Running,
        next_fiber: 1,
        next_turn: 0,
        next_call: 0,
        history: HistoryHead::EMPTY,
        ops_without_waiting: 0,
        cause_depth: 0,
        cancelled: None,
        failed_fields: Fields::new(),
        version: launch.version,
        key: launch.key.clone(),
        deadline: None,
        stuck: 0,
        recorded: program.conduct.recorded,
        searched: searched(program),
    };
    Instance::new(head, [(FiberId(0), first)])
}

/// Makes an instance of `program` and runs it until it waits, yields or ends.
pub fn launch(
    program: &Program,
    launch: &Launch,
    environment: &Environment<'_>,
) -> (Instance, Vec<Effect>) {
    let mut instance = instance_of(program, launch, environment);
    let mut machine = Machine::new(program, &mut instance, environment);
    machine.record(HistoryEvent::Launched {
        message_id: launch.message_id.clone(),
        redelivered: launch.redelivered,
        program: launch.program,
    });
    machine.begin();
    let effects = machine.finish();
    (instance, effects)
}

/// What a function sees that is evaluated before a process begins, with what it begins with.
pub fn view_at_launch(
    program: &Program,
    launch: &Launch,
    environment: &Environment<'_>,
    function: ConditionIndex,
) -> View {
    let instance = instance_of(program, launch, environment);
    let now = environment.now;
    let Some(first) = instance.fibers.get(FiberId(0)) else {
        return View::default();
    };
    View {
        fields: first.fields.clone(),
        reserved: reserved::reserved(
            program,
            &instance,
            first,
            function,
            now,
            reserved::Given::default(),
        ),
    }
}

/// Gives one input to an instance and runs it until every fiber waits, it yields, or it ends.
///
/// The host parks an instance as an incident and resumes it; the engine steps a parked instance
/// like a running one.
///
/// # Errors
/// If the instance does not wait for such an input. It is unchanged then.
pub fn step(
    program: &Program,
    instance: &mut Instance,
    environment: &Environment<'_>,
    input: Input,
) -> Result<Vec<Effect>, Rejection> {
    if instance.has_ended() {
        return Err(Rejection::Ended(instance.process));
    }
    let mut machine = Machine::new(program, instance, environment);
    input::take(&mut machine, input)?;
    Ok(machine.finish())
}

/// Whether the instance waits for an answer of this activity, for a host that keeps the answers of
/// a parked instance: what it waits for cannot change until it resumes.
///
/// # Errors
/// The error that [`step`] would return.
pub fn awaits_answer(
    program: &Program,
    instance: &Instance,
    activity: &ActivityPath,
    turn: Option<Turn>,
) -> Result<(), Rejection> {
    input::find_answered(program, instance, activity, turn).map(|_| ())
}

/// The fields of a task whose answer is awaited under `turn`: until then, the task can be made from
/// the instance at any time. `None` if nothing waits for such an answer any more.
pub fn task_fields(instance: &Instance, turn: Turn) -> Option<Fields> {
    ops::action::task_fields(instance, turn)
}

/// Whether the attempt with the task of this turn has less time than the definition says, if the
/// task could not leave before `until`: only one with a timeout, whose participant has shown no sign.
pub fn is_shortened(instance: &Instance, turn: Turn, until: Timestamp) -> bool {
    ops::action::is_shortened(instance, turn, until)
}

/// The call that the fiber waits for, as the effect that starts it: for a host that finds at
/// startup that the called process does not exist yet. `None` if the fiber does not wait for a
/// called process.
pub fn unstarted_call(program: &Program, instance: &Instance, fiber: FiberId) -> Option<Effect> {
    ops::call::again(program, instance, fiber)
}

/// Changes where an instance stands, as an operator orders, and runs it unless it is parked.
///
/// # Errors
/// If it means nothing for what the instance waits for. The instance is unchanged then.
pub fn modify(
    program: &Program,
    instance: &mut Instance,
    environment: &Environment<'_>,
    modification: &Modification,
    by: &Initiator,
) -> Result<Vec<Effect>, Refusal> {
    let mut machine = Machine::new(program, instance, environment);
    modifying::modify(&mut machine, modification, by)?;
    Ok(machine.finish())
}

/// The part of an instance that a modification is about, and where it would continue.
///
/// # Errors
/// As [`modify`], which is tried on a copy.
pub fn planned_modification(
    program: &Program,
    instance: &Instance,
    environment: &Environment<'_>,
    modification: &Modification,
    by: &Initiator,
) -> Result<Relocation, Refusal> {
    let mut copy = instance.clone();
    let mut machine = Machine::new(program, &mut copy, environment);
    let planned = modifying::planned(&machine, modification)?;
    modifying::modify(&mut machine, modification, by)?;
    Ok(planned)
}

/// Where the parts of an instance would be in another version of its definition.
///
/// # Errors
/// What is in the way, if some of them have no place there.
pub fn planned_migration(
    old: &Program,
    new: &Program,
    instance: &Instance,
) -> Result<Vec<Relocation>, Vec<Obstacle>> {
    migrating::relocations(old, new, instance)
}

/// Has an instance continue as another version of its definition, as an operator orders, and runs it unless it is parked.
///
/// # Errors
/// What is in the way, if some of its parts have no place there. The instance is unchanged then.
pub fn migrate(
    old: &Program,
    target: &Target<'_>,
    instance: &mut Instance,
    environment: &Environment<'_>,
    why: (String, Initiator),
) -> Result<Vec<Effect>, Vec<Obstacle>> {
    let placed = migrating::plan(old, target.program, instance)?;
    let mut machine = Machine::new(target.program, instance, environment);
    if !machine.instance.has_ended() {
        migrating::carry_out(&mut machine, placed, target, why);
    }
    Ok(machine.finish())
}

/// Ends a running instance with a fault at once: nothing of it runs any more, whatever it is doing.
pub fn end(
    program: &Program,
    instance: &mut Instance,
    environment: &Environment<'_>,
    fault: Fault,
) -> Vec<Effect> {
    let mut machine = Machine::new(program, instance, environment);
    if !machine.instance.has_ended() {
        machine.fail(fault, FiberId(0));
    }
    machine.finish()
}

/// Ends a running instance with a fault from outside: its caller stopped, or an operator cancelled it. Everything that it
/// waits for is withdrawn at once. Handlers that name the fault run, and what scopes run at their ends; whatever these do,
/// the process ends with this fault. Cancelled again, it ends at once. An instance that has already ended returns no
/// effects.
pub fn cancel(
    program: &Program,
    instance: &mut Instance,
    environment: &Environment<'_>,
    fault: Fault,
) -> Vec<Effect> {
    if instance.has_ended() {
        return Vec::new();
    }
    let is_first = instance.cancelled.is_none();
    let mut machine = Machine::new(program, instance, environment);
    if is_first && machine.instance.fibers.get(FiberId(0)).is_some() {
        machine.refresh_budget();
        machine.instance.cancelled = Some(fault.clone());
        machine.throw(FiberId(0), fault);
        if !machine.instance.has_ended() {
            machine.run();
        }
    } else {
        machine.fail(fault, FiberId(0));
    }
    machine.finish()
}
