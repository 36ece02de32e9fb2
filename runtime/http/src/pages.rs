//! The dashboard: pages for people, from the same answers as the API and the command line.
//!
//! A page is made on the server and needs no script. Each is a row of [`all`]: who may see it is said
//! there and nowhere else, and tests go through the rows. What a page offers to do is a form on a page
//! of its own that says what will happen; what it shows of definitions and messages is text, never
//! markup.

mod assets;
mod bulk;
mod confirm;
mod definitions;
mod diagram;
mod fields;
mod filter;
mod layout;
mod letters;
mod list;
mod login;
mod overview;
mod parts;
mod process;
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
    server::{Shared, now},
    tokens::{self, Role},
};
use axum::{
    Router,
    extract::{RawPathParams, Request, rejection::RawPathParamsRejection},
    http::{Method as Sent, header},
    response::Response,
    routing::{MethodFilter, get, on},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bureaucrat_host::query::{Query, QueryAnswer};
use fields::Fields;
use layout::Frame;
use maud::Markup;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use table::{Page, all};

const READ: Access = Access::Needs(Role::Read, Reach::Processes);
const OPERATE: Access = Access::Needs(Role::Operate, Reach::Processes);
const READ_ENGINE: Access = Access::Needs(Role::Read, Reach::Engine);
const OPERATE_ENGINE: Access = Access::Needs(Role::Operate, Reach::Engine);
/// The type of a picture.
pub(crate) const SVG: &str = "image/svg+xml";
/// The most bytes of a form.
const FORM_BYTES_MAX: usize = 16 << 10;

/// What a request for a page is answered with.
pub enum Answer {
    Page {
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
    fn ask(&self, query: &Query) -> Result<QueryAnswer, Problem> {
        self.call.ask(query)
    }

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
    for page in all() {
        let (path, filter) = (
            page.path,
            match page.method {
                Method::Get => MethodFilter::GET,
                Method::Post => MethodFilter::POST,
                Method::Put => MethodFilter::PUT,
                Method::Delete => MethodFilter::DELETE,
            },
        );
        let (shared, page) = (shared.clone(), Arc::new(page));
        let answer = move |named: Named, request: Request| {
            let (shared, page) = (shared.clone(), page.clone());
            async move { carry_out(&shared, &page, named, request).await }
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
    let to_serve = shared.clone();
    let asset = move |request: Request| {
        let shared = to_serve.clone();
        async move { told(assets::serve(&shared, &request)) }
    };
    router
        .route("/login", login)
        .route("/logout", on(MethodFilter::POST, logout))
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
    page: &Arc<Page>,
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
            };
            return layout::problem(&problem, &frame).into_response();
        }
    };
    let proof = proof(shared, &request);
    let visited = visit(shared, page, (named, request), (&caller, &proof)).await;
    let frame = Frame {
        caller: Some(&caller),
        section: Some(page.section),
        proof: &proof,
    };
    let reply = match visited {
        Ok(Answer::Page { title, body }) => layout::page(200, &title, &body, &frame),
        Ok(Answer::Picture(svg)) => Reply::of(200, SVG, svg),
        Ok(Answer::See(path)) => Reply::see(&path),
        Err(problem) => layout::problem(&problem, &frame),
    };
    reply.into_response()
}

async fn visit(
    shared: &Shared,
    page: &Page,
    (named, request): (Named, Request),
    (caller, proof): (&Caller, &str),
) -> Result<Answer, Problem> {
    let path = named.map_err(|_| Problem::not_found("the address is not UTF-8"))?;
    let path = path.iter();
    let path = path
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let query = Fields::read(request.uri().query().unwrap_or_default())?;
    let form = match page.method {
        Method::Post => form(shared, request).await?,
        Method::Get | Method::Put | Method::Delete => Fields::default(),
    };
    // A token in a header is no browser's, and nobody else can have put it there.
    if page.method == Method::Post && caller.via == Via::Cookie {
        check_proof(&form, proof)?;
    }
    let visit = Visit {
        call: shared.call(caller.clone()),
        path,
        query,
        form,
        proof: proof.to_owned(),
    };
    let run = page.run;
    shared.run(move || run(&visit)).await
}

async fn form(shared: &Shared, request: Request) -> Result<Fields, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or(&b""[..], |value| value.as_bytes());
    if !content_type.starts_with(b"application/x-www-form-urlencoded") {
        let what = "the `Content-Type` must be application/x-www-form-urlencoded";
        return Err(Problem::new(Code::MediaType, what));
    }
    let body = request.into_body();
    let body = shared.budget.read(body, FORM_BYTES_MAX).await?;
    let text = std::str::from_utf8(&body.bytes);
    Fields::read(text.map_err(|_| Problem::body("the form is not UTF-8"))?)
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
