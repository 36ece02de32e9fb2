//! The dashboard: pages for people, from the same answers as the API and the command line.
//!
//! A page is made on the server and needs no script. Each is a row of [`all`]: who may see it is said
//! there and nowhere else, and tests go through the rows. What a page offers to do is a form on a page
//! of its own that says what will happen; what it shows of definitions and messages is text, never
//! markup.

mod assets;
mod audit;
mod bulk;
mod calls;
mod confirm;
mod definitions;
mod deploying;
mod diagram;
mod differences;
mod draft;
mod fields;
mod filter;
mod layout;
mod letters;
mod list;
mod live;
mod login;
mod modules;
pub(crate) mod once;
mod order;
mod overview;
mod participants;
mod parts;
mod process;
mod schedules;
mod searching;
mod sent;
mod start;
mod table;
mod timeline;
mod verbs;

use crate::{
    cookie,
    engine::Call,
    guard::{Caller, Via},
    operation::{Access, Method, Reach},
    problem::{Code, Problem},
    reply::Reply,
    routes::diagrams::SVG,
    server::{Shared, now},
    streams::Asked,
    tokens::{self, Role},
};
use axum::{
    Router,
    extract::{RawPathParams, Request, rejection::RawPathParamsRejection},
    http::Method as Sent,
    response::Response,
    routing::{MethodFilter, get, on},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fields::Fields;
use layout::Frame;
use maud::Markup;
use sent::form;
use std::{sync::Arc, time::Instant};
use subtle::ConstantTimeEq;
use table::{Page, Run, all};

const READ: Access = Access::Needs(Role::Read, Reach::Processes);
const OPERATE: Access = Access::Needs(Role::Operate, Reach::Processes);
const READ_ENGINE: Access = Access::Needs(Role::Read, Reach::Engine);
const OPERATE_ENGINE: Access = Access::Needs(Role::Operate, Reach::Engine);
const DEPLOY: Access = Access::Needs(Role::Deploy, Reach::Processes);
const DEPLOY_ENGINE: Access = Access::Needs(Role::Deploy, Reach::Engine);

/// What a request for a page is answered with.
pub enum Answer {
    Page {
        title: String,
        body: Markup,
    },
    /// A form with a mistake in it.
    Again {
        status: u16,
        title: String,
        body: Markup,
    },
    /// An SVG document.
    Picture(String),
    /// Another page, after something was done.
    See(String),
}

impl Answer {
    fn page(title: impl Into<String>, body: Markup) -> Self {
        let title = title.into();
        Self::Page { title, body }
    }

    /// A form, and what is wrong about what was filled in.
    fn form(wrong: Option<&Problem>, title: impl Into<String>, body: Markup) -> Self {
        let title = title.into();
        match wrong.map(|problem| problem.code.status()) {
            Some(status) => Self::Again {
                status,
                title,
                body,
            },
            None => Self::Page { title, body },
        }
    }
}

/// A request for a page that has passed every check.
pub struct Visit {
    pub call: Call,
    path: Vec<(String, String)>,
    /// The query of a page.
    pub query: Fields,
    /// What was filled in, for [`Method::Post`].
    pub form: Fields,
    /// Proves that a form comes from a page of this session.
    pub proof: String,
}

impl Visit {
    /// A parameter in the path.
    fn named(&self, name: &str) -> &str {
        let mut path = self.path.iter();
        path.find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// A number in the path.
    fn number(&self, name: &str) -> Result<u64, Problem> {
        let text = self.named(name);
        text.parse()
            .map_err(|_| Problem::not_found(format!("`{text}` is not a number of anything here")))
    }

    /// Whether the visitor may do something; what they may not is not offered.
    fn may(&self, access: Access) -> bool {
        match access {
            Access::Open => true,
            Access::Needs(role, reach) => self.call.caller.may(role, reach).is_ok(),
        }
    }
}

/// The routes of the dashboard.
pub(crate) fn routes(mut router: Router, shared: &Arc<Shared>) -> Router {
    let pages = all();
    for page in &pages {
        let (path, filter) = (
            page.path,
            match page.method {
                Method::Get => MethodFilter::GET,
                Method::Post => MethodFilter::POST,
                Method::Put => MethodFilter::PUT,
                Method::Delete => MethodFilter::DELETE,
            },
        );
        let (shared, page) = (shared.clone(), (*page, live::is_live(page, &pages)));
        let answer = move |named: Named, request: Request| {
            let shared = shared.clone();
            async move { carry_out(&shared, page, named, request).await }
        };
        router = router.route(path, on(filter, answer));
    }
    let (to_show, to_begin, to_end) = (shared.clone(), shared.clone(), shared.clone());
    let login = get(move |request: Request| {
        let shared = to_show.clone();
        async move { told(login::page(&shared, &request)) }
    })
    .post(move |request: Request| {
        let shared = to_begin.clone();
        async move { told(login::begin(&shared, request).await) }
    });
    let logout = move |request: Request| {
        let shared = to_end.clone();
        async move { told(login::end(&shared, request).await) }
    };
    let to_tell = shared.clone();
    let live = move |request: Request| {
        let shared = to_tell.clone();
        async move {
            let begun = live::begin(shared, request).await;
            begun.unwrap_or_else(Problem::into_reply).into_response()
        }
    };
    let to_serve = shared.clone();
    let asset = move |request: Request| {
        let shared = to_serve.clone();
        async move { told(assets::serve(&shared, &request)) }
    };
    router
        .route("/login", login)
        .route("/logout", on(MethodFilter::POST, logout))
        .route(live::PATH, get(live))
        .route("/assets/{name}", get(asset))
}

/// The answer to a path that nothing has.
pub(crate) fn lost() -> Response {
    let problem = Problem::not_found("there is no page at this address");
    layout::problem(&problem, &Frame::default()).into_response()
}

fn told(reply: Result<Reply, Problem>) -> Response {
    let reply = reply.unwrap_or_else(|problem| layout::problem(&problem, &Frame::default()));
    reply.into_response()
}

type Named = Result<RawPathParams, RawPathParamsRejection>;

async fn carry_out(
    shared: &Arc<Shared>,
    (page, is_live): (Page, bool),
    named: Named,
    request: Request,
) -> Response {
    let uri = request.uri().clone();
    let is_get = request.method() == Sent::GET;
    let caller = match shared.admitted(&request, page.access) {
        Ok(caller) => caller,
        Err(problem) if problem.code == Code::Unauthenticated => {
            let to = match is_get {
                true => uri.path_and_query().map_or("/", |to| to.as_str()),
                false => "/",
            };
            return Reply::see(&login::path(to)).into_response();
        }
        Err(problem) => {
            // Somebody who may do less than this is somebody anyway.
            let known = match problem.code == Code::Forbidden {
                true => shared.guard.caller(request.headers(), now()),
                false => None,
            };
            let proof = proof(shared, &request);
            let frame = Frame {
                caller: known.as_ref(),
                section: Some(page.section),
                proof: &proof,
                live: None,
            };
            return layout::problem(&problem, &frame).into_response();
        }
    };
    let proof = proof(shared, &request);
    let frame = |live| Frame {
        caller: Some(&caller),
        section: Some(page.section),
        proof: &proof,
        live,
    };
    let path = match path(named) {
        Ok(path) => path,
        Err(problem) => return layout::problem(&problem, &frame(None)).into_response(),
    };
    let live = is_live.then(|| live::stream(&path));
    let headers = request.headers().clone();
    let wants_part = live.is_some() && live::wants_part(&headers);
    let visited = visit(shared, &page, (path, request), (&caller, &proof)).await;
    let reply = match visited {
        Ok(Answer::Page { title, body }) if wants_part => layout::part(&title, &body, &headers),
        Ok(Answer::Page { title, body }) => layout::page(200, &title, &body, &frame(live)),
        Ok(Answer::Again {
            status,
            title,
            body,
        }) => layout::page(status, &title, &body, &frame(None)),
        Ok(Answer::Picture(svg)) => Reply::of(200, SVG, svg),
        Ok(Answer::See(path)) => Reply::see(&path),
        Err(problem) => layout::problem(&problem, &frame(None)),
    };
    reply.into_response()
}

fn path(named: Named) -> Result<Vec<(String, String)>, Problem> {
    let path = named.map_err(|_| Problem::not_found("the address is not UTF-8"))?;
    let path = path.iter();
    Ok(path
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

async fn visit(
    shared: &Arc<Shared>,
    page: &Page,
    (path, request): (Vec<(String, String)>, Request),
    (caller, proof): (&Caller, &str),
) -> Result<Answer, Problem> {
    let query = Fields::read(request.uri().query().unwrap_or_default())?;
    let sent = match page.method {
        Method::Post => Some(form(shared, request, page.form_bytes_max).await?),
        Method::Get | Method::Put | Method::Delete => None,
    };
    let (form, held) = sent.map(|sent| (sent.fields, sent.held)).unzip();
    let form = form.unwrap_or_default();
    if !page.takes_files
        && let Some(problem) = form.not_text()
    {
        return Err(problem);
    }
    // A token in a header is no browser's, and nobody else can have put it there.
    if page.method == Method::Post && caller.via == Via::Cookie {
        check_proof(&form, proof)?;
    }
    let number = form.one("once").filter(|_| page.method == Method::Post);
    let first = match number {
        Some(number) => match shared.once.come(proof, number)? {
            Ok(first) => Some(first),
            Err(to) => return Ok(Answer::See(to)),
        },
        None => None,
    };
    let visit = Visit {
        call: shared.call(caller.clone()),
        path,
        query,
        form,
        proof: proof.to_owned(),
    };
    let streams = shared.streams.clone();
    let answer = match page.run {
        Run::Blocking(run) => {
            let answer = move || {
                let began = Instant::now();
                let answer = run(&visit);
                streams.took(Asked::Page, began.elapsed());
                // Here, so that it is settled also if nobody waits for the answer any more.
                if let Some(first) = first {
                    first.settle(&answer);
                }
                answer
            };
            shared.run(&caller.token.name, answer).await
        }
        Run::Waiting(run) => {
            let answer = run(shared.clone(), visit).await;
            if let Some(first) = first {
                first.settle(&answer);
            }
            answer
        }
    };
    drop(held);
    answer
}

/// What the forms of a session carry: nobody can know it who has not seen a page of that session.
fn proof(shared: &Shared, request: &Request) -> String {
    let session = cookie::of(request.headers(), shared.guard.scheme);
    session.map_or_else(String::new, |session| {
        URL_SAFE_NO_PAD.encode(tokens::hash(&format!("form {session}")))
    })
}

fn check_proof(form: &Fields, proof: &str) -> Result<(), Problem> {
    let given = form.one("proof").unwrap_or_default();
    let is_known = !proof.is_empty() && bool::from(given.as_bytes().ct_eq(proof.as_bytes()));
    match is_known {
        true => Ok(()),
        false => Err(Problem::new(
            Code::CrossSite,
            "the form is not one of this session; open the page again, and send it from there",
        )),
    }
}
