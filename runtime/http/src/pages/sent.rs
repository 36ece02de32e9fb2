//! Reads forms as browsers send them: what is typed, and files. Of limited size, within the budget for all bodies.

use super::fields::Fields;
use crate::{
    problem::{Code, Problem},
    server::Shared,
};
use axum::{body::Bytes, extract::Request, http::header};
use futures_lite::stream;
use multer::Multipart;
use tokio::sync::OwnedSemaphorePermit;

/// The most bytes of a form without a file.
pub const FORM_BYTES_MAX: usize = 16 << 10;

/// A form.
pub struct Sent {
    pub fields: Fields,
    /// Its share of the budget for bodies, until it is dropped.
    pub held: Vec<OwnedSemaphorePermit>,
}

/// # Errors
/// If it is not a form, too large, or not UTF-8.
pub async fn form(shared: &Shared, request: Request, most: usize) -> Result<Sent, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let boundary = multer::parse_boundary(&content_type).ok();
    if boundary.is_none() && !content_type.starts_with("application/x-www-form-urlencoded") {
        let what =
            "the `Content-Type` must be application/x-www-form-urlencoded or multipart/form-data";
        return Err(Problem::new(Code::MediaType, what));
    }
    let body = request.into_body();
    let (bytes, held) = shared.budget.read(body, most).await?.into_parts();
    let fields = match boundary {
        Some(boundary) => parts(bytes, boundary).await?,
        None => {
            let text = std::str::from_utf8(&bytes);
            Fields::read(text.map_err(|_| Problem::body("the form is not UTF-8"))?)?
        }
    };
    Ok(Sent { fields, held })
}

/// The parts of a form with a file, each as a text; one that is not is noted.
async fn parts(bytes: Vec<u8>, boundary: String) -> Result<Fields, Problem> {
    let wrong = |error: multer::Error| Problem::body(format!("the form cannot be read: {error}"));
    let whole = stream::once(Ok::<_, std::convert::Infallible>(Bytes::from(bytes)));
    let mut parts = Multipart::new(whole, boundary);
    let mut fields = Fields::default();
    while let Some(part) = parts.next_field().await.map_err(wrong)? {
        let name = part.name().unwrap_or_default().to_owned();
        let bytes = part.bytes().await.map_err(wrong)?;
        match String::from_utf8(bytes.to_vec()) {
            Ok(text) => fields.add(name, text)?,
            Err(_) => fields.note_not_text(name),
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<Fields, String> {
        let bytes = text.as_bytes().to_vec();
        let read = futures_lite::future::block_on(parts(bytes, "b".to_owned()));
        read.map_err(|problem| problem.detail)
    }

    #[test]
    fn files_are_read_as_they_are() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"proof\"\r\n\r\nx\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"a.xml\"\r\n\
                    Content-Type: text/xml\r\n\r\n<process>\n\r\n</process>\r\n--b\r\n\
                    Content-Disposition: form-data; name=\"text\"\r\n\r\n\r\n--b--\r\n";
        let fields = read(form).unwrap();
        assert_eq!(fields.one("proof"), Some("x"));
        assert_eq!(fields.one("file"), Some("<process>\n\r\n</process>"));
        assert_eq!(fields.one("text"), None);
    }

    #[test]
    fn what_is_not_text_is_noted_beside_the_rest() {
        let mut form =
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
                .to_vec();
        form.extend_from_slice(
            b"\xff\xfe\r\n--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n",
        );
        form.extend_from_slice(b"typed\r\n--b--\r\n");
        let fields = futures_lite::future::block_on(parts(form, "b".to_owned())).unwrap();
        assert_eq!(fields.one("text"), Some("typed"));
        let problem = fields.not_text().unwrap();
        assert_eq!(problem.detail, "`file` is not UTF-8");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for text in ["", "--b", "--b\r\nContent-Disposition: form-data", "x"] {
            assert!(read(text).is_err(), "{text}");
        }
        let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
        assert!(read(&format!("{}--b--\r\n", part.repeat(65))).is_err());
    }
}
