//! Live pages: a stream says when a page may be another, its part is fetched, and each stream ends with
//! its session or its token. No token takes all streams.

use crate::{
    pages::{Visitor, is_sound, proof, values},
    rig::Rig,
};
use anyhow::{Context, Result, ensure};
use std::{
    io::{BufRead, BufReader, Lines, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// The most streams of one token.
const SHARE: usize = 256;

/// An open stream of events.
struct Stream(Lines<BufReader<TcpStream>>);

impl Stream {
    /// Opens one; its status.
    fn open(rig: &Rig, path: &str, (name, value): (&str, &str)) -> Result<(u16, Self)> {
        let mut stream = TcpStream::connect(rig.client.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let host = rig.client.address;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{name}: {value}\r\n\r\n"
        )?;
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next().context("no answer")??;
        let status = status.split(' ').nth(1).context("no status")?;
        Ok((status.parse()?, Self(lines)))
    }

    /// Waits for news.
    fn news(&mut self) -> Result<()> {
        for line in &mut self.0 {
            if line? == "event: news" {
                return Ok(());
            }
        }
        anyhow::bail!("the stream has ended")
    }

    /// Waits for the end.
    fn ends(self) -> Result<()> {
        for line in self.0 {
            line?;
        }
        Ok(())
    }
}

fn refused(rig: &Rig, path: &str, token: &str, status: u16) -> Result<()> {
    let bearer = format!("Bearer {token}");
    let answer = rig
        .client
        .send(("GET", path), &[("authorization", &bearer)], "")?;
    ensure!(answer.status == status, "{path}: {answer:?}");
    Ok(())
}

#[test]
fn an_open_page_hears_of_changes_and_fetches_its_part() -> Result<()> {
    let rig = Rig::new("http-live")?;
    let visitor = Visitor::new(&rig, &rig.local)?;
    let whole = visitor.page("/processes")?;
    let stream = values(&whole, "data-live");
    ensure!(stream == ["/live"], "{whole}");
    for script in values(&whole, "src") {
        let file = rig.client.send(("GET", script), &[], "")?;
        let kind = file.header("content-type").unwrap_or_default();
        let is_script = script.ends_with(".js") && kind.starts_with("text/javascript");
        ensure!(file.status == 200, "{script}: {file:?}");
        ensure!(is_script || script.ends_with(".svg"), "{script}: {kind}");
    }
    let cookie = visitor.cookie.clone();
    let part = |path: &str, tag: &str| {
        let headers = [
            ("cookie", cookie.as_str()),
            ("hx-request", "true"),
            ("if-none-match", tag),
        ];
        rig.client.send(("GET", path), &headers, "")
    };
    let tag = values(&whole, "data-tag")
        .first()
        .context("no tag")?
        .replace("&quot;", "\"");
    ensure!(part("/processes", &tag)?.status == 304, "it was no news");
    let (status, mut stream) = Stream::open(&rig, "/live", ("Cookie", &cookie))?;
    ensure!(status == 200, "{status}");
    // What has changed between the page and its stream.
    stream.news()?;
    let told = Instant::now();
    let process = rig.launch(&rig.local)?;
    stream.news()?;
    ensure!(
        told.elapsed() > Duration::from_millis(1_500),
        "the page is told at most once in two seconds"
    );
    let new = part("/processes", &tag)?;
    ensure!(
        new.status == 200 && new.body.contains(&process) && !new.body.contains("<html"),
        "{new:?}"
    );
    let tag = new.header("etag").context("no tag")?;
    ensure!(part("/processes", tag)?.status == 304, "it was no news");

    // A page that asks for something is a page of its own, whatever is asked for.
    let cancel = format!("/processes/{process}/cancel");
    let asked = part(&cancel, "")?;
    is_sound(&cancel, &asked)?;
    ensure!(!asked.body.contains("data-live"), "{asked:?}");

    // Only its own process is news for a process.
    let own = format!("/live?process={process}");
    let (_, mut stream_of_one) = Stream::open(&rig, &own, ("Cookie", &cookie))?;
    stream_of_one.news()?;
    rig.launch(&rig.local)?;
    stream.news()?;
    let out = format!("proof={}", proof(&visitor.page(&cancel)?)?);
    visitor.post(&cancel, &out)?;
    stream_of_one.news()?;
    rig.state(&process, "failed")?;

    // The session ends, and so do its streams.
    let out = visitor.post("/logout", &format!("proof={}", proof(&whole)?))?;
    ensure!(out.status == 303, "{out:?}");
    stream.ends()?;
    stream_of_one.ends()
}

#[test]
fn no_token_takes_all_streams_and_a_revoked_one_loses_its_own() -> Result<()> {
    let rig = Rig::new("http-streams")?;
    let greedy = rig.token("greedy", "read", None)?;
    let ada = rig.token("ada", "read", Some("ada"))?;
    let process = rig.launch(&rig.local)?;
    refused(&rig, "/live", "wrong", 401)?;
    refused(&rig, &format!("/live?process={process}"), &ada, 404)?;
    let bearer = format!("Bearer {greedy}");
    let mut streams = Vec::new();
    for number in 0..SHARE {
        // Pages and scripts have the same share.
        let path = ["/live", "/api/v1/changes"][number % 2];
        let (status, stream) = Stream::open(&rig, path, ("Authorization", &bearer))?;
        ensure!(status == 200, "{number}: {status}");
        streams.push(stream);
    }
    refused(&rig, "/live", &greedy, 503)?;
    refused(&rig, "/api/v1/changes", &greedy, 503)?;
    let others = format!("Bearer {ada}");
    let (status, _) = Stream::open(&rig, "/live", ("Authorization", &others))?;
    ensure!(status == 200, "another token has no room: {status}");
    let revoked = rig
        .engine
        .command()?
        .args(["token", "revoke", "greedy"])
        .output()?;
    ensure!(revoked.status.success(), "{revoked:?}");
    for stream in streams {
        stream.ends()?;
    }
    Ok(())
}
