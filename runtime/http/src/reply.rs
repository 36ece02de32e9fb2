//! What a request is answered with.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

/// An answer, before the headers that all answers have.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    content_type: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

impl Reply {
    pub fn json(value: &impl Serialize) -> Self {
        Self::json_as(200, "application/json", value)
    }

    pub fn json_as(status: u16, content_type: &'static str, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(mut bytes) => {
                // It was written without knowing how long it would be, and may wait for long.
                bytes.shrink_to_fit();
                Self::of(status, content_type, bytes)
            }
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Self::empty(500)
            }
        }
    }

    pub fn of(status: u16, content_type: &'static str, body: impl Into<Body>) -> Self {
        Self {
            status,
            content_type: Some(content_type),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A page, for a browser.
    pub fn html(mut text: String) -> Self {
        text.shrink_to_fit();
        Self::of(200, "text/html; charset=utf-8", text)
    }

    pub fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: None,
            headers: Vec::new(),
            body: Body::empty(),
        }
    }

    /// Somewhere else, by `GET`.
    pub fn see(path: &str) -> Self {
        Self::empty(303).with("location", path)
    }

    #[must_use]
    pub fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    pub fn into_response(self) -> Response {
        let mut response = Response::new(self.body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(content_type) = self.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, value) in self.headers {
            // A value that no header can have is left out.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
