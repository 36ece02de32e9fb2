//! Logging in with a token, and out.

use super::{
    check_proof, fields, layout,
    layout::Frame,
    parts::problem_words,
    proof,
    sent::{FORM_BYTES_MAX, form},
};
use crate::{
    cookie,
    operation::Access,
    problem::{Code, Problem},
    reply::Reply,
    server::{Shared, now},
    tokens::LOCAL_FILE,
};
use axum::extract::Request;
use maud::html;

const PATH: &str = "/login";

/// Where to log in to see a page.
pub fn path(to: &str) -> String {
    let to = match to {
        "/" => "",
        to => to,
    };
    fields::path(PATH, [("to", to)])
}

/// A page of this server, whatever somebody has put into an address.
fn own(to: Option<&str>) -> &str {
    let is_own = |to: &&str| {
        to.starts_with('/')
            && !to.starts_with("//")
            && to
                .bytes()
                .all(|byte| (b'!'..=b'~').contains(&byte) && byte != b'\\')
    };
    to.filter(is_own).unwrap_or("/")
}

fn admit(shared: &Shared, request: &Request) -> Result<(), Problem> {
    let head = (request.method(), request.uri(), request.headers());
    shared.guard.admit(head, Access::Open, now()).map(drop)
}

/// # Errors
/// If the request is not for this server.
pub fn page(shared: &Shared, request: &Request) -> Result<Reply, Problem> {
    admit(shared, request)?;
    let query = fields::Fields::read(request.uri().query().unwrap_or_default())?;
    Ok(asked(200, own(query.one("to")), None))
}

fn asked(status: u16, to: &str, refused: Option<&Problem>) -> Reply {
    let body = html! {
        div.narrow {
            h1 { "Log in" }
            @if let Some(problem) = refused {
                p.notice.bad role="alert" { (problem_words(problem)) }
            }
            form.card method="post" action=(PATH) {
                input type="hidden" name="to" value=(to);
                label for="token" { "Token" }
                input #token type="password" name="token" required autocomplete="current-password" autofocus
                    spellcheck="false" aria-describedby="token-help";
                p #token-help .soft {
                    "The token of this machine is in the file " code { (LOCAL_FILE) } " of the engine's storage. "
                    code { "bureaucrat token create" } " makes others."
                }
                button.main type="submit" { "Log in" }
            }
            @if to != "/" {
                // A browser keeps the session to itself when a link of another site leads here.
                p.soft { "Logged in already? " a href=(to) { "Continue to the page" } "." }
            }
        }
    };
    layout::page(status, "Log in", &body, &Frame::default())
}

/// # Errors
/// If the form can't be read, or comes from another site.
pub async fn begin(shared: &Shared, request: Request) -> Result<Reply, Problem> {
    admit(shared, &request)?;
    let form = form(shared, request, FORM_BYTES_MAX).await?.fields;
    let (to, now) = (own(form.one("to")), now());
    let secret = form.one("token").unwrap_or_default().trim();
    let Some(token) = shared.guard.tokens.find(secret, now) else {
        let what = "there is no such token, or it has expired";
        let problem = Problem::new(Code::Unauthenticated, what);
        return Ok(asked(problem.code.status(), to, Some(&problem)));
    };
    let begun = shared.guard.sessions.begin(token, now);
    let session = begun.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(Reply::see(to).with("set-cookie", cookie::set(&session, shared.guard.scheme)))
}

/// # Errors
/// If the form is not one of the session.
pub async fn end(shared: &Shared, request: Request) -> Result<Reply, Problem> {
    admit(shared, &request)?;
    let scheme = shared.guard.scheme;
    let session = cookie::of(request.headers(), scheme).map(str::to_owned);
    let proof = proof(shared, &request);
    let form = form(shared, request, FORM_BYTES_MAX).await?.fields;
    if let Some(session) = session {
        check_proof(&form, &proof)?;
        shared.guard.sessions.end(&session);
    }
    Ok(Reply::see(PATH).with("set-cookie", cookie::removed(scheme)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for to in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "evil.example",
            "javascript:alert(1)",
            "/a\r\nset-cookie: a=b",
            "",
        ] {
            assert_eq!(own(Some(to)), "/", "{to}");
        }
        assert_eq!(own(None), "/");
        assert_eq!(own(Some("/processes?key=a%20b")), "/processes?key=a%20b");
    }
}
