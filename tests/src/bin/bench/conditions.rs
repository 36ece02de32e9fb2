//! How many conditions one thread evaluates per second, each in a new sandbox.

use crate::statistics::per_second;
use anyhow::{Result, ensure};
use bureaucrat_model::Fields;
use bureaucrat_sandbox::{
    Outcome, RuntimeClass, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand,
};
use std::time::{Duration, Instant};

/// Prints the rate for a small condition and for a larger one.
///
/// # Errors
/// If a condition has the wrong outcome.
pub fn measure(time: Duration) -> Result<()> {
    let sandbox = Sandbox::new(SandboxConfig {
        threads: 1,
        limits: SandboxLimits::default(),
        cache: None,
        runtime_class: RuntimeClass::Refused,
        worker: WorkerCommand {
            program: "false".into(),
            arguments: Vec::new(),
        },
    })?;
    let fields = Fields::parse(
        r#"{"x": 3, "customer": {"country": "FI", "orders": [1, 2, 3]}, "text": "hello"}"#,
    )?;
    for text in [
        r#"workitem.fields["x"] < 4"#,
        "context['customer']['country'] in ('FI', 'SE') and len(context['customer']['orders']) > 2",
    ] {
        let function = bureaucrat_expression::Function {
            name: "c0".into(),
            expression: bureaucrat_expression::parse(text)?,
            kind: bureaucrat_expression::Kind::Verdict,
        };
        let guest = sandbox.load_inline(&bureaucrat_expression::compile(&[function])?)?;
        let started = Instant::now();
        let mut count = 0_u32;
        while started.elapsed() < time {
            for _ in 0..1_000 {
                let evaluated = sandbox.evaluate(&guest, "c0", &fields);
                ensure!(
                    evaluated.outcome == Outcome::Verdict(true),
                    "{:?}",
                    evaluated.outcome
                );
            }
            count += 1_000;
        }
        let each = started.elapsed() / count;
        println!(
            "conditions      {:>9.0} /s  {each:>9.2?} each, fresh sandbox, one thread: {text}",
            per_second(count.into(), started.elapsed())
        );
    }
    Ok(())
}
