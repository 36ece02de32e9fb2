//! Deploying on a page, retiring, what differs between versions, and modules.

use crate::{
    ordering::{ORDER, deploy, launch},
    pages::{Visitor, is_sound, proof, values},
    rig::Rig,
};
use anyhow::{Result, ensure};
use bureaucrat_tests::{http::Answer, modules::risk_above};

/// A form with a file or a text.
fn send(visitor: &Visitor<'_>, name: &str, text: &str) -> Result<Answer> {
    let page = visitor.page("/deploy")?;
    let mut body = String::new();
    for (name, value) in [("proof", proof(&page)?), (name, text)] {
        let file = if name == "file" {
            "; filename=\"a.xml\""
        } else {
            ""
        };
        body += &format!(
            "--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
        );
    }
    body += "--b0undary--\r\n";
    let kind = ("content-type", "multipart/form-data; boundary=b0undary");
    visitor.send("/deploy", kind, &body)
}

#[test]
fn a_definition_is_deployed_compared_and_retired() -> Result<()> {
    let rig = Rig::new("http-deploying")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    // The same bytes as over the API, from a file and from a text with a browser's line ends.
    let first = send(&visitor, "file", ORDER)?;
    let to = "/definitions/order?done=deploy";
    ensure!(first.header("location") == Some(to), "{first:?}");
    let again = deploy(&rig, ORDER)?;
    ensure!(again["outcome"] == "unchanged", "{again}");
    let typed = send(&visitor, "text", &ORDER.replace('\n', "\r\n"))?;
    let to = "/definitions/order?done=unchanged";
    ensure!(typed.header("location") == Some(to), "{typed:?}");

    // Mistakes are beside the text, and the text stays.
    let mistaken = ORDER.replace("<await id=\"ship\"", "<awiat id=\"ship\"");
    let wrong = send(&visitor, "text", &mistaken)?;
    is_sound("/deploy", &wrong)?;
    ensure!(
        wrong.status == 422
            && wrong.body.contains("Line 4, column ")
            && wrong.body.contains("<li class=\"wrong\" value=\"4\">")
            && wrong.body.matches("awiat").count() >= 2,
        "{wrong:?}"
    );
    // So does what was typed beside a file that is not a text.
    let page = visitor.page("/deploy")?;
    let mut body = Vec::new();
    for (name, value) in [
        ("proof", proof(&page)?.as_bytes()),
        ("file\"; filename=\"a.xml", b"\xff\xfe<"),
        ("text", b"<typed/>"),
    ] {
        let head = format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), value, b"\r\n"].concat());
    }
    body.extend(b"--b0undary--\r\n");
    let kind = ("content-type", "multipart/form-data; boundary=b0undary");
    let wrong = visitor.send("/deploy", kind, &body)?;
    is_sound("/deploy", &wrong)?;
    ensure!(
        wrong.status == 400
            && wrong.body.contains("<code>file</code> is not UTF-8")
            && wrong.body.contains("&lt;typed/&gt;"),
        "{wrong:?}"
    );
    // Without the proof nothing is deployed, however the form is sent.
    let kind = ("content-type", "multipart/form-data; boundary=b0undary");
    let part = "--b0undary\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n<process/>\r\n--b0undary--\r\n";
    let refused = visitor.send("/deploy", kind, part)?;
    ensure!(refused.status == 403, "{refused:?}");

    let newer = ORDER.replace("event=\"shipped\"", "event=\"sent\" title=\"&lt;b&gt;\"");
    send(&visitor, "file", &newer)?;
    let like = visitor.page("/deploy?like=order")?;
    ensure!(like.contains("event=&quot;sent&quot;"), "{like}");
    let shown = visitor.page("/definitions/order/2")?;
    ensure!(
        shown.contains("/definitions/order/2/differences"),
        "{shown}"
    );
    let page = visitor.page("/definitions/order/2/differences?against=1")?;
    ensure!(
        page.contains("<div class=\"del\">-  &lt;await id=&quot;ship&quot; event=&quot;shipped&quot;/&gt;</div>")
            && page.contains("<div class=\"ins\">+  &lt;await id=&quot;ship&quot; event=&quot;sent&quot;"),
        "{page}"
    );
    ensure!(page.contains("event was shipped"), "{page}");
    let alone = "/definitions/order/2/diagram?against=1";
    ensure!(values(&page, "href").contains(&alone), "{page}");
    let picture = visitor.get(alone)?;
    ensure!(
        picture.header("content-type") == Some("image/svg+xml")
            && picture.body.contains("1 changed")
            && picture.body.contains("event was shipped"),
        "{picture:?}"
    );

    // The same over the API.
    let read = |path: &str| rig.ask(&rig.local, ("GET", path), None);
    let versions = "/api/v1/definitions/order/versions/2";
    let over = read(&format!("{versions}/diagram?against=1"))?;
    ensure!(over.body == picture.body, "another picture");
    let mermaid = read(&format!("{versions}/diagram?format=mermaid"))?;
    ensure!(
        mermaid.body.starts_with("flowchart")
            && mermaid.header("content-type") == Some("text/plain; charset=utf-8"),
        "{mermaid:?}"
    );
    let text = read(&format!("{versions}/differences?against=1"))?;
    ensure!(
        text.body.starts_with("--- order@1\n+++ order@2\n@@ ")
            && text
                .body
                .contains("\n-  <await id=\"ship\" event=\"shipped\"/>\n"),
        "{text:?}"
    );
    for path in ["/diagram?against=9", "/differences?against=9"] {
        let none = read(&format!("{versions}{path}"))?;
        ensure!(none.code() == "not_found", "{none:?}");
    }
    let process = launch(&rig, &rig.local, "order")?;
    rig.state(&process, "running")?;
    let marked = read(&format!("/api/v1/processes/{process}/diagram"))?;
    ensure!(
        marked.status == 200 && marked.body.contains("● here"),
        "{marked:?}"
    );

    let asked = visitor.page("/definitions/order/2/retire")?;
    ensure!(asked.contains("Retire order@2?"), "{asked}");
    let done = visitor.fill_in("/definitions/order/2/retire", &[])?;
    let to = "/definitions/order?done=retire";
    ensure!(done.header("location") == Some(to), "{done:?}");
    let shown = read("/api/v1/definitions/order")?.json()?;
    ensure!(
        !shown["versions"][1]["retired_at"].is_null()
            && shown["versions"][0]["retired_at"].is_null(),
        "{shown}"
    );
    // Which versions all of them are, and none that has come since.
    send(&visitor, "text", &ORDER.replace("\"paid\"", "\"payed\""))?;
    let all = "/definitions/order/retire";
    let asked = visitor.page(all)?;
    ensure!(
        asked.contains("Versions that can be launched now") && asked.contains(">1, 3<"),
        "{asked}"
    );
    let changed = visitor.fill_in(all, &[("versions", "1")])?;
    ensure!(
        changed.status == 409 && changed.body.contains("have changed since this was shown"),
        "{changed:?}"
    );
    visitor.fill_in(all, &[("versions", "1, 3")])?;
    let gone = visitor.page(to)?;
    ensure!(
        gone.contains("launched no more") && !gone.contains("/retire\""),
        "{gone}"
    );
    Ok(())
}

#[test]
fn a_user_deploys_as_that_user_and_sees_no_other_texts() -> Result<()> {
    let rig = Rig::new("http-deploying-users")?;
    let theirs = ORDER.replace("\"order\"", "\"theirs\"");
    deploy(&rig, &theirs)?;
    let ada = rig.token("ada", "deploy", Some("ada"))?;
    let visitor = Visitor::new(&rig, &ada)?;
    let own = ORDER.replace("\"order\"", "\"hers\"");
    let done = send(&visitor, "file", &own)?;
    let to = "/definitions/hers?done=deploy";
    ensure!(done.header("location") == Some(to), "{done:?}");
    let shown = visitor.page(to)?;
    ensure!(shown.contains(">ada<"), "{shown}");
    // The policy of users counts, which allows them no messages to queues.
    let wrong = send(
        &visitor,
        "text",
        "<process name=\"hers\"><send routing-key=\"x\"/></process>",
    )?;
    ensure!(
        wrong.status == 422 && wrong.body.contains("Line 1, column "),
        "{wrong:?}"
    );
    for path in [
        "/definitions/theirs",
        "/definitions/theirs/1/differences?against=1",
        "/definitions/theirs/1/diagram",
        "/definitions/theirs/retire",
        "/deploy?like=theirs",
    ] {
        let answer = visitor.get(path)?;
        ensure!(answer.status == 404, "{path}: {answer:?}");
    }
    Ok(())
}

#[test]
fn modules_are_shown_get_aliases_and_are_removed() -> Result<()> {
    let rig = Rig::new("http-modules")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let none = visitor.page("/modules")?;
    ensure!(none.contains("No module is stored"), "{none}");
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("risk.wasm");
    for limit in [10, 20] {
        std::fs::write(&file, risk_above(limit)?)?;
        let mut command = rig.engine.command()?;
        command.args(["module", "deploy", "--name", "risk"]);
        let deployed = command.arg(&file).output()?;
        ensure!(deployed.status.success(), "{deployed:?}");
    }
    let list = visitor.page("/modules")?;
    ensure!(
        list.contains(">risk@1<") && list.contains("href=\"/modules/risk%402\""),
        "{list}"
    );
    let first = visitor.page("/modules/risk%401")?;
    ensure!(
        first.contains("is-high") && first.contains("/modules/risk%401/alias"),
        "{first}"
    );

    let alias = "/modules/risk%401/alias";
    let wrong = visitor.fill_in(alias, &[("alias", "no alias")])?;
    is_sound(alias, &wrong)?;
    ensure!(
        wrong.status == 400 && wrong.body.contains("value=\"no alias\""),
        "{wrong:?}"
    );
    let done = visitor.fill_in(alias, &[("alias", "live")])?;
    let to = "/modules/risk%401?done=alias";
    ensure!(done.header("location") == Some(to), "{done:?}");
    let shown = visitor.page(to)?;
    ensure!(
        shown.contains("The alias was set") && shown.contains("/modules/risk%40live/remove"),
        "{shown}"
    );
    // What is no version has no form for an alias, and a name alone is not removed.
    for path in ["/modules/risk/alias", "/modules/risk%40live/alias"] {
        let answer = visitor.get(path)?;
        ensure!(
            answer.status == 404 && answer.body.contains("An alias stands for a version"),
            "{path}: {answer:?}"
        );
    }
    let answer = visitor.get("/modules/risk/remove")?;
    ensure!(
        answer.status == 404 && answer.body.contains("Say which version or alias"),
        "{answer:?}"
    );
    // A version with an alias stays; without one it is removed.
    let remove = "/modules/risk%401/remove";
    let refused = visitor.fill_in(remove, &[])?;
    ensure!(
        refused.status == 409
            && refused
                .body
                .contains("The alias <code>risk@live</code> stands for"),
        "{refused:?}"
    );
    for path in ["/modules/risk%40live/remove", remove] {
        let asked = visitor.page(path)?;
        ensure!(asked.contains("Remove module risk@"), "{asked}");
        let done = visitor.fill_in(path, &[])?;
        let to = "/modules?done=remove";
        ensure!(done.header("location") == Some(to), "{path}: {done:?}");
    }
    ensure!(
        visitor.get("/modules/risk%401")?.status == 404,
        "it is there"
    );
    visitor.page("/modules/risk%402")?;
    // Who may not deploy is offered nothing.
    let reader = rig.token("reader", "read", None)?;
    let shown = Visitor::new(&rig, &reader)?.page("/modules/risk%402")?;
    ensure!(
        !shown.contains("/remove") && !shown.contains("/alias"),
        "{shown}"
    );
    Ok(())
}
