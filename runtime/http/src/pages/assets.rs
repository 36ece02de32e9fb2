//! The files that pages name, in this program: a stylesheet, an icon, scripts. A hash of each is in its
//! name, so browsers keep them for good and never see an old one.

use super::layout::Frame;
use crate::{
    operation::Access,
    problem::Problem,
    reply::Reply,
    server::{Shared, now},
};
use axum::extract::Request;
use bureaucrat_model::Hex;
use sha2::{Digest, Sha256};
use std::{borrow::Cow, sync::LazyLock};

struct Asset {
    path: String,
    content_type: &'static str,
    text: Cow<'static, str>,
}

/// With the style of diagrams, which are a part of the page.
static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("assets/style.css").to_owned() + &bureaucrat_graph::stylesheet();
    Asset::new(("style", "css"), "text/css", text)
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let icon = include_str!("assets/icon.svg");
    Asset::new(("icon", "svg"), "image/svg+xml", icon)
});
static HTMX: LazyLock<Asset> = LazyLock::new(|| {
    let htmx = include_str!("assets/htmx/htmx.min.js");
    Asset::new(("htmx", "js"), SCRIPT, htmx)
});
static LIVE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(("live", "js"), SCRIPT, include_str!("assets/live.js")));
const SCRIPT: &str = "text/javascript; charset=utf-8";

impl Asset {
    fn new(
        (stem, ending): (&str, &str),
        content_type: &'static str,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        let text = text.into();
        let hash = Sha256::digest(text.as_bytes());
        let hash = Hex(&hash[..8]);
        Self {
            path: format!("/assets/{stem}-{hash}.{ending}"),
            content_type,
            text,
        }
    }
}

/// The address of the stylesheet.
pub fn style() -> &'static str {
    &STYLE.path
}

/// The address of the icon.
pub fn icon() -> &'static str {
    &ICON.path
}

/// The address of the vendored htmx.
pub fn htmx() -> &'static str {
    &HTMX.path
}

/// The address of the script of live pages.
pub fn live() -> &'static str {
    &LIVE.path
}

/// # Errors
/// If the request is for another host, or for a file that is not there.
pub fn serve(shared: &Shared, request: &Request) -> Result<Reply, Problem> {
    let head = (request.method(), request.uri(), request.headers());
    shared.guard.admit(head, Access::Open, now())?;
    let path = request.uri().path();
    let found = [&STYLE, &ICON, &HTMX, &LIVE];
    let found = found.into_iter().find(|asset| asset.path == path);
    match found {
        Some(asset) => Ok(Reply::of(200, asset.content_type, &*asset.text)
            .with("cache-control", "public, max-age=31536000, immutable")),
        None => Ok(super::layout::problem(
            &Problem::not_found("there is no such file"),
            &Frame::default(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn htmx_is_the_one_that_its_note_names() {
        let note = include_str!("assets/htmx/README.md");
        let hash = Sha256::digest(HTMX.text.as_bytes());
        let hash = Hex(&hash).to_string();
        assert!(note.contains(&hash), "{hash}");
        let version = note.split_once("htmx.org) ").map(|(_, rest)| rest);
        let version = version.and_then(|rest| rest.split_once(','));
        let version = version.map_or("", |(version, _)| version);
        assert!(
            !version.is_empty() && HTMX.text.contains(&format!("\"{version}\"")),
            "{version}"
        );
    }
}
