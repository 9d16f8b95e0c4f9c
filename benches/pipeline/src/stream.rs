//! Bulk: events as lines of streams without end, each stream on its own thread.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::clock::now;
use crate::events::Event;
use crate::server::{Failure, KEY};

/// Events that are written at once.
const GROUP: u64 = 128;

/// What came of streams.
pub struct Streamed {
    /// Events that were accepted.
    pub accepted: u64,
    /// Events that were refused.
    pub refused: u64,
    /// From the first byte to the last line of the last answer.
    pub seconds: f64,
}

/// Sends that many events in all over so many streams.
///
/// # Errors
/// A stream breaks off.
pub fn run(
    address: SocketAddr,
    workspace: &str,
    event: &Event,
    events: u64,
    streams: u64,
) -> Result<Streamed, Failure> {
    let begin = now();
    let each = events / streams;
    let path = format!("/v1/workspaces/{workspace}/events?results=refused");
    let threads: Vec<_> = (0..streams)
        .map(|_| {
            let (event, path) = (event.clone(), path.clone());
            let stream = move || one(address, &path, &event, each).map_err(|error| error.to_string());
            std::thread::Builder::new().name("load".into()).spawn(stream)
        })
        .collect::<Result<_, _>>()?;
    let mut streamed = Streamed { accepted: 0, refused: 0, seconds: 0.0 };
    for thread in threads {
        let last = thread.join().map_err(|_| "a stream's thread panicked")??;
        if last["done"] != Value::Bool(true) {
            return Err(format!("a stream ended early: {last}").into());
        }
        streamed.accepted += last["accepted"].as_u64().unwrap_or(0);
        streamed.refused += last["refused"].as_u64().unwrap_or(0);
    }
    streamed.seconds = now().saturating_sub(begin) as f64 / 1e9;
    Ok(streamed)
}

/// One stream; gives the last line of its answer.
fn one(address: SocketAddr, path: &str, event: &Event, events: u64) -> Result<Value, Failure> {
    let mut to = TcpStream::connect(address)?;
    to.set_read_timeout(Some(Duration::from_secs(60)))?;
    let from = to.try_clone()?;
    let answer = std::thread::Builder::new().name("answers".into()).spawn(move || last_line(from))?;
    write!(
        to,
        "POST {path} HTTP/1.1\r\nhost: fanwise\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n",
        event.len() as u64 * events
    )?;
    let (mut left, mut bytes) = (events, Vec::new());
    while left > 0 {
        bytes.clear();
        let time = now();
        for _ in 0..left.min(GROUP) {
            event.write(time, &mut bytes);
        }
        to.write_all(&bytes)?;
        left -= left.min(GROUP);
    }
    let last = answer.join().map_err(|_| "the answers' thread panicked")??;
    Ok(serde_json::from_str(&last)?)
}

/// Reads answers up to the line that ends a stream.
fn last_line(from: TcpStream) -> std::io::Result<String> {
    let mut lines = BufReader::with_capacity(64 << 10, from);
    let mut line = String::new();
    loop {
        line.clear();
        if lines.by_ref().read_line(&mut line)? == 0 {
            return Err(std::io::Error::other("the answer broke off"));
        }
        // Lines come in chunks, whose sizes stand on lines of their own.
        if line.starts_with("{\"done\"") {
            return Ok(line);
        }
        if line.contains("\"problem\"") || line.starts_with("HTTP/1.1 4") {
            eprint!("answer: {line}");
        }
    }
}
