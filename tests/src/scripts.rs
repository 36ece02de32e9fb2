//! The project's scripts that run a server for a test.

use anyhow::{Context, Result, ensure};
use std::{ffi::OsString, path::Path, process::Command};

/// Runs `scripts/NAME VERB FOLDER ARGUMENT...`, and gives what it prints.
///
/// # Errors
/// If it fails; the error contains its output.
pub fn script(
    name: &str,
    (verb, folder): (&str, &Path),
    arguments: &[&str],
    environment: &[(&'static str, OsString)],
) -> Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../scripts/{name}"));
    let output = Command::new(&script)
        .arg(verb)
        .arg(folder)
        .args(arguments)
        .envs(environment.iter().cloned())
        .output()
        .with_context(|| format!("{} can't be run", script.display()))?;
    ensure!(
        output.status.success(),
        "{name} {verb} {arguments:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
