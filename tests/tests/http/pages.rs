//! The dashboard: somebody logs in, finds a process and cancels it; who sees which page; texts of others
//! stay texts.

use crate::{ordering::deploy, rig::Rig};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::http::Answer;
use serde_json::json;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// What attackers put into names and values.
const ATTACKS: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</pre></td><svg onload=alert(1)>",
    "</title><base href=//evil.example>",
    "javascript:alert(1)",
];

/// A browser's part: it keeps a session and says where forms come from.
pub struct Visitor<'a> {
    rig: &'a Rig,
    pub cookie: String,
}

impl<'a> Visitor<'a> {
    /// Logs in.
    pub fn new(rig: &'a Rig, token: &str) -> Result<Self> {
        let body = format!("token={token}&to=%2Fprocesses");
        let answer = rig.client.send(("POST", "/login"), &[FORM], &body)?;
        ensure!(answer.status == 303, "{answer:?}");
        ensure!(
            answer.header("location") == Some("/processes"),
            "{answer:?}"
        );
        let cookie = answer.header("set-cookie").context("no cookie")?;
        for word in ["HttpOnly", "SameSite=Strict"] {
            ensure!(cookie.contains(word), "{cookie}");
        }
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Self { rig, cookie })
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        let headers = [("cookie", self.cookie.as_str())];
        self.rig.client.send(("GET", path), &headers, "")
    }

    /// A page that is there.
    pub fn page(&self, path: &str) -> Result<String> {
        let answer = self.get(path)?;
        ensure!(answer.status == 200, "{path}: {answer:?}");
        is_sound(path, &answer)?;
        Ok(answer.body)
    }

    pub fn post(&self, path: &str, body: &str) -> Result<Answer> {
        self.send(path, FORM, body)
    }

    pub fn send(&self, path: &str, kind: (&str, &str), body: impl AsRef<[u8]>) -> Result<Answer> {
        let origin = format!("http://{}", self.rig.client.address);
        let headers = [("cookie", self.cookie.as_str()), ("origin", &origin), kind];
        self.rig.client.send(("POST", path), &headers, body)
    }

    /// Fills in the form of a page, with the proof of its session.
    pub fn fill_in(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let page = self.page(path)?;
        let mut body = format!("proof={}", proof(&page)?);
        for (name, value) in fields {
            body += &format!("&{name}={}", encoded(value));
        }
        self.post(path, &body)
    }
}

/// How a diagram begins.
const DIAGRAM: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" class="bureaucrat-graph""#;

pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The values of an attribute.
pub fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    let parts = page.split(begin.as_str()).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

/// The value of a hidden field.
pub fn proof(page: &str) -> Result<&str> {
    let (_, rest) = page
        .split_once("name=\"proof\" value=\"")
        .context("no proof")?;
    rest.split('"').next().context("no proof")
}

/// Nothing is run, nothing comes from elsewhere, and nothing is written into a page but text.
pub fn is_sound(path: &str, answer: &Answer) -> Result<()> {
    let page = &answer.body;
    let policy = answer.header("content-security-policy").unwrap_or_default();
    ensure!(
        policy.starts_with(
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self';"
        ),
        "{policy}"
    );
    for word in ["unsafe", "*", "data:", "http"] {
        ensure!(!policy.contains(word), "{policy}");
    }
    ensure!(
        answer.header("cache-control") == Some("no-store"),
        "{path}: {answer:?}"
    );
    let mut lower = page.to_lowercase();
    // The scripts of live pages are files, and the only picture is a diagram, which has texts of others in it.
    for script in values(page, "src") {
        lower = lower.replace(&format!("<script src=\"{script}\" defer></script>"), "");
    }
    lower = lower.replace(DIAGRAM, "");
    for tag in [
        "<script",
        "<svg",
        "<base",
        "<iframe",
        "<style",
        "<img src=x",
        "evil.example>",
    ] {
        ensure!(!lower.contains(tag), "{path} has {tag}: {page}");
    }
    for attribute in ["href", "src", "action"] {
        for value in values(page, attribute) {
            let is_own = (value.starts_with('/') && !value.starts_with("//"))
                || value.starts_with(['?', '#']);
            ensure!(is_own, "{path}: {attribute} is {value}");
        }
    }
    for attribute in ["style", "onload", "onerror", "onclick"] {
        let found = lower.contains(&format!(" {attribute}=\""));
        ensure!(!found, "{path} has an attribute {attribute}");
    }
    ensure!(
        lower.starts_with("<!doctype html>") && lower.ends_with("</html>"),
        "{path}: {page}"
    );
    ensure!(
        lower.matches("<h1").count() == 1 && lower.matches("<main").count() == 1,
        "{path}: {page}"
    );
    Ok(())
}

/// The overview, once the engine has a connection to its broker.
fn connected(visitor: &Visitor<'_>) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let overview = visitor.page("/")?;
        if overview.contains(">connected<") {
            return Ok(overview);
        }
        ensure!(Instant::now() < deadline, "{overview}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn somebody_logs_in_finds_a_process_and_cancels_it() -> Result<()> {
    let rig = Rig::new("http-pages")?;
    let process = rig.launch(&rig.local)?;
    let stranger = rig
        .client
        .send(("GET", "/processes?state=running"), &[], "")?;
    let login = "/login?to=%2Fprocesses%3Fstate%3Drunning";
    ensure!(
        stranger.status == 303 && stranger.header("location") == Some(login),
        "{stranger:?}"
    );
    let asked = rig.client.send(("GET", login), &[], "")?;
    is_sound(login, &asked)?;
    ensure!(
        asked.body.contains("value=\"/processes?state=running\""),
        "{asked:?}"
    );
    let wrong = rig
        .client
        .send(("POST", "/login"), &[FORM], "token=wrong")?;
    ensure!(
        wrong.status == 401 && wrong.header("set-cookie").is_none(),
        "{wrong:?}"
    );

    let visitor = Visitor::new(&rig, &rig.local)?;
    let overview = connected(&visitor)?;
    ensure!(overview.contains(&process), "{overview}");
    let styles = values(&overview, "href")
        .into_iter()
        .find(|path| path.ends_with(".css"));
    let style = rig
        .client
        .send(("GET", styles.context("no stylesheet")?), &[], "")?;
    ensure!(
        style.status == 200 && style.header("content-type") == Some("text/css"),
        "{style:?}"
    );
    ensure!(
        style
            .header("cache-control")
            .is_some_and(|kept| kept.contains("immutable")),
        "{style:?}"
    );
    ensure!(
        !style.body.contains("url(") && !style.body.contains("@import"),
        "{style:?}"
    );

    let list = visitor.page("/processes?state=running&definition=waits&key=")?;
    ensure!(
        list.contains(&format!("href=\"/processes/{process}\"")),
        "{list}"
    );
    let none = visitor.page("/processes?state=failed&definition=waits")?;
    ensure!(!none.contains(&process), "{none}");
    let unfit = visitor.page("/processes?where=novalue")?;
    ensure!(
        unfit.contains("must be NAME=VALUE") && unfit.contains("value=\"novalue\""),
        "{unfit}"
    );

    let path = format!("/processes/{process}");
    let shown = visitor.page(&path)?;
    let cancel = format!("{path}/cancel");
    ensure!(
        shown.contains("never") && shown.contains(&format!("href=\"{cancel}\"")),
        "{shown}"
    );
    let asked = visitor.page(&cancel)?;
    ensure!(
        asked.contains("Cancelled") && asked.contains("cannot be undone"),
        "{asked}"
    );

    // A form without the proof of the session, with another session's, or from another site.
    let other = Visitor::new(&rig, &rig.local)?;
    let others = other.page(&cancel)?;
    ensure!(
        proof(&others)? != proof(&asked)?,
        "two sessions have the same proof"
    );
    for body in [
        "reason=x".to_owned(),
        format!("proof={}&reason=x", proof(&others)?),
    ] {
        let refused = visitor.post(&cancel, &body)?;
        ensure!(refused.status == 403, "{refused:?}");
    }
    let body = format!("proof={}&reason=a+%3Cb%3Etest%3C%2Fb%3E", proof(&asked)?);
    for origin in ["http://evil.example", "null", ""] {
        let mut headers = vec![("cookie", visitor.cookie.as_str()), FORM];
        headers.extend((!origin.is_empty()).then_some(("origin", origin)));
        let refused = rig.client.send(("POST", &cancel), &headers, &body)?;
        ensure!(refused.status == 403, "{origin}: {refused:?}");
    }
    rig.state(&process, "running")?;

    let done = visitor.post(&cancel, &body)?;
    let to = done.header("location").unwrap_or_default();
    let own = format!("{path}?done=cancel.");
    ensure!(done.status == 303 && to.starts_with(&own), "{done:?}");
    rig.state(&process, "failed")?;
    let ended = visitor.page(to)?;
    ensure!(ended.contains("a &lt;b&gt;test&lt;/b&gt;"), "{ended}");
    ensure!(
        !ended.contains(&format!("href=\"{cancel}\"")),
        "an order is offered that is refused: {ended}"
    );
    let again = visitor.post(&cancel, &body)?;
    ensure!(
        again.status == 409 && again.body.contains("already ended"),
        "{again:?}"
    );

    let out = visitor.post("/logout", &format!("proof={}", proof(&ended)?))?;
    ensure!(
        out.status == 303 && out.header("location") == Some("/login"),
        "{out:?}"
    );
    ensure!(
        visitor.get(&path)?.status == 303,
        "the session has not ended"
    );
    Ok(())
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[test]
fn texts_of_others_stay_texts() -> Result<()> {
    let rig = Rig::new("http-page-attacks")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    for attack in ATTACKS {
        let text = escaped(attack);
        let launch = |source: String| -> Result<String> {
            let body = json!({"source": source});
            let answer = rig.ask(&rig.local, ("POST", "/api/v1/processes"), Some(&body))?;
            let process = answer.json()?["process"].as_str().map(str::to_owned);
            process.with_context(|| format!("{attack} is not launched: {answer:?}"))
        };
        let failing =
            format!(r#"<process name="fails"><fault code="Attack" message="{text}"/></process>"#);
        let failing = launch(failing)?;
        rig.state(&failing, "failed")?;
        let failed = visitor.page(&format!("/processes/{failing}"))?;
        ensure!(failed.contains(&text), "{failed}");
        // A definition that is deployed has a diagram on its pages.
        let drawn =
            format!(r#"<process name="drawn"><await event="drawn" title="{text}"/></process>"#);
        let version = deploy(&rig, &drawn)?["version"].clone();
        let page = visitor.page(&format!("/definitions/drawn/{version}"))?;
        ensure!(page.contains(DIAGRAM), "{page}");
        let body = json!({"definition": "drawn"});
        let answer = rig
            .ask(&rig.local, ("POST", "/api/v1/processes"), Some(&body))?
            .json()?;
        let process = answer["process"].as_str().context("no id")?;
        let page = visitor.page(&format!("/processes/{process}"))?;
        ensure!(page.contains(DIAGRAM) && page.contains("here"), "{page}");
        let process = launch(format!(
            r#"<process name="shown"><context><property name="field" type="str">{text}</property></context>
              <await event="shown" title="{text}"/></process>"#
        ))?;
        let path = format!("/processes/{process}");
        let shown = visitor.page(&path)?;
        ensure!(
            shown.contains(&escaped("alert(1)")) || shown.contains("evil.example"),
            "{shown}"
        );
        let body = json!({"reason": attack, "order": "suspend"});
        rig.ask(
            &rig.local,
            ("POST", &format!("/api/v1{path}/orders")),
            Some(&body),
        )?;
        visitor.page(&path)?;
        visitor.page(&format!("{path}?done={0}&history={0}", encoded(attack)))?;
        visitor.page("/")?;
        visitor.page("/processes")?;
        visitor.page("/audit")?;
        for field in ["definition", "key", "state", "where", "from", "participant"] {
            let page = visitor.get(&format!("/processes?{field}={}", encoded(attack)))?;
            ensure!([200, 400].contains(&page.status), "{page:?}");
            is_sound(field, &page)?;
        }
        let filters = [
            "by",
            "order",
            "process",
            "definition",
            "job",
            "from",
            "after",
        ];
        for field in filters {
            let page = visitor.get(&format!("/audit?{field}={}", encoded(attack)))?;
            ensure!([200, 400].contains(&page.status), "{page:?}");
            is_sound(field, &page)?;
        }
        for path in [
            "/login?to=",
            "/processes/",
            "/definitions/",
            "/letters/",
            "/nothing/",
            "/bulk/",
        ] {
            let path = format!("{path}{}", encoded(attack));
            is_sound(&path, &visitor.get(&path)?)?;
        }
    }
    Ok(())
}

pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
