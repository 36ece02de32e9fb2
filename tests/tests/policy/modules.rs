//! Modules of two users: whose name it is, who may use what, how much each may store, and whose signature counts.

use crate::rig::Rig;
use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_tests::modules::{risk_above, signing_key};
use lapin::{
    BasicProperties, Channel,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable},
};
use serde_json::Value;

const POLICY: &str = r#"
[default]
launches = true
reply_to = ["POL*"]
[users.alice]
modules = ["shared", "risk", "own.*"]
deploys = ["shared", "risk", "own.*"]
module_class = "small"
[users.alice.quotas]
stored_modules = 3
stored_module_bytes = 1_000_000
[users.bob]
modules = ["risk", "own.z"]
"#;

fn using(used: &str) -> String {
    format!(
        r#"<process><module name="risk" {used}/><switch><case><condition module="risk" function="is-foreign"/></case></switch></process>"#
    )
}

fn within(component: &[u8]) -> String {
    let text = STANDARD.encode(component);
    using("use=\"x\"").replace(r#"use="x"/>"#, &format!(">{text}</module>"))
}

/// Deploys over AMQP as a user, and gives the reply.
async fn deploy(
    rig: &Rig,
    (channel, user): (&Channel, &str),
    component: &[u8],
    headers: &[(&str, &str)],
) -> Result<Value> {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    let replies = rig.replies();
    let properties = BasicProperties::default()
        .with_content_type("application/wasm".into())
        .with_user_id(user.into())
        .with_delivery_mode(2)
        .with_headers(table)
        .with_reply_to(replies.as_str().into())
        .with_correlation_id("deployed".into());
    let launches = rig.operated.engine.name("launches");
    let options = BasicPublishOptions::default();
    channel
        .basic_publish(
            "".into(),
            launches.as_str().into(),
            options,
            component,
            properties,
        )
        .await?
        .await?;
    let message = loop {
        let message = rig.next(&replies).await?;
        let of = message.properties.correlation_id().as_ref();
        // Not what became of an earlier launch.
        if of.is_some_and(|id| id.as_str() == "deployed") {
            break message;
        }
    };
    let reply: Value = serde_json::from_slice(&message.data)?;
    if reply["status"] == "rejected" {
        let (code, _) = rig.letter(component).await?;
        let mut reply = reply;
        reply["code"] = code.into();
        return Ok(reply);
    }
    Ok(reply)
}

const NAME: &str = "bureaucrat-module";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_have_owners_and_quotas() -> Result<()> {
    let mut rig = Rig::start("pold", &POLICY.replace("POL", "pold"), &[]).await?;
    let (alice, bob) = (rig.alice.clone(), rig.bob.clone());
    let (alice, bob) = ((&alice, "alice"), (&bob, "bob"));
    let reply = deploy(&rig, alice, &risk_above(1)?, &[(NAME, "risk")]).await?;
    ensure!(
        reply["module"] == "risk" && reply["version"] == 1,
        "{reply}"
    );
    // Bob may use it, by its name and by its hash, and may not make it his.
    for used in ["use=\"risk\"".to_owned(), format!("hash={}", reply["hash"])] {
        let (status, reply) = rig.launch(bob.0, Some(bob.1), &using(&used)).await?;
        ensure!(status == "launched", "{reply}");
    }
    let taken = deploy(&rig, bob, &risk_above(2)?, &[(NAME, "risk")]).await?;
    ensure!(taken["code"] == "policy.deploys", "{taken}");
    let foreign = deploy(&rig, bob, &risk_above(2)?, &[(NAME, "bobs")]).await?;
    ensure!(foreign["code"] == "policy.modules", "{foreign}");
    let nameless = deploy(&rig, bob, &risk_above(2)?, &[]).await?;
    ensure!(nameless["code"] == "policy.modules", "{nameless}");
    let wrong = deploy(&rig, alice, &risk_above(2)?, &[(NAME, "no name")]).await?;
    ensure!(wrong["code"] == "module.header", "{wrong}");
    ensure!(
        wrong["reasons"][0]
            == "the header `bureaucrat-module`: it contains ' '; only ASCII letters, digits, `.`, `_` and `-` are allowed",
        "{wrong}"
    );

    // What bob may not use does not exist for him.
    deploy(&rig, alice, &risk_above(3)?, &[(NAME, "own.a")]).await?;
    // Nor is it suggested for a name that bob may use.
    for used in ["own.a", "own.a@7", "own.b", "own.z"] {
        let text = using(&format!("use=\"{used}\""));
        let (code, reason) = rig.refused(bob.0, Some(bob.1), &text).await?;
        let name = used.split('@').next().unwrap_or_default();
        let wanted = format!("the module `risk`: no module `{name}` is deployed here");
        ensure!(
            code == "definition" && reason.ends_with(&wanted),
            "{code}: {reason}"
        );
    }
    // The third is alice's last; the first again does not count.
    deploy(&rig, alice, &risk_above(4)?, &[(NAME, "shared")]).await?;
    let again = deploy(&rig, alice, &risk_above(1)?, &[(NAME, "own.again")]).await?;
    ensure!(again["version"] == 1, "{again}");
    let full = deploy(&rig, alice, &risk_above(5)?, &[(NAME, "risk")]).await?;
    ensure!(full["code"] == "quota.stored-modules", "{full}");
    ensure!(
        full["reasons"][0]
            == "stored modules: 4 with this one, at most 3 are allowed (rule `quotas.stored_modules` of the policy's [users.alice])",
        "{full}"
    );
    // It counts after a kill too.
    rig.operated.engine.kill()?;
    rig.operated.start()?;
    let full = deploy(&rig, alice, &risk_above(5)?, &[(NAME, "risk")]).await?;
    ensure!(full["code"] == "quota.stored-modules", "{full}");
    let module = ["module", "show", "risk@1", "--json"];
    let shown = rig.operated.json(0, &module)?;
    ensure!(
        shown["facts"]["user"] == "alice" && shown["versions"][0]["user"] == "alice",
        "{shown}"
    );
    rig.clean(&[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_in_definitions_count_and_signatures_are_demanded() -> Result<()> {
    let rig = Rig::start("polz", "", &[]).await?;
    let key = rig.operated.path("key.pem");
    signing_key(&key)?;
    let (key, file) = (
        key.to_str().context("UTF-8")?,
        rig.operated.path("risk.wasm"),
    );
    std::fs::write(&file, risk_above(2)?)?;
    let file = file.to_str().context("UTF-8")?.to_owned();
    let signed = rig
        .operated
        .json(0, &["module", "sign", &file, "--key", key, "--json"])?;
    let (public, signature) = (
        signed["key"].as_str().context("a key")?,
        signed["signature"].as_str().context("a signature")?,
    );
    let policy = format!(
        r#"
[default]
launches = true
reply_to = ["polz*"]
modules = "any"
[users.alice]
[users.alice.quotas]
stored_modules = 1
[users.bob]
module_signers = ["{public}"]
"#
    );
    std::fs::write(rig.policy_file("polz"), policy)?;
    rig.hang_up("the new policy is in force")?;
    let (alice, bob) = (rig.alice.clone(), rig.bob.clone());
    let (alice, bob) = ((&alice, "alice"), (&bob, "bob"));

    let first = within(&risk_above(11)?);
    let (status, reply) = rig.launch(alice.0, Some(alice.1), &first).await?;
    ensure!(status == "launched", "{reply}");
    let (code, reason) = rig
        .refused(alice.0, Some(alice.1), &within(&risk_above(12)?))
        .await?;
    ensure!(code == "quota.stored-modules", "{code}: {reason}");
    let (status, reply) = rig.launch(alice.0, Some(alice.1), &first).await?;
    ensure!(status == "launched", "{reply}");

    let unsigned = deploy(&rig, bob, &risk_above(2)?, &[(NAME, "risk")]).await?;
    ensure!(unsigned["code"] == "policy.module-signers", "{unsigned}");
    let (code, reason) = rig.refused(bob.0, Some(bob.1), &first).await?;
    ensure!(
        code == "policy.module-signers" && reason.contains("is not signed"),
        "{code}: {reason}"
    );
    let foreign = &[("bureaucrat-signature", signature)];
    let others = deploy(&rig, bob, &risk_above(3)?, foreign).await?;
    ensure!(others["code"] == "policy.module-signers", "{others}");
    let headers = &[(NAME, "risk"), ("bureaucrat-signature", signature)];
    let accepted = deploy(&rig, bob, &risk_above(2)?, headers).await?;
    ensure!(accepted["version"] == 1, "{accepted}");
    let (status, reply) = rig
        .launch(bob.0, Some(bob.1), &using("use=\"risk\""))
        .await?;
    ensure!(status == "launched", "{reply}");
    // The bytes count, not where they are.
    let (status, reply) = rig
        .launch(bob.0, Some(bob.1), &within(&risk_above(2)?))
        .await?;
    ensure!(status == "launched", "{reply}");
    rig.clean(&[]).await
}
