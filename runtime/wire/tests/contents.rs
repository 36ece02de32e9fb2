//! Bodies in their wrappings: byte order marks, compression, other encodings, AMQP 1.0. With the
//! exact bytes.
#![allow(clippy::unwrap_used)]

use bureaucrat_wire::{
    Content, HeaderValue, MessageKind, Properties, Unreadable, WireLimits, content,
};
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use proptest::prelude::*;
use std::io::Write;

const TEXT: &[u8] = br#"{"event": "paid", "customer": "J\u00fcrgen"}"#;
const LIMIT: usize = 1_000;

/// The content of a body, unpacked, or the reason.
fn read(properties: &Properties, body: &[u8]) -> Result<Vec<u8>, Unreadable> {
    match content(properties, body)? {
        Content::Plain(range) => Ok(body[range].to_vec()),
        Content::Packed(packed) => packed.unpack(body, LIMIT),
    }
}

fn encoded(encoding: &str) -> Properties {
    Properties {
        content_encoding: Some(encoding.to_owned()),
        ..Properties::default()
    }
}

fn compression(name: &str) -> Properties {
    Properties {
        headers: vec![("compression".to_owned(), HeaderValue::Text(name.to_owned()))],
        ..encoded("utf-8")
    }
}

fn amqp_1_0() -> Properties {
    Properties {
        kind: Some("amqp-1.0".to_owned()),
        ..Properties::default()
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_byte_order_mark_is_taken_off() {
    let marked = [b"\xef\xbb\xbf", TEXT].concat();
    assert_eq!(read(&Properties::default(), &marked).unwrap(), TEXT);
    assert_eq!(read(&encoded("utf-8-sig"), &marked).unwrap(), TEXT);
    assert_eq!(read(&encoded("gzip"), &gzip(&marked)).unwrap(), TEXT);
    let module = b"\0asm\x0d\0\x01\0";
    assert_eq!(read(&Properties::default(), module).unwrap(), module);
    assert_eq!(read(&Properties::default(), b"").unwrap(), b"");
}

#[test]
fn compressed_bodies_are_unpacked() {
    for (properties, body) in [
        (encoded("gzip"), gzip(TEXT)),
        (encoded("X-GZIP"), gzip(TEXT)),
        (encoded("deflate"), zlib(TEXT)),
        (encoded("deflate"), deflate(TEXT)),
        (encoded("zlib"), zlib(TEXT)),
        // kombu's `compression="gzip"` writes zlib's format.
        (compression("application/x-gzip"), zlib(TEXT)),
        // Two members, one after the other, are one gzip file.
        (
            encoded("gzip"),
            [gzip(&TEXT[..9]), gzip(&TEXT[9..])].concat(),
        ),
    ] {
        assert_eq!(read(&properties, &body).unwrap(), TEXT, "{properties:?}");
    }
}

#[test]
fn what_does_not_unpack_within_the_limit_is_refused() {
    let bomb = gzip(&vec![b' '; LIMIT * 1_000]);
    assert!(bomb.len() < 2_000);
    let cut = gzip(TEXT);
    let cases = [
        (
            encoded("gzip"),
            bomb,
            "content_encoding is `gzip`, and the body decompresses to more than the limit of 1000 bytes",
        ),
        (
            encoded("gzip"),
            cut[..cut.len() - 9].to_vec(),
            "content_encoding is `gzip`, but the body is not compressed that way, or is damaged",
        ),
        (
            encoded("gzip"),
            TEXT.to_vec(),
            "content_encoding is `gzip`, but the body is not compressed that way, or is damaged",
        ),
        (
            compression("application/zstd"),
            vec![0x28, 0xb5, 0x2f, 0xfd],
            "the header `compression` is `application/zstd`, which is not supported: send UTF-8 \
             text, uncompressed or with content_encoding `gzip` or `deflate`",
        ),
    ];
    for (properties, body, reason) in cases {
        let refused = read(&properties, &body).unwrap_err();
        assert_eq!(refused.to_string(), reason);
        assert_eq!(refused.code(), "wire.content-encoding");
    }
    let exact = gzip(&[b'x'; LIMIT]);
    assert_eq!(read(&encoded("gzip"), &exact).unwrap().len(), LIMIT);
}

#[test]
fn other_encodings_are_named() {
    let latin = b"{\"name\": \"J\xfcrgen\"}";
    let base64 = b"eyJldmVudCI6ICJwYWlkIn0=";
    for (encoding, body) in [
        ("latin-1", &latin[..]),
        ("iso-8859-15", latin),
        ("base64", base64),
        ("br", b"\x0b\x02\x80"),
        ("utf-16", b"\0{\0}"),
    ] {
        let refused = read(&encoded(encoding), body).unwrap_err();
        let start = format!("content_encoding is `{encoding}`, which is not supported: send UTF-8");
        assert!(refused.to_string().starts_with(&start), "{refused}");
    }
    // The same bytes in every encoding.
    for encoding in ["latin-1", "anything", "ascii", "binary", ""] {
        assert_eq!(read(&encoded(encoding), TEXT).unwrap(), TEXT, "{encoding}");
    }
    for body in [
        &b"\xff\xfe{\0}\0"[..],
        b"\xfe\xff\0{\0}",
        b"{\0}\0",
        b"\0<\0a",
    ] {
        let refused = read(&Properties::default(), body).unwrap_err();
        assert_eq!(refused, Unreadable::Utf16);
        assert_eq!(refused.to_string(), "the body is UTF-16 text: send UTF-8");
    }
    let gzip = read(&Properties::default(), b"\x1f\x8b\x08\0").unwrap_err();
    assert_eq!(gzip.code(), "wire.not-utf8");
    assert!(
        gzip.to_string()
            .contains("set the property content_encoding to `gzip`"),
        "{gzip}"
    );
    let long = read(&encoded(&"é".repeat(200)), b"x").unwrap_err();
    assert!(long.to_string().len() < 300);
}

#[test]
fn content_types_are_named_where_a_body_can_not_be_read() {
    let not_json = || Unreadable::NotUtf8;
    for other in [
        "application/x-msgpack",
        "application/x-python-serialize",
        "application/x-yaml",
    ] {
        let reason = not_json().by_content_type(Some(other), "JSON");
        assert_eq!(
            reason.to_string(),
            format!("content_type is `{other}`, which is not supported here: send JSON")
        );
        assert_eq!(reason.code(), "wire.content-type");
        assert_eq!(
            Unreadable::Utf16.by_content_type(Some(other), "JSON"),
            Unreadable::Utf16
        );
    }
    for usual in [
        None,
        Some(""),
        Some("application/json"),
        Some("Text/XML; charset=x"),
    ] {
        assert_eq!(not_json().by_content_type(usual, "JSON"), not_json());
    }
}

#[test]
fn values_and_data_of_amqp_1_0_are_taken() {
    let short = u8::try_from(TEXT.len()).unwrap();
    let long = u32::try_from(TEXT.len()).unwrap().to_be_bytes();
    for start in [
        // A value: text and binary, short and long.
        [&[0x00, 0x53, 0x77, 0xa1, short][..], &[]].concat(),
        [&[0x00, 0x53, 0x77, 0xb1][..], &long].concat(),
        [&[0x00, 0x53, 0x77, 0xa0, short][..], &[]].concat(),
        [&[0x00, 0x53, 0x77, 0xb0][..], &long].concat(),
        // A section of data.
        [&[0x00, 0x53, 0x75, 0xa0, short][..], &[]].concat(),
        [&[0x00, 0x53, 0x75, 0xb0][..], &long].concat(),
        // The descriptor in full.
        [
            &[0x00, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x77, 0xa1, short][..],
            &[],
        ]
        .concat(),
    ] {
        let body = [&start[..], TEXT].concat();
        assert_eq!(read(&amqp_1_0(), &body).unwrap(), TEXT, "{start:x?}");
        // Without the property these are bytes as any.
        assert_eq!(read(&Properties::default(), &body).unwrap(), body);
    }
    let packed = gzip(TEXT);
    let start = [0x00, 0x53, 0x75, 0xa0, u8::try_from(packed.len()).unwrap()];
    let properties = Properties {
        kind: Some("amqp-1.0".to_owned()),
        ..encoded("gzip")
    };
    let body = [&start[..], &packed].concat();
    assert_eq!(read(&properties, &body).unwrap(), TEXT);
}

#[test]
fn other_bodies_of_amqp_1_0_are_refused_by_name() {
    for (body, what) in [
        (&b"\x00\x53\x77\xc1\x03\x02\xa1\x00"[..], "is a map"),
        (b"\x00\x53\x77\xd1\0\0\0\x04\0\0\0\0", "is a map"),
        (b"\x00\x53\x77\x45", "is a list"),
        (b"\x00\x53\x77\xc0\x01\x00", "is a list"),
        (b"\x00\x53\x77\x40", "is null"),
        (b"\x00\x53\x77\x41", "is a truth value"),
        (
            b"\x00\x53\x77\x55\x05",
            "is a number or another plain value",
        ),
        (b"\x00\x53\x77\xa3\x01x", "is a symbol"),
        (b"\x00\x53\x76\xc0\x01\x00", "is a sequence"),
        (b"\x00\x53\x77\xa1\x05ab", "is cut off"),
        (b"\x00\x53\x77\xb1\xff\xff\xff\xffab", "is cut off"),
        (b"\x00\x53\x77", "is cut off"),
        (
            b"\x00\x53\x75\xa0\x01a\x00\x53\x75\xa0\x01b",
            "has several sections",
        ),
        (b"\x00\x53\x70\x45", "has a section of another kind"),
        (b"", "has no section"),
        (b"{}", "has no section"),
    ] {
        let refused = read(&amqp_1_0(), body).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "the AMQP 1.0 body {what}: send one data section, or a value that is a string or \
                 binary"
            )
        );
        assert_eq!(refused.code(), "wire.amqp-1.0");
    }
}

#[test]
fn messages_in_the_wrong_queue_are_known_by_their_look() {
    let seen = |body: &str| MessageKind::seen(body.as_bytes(), &WireLimits::default());
    assert_eq!(seen(" \n<process/>"), Some(MessageKind::Definition));
    assert_eq!(
        seen(r#"{"header": 1, "fields": {}}"#),
        Some(MessageKind::Answer)
    );
    let message = r#"{"name": "response", "target": "x", "payload": {}}"#;
    assert_eq!(seen(message), Some(MessageKind::Answer));
    assert_eq!(seen(r#"{"event": "paid"}"#), Some(MessageKind::Event));
    for neither in ["", "[]", "{}", r#"{"fields": {"a": 1}}"#, "paid"] {
        assert_eq!(seen(neither), None, "{neither}");
    }
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        start in 0..4_usize,
        encoding in "[a-z0-9-]{0,8}",
    ) {
        let starts: [&[u8]; 4] = [b"", b"\x00\x53\x77\xb1\0\0\0", b"\x1f\x8b\x08", b"\x78\x9c"];
        let body = [starts[start], &body].concat();
        for encoding in ["gzip", "deflate", &encoding] {
            for kind in [None, Some("amqp-1.0".to_owned())] {
                let properties = Properties { kind, ..encoded(encoding) };
                if let Ok(text) = read(&properties, &body) {
                    prop_assert!(text.len() <= LIMIT.max(body.len()));
                }
            }
        }
    }
}
