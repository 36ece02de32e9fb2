//! What is confirmed on a page is done once, and only if it is still what was shown.

use crate::{
    ordering::{ORDER, deploy, is_done, launch, waits_at},
    pages::{Visitor, encoded, values},
    rig::Rig,
};
use anyhow::{Result, ensure};
use bureaucrat_tests::http::Answer;
use serde_json::json;

/// The hidden inputs of the form of a page, as a browser would send them.
fn hidden(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input type=\"hidden\" ").skip(1);
    let read = |input: &str| {
        let one = |name: &str| Some(values(&format!(" {input}"), name).first()?.to_string());
        Some((one("name")?, one("value")?))
    };
    // The first is that of logging out.
    inputs.filter_map(read).skip(1).collect()
}

fn sent(visitor: &Visitor<'_>, path: &str, fields: &[(String, String)]) -> Result<Answer> {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    visitor.post(path, &pairs.join("&"))
}

#[test]
fn a_plan_is_confirmed_once_and_only_as_it_was_shown() -> Result<()> {
    let rig = Rig::new("http-confirmed")?;
    deploy(&rig, ORDER)?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let process = launch(&rig, &rig.local, "order")?;
    rig.state(&process, "running")?;
    let page = format!("/processes/{process}/skip");
    let planned = visitor.fill_in(&page, &[("step", "plan")])?;
    ensure!(planned.body.contains("part 0: at _0 (pay)"), "{planned:?}");
    let confirmed = hidden(&planned.body);
    ensure!(
        ["proof", "once", "step", "seen"]
            .iter()
            .all(|wanted| confirmed.iter().any(|(name, _)| name == wanted)),
        "{confirmed:?}"
    );
    // It comes twice, and is done once.
    let first = sent(&visitor, &page, &confirmed)?;
    is_done(&visitor, &first, "The activity was skipped")?;
    let second = sent(&visitor, &page, &confirmed)?;
    ensure!(
        second.status == 303 && second.header("location") == first.header("location"),
        "{second:?}"
    );
    ensure!(
        waits_at(&rig, &process)? == ["ship"],
        "it was skipped twice"
    );
    // A link can't claim what was not done.
    let claimed = visitor.page(&format!("/processes/{process}?done=terminate"))?;
    ensure!(!claimed.contains("was terminated"), "{claimed}");

    // Another one has changed since it was shown.
    let process = launch(&rig, &rig.local, "order")?;
    rig.state(&process, "running")?;
    let page = format!("/processes/{process}/skip");
    let planned = visitor.fill_in(&page, &[("step", "plan")])?;
    let body = json!({"order": "skip"});
    let path = format!("/api/v1/processes/{process}/orders");
    let elsewhere = rig.ask(&rig.local, ("POST", &path), Some(&body))?;
    ensure!(elsewhere.status == 200, "{elsewhere:?}");
    let stale = sent(&visitor, &page, &hidden(&planned.body))?;
    ensure!(
        stale.status == 409 && stale.body.contains("has changed since this was shown"),
        "{stale:?}"
    );
    ensure!(waits_at(&rig, &process)? == ["ship"], "another was skipped");

    // Nor does a job begin twice.
    launch(&rig, &rig.local, "order")?;
    let page = "/bulk/new/suspend?definition=order&state=running";
    let confirmed = hidden(&visitor.page(page)?);
    let first = sent(&visitor, page, &confirmed)?;
    ensure!(first.status == 303, "{first:?}");
    let second = sent(&visitor, page, &confirmed)?;
    ensure!(
        second.status == 303 && second.header("location") == first.header("location"),
        "{second:?}"
    );
    // A filter that is not known finds nothing, and not everything.
    let mistyped = visitor.page("/processes?defnition=order")?;
    ensure!(mistyped.contains("There is no filter"), "{mistyped}");
    Ok(())
}
