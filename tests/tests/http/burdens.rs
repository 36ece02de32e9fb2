//! Clients that burden the server: slow ones, many at once, bodies without end, what is no HTTP. It stays
//! within its bounds, and answers others.

use crate::{ordering::deploy, rig::Rig};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    http::{Answer, read},
    strangers::{Kind, Manner, Strangers},
};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

fn is_closed(stream: &mut TcpStream) -> Result<bool> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = [0; 512];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
            Err(_) => return Ok(true),
        }
    }
}

#[test]
fn who_sends_nothing_or_rubbish_is_closed() -> Result<()> {
    let rig = Rig::new("http-slow")?;
    let began = Instant::now();
    let mut streams = Vec::new();
    for start in [
        &b""[..],
        b"GET",
        b"GET /api/v1/processes HTTP/1.1\r\nHost: ",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"\0\0\0\0\0\0",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ] {
        let mut stream = TcpStream::connect(rig.client.address)?;
        stream.write_all(start)?;
        streams.push((start, stream));
    }
    // Others are answered meanwhile.
    let health = rig.client.send(("GET", "/api/v1/health"), &[], "")?;
    ensure!(health.status == 200, "{health:?}");
    for (start, mut stream) in streams {
        ensure!(
            is_closed(&mut stream)?,
            "{:?} is kept",
            String::from_utf8_lossy(start)
        );
    }
    ensure!(began.elapsed() < PATIENCE, "it took too long");
    Ok(())
}

#[test]
fn a_body_without_end_is_cut_off() -> Result<()> {
    let rig = Rig::new("http-endless")?;
    let head = format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        rig.local
    );
    let mut stream = TcpStream::connect(rig.client.address)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(head.as_bytes())?;
    let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
    let mut sent = 0;
    // It ends by itself when the server closes the connection.
    while sent < 64 << 20 && stream.write_all(chunk.as_bytes()).is_ok() {
        sent += 65_536;
    }
    ensure!(sent < 64 << 20, "64 MiB were taken");
    // The body of somebody without a token is not read at all.
    let mut stream = TcpStream::connect(rig.client.address)?;
    let head = head.replace(&rig.local, "wrong");
    stream.write_all(head.as_bytes())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let answer = read(&mut stream)?;
    ensure!(answer.code() == "unauthenticated", "{answer:?}");
    Ok(())
}

/// Sends a head, and as much of a body as is given; the answer, and how long it took.
fn answered(rig: &Rig, head: &str, body: &[u8]) -> Result<(Answer, Duration)> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(rig.client.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head.as_bytes())?;
    // It may be refused before all of it is sent.
    let _ = stream.write_all(body);
    Ok((read(&mut stream)?, began.elapsed()))
}

/// Much less than a body may take to arrive.
const AT_ONCE: Duration = Duration::from_secs(15);

#[test]
fn what_is_refused_before_its_body_is_refused_at_once_and_closed() -> Result<()> {
    let rig = Rig::new("http-early")?;
    let (local, long) = (rig.local.as_str(), "a".repeat(2 << 20));
    let json = "Content-Type: application/json\r\n";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (path, token, more, body, code) in [
        (
            "/api/v1/events",
            local,
            format!("{json}Content-Length: 2000000\r\n"),
            "",
            "too_large",
        ),
        (
            "/api/v1/events",
            local,
            format!("{json}Content-Length: 2097152\r\n"),
            long.as_str(),
            "too_large",
        ),
        (
            "/api/v1/session",
            "none",
            format!("{json}Content-Length: 9999999999\r\n"),
            "{",
            "too_large",
        ),
        (
            "/api/v1/events",
            "wrong",
            format!("{json}Content-Length: 1000\r\n"),
            "{",
            "unauthenticated",
        ),
        (
            "/api/v1/events",
            local,
            format!("{form}Content-Length: 1000\r\n"),
            "{",
            "media_type",
        ),
        (
            "/api/v1/nowhere",
            local,
            format!("{json}Content-Length: 1000\r\n"),
            "{",
            "not_found",
        ),
        (
            "/api/v1/events",
            local,
            format!("{json}Transfer-Encoding: chunked\r\nHost: evil.example\r\n"),
            "",
            "host",
        ),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
        );
        let (answer, took) = answered(&rig, &head, body.as_bytes())?;
        ensure!(answer.code() == code, "{code}: {answer:?}");
        ensure!(
            answer.header("connection") == Some("close"),
            "{code}: {answer:?}"
        );
        ensure!(took < AT_ONCE, "{code} came after {took:?}");
    }
    // A body that was read leaves the connection open for the next request.
    let mut stream = TcpStream::connect(rig.client.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n";
    stream.write_all(format!("{request}\r\n{request}Connection: close\r\n\r\n").as_bytes())?;
    let mut both = String::new();
    stream.read_to_string(&mut both)?;
    ensure!(both.matches("HTTP/1.1 200").count() == 2, "{both}");
    Ok(())
}

#[test]
fn headers_are_bounded_where_the_documents_say() -> Result<()> {
    let rig = Rig::new("http-head")?;
    for (bytes, status) in [
        (31 << 10, 200),
        (33 << 10, 431),
        (48 << 10, 431),
        (1 << 20, 431),
    ] {
        for in_path in [false, true] {
            let long = "a".repeat(bytes);
            let (path, header) = match in_path {
                true => (format!("/api/v1/health?{long}"), String::new()),
                false => ("/api/v1/health".to_owned(), format!("X-Long: {long}\r\n")),
            };
            let head = format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}Connection: close\r\n\r\n"
            );
            let mut stream = TcpStream::connect(rig.client.address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            // A head that is much too long is not taken to its end.
            let sent = stream.write_all(head.as_bytes());
            let answer = read(&mut stream);
            match answer {
                Ok(answer) => {
                    // A query without meaning is a wrong parameter.
                    let is_fit = answer.status == status
                        || (in_path && status == 200 && answer.status == 400);
                    ensure!(is_fit, "{bytes}: {answer:?}");
                }
                Err(error) => ensure!(bytes > 48 << 10 || sent.is_err(), "{bytes}: {error:#}"),
            }
        }
    }
    Ok(())
}

/// A definition of almost the largest size, which is a large answer.
fn deploy_large(rig: &Rig) -> Result<()> {
    let text = "x".repeat(900 << 10);
    let source = format!("<process name=\"large\"><!--{text}--><await event=\"never\"/></process>");
    deploy(rig, &source)?;
    Ok(())
}

fn resident_mib(rig: &Rig) -> Result<u64> {
    let pid = rig.engine.pid().context("the engine does not run")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("no VmRSS")?.parse::<u64>()? >> 10)
}

/// Handles of the engine's process.
fn handles(rig: &Rig) -> Result<usize> {
    let pid = rig.engine.pid().context("the engine does not run")?;
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// How soon one that was closed comes again.
const BACK: Duration = Duration::from_millis(500);
/// More than the server keeps of strangers.
const STRANGERS: usize = 500;
/// The most strangers that the server keeps, and the most connections of one token.
const STRANGERS_MAX: usize = 256;
const OF_TOKEN_MAX: usize = 384;
/// Handles that come and go: the control socket, files of the store.
const OTHERS: usize = 64;
/// What answers that nobody takes may cost at most; those of requests that wait for it; and some room.
const ANSWERS_MIB: u64 = 160 + 128 + 128;

#[test]
fn strangers_of_all_kinds_lock_nobody_out() -> Result<()> {
    let rig = Rig::new("http-strangers")?;
    let before = handles(&rig)?;
    let manner = Manner {
        kinds: Kind::ALL.into(),
        back: BACK,
        path: "/api/v1/openapi.json".into(),
        token: None,
        first: 1,
    };
    let strangers = Strangers::start(rig.client.address, STRANGERS, manner)?;
    let deadline = Instant::now() + PATIENCE;
    let mut round = 0;
    // Until all have come, and many of them twice.
    while strangers.connected() < 3 * STRANGERS as u64 {
        // The policy allows 600 launches a minute.
        if round % 20 == 0 {
            let process = rig.launch(&rig.local)?;
            rig.state(&process, "running")?;
        }
        ensure!(
            rig.ask(&rig.local, ("GET", "/api/v1/definitions"), None)?
                .status
                == 200
        );
        let kept = handles(&rig)?;
        ensure!(
            kept <= before + STRANGERS_MAX + OTHERS,
            "{kept} handles, {before} before"
        );
        ensure!(Instant::now() < deadline, "{} came", strangers.connected());
        round += 1;
        std::thread::sleep(Duration::from_millis(10));
    }
    ensure!(round > 1, "nothing happened meanwhile");
    drop(strangers);
    // What they held is given back.
    loop {
        let kept = handles(&rig)?;
        if kept <= before + OTHERS {
            break;
        }
        ensure!(Instant::now() < deadline, "{kept} handles, {before} before");
        std::thread::sleep(Duration::from_millis(50));
    }
    rig.launch(&rig.local)?;
    Ok(())
}

/// Whether somebody with another token is answered; if not, it is told when to come again.
fn answers(rig: &Rig) -> Result<bool> {
    let answer = rig.ask(&rig.local, ("GET", "/api/v1/definitions"), None)?;
    let is_put_off = answer.status == 503 && answer.header("retry-after").is_some();
    ensure!(is_put_off || answer.status == 200, "{answer:?}");
    Ok(!is_put_off)
}

#[test]
fn answers_that_nobody_takes_have_a_bound() -> Result<()> {
    let rig = Rig::new("http-deaf")?;
    deploy_large(&rig)?;
    let token = rig.token("reader", "read", None)?;
    let manner = Manner {
        kinds: vec![Kind::Deaf],
        back: BACK,
        path: "/api/v1/definitions/large/versions/1".into(),
        token: Some(token.clone()),
        first: 1,
    };
    let path = manner.path.clone();
    // The first answers may make the store fill its caches.
    for _ in 0..3 {
        let answer = rig.ask(&token, ("GET", &path), None)?;
        ensure!(answer.status == 200, "{}", answer.status);
    }
    let before = resident_mib(&rig)?;
    // They want 260 MiB together.
    let strangers = Strangers::start(rig.client.address, 300, manner)?;
    let deadline = Instant::now() + PATIENCE;
    let mut is_full = false;
    while !is_full {
        let kept = resident_mib(&rig)?;
        ensure!(
            kept < before + ANSWERS_MIB,
            "{kept} MiB, {before} MiB before"
        );
        // Small answers are there for everybody, if not at once; a large one is refused for now.
        while !answers(&rig)? {
            ensure!(Instant::now() < deadline, "nobody else is answered");
            std::thread::sleep(Duration::from_millis(10));
        }
        let large = rig.ask(&rig.local, ("GET", &path), None)?;
        is_full = large.status == 503 && large.body.contains("nobody takes");
        ensure!(matches!(large.status, 200 | 503), "{}", large.status);
        ensure!(Instant::now() < deadline, "it is never full");
    }
    drop(strangers);
    let deadline = Instant::now() + PATIENCE;
    while rig.ask(&rig.local, ("GET", &path), None)?.status != 200 {
        ensure!(Instant::now() < deadline, "it stays full");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[test]
fn connections_with_a_token_are_bounded_and_those_without_a_request_give_way() -> Result<()> {
    let rig = Rig::new("http-many")?;
    let before = handles(&rig)?;
    let request = format!(
        "GET /api/v1/definitions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        rig.local
    );
    let mut streams = Vec::new();
    for number in 0..OF_TOKEN_MAX + 100 {
        let mut stream = TcpStream::connect(rig.client.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut first = [0; 12];
        stream.read_exact(&mut first)?;
        ensure!(
            &first == b"HTTP/1.1 200" || &first == b"HTTP/1.1 429",
            "{number}: {first:?}"
        );
        streams.push(stream);
        let kept = handles(&rig)?;
        ensure!(kept <= before + OF_TOKEN_MAX + OTHERS, "{kept} handles");
    }
    ensure!(is_closed(&mut streams[0])?, "the oldest is kept");
    Ok(())
}
