//! AMQP 0-9-1 by hand: publishes content headers that no client library would write, as a hostile publisher can.

use anyhow::{Context, Result, bail, ensure};
use lapin::uri::AMQPUri;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

const METHOD: u8 = 1;
const CONTENT_HEADER: u8 = 2;
const BODY: u8 = 3;

/// The property flag of headers.
pub const HEADERS: u16 = 1 << 13;
/// The property flag of the message id.
pub const MESSAGE_ID: u16 = 1 << 7;

/// A connection with one channel in confirm mode.
#[derive(Debug)]
pub struct RawPublisher {
    stream: TcpStream,
}

/// A short text as AMQP writes it.
pub fn short(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap_or_else(|_| panic!("{} bytes", bytes.len()));
    [&[length], bytes].concat()
}

/// A long text, a table or a list as AMQP writes them: their length, then their bytes.
pub fn long(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or_else(|_| panic!("{} bytes", bytes.len()));
    [&length.to_be_bytes(), bytes].concat()
}

/// A header table with one entry, which nests `depth` tables (`F`) or lists (`A`) in each other.
pub fn nested(kind: u8, depth: usize) -> Vec<u8> {
    let entry = if kind == b'F' { 6 } else { 5 };
    let mut content = b"\x01a".to_vec();
    for left in (0..depth).rev() {
        content.push(kind);
        // Fits: the depths of tests are below a million.
        content.extend_from_slice(&((left * entry) as u32).to_be_bytes());
        if kind == b'F' && left > 0 {
            content.push(0);
        }
    }
    long(&content)
}

impl RawPublisher {
    /// Connects, logs in, opens a channel.
    ///
    /// # Errors
    /// When the broker does not take that.
    pub fn connect(url: &str) -> Result<Self> {
        let uri: AMQPUri = url.parse().map_err(anyhow::Error::msg)?;
        let stream = TcpStream::connect((uri.authority.host.as_str(), uri.authority.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut this = Self { stream };
        this.stream.write_all(b"AMQP\0\0\x09\x01")?;
        this.expect([0, 10, 0, 10])?;
        let user = &uri.authority.userinfo;
        let login = format!("\0{}\0{}", user.username, user.password);
        let start_ok = [
            &[0, 10, 0, 11][..],
            &long(b""),
            &short(b"PLAIN"),
            &long(login.as_bytes()),
            &short(b"en_US"),
        ];
        this.send(METHOD, 0, &start_ok.concat())?;
        this.expect([0, 10, 0, 30])?;
        // 2,047 channels, frames of 128 KiB, no heartbeat.
        this.send(
            METHOD,
            0,
            &[&[0, 10, 0, 31, 7, 255][..], &[0, 2, 0, 0], &[0, 0]].concat(),
        )?;
        let open = [
            &[0, 10, 0, 40][..],
            &short(uri.vhost.as_bytes()),
            &short(b""),
            &[0],
        ];
        this.send(METHOD, 0, &open.concat())?;
        this.expect([0, 10, 0, 41])?;
        this.send(METHOD, 1, &[&[0, 20, 0, 10][..], &short(b"")].concat())?;
        this.expect([0, 20, 0, 11])?;
        this.send(METHOD, 1, &[0, 85, 0, 10, 0])?;
        this.expect([0, 85, 0, 11])?;
        Ok(this)
    }

    /// Publishes to a queue, and waits until the broker has it. `properties` are the bytes for
    /// `flags`.
    ///
    /// # Errors
    /// If the broker does not take it.
    pub fn publish(
        &mut self,
        queue: &str,
        flags: u16,
        properties: &[u8],
        body: &[u8],
    ) -> Result<()> {
        let publish = [
            &[0, 60, 0, 40, 0, 0][..],
            &short(b""),
            &short(queue.as_bytes()),
            &[0],
        ];
        self.send(METHOD, 1, &publish.concat())?;
        let header = [
            &[0, 60, 0, 0][..],
            &(body.len() as u64).to_be_bytes(),
            &flags.to_be_bytes(),
            properties,
        ];
        self.send(CONTENT_HEADER, 1, &header.concat())?;
        for part in body.chunks(100_000) {
            self.send(BODY, 1, part)?;
        }
        self.expect([0, 60, 0, 80])
    }

    fn send(&mut self, kind: u8, channel: u16, payload: &[u8]) -> Result<()> {
        let frame = [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xce]];
        Ok(self.stream.write_all(&frame.concat())?)
    }

    /// Reads the next method, which must be this one.
    fn expect(&mut self, method: [u8; 4]) -> Result<()> {
        let mut prefix = [0; 7];
        self.stream
            .read_exact(&mut prefix)
            .context("the broker closed the connection")?;
        let size = u32::from_be_bytes([prefix[3], prefix[4], prefix[5], prefix[6]]);
        ensure!(size < 1 << 20, "a frame of {size} bytes");
        let mut payload = vec![0; size as usize + 1];
        self.stream.read_exact(&mut payload)?;
        if prefix[0] != METHOD || payload[..4] != method {
            bail!("not {method:?}: {:?}", String::from_utf8_lossy(&payload));
        }
        Ok(())
    }
}
