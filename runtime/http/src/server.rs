//! The server: what its threads share, and the headers that all answers have.

use crate::{
    body::Budget,
    census::Census,
    connections,
    dispatch::handler,
    engine::{Call, Engine},
    exchange::{Came, stopped},
    guard::{Caller, Guard, LOOPBACK},
    openapi,
    operation::{API, Access},
    pages,
    pages::once::Once,
    pool::Pool,
    problem::{Code, Problem},
    rate::Rates,
    routes::{self, health::Readinesses},
    streams::Streams,
    tokens::TokenError,
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware,
    response::Response,
};
use bureaucrat_model::Timestamp;
use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{sync::watch, time::sleep};

/// How long an answer may take; compiling what is deployed may take minutes.
const ANSWER_PATIENCE: Duration = Duration::from_secs(320);
/// How long a question may take after the server was told to stop: less than connections have.
const ENDING: Duration = Duration::from_secs(4);
/// How often it is looked whether the records can be read.
const LOOK: Duration = Duration::from_millis(500);
/// How much later than it should the server may stop.
const LATE: Duration = Duration::from_secs(1);

/// How the API is served.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    /// Names of this server beside those of the loopback interface and its address.
    pub hosts: Vec<String>,
    /// Certificate chain and key, in PEM. An address of another interface needs them.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The folder of the tokens.
    pub storage: PathBuf,
    /// The engine's version, for the description.
    pub version: &'static str,
}

/// Whether requests are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Why the API can't be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "{0} can be reached from other machines, which needs TLS: set `http_cert_file` and `http_key_file`, or listen on \
         127.0.0.1"
    )]
    Open(SocketAddr),
    #[error("cannot listen on {address}: {error}")]
    Listen {
        address: SocketAddr,
        error: io::Error,
    },
    #[error("{}: {reason}", .path.display())]
    Certificate { path: PathBuf, reason: String },
    #[error(transparent)]
    Tokens(#[from] TokenError),
    #[error("cannot start the threads for HTTP: {0}")]
    Threads(io::Error),
}

/// A running server. It ends with the process, or when it is stopped.
pub struct Server {
    /// Where it listens: the port is one of the system's choice if 0 was asked for.
    pub address: SocketAddr,
    pub(crate) stop: watch::Sender<bool>,
    /// Disconnected once the last connection is closed.
    pub(crate) closed: std::sync::mpsc::Receiver<()>,
}

impl Server {
    /// Takes no more connections, and waits until the requests that are under way are answered, but not
    /// for long. Those that wait for a process are told how it stands, and streams end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        // Nothing is ever sent.
        let _ = self.closed.recv_timeout(connections::GRACE + LATE);
    }
}

/// What all requests share.
pub struct Shared {
    pub engine: Arc<dyn Engine>,
    pub(crate) census: Arc<Census>,
    pub guard: Guard,
    pub(crate) pool: Pool,
    pub(crate) rates: Rates,
    pub(crate) budget: Budget,
    pub streams: Arc<Streams>,
    /// Forms that have come already.
    pub once: Arc<Once>,
    pub readiness: Readinesses,
    /// Whether the server stops.
    pub stopping: watch::Receiver<bool>,
}

/// The names that requests may have for this server.
pub(crate) fn hosts(settings: &Settings) -> Vec<String> {
    let own = match settings.listen.ip() {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let usual = LOOPBACK.map(str::to_owned);
    let configured = settings.hosts.iter().map(|host| host.to_ascii_lowercase());
    usual.into_iter().chain([own]).chain(configured).collect()
}

/// All routes.
pub(crate) fn router(shared: Arc<Shared>, version: &str) -> Router {
    let operations = routes::operations();
    let document = openapi::document(&operations, version).to_string();
    let mut router = Router::new();
    for operation in operations {
        router = router.route(&operation.whole_path(), handler(&shared, operation));
    }
    pages::routes(routes::described(router, &shared, document), &shared)
        .fallback(async |request: Request| {
            if !request.uri().path().starts_with(API) {
                return pages::lost();
            }
            Problem::not_found("no operation has this path; /api/v1/openapi.json lists them all")
                .into_reply()
                .into_response()
        })
        .method_not_allowed_fallback(async || {
            Problem::new(Code::Method, "the path takes other methods; see `Allow`")
                .into_reply()
                .into_response()
        })
        .layer(middleware::map_response(guarded))
}

/// The headers that all answers have.
pub(crate) async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let is_of = |kind: &str| {
        let found = headers.get(header::CONTENT_TYPE);
        found.is_some_and(|value| value.as_bytes().starts_with(kind.as_bytes()))
    };
    let (is_page, is_picture) = (is_of("text/html"), is_of(routes::diagrams::SVG));
    // A page loads nothing of another host; its stylesheet and its scripts are files.
    let policy = match (is_page, is_picture) {
        (true, _) => {
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        }
        // A picture has its style in it.
        (false, true) => "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        (false, false) => {
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        }
    };
    // With `no-referrer` a browser would send the forms of a page with the `Origin` `null`.
    let referrer = match is_page {
        true => "same-origin",
        false => "no-referrer",
    };
    for (name, value) in [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", referrer),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

impl Shared {
    /// The engine, for somebody who was admitted.
    pub fn call(&self, caller: Caller) -> Call {
        Call {
            engine: self.engine.clone(),
            caller,
            census: self.census.clone(),
        }
    }

    /// Checks a request, and counts it against its token.
    ///
    /// # Errors
    /// With what forbids it.
    pub fn admitted(&self, request: &Request, access: Access) -> Result<Caller, Problem> {
        let head = (request.method(), request.uri(), request.headers());
        let caller = self.guard.admit(head, access, now())?;
        let caller = caller.ok_or_else(Problem::unfit)?;
        if let Some(came) = request.extensions().get::<Came>() {
            came.recognize(&caller.token.name)?;
        }
        match self.rates.take(&caller.token.name, Instant::now()) {
            true => Ok(caller),
            false => Err(Problem {
                retry_after: Some(1),
                ..Problem::new(Code::TooMany, "the token has made too many requests")
            }),
        }
    }

    /// Has a thread for questions answer one that blocks.
    ///
    /// # Errors
    /// As [`Self::run`], and what the question fails with.
    pub async fn ask<T: Send + 'static>(
        &self,
        call: &Call,
        question: impl FnOnce(&Call) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let own = call.clone();
        let asker = &call.caller.token.name;
        self.run(asker, move || question(&own)).await
    }

    /// Has a thread for questions do something that blocks, for the token with this name.
    ///
    /// # Errors
    /// If too many others wait, if it takes too long, or if the records can't be read.
    pub async fn run<T: Send + 'static>(
        &self,
        asker: &str,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        if let Some(reason) = self.engine.unreadable() {
            return Err(Problem::unavailable(reason));
        }
        let busy = |_| Problem::unavailable("too many questions wait for the engine");
        let done = self.pool.run(asker, work).map_err(busy)?;
        let stopped_for_long = async {
            stopped(self.stopping.clone()).await;
            sleep(ENDING).await;
        };
        let answered = tokio::select! {
            answered = tokio::time::timeout(ANSWER_PATIENCE, done) => answered,
            () = stopped_for_long => {
                let what = "the engine stops; an order may take effect anyway";
                return Err(Problem::unavailable(what));
            }
            reason = self.silent() => {
                let what = format!("{reason}; an order may take effect anyway");
                return Err(Problem::unavailable(what));
            }
        };
        match answered {
            Ok(Ok(done)) => done,
            // It has panicked, and said why in the log.
            Ok(Err(_)) => Err(Problem::new(Code::Internal, "the question failed")),
            Err(_) => Err(Problem::new(
                Code::TimedOut,
                "the engine did not answer in time; an order may take effect anyway",
            )),
        }
    }

    /// Waits until the records can't be read, and says why.
    async fn silent(&self) -> String {
        loop {
            sleep(LOOK).await;
            if let Some(reason) = self.engine.unreadable() {
                return reason;
            }
        }
    }
}

/// The time of this machine.
pub fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.unwrap_or_default().as_millis();
    Timestamp(u64::try_from(millis).unwrap_or(u64::MAX))
}
