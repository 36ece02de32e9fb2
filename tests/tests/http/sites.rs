//! What pages of other sites and stolen tokens can do: nothing.

use crate::rig::{Rig, WAITS, body_of, path_of};
use anyhow::{Context, Result, ensure};
use serde_json::json;

#[test]
fn a_page_that_rebinds_its_name_reaches_nothing() -> Result<()> {
    let rig = Rig::new("http-rebinding")?;
    let process = rig.launch(&rig.local)?;
    let before = rig.processes()?;
    let bearer = format!("Bearer {}", rig.local);
    for (id, method, path) in rig.operations()? {
        let (kind, body) = body_of(&id).unwrap_or_default();
        for host in [
            "rebound.example",
            "rebound.example:80",
            "127.0.0.1.rebound.example",
        ] {
            let mut headers = vec![("host", host), ("authorization", bearer.as_str())];
            if !kind.is_empty() {
                headers.push(("content-type", kind));
            }
            let answer = rig
                .client
                .send((&method, &path_of(&path, &process)), &headers, &body)?;
            ensure!(answer.code() == "host", "{id}: {answer:?}");
        }
    }
    let description = [("host", "rebound.example")];
    let answer = rig
        .client
        .send(("GET", "/api/v1/openapi.json"), &description, "")?;
    ensure!(answer.code() == "host", "{answer:?}");
    ensure!(rig.processes()? == before, "something has changed");
    Ok(())
}

#[test]
fn a_form_of_another_site_changes_nothing() -> Result<()> {
    let rig = Rig::new("http-forms")?;
    let process = rig.launch(&rig.local)?;
    let json = [("content-type", "application/json")];
    let login = json!({"token": rig.local}).to_string();
    let answer = rig
        .client
        .send(("POST", "/api/v1/session"), &json, &login)?;
    let cookie = answer.header("set-cookie").context("no cookie")?;
    for word in ["HttpOnly", "SameSite=Strict"] {
        ensure!(cookie.contains(word), "{cookie}");
    }
    let session = cookie.split(';').next().context("no cookie")?;
    let own = format!("http://{}", rig.client.address);
    // The session works where the page is the server's own.
    let cookies = [("cookie", session)];
    let shown = rig
        .client
        .send(("GET", "/api/v1/session"), &cookies, "")?
        .json()?;
    ensure!(shown["name"] == "local", "{shown}");
    let before = rig.processes()?;
    let operations = rig.operations()?;
    let changing = operations.iter().filter(|(_, method, _)| method != "GET");
    for (id, method, path) in changing {
        let (kind, body) = body_of(id).unwrap_or_default();
        for (origin, site) in [
            ("http://evil.example", ""),
            ("null", ""),
            ("", ""),
            ("", "cross-site"),
            ("http://evil.example", "cross-site"),
            (own.as_str(), "cross-site"),
        ] {
            if (id == "log_in" || id == "log_out") && origin.is_empty() && site.is_empty() {
                continue;
            }
            let mut headers = vec![("cookie", session)];
            for (name, value) in [
                ("origin", origin),
                ("sec-fetch-site", site),
                ("content-type", kind),
            ] {
                if !value.is_empty() {
                    headers.push((name, value));
                }
            }
            let answer = rig
                .client
                .send((method, &path_of(path, &process)), &headers, &body)?;
            ensure!(
                answer.code() == "cross_site",
                "{id} from {origin} {site}: {answer:?}"
            );
            // What a form can send without a script.
            let mut headers = vec![("cookie", session), ("origin", own.as_str())];
            headers.push(("content-type", "text/plain"));
            if !kind.is_empty() && id != "log_in" {
                let answer =
                    rig.client
                        .send((method, &path_of(path, &process)), &headers, &body)?;
                ensure!(answer.code() == "media_type", "{id}: {answer:?}");
            }
        }
    }
    ensure!(rig.processes()? == before, "something has changed");
    // After the logout the cookie is worth nothing.
    let headers = [("cookie", session), ("origin", own.as_str())];
    rig.client
        .send(("DELETE", "/api/v1/session"), &headers, "")?;
    let answer = rig.client.send(("GET", "/api/v1/session"), &cookies, "")?;
    ensure!(answer.code() == "unauthenticated", "{answer:?}");
    Ok(())
}

#[test]
fn a_stolen_token_that_reads_changes_nothing() -> Result<()> {
    let rig = Rig::new("http-stolen")?;
    let process = rig.launch(&rig.local)?;
    let xml = [
        ("content-type", "application/xml"),
        ("authorization", &format!("Bearer {}", rig.local)),
    ];
    let deployed = rig
        .client
        .send(("POST", "/api/v1/definitions"), &xml, WAITS)?;
    ensure!(deployed.status == 200, "{deployed:?}");
    let stolen = rig.token("dashboard", "read", None)?;
    let before = rig.processes()?;
    let bearer = format!("Bearer {stolen}");
    let operations = rig.operations()?;
    for (id, method, path) in operations.iter().filter(|(_, method, _)| method != "GET") {
        if id == "log_in" || id == "log_out" {
            continue;
        }
        let (kind, body) = body_of(id).unwrap_or_default();
        let mut headers = vec![("authorization", bearer.as_str())];
        if !kind.is_empty() {
            headers.push(("content-type", kind));
        }
        let answer = rig
            .client
            .send((method, &path_of(path, &process)), &headers, &body)?;
        ensure!(answer.code() == "forbidden", "{id}: {answer:?}");
    }
    ensure!(rig.processes()? == before, "something has changed");
    let path = "/api/v1/definitions/waits";
    let shown = rig.ask(&rig.local, ("GET", path), None)?.json()?;
    ensure!(shown["versions"][0]["retired_at"].is_null(), "{shown}");
    // It is nowhere in the log, and neither is that of this machine.
    let log = rig.engine.log();
    ensure!(
        !log.contains(&stolen) && !log.contains(&rig.local),
        "a token in the log"
    );
    Ok(())
}
