//! Guests in many languages: built from source, admitted, and run through tables of cases.

mod bindings;
mod folder;

pub use bindings::try_bindings;
pub use folder::{follow_readme, in_a_copy, native_tests};

use crate::engine::binary;
use anyhow::{Context, Result, anyhow, bail, ensure};
use bureaucrat_model::Fields;
use bureaucrat_sandbox::{
    Class, ExportKind, Guest, Outcome, RuntimeClass, Sandbox, SandboxConfig, SandboxLimits,
    WorkerCommand, build_module,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Blocks of evaluations; the fastest one counts.
const BLOCKS: u32 = 8;
/// The approximate duration of a block; much longer than the tick in which the system counts time.
const BLOCK_TIME: Duration = Duration::from_millis(60);

/// The folder of the guests.
pub fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk")
}

/// A case of `guest-sdk/cases.json`.
#[derive(Deserialize)]
struct Case {
    name: String,
    function: String,
    fields: Box<RawValue>,
    verdict: Option<bool>,
    error: Option<String>,
    /// Not given where languages may say it differently.
    message: Option<String>,
}

/// The results for a language.
#[derive(Debug)]
pub struct Tried {
    pub cases: usize,
    /// The component's size in bytes.
    pub bytes: usize,
    pub class: Class,
    /// How long it took to compile.
    pub compiled: Duration,
    /// Processor time of an evaluation in a new instance.
    pub fresh: Duration,
    /// The fuel of that evaluation.
    pub fuel: u64,
    pub memory_bytes: u64,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} cases, {} bytes, {:?}, compiled in {:.0?}, {:.1} µs fresh, {} fuel",
            self.cases,
            self.bytes,
            self.class,
            self.compiled,
            self.fresh.as_secs_f64() * 1e6,
            self.fuel
        )
    }
}

/// Builds a language's example with `guest-sdk/build`, makes a component from it, and runs it
/// through all cases, each in a new instance in the sandbox.
///
/// # Errors
/// If any of this fails; the message has the toolchain's output or the case's name.
pub fn try_language(language: &str) -> Result<Tried> {
    let component = component(language, "risk", "")?;
    let sandbox = sandbox()?;
    let guest = sandbox.load_module(&component)?;
    let mut names: Vec<_> = guest.exports().iter().collect();
    names.sort_by_key(|export| &export.name);
    ensure!(
        names
            .iter()
            .map(|export| &*export.name)
            .eq(["is-foreign", "is-high"])
            && names
                .iter()
                .all(|export| export.kind == ExportKind::Verdict),
        "the component exports {names:?}"
    );
    let cases = std::fs::read(sdk().join("cases.json"))?;
    let cases: Vec<Case> = serde_json::from_slice(&cases).context("cases.json")?;
    for case in &cases {
        check(&sandbox, &guest, case).with_context(|| case.name.clone())?;
    }
    let (fresh, fuel, memory_bytes) = fresh(&sandbox, &guest)?;
    Ok(Tried {
        cases: cases.len(),
        bytes: guest.size(),
        class: guest.class(),
        compiled: guest.compile_time().unwrap_or_default(),
        fresh,
        fuel,
        memory_bytes,
    })
}

fn sandbox() -> Result<Sandbox> {
    Ok(Sandbox::new(SandboxConfig {
        threads: 1,
        limits: SandboxLimits::default(),
        cache: None,
        runtime_class: RuntimeClass::Allowed,
        worker: WorkerCommand {
            program: binary()?,
            arguments: vec!["compile-worker".into()],
        },
    })?)
}

/// The component of a language's guest for a world of `guest-sdk/wit`, and more lines in it.
fn component(language: &str, world: &str, more: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let built = folder.path().join("built.wasm");
    let output = Command::new(sdk().join("build"))
        .arg(language)
        .arg(&built)
        .arg(world)
        .output()
        .context("guest-sdk/build")?;
    ensure!(
        output.status.success(),
        "guest-sdk/build {language}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Text becomes binary; binary stays.
    let bytes = wat::parse_file(&built)?;
    let is_core = bytes.get(4..8) == Some(&[1, 0, 0, 0]);
    if !is_core {
        return Ok(bytes);
    }
    // The rest of WASI in Go's module is next to the guest's functions, and the table of bindings
    // has values beside verdicts, so a world must say which functions are meant.
    let wit = std::fs::read_to_string(sdk().join(format!("wit/{world}.wit")))?.replacen(
        "\n}",
        &format!("\n{more}}}"),
        1,
    );
    let wit = (language == "go" || world == "bindings").then_some(&*wit);
    let said = wit.is_none().then_some("condition");
    Ok(build_module(&bytes, said, wit)?)
}

fn check(sandbox: &Sandbox, guest: &Guest, case: &Case) -> Result<()> {
    let fields = Fields::parse(case.fields.get())?;
    let found = sandbox.evaluate(guest, &case.function, &fields).outcome;
    let fits = match (&found, case.verdict, &case.error) {
        (Outcome::Verdict(found), Some(wanted), None) => *found == wanted,
        (Outcome::Fault { code, message }, None, Some(wanted)) => {
            let fits = |wanted: &String| wanted == message;
            code.as_str() == wanted && case.message.as_ref().is_none_or(fits)
        }
        (_, Some(_), Some(_)) | (_, None, None) => bail!("the case is neither verdict nor error"),
        (
            Outcome::Verdict(_)
            | Outcome::Value(_)
            | Outcome::Fault { .. }
            | Outcome::Environmental(_),
            _,
            _,
        ) => false,
    };
    match fits {
        true => Ok(()),
        false => Err(anyhow!("{found:?}")),
    }
}

/// Processor time of one evaluation in a new instance, its fuel and its memory. Uses the mean of
/// the fastest block, because other work on the machine only adds time.
fn fresh(sandbox: &Sandbox, guest: &Guest) -> Result<(Duration, u64, u64)> {
    let fields = Fields::parse(r#"{"order": {"amount": 7, "country": "BE"}}"#)?;
    let evaluate = || std::hint::black_box(sandbox.evaluate(guest, "is-foreign", &fields));
    let first = evaluate();
    let started = Instant::now();
    evaluate();
    let block = BLOCK_TIME.as_nanos() / started.elapsed().as_nanos().max(1);
    let block = u32::try_from(block.clamp(5, 10_000))?;
    let mut best = Duration::MAX;
    for _ in 0..BLOCKS {
        let started = on_processor()?;
        for _ in 0..block {
            evaluate();
        }
        best = best.min((on_processor()? - started) / block);
    }
    Ok((best, first.fuel, first.memory_bytes))
}

/// How long this thread has run on a processor.
fn on_processor() -> Result<Duration> {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = line.split(' ').next().context("schedstat")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// The languages of the folder, as `guest-sdk/build` calls them.
pub const LANGUAGES: [&str; 10] = [
    "wat",
    "c",
    "cpp",
    "zig",
    "assemblyscript",
    "rust-no-std",
    "rust",
    "go",
    "javascript",
    "python",
];

/// Prints the table of sizes and costs of `guest-sdk/README.md`.
///
/// # Errors
/// When a language fails.
pub fn print_table() -> Result<()> {
    println!("| language | component | class | compile | evaluation | fuel | memory |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for language in LANGUAGES {
        let tried = try_language(language).with_context(|| language.to_owned())?;
        println!(
            "| {language} | {:.1} kB | {} | {:.0?} | {:.1} µs | {} | {} KiB |",
            tried.bytes as f64 / 1000.0,
            match tried.class {
                Class::Small => "small",
                Class::Runtime => "runtime",
            },
            tried.compiled,
            tried.fresh.as_secs_f64() * 1e6,
            tried.fuel,
            tried.memory_bytes >> 10,
        );
    }
    Ok(())
}
