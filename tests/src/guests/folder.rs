//! Each language's folder as a stranger uses it: its README's commands in a copy outside of the
//! repository, and its package's own tests.

use super::sdk;
use crate::engine::binary;
use anyhow::{Context, Result, bail, ensure};
use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Runs the first block of commands in a language's README, [`in_a_copy`]. Returns what they print.
///
/// # Errors
/// If a command fails; the message has its output.
pub fn follow_readme(language: &str) -> Result<String> {
    let readme = fs::read_to_string(sdk().join(language).join("README.md"))?;
    let (_, block) = readme
        .split_once("```sh\n")
        .context("no block of commands")?;
    let (commands, _) = block.split_once("```").context("the block has no end")?;
    in_a_copy(commands)
}

/// Copies `guest-sdk` to a new folder outside of the repository, and runs commands there. Returns
/// what they print.
///
/// # Errors
/// If a command fails; the message has its output.
pub fn in_a_copy(commands: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    copy(&sdk(), &folder.path().join("guest-sdk"))?;
    run(folder.path(), commands)
}

/// Runs the native tests of a language's package, which pass the table of bindings as well.
///
/// # Errors
/// If the language has none, or they fail; the message has their output.
pub fn native_tests(language: &str) -> Result<String> {
    let commands = match language {
        "go" => "go test ./... && cd template && go test ./...",
        "javascript" => "node --test 'tests/*.test.js'",
        "python" => "PYTHONPATH=.:tests python3 -B -m unittest discover -s tests",
        other => bail!("no native tests of {other}"),
    };
    run(&sdk().join(language), commands)
}

fn run(folder: &Path, commands: &str) -> Result<String> {
    let tools = tools()?;
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", commands])
        .current_dir(folder)
        .env("PATH", path(&tools)?)
        .env("CARGO_TARGET_DIR", tools.join("rust-target"))
        .env("GOCACHE", tools.join("go-cache"))
        .env("GOTOOLCHAIN", "local")
        .env("ZIG_GLOBAL_CACHE_DIR", tools.join("zig-cache"));
    // Where rustup has no wasm32 target: see scripts/setup.
    if tools.join("rust.debian").exists() {
        command
            .env("CARGO_TARGET_DIR", tools.join("rust-target-debian"))
            .env("RUSTC", "/usr/bin/rustc")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld");
    }
    let output = command.output().context("bash")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(printed)
}

/// Where scripts/setup has installed the toolchains.
fn tools() -> Result<PathBuf> {
    let home = |name: &str, rest: &str| Some(Path::new(&env::var_os(name)?).join(rest));
    env::var_os("BUREAUCRAT_CACHE")
        .map(PathBuf::from)
        .or_else(|| home("XDG_CACHE_HOME", "bureaucrat"))
        .or_else(|| home("HOME", ".cache/bureaucrat"))
        .map(|cache| cache.join("guests"))
        .context("no home folder")
}

/// The path with the binary under test and the guests' tools.
fn path(tools: &Path) -> Result<OsString> {
    let binary = binary()?;
    let mut folders = vec![
        binary.parent().context("no folder")?.to_owned(),
        tools.join("npm/node_modules/.bin"),
        tools.join("python/bin"),
    ];
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    Ok(env::join_paths(folders)?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-r").args([from, to]).status()?;
    ensure!(status.success(), "cannot copy {}", from.display());
    Ok(())
}
