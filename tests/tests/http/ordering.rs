//! Orders on pages that need something filled in, and orders for all that a search finds.

use crate::{
    pages::{Visitor, encoded, escaped, is_sound, values},
    rig::Rig,
};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::http::Answer;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// It waits for two events, one after the other.
pub const ORDER: &str = r#"<process name="order">
  <context><property name="number" type="int">7</property></context>
  <await id="pay" event="paid"/>
  <await id="ship" event="shipped"/>
</process>"#;

/// It has another step in front, and no `ship`.
const OTHER: &str = r#"<process name="order">
  <context><property name="number" type="int">7</property></context>
  <await id="check" event="checked"/>
  <await id="pay" event="paid"/>
</process>"#;

pub fn deploy(rig: &Rig, source: &str) -> Result<Value> {
    let bearer = format!("Bearer {}", rig.local);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/xml"),
    ];
    let answer = rig
        .client
        .send(("POST", "/api/v1/definitions"), &headers, source)?;
    ensure!(answer.status == 200, "{answer:?}");
    answer.json()
}

/// A process of a deployed definition; its id.
pub fn launch(rig: &Rig, token: &str, definition: &str) -> Result<String> {
    let body = json!({"definition": definition});
    let answer = rig.ask(token, ("POST", "/api/v1/processes"), Some(&body))?;
    ensure!(answer.status == 201, "{answer:?}");
    let process = answer.json()?["process"].clone();
    Ok(process.as_str().context("no id")?.to_owned())
}

fn shown(rig: &Rig, process: &str) -> Result<Value> {
    let path = format!("/api/v1/processes/{process}");
    rig.ask(&rig.local, ("GET", &path), None)?.json()
}

/// The activities at which it waits.
pub fn waits_at(rig: &Rig, process: &str) -> Result<Vec<String>> {
    let shown = shown(rig, process)?;
    let waits = shown["waits"].as_array().context("no waits")?;
    let ids = waits.iter().filter_map(|wait| wait["id"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

fn history(rig: &Rig, process: &str) -> Result<String> {
    let path = format!("/api/v1/processes/{process}/history");
    Ok(rig.ask(&rig.local, ("GET", &path), None)?.body)
}

/// It was done, and the next page says so.
pub fn is_done(visitor: &Visitor<'_>, answer: &Answer, words: &str) -> Result<()> {
    let to = answer.header("location");
    ensure!(answer.status == 303, "{answer:?}");
    let next = visitor.page(to.context("nowhere")?)?;
    ensure!(next.contains(words), "{words}: {next}");
    Ok(())
}

#[test]
fn what_a_part_does_is_planned_and_then_changed() -> Result<()> {
    let rig = Rig::new("http-changing")?;
    deploy(&rig, ORDER)?;
    let process = launch(&rig, &rig.local, "order")?;
    rig.state(&process, "running")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let page = |verb: &str| format!("/processes/{process}/{verb}");
    let own = visitor.page(&format!("/processes/{process}"))?;
    for verb in ["skip", "set", "move", "migrate"] {
        let link = format!("href=\"{}\"", page(verb));
        ensure!(own.contains(&link), "{verb} is not offered: {own}");
    }

    // A mistake is said on the form, with what was typed.
    let typed = "{\"paid\": }";
    let wrong = visitor.fill_in(&page("skip"), &[("fields", typed), ("step", "plan")])?;
    is_sound("skip", &wrong)?;
    ensure!(
        wrong.status == 400
            && wrong.body.contains("not a JSON object")
            && wrong.body.contains("line 1 column 10")
            && wrong.body.contains(&escaped(typed)),
        "{wrong:?}"
    );
    // Of a field that is given twice, neither is taken.
    let twice = "{\"paid\": true, \"paid\": false}";
    let wrong = visitor.fill_in(&page("skip"), &[("fields", twice), ("step", "plan")])?;
    ensure!(
        wrong.status == 400
            && wrong
                .body
                .contains("the key <code>paid</code> is given twice"),
        "{wrong:?}"
    );
    for (path, body) in [
        (
            format!("/processes/{process}/orders"),
            "{\"order\": \"skip\", \"fields\": {\"a\": 1, \"a\": 2}}",
        ),
        (
            "/processes".to_owned(),
            "{\"definition\": \"order\", \"fields\": {\"a\": [{\"b\": 1, \"b\": 1}]}}",
        ),
        (
            "/events".to_owned(),
            "{\"event\": \"paid\", \"event\": \"shipped\"}",
        ),
    ] {
        let bearer = format!("Bearer {}", rig.local);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = rig
            .client
            .send(("POST", &format!("/api/v1{path}")), &headers, body)?;
        ensure!(
            answer.status == 400 && answer.body.contains("is given twice at line 1"),
            "{path}: {answer:?}"
        );
    }
    // A plan changes nothing, and says which part is meant.
    let typed = "{\"paid\": true, \"sum\": 1.10}";
    let plan = [("fields", typed), ("step", "plan")];
    let planned = visitor.fill_in(&page("skip"), &plan)?;
    is_sound("skip", &planned)?;
    ensure!(
        planned.status == 200
            && planned.body.contains("part 0: at _0 (pay)")
            && planned
                .body
                .contains(&format!("value=\"{}\"", escaped(typed))),
        "{planned:?}"
    );
    ensure!(waits_at(&rig, &process)? == ["pay"], "a plan has skipped");
    // What was typed can be changed.
    let mut fields = plan.to_vec();
    fields.push(("step", "edit"));
    let edited = visitor.fill_in(&page("skip"), &fields)?;
    ensure!(
        edited.status == 200 && edited.body.contains(&escaped(typed)),
        "{edited:?}"
    );
    let order = [
        ("fields", typed),
        ("step", "do"),
        ("reason", "she has paid"),
    ];
    let done = visitor.fill_in(&page("skip"), &order)?;
    is_done(&visitor, &done, "The activity was skipped")?;
    ensure!(waits_at(&rig, &process)? == ["ship"], "it waits elsewhere");
    ensure!(shown(&rig, &process)?["fields"]["paid"] == true, "no field");
    ensure!(
        history(&rig, &process)?.contains("she has paid"),
        "no reason"
    );

    let set = [
        ("fields", "{\"a\": 1}"),
        ("remove", "paid\r\nnone"),
        ("step", "do"),
    ];
    let done = visitor.fill_in(&page("set"), &set)?;
    is_done(&visitor, &done, "The fields were set")?;
    let fields = shown(&rig, &process)?["fields"].clone();
    ensure!(fields["a"] == 1 && fields["paid"].is_null(), "{fields}");
    let refused = visitor.fill_in(
        &page("set"),
        &[("fields", "{\"inst:a\": 1}"), ("step", "plan")],
    )?;
    ensure!(
        refused.status == 409 && refused.body.contains("reserved for the engine"),
        "{refused:?}"
    );

    // The activities of the definition are offered.
    let form = visitor.page(&page("move"))?;
    ensure!(
        values(&form, "value").contains(&"_0") && form.contains("await pay paid (_0, line 3)"),
        "{form}"
    );
    let there = [("to", "_0"), ("step", "plan")];
    let planned = visitor.fill_in(&page("move"), &there)?;
    let words = escaped("part 0: _1 -> _0 (pay)");
    ensure!(planned.body.contains(&words), "{planned:?}");
    let done = visitor.fill_in(&page("move"), &[("to", "_0"), ("step", "do")])?;
    is_done(&visitor, &done, "The part was moved")?;
    ensure!(waits_at(&rig, &process)? == ["pay"], "it has not moved");
    let nowhere = visitor.fill_in(&page("move"), &[("to", "_9"), ("step", "plan")])?;
    ensure!(
        nowhere.status == 409 && nowhere.body.contains("has no activity"),
        "{nowhere:?}"
    );
    Ok(())
}

#[test]
fn a_process_migrates_and_continues_with_reasons() -> Result<()> {
    let rig = Rig::new("http-migrating")?;
    deploy(&rig, ORDER)?;
    let (first, second) = (
        launch(&rig, &rig.local, "order")?,
        launch(&rig, &rig.local, "order")?,
    );
    rig.state(&second, "running")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let page = |process: &str, verb: &str| format!("/processes/{process}/{verb}");
    let none = visitor.page(&page(&first, "migrate"))?;
    ensure!(none.contains("no other version to migrate to"), "{none}");
    deploy(&rig, OTHER)?;
    let form = visitor.page(&page(&first, "migrate"))?;
    ensure!(values(&form, "value").contains(&"order@2"), "{form}");
    let to = ("to", "order@2");
    let planned = visitor.fill_in(&page(&first, "migrate"), &[to, ("step", "plan")])?;
    let words = escaped("part 0: _0 -> _1 (pay)");
    ensure!(planned.body.contains(&words), "{planned:?}");
    ensure!(shown(&rig, &first)?["version"] == 1, "a plan has migrated");
    let done = visitor.fill_in(&page(&first, "migrate"), &[to, ("step", "do")])?;
    is_done(&visitor, &done, "The process was migrated")?;
    ensure!(shown(&rig, &first)?["version"] == 2, "it has not migrated");
    // The audit log names both versions, and finds the order by either.
    for definition in ["order", "order%401", "order%402"] {
        let path = format!("/api/v1/audit?order=migrate&definition={definition}");
        let entries = rig.ask(&rig.local, ("GET", &path), None)?.json()?;
        let entry = &entries["entries"][0];
        ensure!(
            entry["versions"] == json!([1]) && entry["to"] == "order@2",
            "{definition}: {entries}"
        );
    }
    let words = "from @1 to order@2";
    let audit = visitor.page("/audit?order=migrate")?;
    ensure!(audit.contains(words), "{audit}");
    let output = rig.engine.command()?.arg("audit").output()?;
    let told = String::from_utf8(output.stdout)?;
    ensure!(told.contains(words), "{told}");

    // What is in the way is said.
    visitor.fill_in(&page(&second, "skip"), &[("step", "do")])?;
    let refused = visitor.fill_in(&page(&second, "migrate"), &[to, ("step", "plan")])?;
    is_sound("migrate", &refused)?;
    ensure!(
        refused.status == 409 && refused.body.contains("no place in that version"),
        "{refused:?}"
    );

    for (verb, reason) in [
        ("suspend", "the bank asks"),
        ("resume", "the bank called back"),
    ] {
        let done = visitor.fill_in(&page(&second, verb), &[("reason", reason)])?;
        ensure!(done.status == 303, "{done:?}");
        ensure!(history(&rig, &second)?.contains(reason), "{verb}");
    }
    Ok(())
}

/// Waits until a job has ended; its page.
fn ended(visitor: &Visitor<'_>, path: &str) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = visitor.page(path)?;
        if !page.contains(">running<") {
            return Ok(page);
        }
        ensure!(Instant::now() < deadline, "{page}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_order_is_for_all_that_a_list_finds() -> Result<()> {
    let rig = Rig::new("http-bulk-page")?;
    deploy(&rig, ORDER)?;
    let bob = rig.token("bob", "operate", Some("bob"))?;
    let mut processes = Vec::new();
    for _ in 0..7 {
        processes.push(launch(&rig, &rig.local, "order")?);
    }
    let his = rig.launch(&bob)?;
    for process in &processes {
        rig.state(process, "running")?;
    }
    let visitor = Visitor::new(&rig, &rig.local)?;
    // Nothing is offered for all processes, and nothing is accepted.
    let all = visitor.page("/processes")?;
    ensure!(!all.contains("/bulk/new/"), "{all}");
    let refused = visitor.get("/bulk/new/cancel")?;
    ensure!(
        refused.status == 400 && refused.body.contains("which processes are meant"),
        "{refused:?}"
    );
    is_sound("/bulk/new/cancel", &refused)?;
    let list = visitor.page("/processes?definition=order&state=running")?;
    let cancel = "/bulk/new/cancel?definition=order&state=running";
    ensure!(list.contains(&escaped(cancel)), "{list}");
    for verb in [
        "retry",
        "resume",
        "suspend",
        "skip",
        "set",
        "move",
        "migrate",
        "terminate",
    ] {
        let path = format!("/bulk/new/{verb}?definition=order");
        let page = visitor.page(&path)?;
        ensure!(page.contains("--definition</span> order"), "{page}");
    }

    // It is said what it would be, before it is.
    let asked = visitor.page(cancel)?;
    for words in ["Cancel 7 processes?", "7 running", "And 2 more"] {
        ensure!(asked.contains(words), "{words}: {asked}");
    }
    let shown = processes.iter().filter(|process| asked.contains(*process));
    ensure!(shown.count() == 5, "{asked}");

    // Fields are filled in, tried on a few, and then set everywhere.
    let skip = "/bulk/new/skip?definition=order";
    let wrong = visitor.fill_in(skip, &[("fields", "paid"), ("step", "plan")])?;
    ensure!(
        wrong.status == 400 && wrong.body.contains(">\npaid</textarea>"),
        "{wrong:?}"
    );
    let at = ("activity", "ship");
    let planned = visitor.fill_in(skip, &[at, ("fields", "{}"), ("step", "plan")])?;
    is_sound("skip", &planned)?;
    ensure!(
        planned.status == 200 && planned.body.matches("none of its parts waits at").count() == 5,
        "{planned:?}"
    );
    let paid = ("fields", "{\"paid\": true}");
    let planned = visitor.fill_in(skip, &[paid, ("step", "plan")])?;
    ensure!(
        planned.body.matches("part 0: at _0 (pay)").count() == 5,
        "{planned:?}"
    );
    ensure!(
        waits_at(&rig, &processes[0])? == ["pay"],
        "a plan has skipped"
    );
    let order = [paid, ("step", "do"), ("reason", "all have paid")];
    let begun = visitor.fill_in(skip, &order)?;
    let job = begun.header("location").context("no job")?.to_owned();
    ensure!(
        begun.status == 303 && job.starts_with("/bulk/"),
        "{begun:?}"
    );
    let page = ended(&visitor, &job)?;
    ensure!(page.contains("7 done, 0 refused"), "{page}");
    for process in &processes {
        ensure!(waits_at(&rig, process)? == ["ship"], "{process}");
    }
    ensure!(
        history(&rig, &processes[0])?.contains("all have paid"),
        "no reason"
    );

    // A job of one user's token is about that user's processes, whatever the search says.
    let his_visits = Visitor::new(&rig, &bob)?;
    let everybodys = "/bulk/new/cancel?state=running&user=";
    let asked = his_visits.page(everybodys)?;
    ensure!(asked.contains("Cancel 1 process?"), "{asked}");
    let begun = his_visits.fill_in(everybodys, &[("reason", "enough")])?;
    let job = begun.header("location").context("no job")?.to_owned();
    ended(&his_visits, &job)?;
    rig.state(&his, "failed")?;
    for process in &processes {
        rig.state(process, "running")?;
    }
    // Nothing is started without the proof, and nothing where nothing is found.
    let without = visitor.post(cancel, "reason=x")?;
    ensure!(without.status == 403, "{without:?}");
    let none = visitor.page(&format!("/bulk/new/cancel?key={}", encoded("no such key")))?;
    ensure!(
        none.contains("nothing to do") && values(&none, "action") == ["/logout"],
        "{none}"
    );
    Ok(())
}
