//! The settings of the HTTP API.

use crate::configuration::row::{
    Group::Http,
    Kind::{Path, Text},
    Preset::Absent,
    Row,
};

pub static ROWS: &[Row] = &[
    Row::new(
        "http_listen",
        Http,
        Text("[ADDRESS:]PORT", |draft| &mut draft.http_listen),
        Absent("no HTTP"),
        "Where the HTTP API is served; the address is 127.0.0.1 unless one is given, and others need \
         TLS",
    )
    .of_engine(),
    Row::new(
        "http_hosts",
        Http,
        Text("NAMES", |draft| &mut draft.http_hosts),
        Absent("`localhost`, `127.0.0.1`, `[::1]` and the address of `http_listen`"),
        "More names that the server has for its clients, with commas between them",
    )
    .of_engine(),
    Row::new(
        "http_cert_file",
        Http,
        Path("FILE", |draft| &mut draft.http_cert_file),
        Absent("no TLS"),
        "The certificate of the server with its chain, in PEM",
    )
    .of_engine(),
    Row::new(
        "http_key_file",
        Http,
        Path("FILE", |draft| &mut draft.http_key_file),
        Absent("no TLS"),
        "The key of that certificate, in PEM, not encrypted",
    )
    .of_engine(),
];
