//! Where definitions may send messages, and what becomes of those that nobody takes.

use super::*;
use lapin::types::AMQPValue;

/// How a process ends: the last of the replies to its launcher.
async fn ending(rig: &Rig, user: &str, definition: &str) -> Result<Value> {
    let channel = if user == "alice" {
        &rig.alice
    } else {
        &rig.bob
    };
    let (status, reply) = rig.launch(channel, Some(user), definition).await?;
    ensure!(status == "launched", "{reply}");
    // A reply that was under way when a channel closed comes twice.
    loop {
        let message = rig.next(&rig.replies()).await?;
        let told: Value = serde_json::from_slice(&message.data)?;
        if told["process"] == reply["process"] && told["status"] != "launched" {
            return Ok(told);
        }
    }
}

fn sends(attributes: &str, body: &str) -> String {
    format!("<process><send {attributes}>{body}</send></process>")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_where_the_policy_lets_them_and_the_rest_is_told() -> Result<()> {
    let more = r#"
[users.carol]
sends = ["*", "/*"]
"#;
    let alice = r#"sends = ["POL.shop", "/POL.audit"]"#;
    let text = POLICY.replace(
        "launches = true\nparticipants = [\"POL.a\"",
        &format!("launches = true\n{alice}\nparticipants = [\"POL.a\""),
    );
    let text = text.replace("[users.bob]", "[users.bob]\nsends = [\"*\", \"/*\"]") + more;
    let rig = Rig::start("pols", &text.replace("POL", "pols"), &[]).await?;
    rig.declare("pols.audit").await?;

    // Written: refused at the launch, by the policy or whatever the policy says.
    let own = format!("routing-key='{}'", rig.operated.engine.name("answers"));
    let notices = rig.operated.engine.name("processes");
    let notices = format!("exchange='{notices}' routing-key='a'");
    for (user, attributes) in [
        ("alice", "exchange='other' routing-key='a'".to_owned()),
        ("alice", "routing-key='pols.other'".to_owned()),
        ("bob", own),
        ("bob", notices),
    ] {
        let channel = if user == "alice" {
            &rig.alice
        } else {
            &rig.bob
        };
        let refused = rig
            .refused(channel, Some(user), &sends(&attributes, ""))
            .await?;
        ensure!(refused.0 == "policy.sends", "{refused:?}");
    }

    // Computed: a fault.
    let told = ending(&rig, "alice", &sends("routing-key=\"{'pols.other'}\"", "")).await?;
    ensure!(told["fault"]["code"] == "SendRefused", "{told}");
    let message = told["fault"]["message"].as_str().unwrap_or_default();
    ensure!(message.contains("rule `sends`"), "{message}");

    // Allowed, with typed headers.
    let body =
        "<header name='rows'>2</header><header name='tags'>['a', None]</header><body>'x;y'</body>";
    let attributes = "routing-key='pols.audit' content-type='text/csv'";
    let told = ending(&rig, "alice", &sends(attributes, body)).await?;
    ensure!(told["status"] == "completed", "{told}");
    let message = rig.next("pols.audit").await?;
    ensure!(message.data == b"x;y");
    let headers = message.properties.headers().clone().unwrap_or_default();
    let rows = headers.inner().get("rows");
    ensure!(rows == Some(&AMQPValue::LongLongInt(2)), "{headers:?}");
    let id = message.properties.message_id().clone();
    ensure!(id.is_some_and(|id| id.as_str().contains("_0~")));

    // Neither a missing exchange nor a missing queue delays what others send.
    for (attributes, words) in [
        ("exchange='pols.shop' routing-key='a'", "NOT_FOUND"),
        ("exchange='pols.shop' routing-key='b'", "NOT_FOUND"),
    ] {
        let body = "<body>{'lost': True}</body>";
        let told = ending(&rig, "alice", &sends(attributes, body)).await?;
        ensure!(told["status"] == "completed", "{told}");
        let letter = rig.letter(br#"{"lost": true}"#).await?;
        ensure!(letter.0 == "undelivered", "{letter:?}");
        ensure!(
            letter.1.contains("`pols.shop`") && letter.1.contains(words),
            "{letter:?}"
        );
    }
    let told = ending(
        &rig,
        "bob",
        &sends("routing-key='pols.nobody'", "<body>1</body>"),
    )
    .await?;
    ensure!(told["status"] == "completed", "{told}");
    let letter = rig.letter(b"1").await?;
    ensure!(letter.1.ends_with("there is no such queue"), "{letter:?}");
    let told = ending(&rig, "alice", &sends("routing-key='pols.audit'", "")).await?;
    ensure!(told["status"] == "completed", "{told}");
    rig.next("pols.audit").await?;

    // An operator sends a letter again to where it was meant for.
    rig.declare("pols.nobody").await?;
    rig.operated.leaves_with(0, &["dead", "list"])?;
    let shown = rig.operated.leaves_with(0, &["dead", "list", "--json"])?;
    let newest: Value = serde_json::from_str(shown.lines().next().unwrap_or_default())?;
    let letter = newest["letter"].to_string();
    rig.operated.leaves_with(0, &["dead", "resend", &letter])?;
    ensure!(rig.next("pols.nobody").await?.data == b"1");
    tasks_go_where_messages_may(&rig).await?;
    rig.clean(&["pols.audit", "pols.nobody"]).await
}

/// The same for tasks whose definition says where they go.
async fn tasks_go_where_messages_may(rig: &Rig) -> Result<()> {
    let action = |attributes: &str| {
        format!("<process><action participant='pols.a' {attributes}/></process>")
    };
    let of_bob = |attributes: &str| action(attributes).replace("pols.a'", "pols.b'");
    let own = format!("queue='{}'", rig.operated.engine.name("answers"));
    let notices = rig.operated.engine.name("cancelled");
    let notices = format!("exchange='{notices}' routing-key='a'");
    for (user, definition) in [
        ("alice", action("queue='pols.other'")),
        ("alice", action("queue='worker_pols.b'")),
        ("bob", of_bob(&own)),
        ("bob", of_bob(&notices)),
    ] {
        let channel = if user == "alice" {
            &rig.alice
        } else {
            &rig.bob
        };
        let refused = rig.refused(channel, Some(user), &definition).await?;
        ensure!(refused.0 == "policy.sends", "{definition}: {refused:?}");
    }
    for attributes in ["queue=\"{'worker_pols.b'}\"", "queue=\"{'pols.other'}\""] {
        let told = ending(rig, "alice", &action(attributes)).await?;
        ensure!(told["fault"]["code"] == "TaskRefused", "{told}");
        let message = told["fault"]["message"].as_str().unwrap_or_default();
        ensure!(message.contains("rule `sends`"), "{message}");
    }
    let (status, reply) = rig
        .launch(
            &rig.alice,
            Some("alice"),
            &action("queue='pols.audit' via='message' priority='3'"),
        )
        .await?;
    ensure!(status == "launched", "{reply}");
    let task = rig.next("pols.audit").await?;
    ensure!(*task.properties.priority() == Some(3));
    let body: Value = serde_json::from_slice(&task.data)?;
    ensure!(
        body["name"] == "response" && body["payload"]["status"] == "done",
        "{body}"
    );
    Ok(())
}
