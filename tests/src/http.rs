//! A client for HTTP that says exactly what a test wants it to say.

use crate::engine::Engine;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("{self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The code of a problem.
    pub fn code(&self) -> String {
        let code = self
            .json()
            .ok()
            .and_then(|body| Some(body["code"].as_str()?.to_owned()));
        code.unwrap_or_default()
    }
}

/// Where the API of an engine is.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    pub address: SocketAddr,
}

impl Client {
    /// The API of a running engine that was started with `--http-listen 0`.
    ///
    /// # Errors
    /// When it doesn't say where it is.
    pub fn of(engine: &Engine) -> Result<Self> {
        engine.says("the HTTP API is at", PATIENCE)?;
        // A later run of the engine has another port.
        let log = engine.log();
        let last = log
            .lines()
            .rev()
            .find_map(|line| line.split_once("the HTTP API is at "));
        let (_, url) = last.context("no address")?;
        let address = url
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        Ok(Self {
            address: address.context("no address")?.parse()?,
        })
    }

    /// Sends a request with these headers beside `Host` and `Content-Length`, as they are.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Result<Answer> {
        let body = body.as_ref();
        let head = self.head((method, path), headers, body.len());
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(head.as_bytes())?;
        // A refusal may come before the body is read.
        let _ = stream.write_all(body);
        read(&mut stream)
    }

    /// The same with a token, and JSON where there is a body.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn with(&self, token: &str, request: (&str, &str), body: Option<&Value>) -> Result<Answer> {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.send(request, &headers, &body)
    }

    /// A request up to its body, after which the connection is closed.
    pub fn head(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body_bytes: usize,
    ) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head + &format!("Content-Length: {body_bytes}\r\n\r\n")
    }
}

/// Reads an answer up to its end.
///
/// # Errors
/// When it is not one.
pub fn read(stream: &mut impl Read) -> Result<Answer> {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    ensure!(end.is_ok() || !bytes.is_empty(), "no answer: {end:?}");
    let text = String::from_utf8_lossy(&bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        bail!("no head: {text:?}");
    };
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| line.split_once(": "));
    Ok(Answer {
        status: status.context("no status")?.parse()?,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    })
}
