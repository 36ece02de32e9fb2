//! Every operation × every role × no token × another user's process.

use crate::rig::{Rig, body_of, path_of};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::http::Answer;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    /// No token.
    Nothing,
    Read,
    Operate,
    Deploy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Own,
    Engine,
}

/// What each operation needs. It is written down here once more, so that a change in the code is
/// seen by somebody.
fn table() -> BTreeMap<&'static str, (Needs, Reach)> {
    use Needs::{Deploy, Nothing, Operate, Read};
    use Reach::{Engine, Own};
    BTreeMap::from([
        ("list_processes", (Read, Own)),
        ("show_process", (Read, Own)),
        ("show_history", (Read, Own)),
        ("verify_history", (Read, Own)),
        ("explain_process", (Read, Own)),
        ("export_incident", (Read, Own)),
        ("count_processes", (Read, Own)),
        ("list_participants", (Read, Own)),
        ("launch", (Operate, Own)),
        ("result", (Read, Own)),
        ("order", (Operate, Own)),
        ("publish_event", (Operate, Own)),
        ("list_definitions", (Read, Own)),
        ("deploy_definition", (Deploy, Own)),
        ("show_definition", (Read, Own)),
        ("show_version", (Read, Own)),
        ("retire_definition", (Deploy, Own)),
        ("list_schedules", (Read, Own)),
        ("draw_version", (Read, Own)),
        ("compare_versions", (Read, Own)),
        ("draw_process", (Read, Own)),
        ("list_jobs", (Read, Own)),
        ("start_job", (Operate, Own)),
        ("show_job", (Read, Own)),
        ("list_job_outcomes", (Read, Own)),
        ("stop_job", (Operate, Own)),
        ("list_audit_log", (Read, Own)),
        ("list_letters", (Read, Engine)),
        ("show_letter", (Read, Engine)),
        ("resend_letter", (Operate, Engine)),
        ("discard_letter", (Operate, Engine)),
        ("list_modules", (Read, Engine)),
        ("deploy_module", (Deploy, Engine)),
        ("show_module", (Read, Engine)),
        ("set_alias", (Deploy, Engine)),
        ("remove_module", (Deploy, Engine)),
        ("look_at_queues", (Read, Engine)),
        ("watch", (Read, Own)),
        ("health", (Nothing, Own)),
        ("readiness", (Nothing, Own)),
        ("log_in", (Nothing, Own)),
        ("log_out", (Nothing, Own)),
        ("show_session", (Read, Own)),
        ("metrics", (Read, Engine)),
    ])
}

/// Sends an operation with a token, or without one.
fn send(rig: &Rig, token: Option<&str>, (id, method, path): (&str, &str, &str)) -> Result<Answer> {
    // A stream has no end; that of a process that isn't there is refused.
    let path = match id {
        "watch" => format!("{path}?process=ffffffff-1111-8222-9333-444455556666"),
        _ => path.to_owned(),
    };
    let bearer = token.map(|token| format!("Bearer {token}"));
    let (kind, body) = body_of(id).unwrap_or_default();
    let mut headers = Vec::new();
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    if !kind.is_empty() {
        headers.push(("content-type", kind));
    }
    rig.client.send((method, &path), &headers, &body)
}

#[test]
fn every_operation_checks_token_role_and_user() -> Result<()> {
    let rig = Rig::new("http-access")?;
    let table = table();
    let reader = rig.token("reader", "read", None)?;
    let operator = rig.token("operator", "operate", None)?;
    let ada = rig.token("ada", "deploy", Some("ada"))?;
    let gone = rig.token("gone", "deploy", None)?;
    let revoked = rig
        .engine
        .command()?
        .args(["token", "revoke", "gone"])
        .output()?;
    ensure!(revoked.status.success(), "{revoked:?}");
    let bob = rig.token("bob", "operate", Some("bob"))?;
    let theirs = rig.launch(&bob)?;
    let before = rig.processes()?;
    let operations = rig.operations()?;
    ensure!(operations.len() == table.len(), "{operations:?}");
    for (id, method, path) in &operations {
        let (needs, reach) = *table
            .get(id.as_str())
            .with_context(|| format!("{id} is not in the table"))?;
        let at = path_of(path, &theirs);
        let request = (id.as_str(), method.as_str(), at.as_str());
        let is_problem = |answer: &Answer, code: &str| -> Result<()> {
            ensure!(answer.code() == code, "{id}: {code} expected: {answer:?}");
            Ok(())
        };
        for token in [None, Some("bureaucrat_wrong"), Some(gone.as_str())] {
            let answer = send(&rig, token, request)?;
            match (needs, id.as_str()) {
                (Needs::Nothing, "log_in") => is_problem(&answer, "unauthenticated")?,
                (Needs::Nothing, _) => ensure!(answer.status == 200, "{id}: {answer:?}"),
                (Needs::Read | Needs::Operate | Needs::Deploy, _) => {
                    is_problem(&answer, "unauthenticated")?;
                }
            }
        }
        for (token, role) in [(&reader, Needs::Read), (&operator, Needs::Operate)] {
            if role < needs {
                is_problem(&send(&rig, Some(token), request)?, "forbidden")?;
            }
        }
        match reach {
            Reach::Engine => is_problem(&send(&rig, Some(&ada), request)?, "forbidden")?,
            Reach::Own if path.contains("{process}") => {
                is_problem(&send(&rig, Some(&ada), request)?, "not_found")?;
            }
            Reach::Own => {}
        }
        if path.contains("{process}") && needs == Needs::Read {
            let allowed = send(&rig, Some(&reader), request)?;
            let is_nothing = match id.as_str() {
                "export_incident" => allowed.code() == "refused",
                // Its definition is not deployed.
                "draw_process" => allowed.body.contains("launched with its text"),
                _ => false,
            };
            ensure!(allowed.status == 200 || is_nothing, "{id}: {allowed:?}");
        }
    }
    // Ada has launched and ordered, but nothing of Bob's has changed.
    let after = rig.processes()?;
    ensure!(
        before.iter().all(|process| after.contains(process)),
        "{before:?} {after:?}"
    );
    Ok(())
}

#[test]
fn a_user_sees_and_changes_only_what_is_theirs() -> Result<()> {
    let rig = Rig::new("http-users")?;
    let ada = rig.token("ada", "deploy", Some("ada"))?;
    let bob = rig.token("bob", "operate", Some("bob"))?;
    let (hers, his) = (rig.launch(&ada)?, rig.launch(&bob)?);
    let list = |token: &str, query: &str| -> Result<Vec<String>> {
        let path = format!("/api/v1/processes{query}");
        let answer = rig.ask(token, ("GET", &path), None)?.json()?;
        let processes = answer["processes"].as_array().context("no list")?.iter();
        let ids = processes.filter_map(|process| process["process"].as_str());
        Ok(ids.map(str::to_owned).collect())
    };
    ensure!(list(&ada, "")? == [hers.clone()], "ada");
    ensure!(list(&bob, "")? == [his.clone()], "bob");
    ensure!(list(&ada, "?user=bob")?.is_empty(), "ada asks for bob's");
    ensure!(list(&rig.local, "")?.len() == 2, "all");
    let counts = rig
        .ask(&ada, ("GET", "/api/v1/counts?by=user"), None)?
        .json()?;
    ensure!(
        counts["count"] == 1 && counts["values"][0]["value"] == "ada",
        "{counts}"
    );

    // Not even by the beginning of its id, which tells whether there is such a process.
    let path = format!("/api/v1/processes/{}", &his[..8]);
    ensure!(
        rig.ask(&ada, ("GET", &path), None)?.code() == "not_found",
        "a prefix"
    );

    // A job of hers finds none of his.
    let body = serde_json::json!({
        "search": {"state": ["running"]}, "order": {"order": "cancel", "reason": "all of them"}
    });
    let begun = rig
        .ask(&ada, ("POST", "/api/v1/bulk"), Some(&body))?
        .json()?;
    let job = begun["job"].as_u64().with_context(|| begun.to_string())?;
    rig.state(&hers, "failed")?;
    ensure!(list(&bob, "?state=running")? == [his], "bob's still runs");
    let path = format!("/api/v1/bulk/{job}");
    ensure!(
        rig.ask(&bob, ("GET", &path), None)?.code() == "not_found",
        "her job"
    );
    ensure!(
        rig.ask(&bob, ("POST", &format!("{path}/stop")), None)?
            .code()
            == "not_found",
        "her job"
    );
    let shown: Value = rig.ask(&ada, ("GET", &path), None)?.json()?;
    ensure!(
        shown["counts"]["done"] == 1 && shown["by"] == "token ada",
        "{shown}"
    );
    Ok(())
}
