//! Clients that burden the server: slow ones, many at once, bodies without end, what is no HTTP. It stays
//! within its bounds, and answers others.

use crate::rig::Rig;
use anyhow::{Result, ensure};
use bureaucrat_tests::http::read;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Connections that the server keeps at the same time.
const CONNECTIONS_MAX: usize = 1_024;

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

#[test]
fn more_connections_than_there_is_room_for_are_closed() -> Result<()> {
    let rig = Rig::new("http-many")?;
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS_MAX + 200 {
        streams.push(TcpStream::connect(rig.client.address)?);
    }
    // Those without a request are closed after a while, and there is room again.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answered = rig.client.send(("GET", "/api/v1/health"), &[], "");
        if answered.is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "nobody is answered any more");
        std::thread::sleep(Duration::from_millis(100));
    }
}
