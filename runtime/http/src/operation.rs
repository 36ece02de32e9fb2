//! An operation: everything that is to be known about a request, in one place.

use crate::{
    body::Read,
    engine::Call,
    parameters,
    problem::{Code, Problem},
    reply::Reply,
    server::Shared,
    tokens::Role,
    twice,
};
use axum::http::HeaderMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use std::{pin::Pin, sync::Arc};

/// The most bytes of an ordinary body.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// The part of a path that all operations of the API begin with.
pub const API: &str = "/api/v1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// What an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Single processes or definitions, each somebody's.
    Processes,
    /// The engine as a whole: not for tokens of single users.
    Engine,
}

/// Who may send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody who reaches the port.
    Open,
    /// Tokens with this role.
    Needs(Role, Reach),
}

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    None,
    Json,
    /// Bytes of this media type.
    Raw(&'static str),
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A request as an operation gets it.
pub struct Given {
    /// The parameters in the path.
    pub path: Vec<(String, String)>,
    /// The query, as it came.
    pub query: String,
    /// The header `Idempotency-Key`.
    pub key: Option<String>,
    pub body: Read,
}

type Blocking = dyn Fn(&Call, &Given) -> Result<Reply, Problem> + Send + Sync;
type Answered = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;

/// How a request is carried out.
#[derive(Clone)]
pub enum Run {
    /// On a thread for what blocks.
    Blocking(Arc<Blocking>),
    /// It waits for something without a thread.
    Waiting(fn(Arc<Shared>, Call, Given) -> Answered),
    /// It needs no token; it gets the headers.
    Open(fn(Arc<Shared>, HeaderMap, Given) -> Answered),
}

/// An operation of the API.
#[derive(Clone)]
pub struct Operation {
    /// Unique, for clients that are made from the description.
    pub id: &'static str,
    pub method: Method,
    /// Behind [`API`], with the names of its parameters in braces.
    pub path: &'static str,
    pub access: Access,
    pub summary: &'static str,
    pub parameters: SchemaOf,
    pub body: BodyKind,
    pub body_schema: SchemaOf,
    pub body_bytes_max: usize,
    /// The status of success, and what comes with it.
    pub status: u16,
    pub answer: Option<(&'static str, SchemaOf)>,
    /// Another media type that it can come as.
    pub answer_also: Option<&'static str>,
    /// Whether `Idempotency-Key` counts.
    pub is_idempotent: bool,
    pub run: Run,
}

/// No parameters, or no body.
#[derive(Debug, Clone, Copy, Serialize, serde::Deserialize, JsonSchema)]
pub struct Nothing {}

impl Operation {
    fn new(
        (method, path): (Method, &'static str),
        id: &'static str,
        access: Access,
        summary: &'static str,
    ) -> Self {
        Self {
            id,
            method,
            path,
            access,
            summary,
            parameters: Nothing::json_schema,
            body: BodyKind::None,
            body_schema: Nothing::json_schema,
            body_bytes_max: 0,
            status: 200,
            answer: None,
            answer_also: None,
            is_idempotent: false,
            run: Run::Blocking(Arc::new(|_, _| Err(Problem::unfit()))),
        }
    }

    /// Looks at something.
    pub fn get<P, A>(
        path: &'static str,
        id: &'static str,
        access: Access,
        summary: &'static str,
        run: fn(&Call, P) -> Result<A, Problem>,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + 'static,
        A: Serialize + JsonSchema + 'static,
    {
        Self {
            parameters: P::json_schema,
            answer: Some(("application/json", json_schema_of::<A>)),
            run: Run::Blocking(Arc::new(move |call, given| {
                Ok(Reply::json(&run(call, given.parameters()?)?))
            })),
            ..Self::new((Method::Get, path), id, access, summary)
        }
    }

    /// Does something, with a JSON body.
    pub fn act<P, B, A>(
        (method, path): (Method, &'static str),
        id: &'static str,
        access: Access,
        summary: &'static str,
        run: fn(&Call, P, B) -> Result<A, Problem>,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + 'static,
        B: DeserializeOwned + JsonSchema + 'static,
        A: Serialize + JsonSchema + 'static,
    {
        Self {
            parameters: P::json_schema,
            body: BodyKind::Json,
            body_schema: json_schema_of::<B>,
            body_bytes_max: BODY_BYTES_MAX,
            answer: Some(("application/json", json_schema_of::<A>)),
            run: Run::Blocking(Arc::new(move |call, given| {
                let (parameters, body) = (given.parameters()?, given.json()?);
                Ok(Reply::json(&run(call, parameters, body)?))
            })),
            ..Self::new((method, path), id, access, summary)
        }
    }

    /// Does something, without a body.
    pub fn order<P, A>(
        (method, path): (Method, &'static str),
        id: &'static str,
        access: Access,
        summary: &'static str,
        run: fn(&Call, P) -> Result<A, Problem>,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + 'static,
        A: Serialize + JsonSchema + 'static,
    {
        Self {
            method,
            ..Self::get(path, id, access, summary, run)
        }
    }

    /// Any answer, of this media type.
    pub fn raw<P>(
        path: &'static str,
        id: &'static str,
        access: Access,
        (summary, content_type): (&'static str, &'static str),
        run: fn(&Call, P) -> Result<Reply, Problem>,
    ) -> Self
    where
        P: DeserializeOwned + JsonSchema + 'static,
    {
        Self {
            parameters: P::json_schema,
            answer: Some((content_type, String::json_schema)),
            run: Run::Blocking(Arc::new(move |call, given| run(call, given.parameters()?))),
            ..Self::new((Method::Get, path), id, access, summary)
        }
    }

    /// Something else: a body of another kind, or a way of its own to carry it out.
    pub fn other<P, A>(
        (method, path): (Method, &'static str),
        id: &'static str,
        access: Access,
        summary: &'static str,
        run: Run,
    ) -> Self
    where
        P: JsonSchema + 'static,
        A: JsonSchema + 'static,
    {
        Self {
            parameters: P::json_schema,
            answer: Some(("application/json", json_schema_of::<A>)),
            run,
            ..Self::new((method, path), id, access, summary)
        }
    }

    /// Takes a JSON body of this type, of at most so many bytes.
    #[must_use]
    pub fn with_json<B: JsonSchema + 'static>(self, most: usize) -> Self {
        Self {
            body: BodyKind::Json,
            body_schema: json_schema_of::<B>,
            body_bytes_max: most,
            ..self
        }
    }

    /// Takes a body of this media type, of at most so many bytes.
    #[must_use]
    pub fn with_raw(self, content_type: &'static str, most: usize) -> Self {
        Self {
            body: BodyKind::Raw(content_type),
            body_bytes_max: most,
            ..self
        }
    }

    /// The status of success.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The whole path.
    pub fn whole_path(&self) -> String {
        format!("{API}{}", self.path)
    }
}

/// The schema of a type, by reference where it has a name.
fn json_schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Given {
    /// # Errors
    /// If they are not as the schema of `P` says.
    pub fn parameters<P: DeserializeOwned + JsonSchema>(&self) -> Result<P, Problem> {
        let schema = P::json_schema(&mut SchemaGenerator::default());
        parameters::read(&schema, &self.path, &self.query)
    }

    /// # Errors
    /// If the body is not JSON of this type, or has a key twice.
    pub fn json<B: DeserializeOwned>(&self) -> Result<B, Problem> {
        twice::check(&self.body.bytes).map_err(Problem::body)?;
        serde_json::from_slice(&self.body.bytes).map_err(|error| Problem::body(error.to_string()))
    }

    /// # Errors
    /// If the body is not text.
    pub fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.body.bytes).map_err(|_| Problem::body("the body is not UTF-8"))
    }
}

/// Whether a body of this media type is one that is expected.
///
/// # Errors
/// If it is another one.
pub fn check_type(kind: BodyKind, content_type: Option<&str>) -> Result<(), Problem> {
    let given = content_type.unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    let wanted = match kind {
        BodyKind::None => return Ok(()),
        BodyKind::Json => "application/json",
        BodyKind::Raw(wanted) => wanted,
    };
    // No form of another site can send one of these types.
    let fits = given.eq_ignore_ascii_case(wanted)
        || (wanted == "application/xml" && given.eq_ignore_ascii_case("text/xml"))
        || (wanted == "application/wasm" && given.eq_ignore_ascii_case("application/octet-stream"));
    match fits {
        true => Ok(()),
        false => Err(Problem::new(
            Code::MediaType,
            format!("the `Content-Type` must be {wanted}"),
        )),
    }
}
