//! The audit log over HTTP, on its page and on the command line: who sees what, filters, pages.

use crate::{
    ordering::{ORDER, deploy, launch},
    pages::{Visitor, values},
    rig::Rig,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

fn entries(rig: &Rig, token: &str, query: &str) -> Result<Vec<Value>> {
    let path = format!("/api/v1/audit{query}");
    let answer = rig.ask(token, ("GET", &path), None)?;
    ensure!(answer.status == 200, "{path}: {answer:?}");
    let page = answer.json()?;
    Ok(page["entries"].as_array().context("no entries")?.clone())
}

fn orders(entries: &[Value]) -> Vec<&str> {
    let orders = entries.iter().filter_map(|entry| entry["order"].as_str());
    orders.collect()
}

fn order(rig: &Rig, token: &str, process: &str, order: &str, reason: &str) -> Result<()> {
    let path = format!("/api/v1/processes/{process}/orders");
    let body = json!({"order": order, "reason": reason});
    let answer = rig.ask(token, ("POST", &path), Some(&body))?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

#[test]
fn a_user_sees_the_orders_that_concern_them_alone() -> Result<()> {
    let rig = Rig::new("http-audit-users")?;
    let ada = rig.token("ada", "deploy", Some("ada"))?;
    let bob = rig.token("bob", "operate", Some("bob"))?;
    let reader = rig.token("reader", "read", None)?;
    let (hers, his) = (rig.launch(&ada)?, rig.launch(&bob)?);
    order(&rig, &ada, &hers, "suspend", "hers")?;
    order(&rig, &bob, &his, "suspend", "his")?;
    order(&rig, &rig.local, &hers, "resume", "by somebody else")?;
    // A definition of an operator, one of hers, and jobs.
    deploy(&rig, ORDER)?;
    let bearer = format!("Bearer {ada}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/xml"),
    ];
    let source = ORDER.replace("name=\"order\"", "name=\"work\"");
    let own = rig
        .client
        .send(("POST", "/api/v1/definitions"), &headers, &source)?;
    ensure!(own.status == 200, "{own:?}");
    let job = |token: &str, search: Value| {
        let order = json!({"order": "retry", "reason": "a job"});
        let body = json!({"search": search, "order": order});
        rig.ask(token, ("POST", "/api/v1/bulk"), Some(&body))
    };
    job(&ada, json!({"state": ["failed"]}))?;
    job(&rig.local, json!({"state": ["failed"]}))?;
    // It is about both users' processes, and so about none.
    job(&ada, json!({"user": "bob"}))?;

    let all = entries(&rig, &reader, "")?;
    let expected = [
        "start_job",
        "start_job",
        "start_job",
        "deploy_definition",
        "deploy_definition",
        "resume",
        "suspend",
        "suspend",
    ];
    ensure!(orders(&all) == expected, "{all:?}");
    let own = entries(&rig, &ada, "")?;
    let expected = ["start_job", "deploy_definition", "resume", "suspend"];
    ensure!(orders(&own) == expected, "{own:?}");
    ensure!(
        own.iter().all(|entry| entry["user"] == "ada"),
        "not hers: {own:?}"
    );
    let own = entries(&rig, &bob, "")?;
    ensure!(
        orders(&own) == ["suspend"] && own[0]["process"] == *his,
        "{own:?}"
    );
    // No filter shows more.
    for query in [
        format!("?process={hers}"),
        format!("?process={}", &hers[..8]),
        "?by=token%20ada".to_owned(),
        "?definition=work".to_owned(),
        "?order=start_job".to_owned(),
    ] {
        ensure!(entries(&rig, &bob, &query)?.is_empty(), "{query}");
        ensure!(!entries(&rig, &reader, &query)?.is_empty(), "{query}");
    }
    let page = Visitor::new(&rig, &bob)?.page("/audit")?;
    ensure!(page.contains(&his) && !page.contains(&hers), "{page}");
    let by = &entries(&rig, &ada, "?order=suspend")?[0]["by"];
    ensure!(
        *by == json!({"kind": "operator", "name": "token ada"}),
        "{by}"
    );
    Ok(())
}

#[test]
fn entries_are_filtered_and_paged_over_http_on_the_page_and_on_the_command_line() -> Result<()> {
    let rig = Rig::new("http-audit")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let none = visitor.page("/audit")?;
    ensure!(none.contains("There is no such order"), "{none}");
    deploy(&rig, ORDER)?;
    let process = launch(&rig, &rig.local, "order")?;
    for number in 0..30 {
        for verb in ["suspend", "resume"] {
            order(&rig, &rig.local, &process, verb, &format!("round {number}"))?;
        }
    }
    let other = launch(&rig, &rig.local, "order")?;
    order(&rig, &rig.local, &other, "cancel", "ordered twice")?;

    // Pages over HTTP.
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/audit?limit=7{after}");
        let page = rig.ask(&rig.local, ("GET", &path), None)?.json()?;
        let found = page["entries"].as_array().context("no entries")?;
        ensure!(found.len() <= 7, "{page}");
        all.extend(found.clone());
        match page["next"].as_u64() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    ensure!(all.len() == 62, "{}", all.len());
    let numbers: Vec<_> = all
        .iter()
        .filter_map(|entry| entry["entry"].as_u64())
        .collect();
    ensure!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    let cancel = &all[0];
    ensure!(
        cancel["order"] == "cancel"
            && cancel["process"] == *other
            && cancel["definition"] == "order"
            && cancel["versions"] == json!([1])
            && cancel["reason"] == "ordered twice",
        "{cancel}"
    );
    let at = |entry: &Value| entry["at"].as_u64().context("no time");
    let (from, before) = (at(&all[40])?, at(&all[20])?);
    let between = entries(
        &rig,
        &rig.local,
        &format!("?from={from}&before={before}&limit=500"),
    )?;
    let within = |entry: &&Value| at(entry).is_ok_and(|at| (from..before).contains(&at));
    ensure!(
        between == all.iter().filter(within).cloned().collect::<Vec<_>>(),
        "{between:?}"
    );
    for (query, count) in [
        ("order=cancel".to_owned(), 1),
        ("definition=order".to_owned(), 62),
        ("definition=order%401".to_owned(), 62),
        ("definition=order%402".to_owned(), 0),
        (format!("process={process}"), 60),
        ("by=nobody".to_owned(), 0),
        ("job=1".to_owned(), 0),
    ] {
        let found = entries(&rig, &rig.local, &format!("?{query}&limit=500"))?;
        ensure!(found.len() == count, "{query}: {}", found.len());
    }
    for query in [
        "order=explode",
        "process=x",
        "definition=%40",
        "limit=0",
        "from=x",
        "colour=red",
    ] {
        let answer = rig.ask(&rig.local, ("GET", &format!("/api/v1/audit?{query}")), None)?;
        ensure!(answer.status == 400, "{query}: {answer:?}");
    }

    // The same on the page.
    let first = visitor.page("/audit")?;
    ensure!(
        first.contains("ordered twice") && first.contains("round 29"),
        "{first}"
    );
    let next = values(&first, "href")
        .into_iter()
        .find(|path| path.contains("after="));
    let second = visitor.page(&next.context("no next page")?.replace("&amp;", "&"))?;
    ensure!(
        second.contains("round 0") && second.contains("To the first page"),
        "{second}"
    );
    let filtered = visitor.page("/audit?order=cancel&by=")?;
    ensure!(
        filtered.contains(&other) && !filtered.contains(&process),
        "{filtered}"
    );
    let wrong = visitor.get("/audit?job=x")?;
    ensure!(
        wrong.body.contains("`x` is not the number of anything")
            || wrong
                .body
                .contains("<code>x</code> is not the number of anything"),
        "{wrong:?}"
    );
    let link = format!("/audit?process={process}");
    ensure!(
        visitor
            .page(&format!("/processes/{process}"))?
            .contains(&link),
        "no link from the process"
    );
    ensure!(
        visitor
            .page("/definitions/order")?
            .contains("/audit?definition=order"),
        "no link from the definition"
    );

    // And on the command line.
    let run = |arguments: &[&str]| -> Result<String> {
        let output = rig
            .engine
            .command()?
            .arg("audit")
            .args(arguments)
            .output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(String::from_utf8([output.stdout, output.stderr].concat())?)
    };
    let lines = run(&["--json", "--limit", "0"])?;
    let lines: Vec<Value> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    ensure!(lines == all, "{lines:?}");
    let words = run(&["--process", &other[..8]])?;
    ensure!(
        words.contains("cancel") && words.contains("ordered twice") && words.contains(&other),
        "{words}"
    );
    let words = run(&["--limit", "5"])?;
    ensure!(
        words.contains("there may be more") && words.lines().count() == 7,
        "{words}"
    );
    let words = run(&["--order", "terminate"])?;
    ensure!(words.contains("no orders"), "{words}");
    Ok(())
}
