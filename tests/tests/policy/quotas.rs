//! Each quota of a user on the real broker: what goes over it is refused, and the refusal names it.

use crate::rig::Rig;
use anyhow::{Result, ensure};
use base64::Engine as _;

const POLICY: &str = r#"
[default]
participants = ["*"]
reply_to = ["polu*"]
modules = "any"
[users.alice.quotas]
launches_per_minute = 2
[users.bob.quotas]
stored_bytes = 1
[users.guest.quotas]
outbox_rows = 2
module_bytes = 100
"#;

/// Three tasks that no queue takes.
const TASKS: &str = r#"<process><all><action participant="polu.none"/><action participant="polu.none"/><action participant="polu.none"/></all></process>"#;

fn with_module(bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!(
        r#"<process><module name="m">{text}</module><while><condition module="m"/><delay duration="1"/></while></process>"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_over_a_quota_is_refused_and_the_refusal_names_it() -> Result<()> {
    let mut rig = Rig::start("polu", POLICY, &[]).await?;
    for (channel, user, before, code, words) in [
        (
            &rig.alice,
            "alice",
            2,
            "quota.launches-per-minute",
            "rule `quotas.launches_per_minute` of the policy's [users.alice]",
        ),
        (
            &rig.bob,
            "bob",
            1,
            "quota.stored-bytes",
            "rule `quotas.stored_bytes` of the policy's [users.bob]",
        ),
        (
            &rig.operator,
            "guest",
            1,
            "quota.outbox-rows",
            "rule `quotas.outbox_rows` of the policy's [users.guest]",
        ),
    ] {
        for _ in 0..before {
            let (status, reply) = rig.launch(channel, Some(user), TASKS).await?;
            ensure!(status == "launched", "{user}: {reply}");
        }
        let (found, reason) = rig.refused(channel, Some(user), TASKS).await?;
        ensure!(found == code && reason.contains(words), "{found}: {reason}");
    }
    rig.operated.end()?;
    rig.operated.is_clean(&rig.operated.engine.storage())?;
    rig.clean(&[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_module_has_a_code_of_its_own_and_its_size_a_quota() -> Result<()> {
    let policy = POLICY.replace("polu", "polm");
    let rig = Rig::start("polm", &policy, &[]).await?;
    let guest = Some("guest");
    let (code, reason) = rig
        .refused(&rig.operator, guest, &with_module(b"no module"))
        .await?;
    ensure!(code == "module.no-component", "{code}: {reason}");
    ensure!(reason.starts_with("1:"), "no place: {reason}");
    let wat = r#"(module (memory (export "memory") 1) (func (export "evaluate") (result i32) i32.const 8))"#;
    let component =
        bureaucrat_sandbox::build_module(&wat::parse_str(wat)?, Some("condition"), None)?;
    let (code, reason) = rig
        .refused(&rig.operator, guest, &with_module(&component))
        .await?;
    ensure!(code == "quota.module-bytes", "{code}: {reason}");
    ensure!(
        reason.contains(&format!(
            "the module has {} bytes, at most 100 are allowed",
            component.len()
        )),
        "{reason}"
    );
    // A user without such a quota may use the very same.
    let (status, reply) = rig
        .launch(&rig.alice, Some("alice"), &with_module(&component))
        .await?;
    ensure!(status == "launched", "{reply}");
    rig.clean(&[]).await
}
