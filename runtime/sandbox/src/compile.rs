//! The parent's side of the compile worker: starts it, feeds it, limits the waiting time, and
//! classifies how it ends.

use crate::{
    class::Class,
    code::TrustedCode,
    config::WorkerCommand,
    error::{LoadError, Refusal},
    limits::SandboxLimits,
    worker::{ANSWER_CODE, ANSWER_REFUSED, Request},
};
use bureaucrat_model::{lock, unpoisoned};
use std::{
    io::{Read, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Condvar, Mutex, mpsc},
    thread,
    time::Duration,
};

/// Workers at the same time; more would only slow each other down.
const WORKERS_MAX: usize = 2;
/// The most that a worker may write to standard error, in bytes.
const COMPLAINT_BYTES_MAX: u64 = 4 << 10;
/// The exit code of a Rust program that panicked.
const PANIC_CODE: i32 = 101;

/// Runs compile workers, a few at once.
pub(crate) struct Compiler {
    command: WorkerCommand,
    running: Mutex<usize>,
    ended: Condvar,
}

/// A worker's place; dropping it frees the place.
pub(crate) struct Place<'a>(&'a Compiler);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *lock(&self.0.running) -= 1;
        self.0.ended.notify_one();
    }
}

impl Compiler {
    pub(crate) fn new(command: WorkerCommand) -> Self {
        Self {
            command,
            running: Mutex::new(0),
            ended: Condvar::new(),
        }
    }

    /// Waits until a worker may start.
    pub(crate) fn place(&self) -> Place<'_> {
        let mut running = unpoisoned(
            self.ended
                .wait_while(lock(&self.running), |running| *running >= WORKERS_MAX),
        );
        *running += 1;
        Place(self)
    }

    /// Compiles an admitted component in a worker.
    pub(crate) fn compile(
        &self,
        _place: &Place<'_>,
        component: &[u8],
        class: Class,
        limits: &SandboxLimits,
    ) -> Result<TrustedCode, LoadError> {
        let request = Request {
            class,
            seconds: limits.compile_seconds,
            memory_bytes: limits.compile_memory_bytes,
            length: component.len() as u64,
        };
        let mut child = self
            .start()
            .map_err(|error| environment("the compile worker did not start", error))?;
        let wall = Duration::from_secs(u64::from(limits.compile_seconds) * 2 + 10);
        let talked = talk(&mut child, request, component, limits.code_bytes, wall);
        // Whatever happened, the child is gone after this; killing one that has ended does nothing.
        let _ = child.kill();
        let status = child
            .wait()
            .map_err(|error| environment("cannot wait for the compile worker", error))?;
        let Some(talked) = talked else {
            return Err(LoadError::Environment(format!(
                "the compile worker did not finish within {} seconds",
                wall.as_secs()
            )));
        };
        judge(talked, status, limits)
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&self.command.program);
        command.args(&self.command.arguments);
        // The environment may hold passwords, and the worker handles hostile bytes.
        command.env_clear();
        if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", path);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }
}

/// What a worker wrote before it ended.
struct Talked {
    answer: Vec<u8>,
    complaint: String,
}

/// Writes the request and reads the answer; `None` if the worker takes too long.
fn talk(
    child: &mut Child,
    request: Request,
    component: &[u8],
    code_bytes: usize,
    wall: Duration,
) -> Option<Talked> {
    let (Some(mut input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return None;
    };
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        scope.spawn(move || {
            // A worker that ended early closes the pipe; its exit says why.
            let _ = input
                .write_all(&request.to_header())
                .and_then(|()| input.write_all(component));
        });
        let complaint = scope.spawn(move || {
            let mut complaint = Vec::new();
            let _ = errors.take(COMPLAINT_BYTES_MAX).read_to_end(&mut complaint);
            String::from_utf8_lossy(&complaint).trim().to_owned()
        });
        scope.spawn(move || {
            let mut answer = Vec::new();
            // One byte for the kind of answer, and one to detect an answer that is too long.
            let _ = output
                .take((code_bytes as u64).saturating_add(2))
                .read_to_end(&mut answer);
            let _ = sender.send(answer);
        });
        let answer = receiver.recv_timeout(wall).ok();
        // The pipes close when the child is gone, and the threads end. A child that gave its answer
        // is ending by itself; one whose answer was cut off for its length has nothing more to say.
        let enough = answer
            .as_ref()
            .is_none_or(|answer| answer.len() > code_bytes);
        if enough {
            let _ = child.kill();
        }
        let status_is_known = child.wait().is_ok();
        debug_assert!(status_is_known, "a child can be waited for");
        answer.map(|answer| Talked {
            answer,
            complaint: complaint.join().unwrap_or_default(),
        })
    })
}

fn judge(
    talked: Talked,
    status: ExitStatus,
    limits: &SandboxLimits,
) -> Result<TrustedCode, LoadError> {
    let Talked {
        mut answer,
        complaint,
    } = talked;
    if answer.len() > limits.code_bytes.saturating_add(1) {
        return Err(Refusal::CodeTooLarge {
            limit: limits.code_bytes,
        }
        .into());
    }
    if status.success() && !answer.is_empty() {
        let kind = answer.remove(0);
        if kind == ANSWER_CODE {
            // The bytes came from our own child over a private pipe.
            return Ok(TrustedCode::vouched_for(answer));
        }
        if kind == ANSWER_REFUSED {
            let reason = String::from_utf8_lossy(&answer)
                .chars()
                .take(1_000)
                .collect();
            return Err(Refusal::Compiler(reason).into());
        }
    }
    Err(judge_end(&complaint, status, limits))
}

/// A worker that ended without an answer: its own limits and crashes are the component's fault,
/// everything else is ours.
fn judge_end(complaint: &str, status: ExitStatus, limits: &SandboxLimits) -> LoadError {
    use nix::sys::signal::Signal;
    let signal = status
        .signal()
        .and_then(|number| Signal::try_from(number).ok());
    if signal == Some(Signal::SIGXCPU) {
        return Refusal::CompileTime {
            seconds: limits.compile_seconds,
        }
        .into();
    }
    if signal == Some(Signal::SIGABRT) && complaint.contains("memory allocation of") {
        return Refusal::CompileMemory {
            bytes: limits.compile_memory_bytes,
        }
        .into();
    }
    let crashed = [
        Signal::SIGABRT,
        Signal::SIGSEGV,
        Signal::SIGILL,
        Signal::SIGBUS,
    ];
    if signal.is_some_and(|signal| crashed.contains(&signal)) || status.code() == Some(PANIC_CODE) {
        return Refusal::CompilerCrash(format!("{status}: {complaint}")).into();
    }
    LoadError::Environment(format!("the compile worker failed, {status}: {complaint}"))
}

fn environment(what: &str, error: std::io::Error) -> LoadError {
    LoadError::Environment(format!("{what}: {error}"))
}
