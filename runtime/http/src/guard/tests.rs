//! Hosts, origins and tokens that pass, and those that do not.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::tokens::{self, LOCAL_FILE};

const NOW: Timestamp = Timestamp(1_000);
const READ: Access = Access::Needs(Role::Read, Reach::Processes);
const OPERATE: Access = Access::Needs(Role::Operate, Reach::Processes);
const ENGINE: Access = Access::Needs(Role::Read, Reach::Engine);

struct Fixture {
    guard: Guard,
    local: String,
    reader: String,
    ada: String,
    folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path();
    let tokens = Tokens::open(storage).unwrap();
    let local = std::fs::read_to_string(storage.join(LOCAL_FILE)).unwrap();
    let make = |name: &str, role, user: Option<&str>| {
        let user = user.map(str::to_owned);
        tokens::create(storage, name, (role, user), (NOW, None)).unwrap()
    };
    Fixture {
        local: local.trim().to_owned(),
        reader: make("reader", Role::Read, None),
        ada: make("ada", Role::Operate, Some("ada")),
        guard: Guard {
            tokens,
            sessions: Sessions::default(),
            scheme: Scheme::Http,
            hosts: vec!["localhost".into(), "127.0.0.1".into(), "[::1]".into()],
        },
        folder,
    }
}

impl Fixture {
    fn admit(&self, method: Method, headers: &[(&str, &str)], access: Access) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        let uri = Uri::from_static("/api/v1/processes");
        match self.guard.admit((&method, &uri, &map), access, NOW) {
            Ok(Some(caller)) => caller.token.name,
            Ok(None) => "open".to_owned(),
            Err(problem) => problem.code.name().to_owned(),
        }
    }
}

#[test]
fn a_role_allows_what_it_says() {
    let fixture = fixture();
    let bearer = |secret: &str| format!("Bearer {secret}");
    for (secret, access, expected) in [
        (&fixture.reader, READ, "reader"),
        (&fixture.reader, OPERATE, "forbidden"),
        (&fixture.local, OPERATE, "local"),
        (&fixture.ada, OPERATE, "ada"),
        (&fixture.ada, ENGINE, "forbidden"),
        (&fixture.reader, ENGINE, "reader"),
        (&"x".to_owned(), READ, "unauthenticated"),
    ] {
        let headers = [
            ("host", "localhost:8017"),
            ("authorization", &bearer(secret)),
        ];
        assert_eq!(
            fixture.admit(Method::GET, &headers, access),
            expected,
            "{access:?}"
        );
    }
    let headers = [("host", "localhost")];
    assert_eq!(
        fixture.admit(Method::GET, &headers, READ),
        "unauthenticated"
    );
    assert_eq!(fixture.admit(Method::GET, &headers, Access::Open), "open");
}

#[test]
fn another_name_of_this_machine_is_refused() {
    let fixture = fixture();
    let secret = format!("Bearer {}", fixture.local);
    let token = ("authorization", secret.as_str());
    for host in [
        "evil.example",
        "evil.example:8017",
        "localhost.evil.example",
        "",
    ] {
        let headers = [("host", host), token];
        assert_eq!(fixture.admit(Method::GET, &headers, READ), "host", "{host}");
    }
    for host in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:8017",
        "[::1]:8017",
        "[::1]",
    ] {
        let headers = [("host", host), token];
        assert_eq!(
            fixture.admit(Method::GET, &headers, READ),
            "local",
            "{host}"
        );
    }
    assert_eq!(fixture.admit(Method::GET, &[token], READ), "host");
    let headers = [("host", "localhost"), ("host", "evil.example"), token];
    assert_eq!(fixture.admit(Method::GET, &headers, READ), "host");
}

#[test]
fn another_site_changes_nothing() {
    let fixture = fixture();
    let token = fixture.guard.tokens.find(&fixture.local, NOW).unwrap();
    let session = fixture.guard.sessions.begin(token, NOW).unwrap();
    let cookie = format!("bureaucrat-session={session}");
    let (host, cookie) = (("host", "localhost:8017"), ("cookie", cookie.as_str()));
    let post = |more: &[(&'static str, &'static str)]| {
        let mut headers = vec![host, cookie];
        headers.extend(more);
        fixture.admit(Method::POST, &headers, OPERATE)
    };
    assert_eq!(post(&[("origin", "http://localhost:8017")]), "local");
    for origin in [
        "https://localhost:8017",
        "http://evil.example",
        "http://localhost:8018",
        "http://localhost",
        "http://localhost:8017.evil.example",
        "null",
    ] {
        assert_eq!(post(&[("origin", origin)]), "cross_site", "{origin}");
    }
    // A form of an old browser, which says nothing about where it comes from.
    assert_eq!(post(&[]), "cross_site");
    let own = ("origin", "http://localhost:8017");
    assert_eq!(post(&[own, ("sec-fetch-site", "cross-site")]), "cross_site");
    assert_eq!(post(&[own, ("sec-fetch-site", "same-origin")]), "local");
    // A proxy that encrypts is before a server that doesn't, under a name that others know.
    for (scheme, host, origin, is_own) in [
        (
            Scheme::Https,
            "localhost:8017",
            "https://localhost:8017",
            true,
        ),
        (
            Scheme::Https,
            "localhost:8017",
            "http://localhost:8017",
            false,
        ),
        (
            Scheme::Https,
            "engine.example",
            "http://engine.example",
            false,
        ),
        (
            Scheme::Http,
            "engine.example",
            "https://engine.example",
            true,
        ),
        (
            Scheme::Http,
            "engine.example",
            "ftp://engine.example",
            false,
        ),
    ] {
        let guard = Guard {
            tokens: Tokens::open(fixture.folder.path()).unwrap(),
            sessions: Sessions::default(),
            scheme,
            hosts: Vec::new(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        assert_eq!(guard.same_site(&headers, host).is_ok(), is_own, "{origin}");
    }
    // With a token there is no cookie to abuse.
    let secret = format!("Bearer {}", fixture.local);
    let headers = [host, ("authorization", secret.as_str())];
    assert_eq!(fixture.admit(Method::POST, &headers, OPERATE), "local");
}
