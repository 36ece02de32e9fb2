//! The compile worker: its limits, and how its exits are classified.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use bureaucrat_sandbox::{
    LoadError, Refusal, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand,
};
use common::{Returns, component, config, verdict};

fn load(worker: WorkerCommand) -> Result<(), LoadError> {
    let sandbox = Sandbox::new(SandboxConfig {
        worker,
        ..config(SandboxLimits::default())
    })
    .unwrap();
    sandbox.load_module(&verdict("i32.const 512")).map(|_| ())
}

fn shell(script: &str) -> WorkerCommand {
    WorkerCommand {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
    }
}

#[test]
fn a_worker_that_fails_is_no_verdict_on_the_module() {
    for worker in [
        WorkerCommand {
            program: "/nowhere/at/all".into(),
            arguments: vec![],
        },
        shell("exit 1"),
        shell("exit 0"),
        shell("cat"),
        shell("kill -9 $$"),
        shell("kill -15 $$"),
        shell("echo no memory >&2; exit 3"),
    ] {
        let result = load(worker.clone());
        assert!(
            matches!(result, Err(LoadError::Environment(_))),
            "{worker:?}: {result:?}"
        );
    }
    let Err(error) = load(shell("cat > /dev/null; echo what was wrong >&2; exit 3")) else {
        panic!("loaded");
    };
    assert!(error.to_string().contains("what was wrong"), "{error}");
}

#[test]
fn a_crash_of_the_compiler_is_the_modules_doing() {
    for script in [
        "cat >/dev/null; kill -6 $$",
        "cat >/dev/null; kill -11 $$",
        "cat >/dev/null; exit 101",
    ] {
        let result = load(shell(script));
        assert!(
            matches!(result, Err(LoadError::Refused(Refusal::CompilerCrash(_)))),
            "{script}: {result:?}"
        );
    }
}

/// A function that is very slow to compile: many locals, all alive over many blocks.
fn expensive(blocks: usize) -> Vec<u8> {
    let mut body = format!("(local {})", "i64 ".repeat(900));
    for block in 0..blocks {
        let (a, b) = (block * 7 % 900, block * 13 % 900);
        body.push_str(&format!(
            "(block local.get {a} local.get {b} i64.lt_s br_if 0
               local.get {a} local.get {b} i64.mul local.set {} )",
            block * 31 % 900
        ));
    }
    body.push_str(" i32.const 512");
    component(
        "",
        &format!("(func (export \"evaluate\") (result i32) {body})"),
        &[("evaluate", Returns::Verdict)],
    )
}

#[test]
fn compiling_is_bounded_in_time_and_memory() {
    let bytes = expensive(40_000);
    let limits = SandboxLimits {
        module_bytes: 2 << 20,
        function_body_bytes: 2 << 20,
        compile_seconds: 1,
        ..SandboxLimits::default()
    };
    let started = std::time::Instant::now();
    let result = Sandbox::new(config(limits)).unwrap().load_module(&bytes);
    assert!(
        matches!(
            result,
            Err(LoadError::Refused(Refusal::CompileTime { seconds: 1 }))
        ),
        "{result:?}"
    );
    assert!(started.elapsed().as_secs() < 12);

    let tight = SandboxLimits {
        compile_seconds: 60,
        compile_memory_bytes: 40 << 20,
        ..limits
    };
    let result = Sandbox::new(config(tight)).unwrap().load_module(&bytes);
    assert!(
        matches!(
            result,
            Err(LoadError::Refused(
                Refusal::CompileMemory { .. } | Refusal::CompilerCrash(_)
            ))
        ),
        "{result:?}"
    );
}

#[test]
fn machine_code_is_bounded() {
    let limits = SandboxLimits {
        code_bytes: 1_000,
        ..SandboxLimits::default()
    };
    let result = Sandbox::new(config(limits))
        .unwrap()
        .load_module(&verdict("i32.const 512"));
    assert!(
        matches!(
            result,
            Err(LoadError::Refused(Refusal::CodeTooLarge { limit: 1_000 }))
        ),
        "{result:?}"
    );
}

#[test]
fn guests_are_loaded_once_by_however_many() {
    let sandbox = Sandbox::new(config(SandboxLimits::default())).unwrap();
    let bytes = verdict("i32.const 512");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| sandbox.load_module(&bytes).unwrap());
        }
    });
    let kept = sandbox.load_module(&bytes).unwrap().compile_time();
    assert_eq!(sandbox.load_module(&bytes).unwrap().compile_time(), kept);
}
