//! Who may do what: checks of a request before anything of its body is read.
//!
//! A request has to name a host of this server, so that a page of another site can't reach it under a
//! name of its own (DNS rebinding). One that changes something must not come from another site: a
//! browser's cookie is no consent. Then it needs a token or a session whose role is enough.

use crate::{
    cookie,
    operation::{Access, Reach},
    problem::{Code, Problem},
    server::Scheme,
    sessions::{SessionKey, Sessions},
    tokens::{Role, Token, Tokens},
};
use axum::http::{HeaderMap, Method, Uri, header};
use bureaucrat_model::{Operator, Timestamp};

/// Names that every machine has for itself.
pub const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub token: Token,
    pub via: Via,
    /// The session that a cookie names.
    pub session: Option<SessionKey>,
}

/// How a request says who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A header, which no browser adds by itself.
    Bearer,
    Cookie,
}

impl Caller {
    /// As orders of it are recorded.
    pub fn operator(&self) -> Operator {
        Operator::named(&format!("token {}", self.token.name))
    }

    /// The user whose processes alone it may see.
    pub fn user(&self) -> Option<&str> {
        self.token.user.as_deref()
    }

    /// # Errors
    /// If its role or its user doesn't allow an operation.
    pub fn may(&self, role: Role, reach: Reach) -> Result<(), Problem> {
        if self.token.role < role {
            let (name, own) = (&self.token.name, self.token.role.name());
            return Err(Problem::forbidden(format!(
                "this needs the role `{}`; the token `{name}` has the role `{own}`",
                role.name()
            )));
        }
        match (reach, self.user()) {
            (Reach::Engine, Some(user)) => Err(Problem::forbidden(format!(
                "this is about the whole engine; the token `{}` is for the processes of the user \
                 `{user}`",
                self.token.name
            ))),
            (Reach::Engine | Reach::Processes, _) => Ok(()),
        }
    }
}

/// What requests are checked against.
pub struct Guard {
    pub tokens: Tokens,
    pub sessions: Sessions,
    pub scheme: Scheme,
    /// Names of this server, in lower case.
    pub hosts: Vec<String>,
}

impl Guard {
    /// Checks a request up to who sends it; nobody for an operation that is open.
    ///
    /// # Errors
    /// With what forbids it.
    pub fn admit(
        &self,
        (method, uri, headers): (&Method, &Uri, &HeaderMap),
        access: Access,
        now: Timestamp,
    ) -> Result<Option<Caller>, Problem> {
        let authority = self.authority(uri, headers)?;
        let is_safe = method == Method::GET || method == Method::HEAD;
        if !is_safe {
            self.same_site(headers, &authority)?;
        }
        let (role, reach) = match access {
            Access::Open => return Ok(None),
            Access::Needs(role, reach) => (role, reach),
        };
        let caller = self.caller(headers, now).ok_or_else(|| {
            Problem::new(
                Code::Unauthenticated,
                "send `Authorization: Bearer TOKEN`; the token of this machine is in the file \
                 `http-token` of the storage, and `bureaucrat token create` makes others",
            )
        })?;
        if caller.via == Via::Cookie && !is_safe && !headers.contains_key(header::ORIGIN) {
            return Err(cross_site("it has a session and no `Origin`"));
        }
        caller.may(role, reach)?;
        Ok(Some(caller))
    }

    /// Who sends a request with these headers.
    pub fn caller(&self, headers: &HeaderMap, now: Timestamp) -> Option<Caller> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
            if !scheme.eq_ignore_ascii_case("bearer") {
                return None;
            }
            let token = self.tokens.find(secret.trim(), now)?;
            let via = Via::Bearer;
            let session = None;
            return Some(Caller {
                token,
                via,
                session,
            });
        }
        let session = Sessions::key(cookie::of(headers, self.scheme)?);
        let token = self.sessions.find(&session, &self.tokens, now)?;
        Some(Caller {
            token,
            via: Via::Cookie,
            session: Some(session),
        })
    }

    /// Whether the token and the session of a request that is still being answered count.
    pub fn still_counts(&self, caller: &Caller, now: Timestamp) -> bool {
        let found = match &caller.session {
            Some(session) => self.sessions.find(session, &self.tokens, now),
            None => self.tokens.named(&caller.token, now),
        };
        found.is_some()
    }

    /// The host and port that a request names, if that is this server.
    fn authority(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
        let refused = |what: String| Err(Problem::new(Code::Host, what));
        let mut named = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return refused("the request must have one `Host`".to_owned());
        };
        let host = host.to_str().unwrap_or_default().to_ascii_lowercase();
        let in_uri = uri
            .authority()
            .map(|found| found.as_str().to_ascii_lowercase());
        if in_uri.is_some_and(|found| found != host) {
            return refused("the request names two different hosts".to_owned());
        }
        match self.hosts.iter().any(|known| known == without_port(&host)) {
            true => Ok(host),
            false => refused(format!(
                "`{host}` is not a name of this server; the setting `http_hosts` lists its names"
            )),
        }
    }

    /// Refuses what a page of another site has a browser send.
    fn same_site(&self, headers: &HeaderMap, authority: &str) -> Result<(), Problem> {
        if let Some(origin) = headers.get(header::ORIGIN) {
            let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
            let is_own = origin.split_once("://").is_some_and(|(scheme, host)| {
                host == authority && self.may_be_ours(scheme, authority)
            });
            if !is_own {
                return Err(cross_site(&format!("its `Origin` is `{origin}`")));
            }
        }
        match headers.get("sec-fetch-site").map(|value| value.as_bytes()) {
            None | Some(b"same-origin" | b"none") => Ok(()),
            Some(_) => Err(cross_site("its `Sec-Fetch-Site` says so")),
        }
    }

    /// Whether our own pages can have this scheme. A name that other machines know may be that of a proxy
    /// which encrypts for a server that doesn't.
    fn may_be_ours(&self, scheme: &str, authority: &str) -> bool {
        match self.scheme {
            Scheme::Https => scheme == "https",
            Scheme::Http if LOOPBACK.contains(&without_port(authority)) => scheme == "http",
            Scheme::Http => matches!(scheme, "http" | "https"),
        }
    }
}

/// The host of an authority.
fn without_port(authority: &str) -> &str {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        Some(_) | None => authority,
    }
}

fn cross_site(why: &str) -> Problem {
    Problem::new(
        Code::CrossSite,
        format!("only pages of this server may change something: {why}"),
    )
}

#[cfg(test)]
mod tests {
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
}
