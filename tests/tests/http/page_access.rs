//! Every page × every role × no token × another user's process.

use crate::{
    pages::{FORM, is_sound, values},
    rig::Rig,
};
use anyhow::{Result, ensure};

/// Who gets which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Everybody with a token.
    All,
    /// Those who may operate, or only look at what others can do.
    Operators,
    /// Those whose token is not for a single user.
    Whole,
    /// Both.
    WholeOperators,
    /// Those who may deploy.
    Deployers,
    /// Those whose token is not for a single user.
    WholeDeployers,
}

#[test]
fn every_page_checks_token_role_and_user() -> Result<()> {
    let rig = Rig::new("http-page-access")?;
    let reader = rig.token("reader", "read", None)?;
    let operator = rig.token("operator", "operate", None)?;
    let ada = rig.token("ada", "operate", Some("ada"))?;
    let bob = rig.token("bob", "operate", Some("bob"))?;
    let deployer = rig.token("deployer", "deploy", None)?;
    let process = rig.launch(&bob)?;
    let own = |rest: &str| format!("/processes/{process}{rest}");
    let pages = [
        ("GET", "/".to_owned(), 200, For::All),
        ("GET", "/processes".to_owned(), 200, For::All),
        ("GET", own(""), 200, For::All),
        ("GET", own("/cancel"), 200, For::Operators),
        ("POST", own("/suspend"), 303, For::Operators),
        ("GET", own("/skip"), 200, For::Operators),
        ("POST", own("/set"), 400, For::Operators),
        ("GET", own("/calls"), 200, For::All),
        ("GET", own("/diagram"), 404, For::All),
        ("GET", "/participants".to_owned(), 200, For::All),
        ("GET", "/schedules".to_owned(), 200, For::All),
        ("GET", "/modules".to_owned(), 200, For::Whole),
        ("GET", "/modules/none".to_owned(), 404, For::Whole),
        ("GET", "/definitions".to_owned(), 200, For::All),
        ("GET", "/definitions/none".to_owned(), 404, For::All),
        ("GET", "/definitions/none/1".to_owned(), 404, For::All),
        (
            "GET",
            "/definitions/none/1/differences?against=2".to_owned(),
            404,
            For::All,
        ),
        ("GET", "/deploy".to_owned(), 200, For::Deployers),
        ("POST", "/deploy".to_owned(), 400, For::Deployers),
        ("GET", "/letters".to_owned(), 200, For::Whole),
        ("GET", "/letters/1".to_owned(), 404, For::Whole),
        (
            "GET",
            "/letters/1/resend".to_owned(),
            404,
            For::WholeOperators,
        ),
        (
            "POST",
            "/letters/1/discard".to_owned(),
            404,
            For::WholeOperators,
        ),
        ("GET", "/audit".to_owned(), 200, For::All),
        ("GET", "/bulk".to_owned(), 200, For::All),
        ("GET", "/bulk/1".to_owned(), 404, For::All),
        ("GET", "/bulk/1/stop".to_owned(), 404, For::Operators),
        ("POST", "/bulk/1/stop".to_owned(), 404, For::Operators),
        (
            "GET",
            "/bulk/new/cancel?definition=none".to_owned(),
            200,
            For::Operators,
        ),
        ("POST", "/bulk/new/cancel".to_owned(), 400, For::Operators),
    ];
    let asked =
        |path: &str, of: For| ["GET", "POST"].map(|method| (method, path.to_owned(), 404, of));
    let pages = pages
        .into_iter()
        .chain(asked("/definitions/none/retire", For::Deployers))
        .chain(asked("/definitions/none/1/retire", For::Deployers))
        .chain(asked("/modules/none/alias", For::WholeDeployers))
        .chain(asked("/modules/none/remove", For::WholeDeployers));
    let pages: Vec<_> = pages.collect();
    for (method, path, status, of) in &pages {
        let request = (*method, path.as_str());
        for headers in [vec![FORM], vec![FORM, ("authorization", "Bearer wrong")]] {
            let stranger = rig.client.send(request, &headers, "")?;
            let to = stranger.header("location").unwrap_or_default();
            ensure!(
                stranger.status == 303 && to.starts_with("/login"),
                "{request:?}: {stranger:?}"
            );
        }
        let tokens = [
            (&reader, "read", false),
            (&ada, "operate", true),
            (&bob, "operate", true),
            (&operator, "operate", false),
            (&deployer, "deploy", false),
        ];
        for (token, role, is_users) in tokens {
            let may = match of {
                For::All => true,
                For::Operators => role != "read",
                For::Whole => !is_users,
                For::WholeOperators => role != "read" && !is_users,
                For::Deployers => role == "deploy",
                For::WholeDeployers => role == "deploy" && !is_users,
            };
            // What is another user's is as if it were not there.
            let is_hidden = token == &ada && path.starts_with("/processes/");
            // Bob's order comes first; others then find it suspended.
            let is_late = !is_users && *method == "POST" && path.ends_with("/suspend");
            let wanted = match (may, is_hidden, is_late) {
                (false, _, _) => 403,
                (true, true, _) => 404,
                (true, false, true) => 409,
                (true, false, false) => *status,
            };
            let bearer = format!("Bearer {token}");
            let answer = rig
                .client
                .send(request, &[FORM, ("authorization", &bearer)], "")?;
            ensure!(
                answer.status == wanted,
                "{request:?} {role}: {wanted} expected: {answer:?}"
            );
            if answer.status != 303 {
                is_sound(path, &answer)?;
            }
        }
    }
    // Who may only look is offered nothing to do.
    let bearer = format!("Bearer {reader}");
    let shown = rig
        .client
        .send(("GET", &own("")), &[("authorization", &bearer)], "")?
        .body;
    let forms = values(&shown, "action");
    ensure!(
        forms == ["/logout"] && !shown.contains("/cancel\""),
        "{shown}"
    );
    // A user sees nothing of others.
    let bearer = format!("Bearer {ada}");
    for path in ["/", "/processes", "/processes?user=bob"] {
        let list = rig
            .client
            .send(("GET", path), &[("authorization", &bearer)], "")?;
        ensure!(
            list.status == 200 && !list.body.contains(&process),
            "{list:?}"
        );
    }
    // Another name of this machine reaches nothing.
    let rebound = [
        ("host", "rebound.example"),
        ("authorization", bearer.as_str()),
    ];
    let paths = ["/", "/login", "/assets/style.css", "/processes"];
    for path in paths {
        let answer = rig.client.send(("GET", path), &rebound, "")?;
        ensure!(answer.status == 421, "{path}: {answer:?}");
    }
    Ok(())
}
