//! The cost of one evaluation of a condition, compared with a lower bound, measured in turns in one
//! run.
//!
//! The lower bound is `context["x"] < 4` written by hand in a bare wasmtime store: a new instance
//! each time, fuel, an epoch deadline, the sandbox's settings for code and pool, one host function
//! that knows one field. The sandbox adds its limits, its fields and its expression compiler. A
//! core module with the same content shows the cost of the component model.

use anyhow::{Context, Result, ensure};
use bureaucrat_model::Fields;
use bureaucrat_sandbox::{
    Guest, Outcome, RuntimeClass, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand,
};
use std::time::{Duration, Instant};

mod floor;

/// The condition that is also written by hand.
const CONDITION: &str = r#"workitem.fields["x"] < 4"#;
/// A condition that reads more, without a lower bound.
const LONGER: &str =
    r#"context["customer"]["country"] in ("FI", "SE") and len(context["customer"]["orders"]) >= 3"#;
const FIELDS: &str =
    r#"{"x": 3, "customer": {"country": "FI", "orders": [1, 2, 3]}, "text": "hello"}"#;

/// Evaluations before the next contender's turn: few, so that other work on the machine affects all
/// contenders alike.
const TURN: u32 = 500;

/// The cost of one evaluation, each the median of all turns.
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    pub sandbox: Duration,
    /// The lower bound.
    pub component: Duration,
    pub core: Duration,
    /// Sandbox divided by lower bound: the median of the ratios of single turns.
    pub ratio: f64,
}

/// Measures the condition in the sandbox and by hand, in alternation, for `time`.
///
/// # Errors
/// If a guest does not load, or returns anything but true.
pub fn measure(time: Duration) -> Result<Costs> {
    let sandbox = sandbox()?;
    let guest = guest(&sandbox, CONDITION)?;
    let fields = Fields::parse(FIELDS)?;
    let component = floor::Component::new().map_err(by_hand)?;
    let core = floor::Core::new().map_err(by_hand)?;
    let mut turns: [Vec<Duration>; 3] = Default::default();
    let started = Instant::now();
    while started.elapsed() < time {
        turns[0].push(turn(|| holds(&sandbox, &guest, &fields))?);
        turns[1].push(turn(|| component.evaluate().map_err(by_hand))?);
        turns[2].push(turn(|| core.evaluate().map_err(by_hand))?);
    }
    let mut ratios: Vec<f64> = turns[0]
        .iter()
        .zip(&turns[1])
        .map(|(sandbox, floor)| sandbox.as_secs_f64() / floor.as_secs_f64())
        .collect();
    ratios.sort_by(f64::total_cmp);
    let [sandbox, component, core] = turns.map(|mut turns| {
        turns.sort_unstable();
        turns.get(turns.len() / 2).copied().unwrap_or_default() / TURN
    });
    Ok(Costs {
        sandbox,
        component,
        core,
        ratio: ratios.get(ratios.len() / 2).copied().context("no turn")?,
    })
}

/// Measures and prints: [`measure`] for `time`, then a longer condition for the same time.
///
/// # Errors
/// As [`measure`].
pub fn print(time: Duration) -> Result<()> {
    let costs = measure(time)?;
    line(
        costs.sandbox,
        &format!("fresh sandbox, one thread: {CONDITION}"),
    );
    line(
        costs.component,
        "the floor: by hand, a component in a bare store",
    );
    line(costs.core, "by hand, a core module in a bare store");
    println!(
        "ratio           {:>9.2}     of the sandbox to the floor, in turns",
        costs.ratio
    );
    let sandbox = sandbox()?;
    let guest = guest(&sandbox, LONGER)?;
    let fields = Fields::parse(FIELDS)?;
    let (mut turns, started) = (Vec::new(), Instant::now());
    while started.elapsed() < time {
        turns.push(turn(|| holds(&sandbox, &guest, &fields))?);
    }
    turns.sort_unstable();
    let median = turns.get(turns.len() / 2).copied().unwrap_or_default() / TURN;
    line(median, &format!("fresh sandbox, one thread: {LONGER}"));
    Ok(())
}

fn by_hand(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

fn line(each: Duration, what: &str) {
    println!(
        "conditions      {:>9.0} /s  {each:>9.2?} each, {what}",
        1.0 / each.as_secs_f64()
    );
}

/// How long [`TURN`] evaluations take; all must be true.
fn turn(mut evaluate: impl FnMut() -> Result<bool>) -> Result<Duration> {
    let started = Instant::now();
    for _ in 0..TURN {
        ensure!(evaluate()?, "a condition that holds was found not to");
    }
    Ok(started.elapsed())
}

fn holds(sandbox: &Sandbox, guest: &Guest, fields: &Fields) -> Result<bool> {
    let evaluated = sandbox.evaluate(guest, "c0", fields);
    let Outcome::Verdict(holds) = evaluated.outcome else {
        anyhow::bail!("no verdict: {:?}", evaluated.outcome);
    };
    Ok(holds)
}

fn sandbox() -> Result<Sandbox> {
    Ok(Sandbox::new(SandboxConfig {
        threads: 1,
        limits: SandboxLimits::default(),
        cache: None,
        runtime_class: RuntimeClass::Refused,
        worker: WorkerCommand {
            program: "false".into(),
            arguments: Vec::new(),
        },
    })?)
}

fn guest(sandbox: &Sandbox, condition: &str) -> Result<Guest> {
    let function = bureaucrat_expression::Function {
        name: "c0".into(),
        expression: bureaucrat_expression::parse(condition)?,
        kind: bureaucrat_expression::Kind::Verdict,
    };
    Ok(sandbox.load_inline(&bureaucrat_expression::compile(&[function])?)?)
}
