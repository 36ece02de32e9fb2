//! Modules for tests, and keys that sign them.

use anyhow::{Context, Result, ensure};
use bureaucrat_sandbox::build_module;
use std::{path::Path, process::Command};

/// The risk of the guest SDK, whose `is-high` holds above a limit.
///
/// # Errors
/// If it is not a module any more.
pub fn risk_above(limit: u32) -> Result<Vec<u8>> {
    let text = include_str!("../../guest-sdk/wat/risk.wat");
    let text = text.replace("i64.const 10000", &format!("i64.const {limit}"));
    Ok(build_module(
        &wat::parse_str(text)?,
        Some("condition"),
        None,
    )?)
}

/// Makes a new Ed25519 key in a file, as docs/modules.md says.
///
/// # Errors
/// If there is no OpenSSL.
pub fn signing_key(file: &Path) -> Result<()> {
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out"])
        .arg(file)
        .status()
        .context("scripts/setup installs openssl")?;
    ensure!(made.success(), "openssl made no key");
    Ok(())
}
