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
mod tests;
