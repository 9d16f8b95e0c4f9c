//! Load: one thread that keeps many connections busy, as fast as they answer or at a rate.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::clock::{Times, nanos, now};
use crate::http;

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Each connection sends as soon as it has its answer.
    Closed,
    /// So many per second in all, whatever the answers do; a request waits for a free connection, and its
    /// time counts from when it should have been sent.
    Rate(f64),
}

/// What to send.
pub struct Plan<'a> {
    /// Where to.
    pub address: SocketAddr,
    /// Connections.
    pub connections: usize,
    /// When.
    pub pace: Pace,
    /// Ends after that time.
    pub seconds: f64,
    /// Ends after so many requests.
    pub requests_max: u64,
    /// Writes request number `n`, which counts as sent at that time, to the empty buffer.
    pub write: &'a mut dyn FnMut(u64, u64, &mut Vec<u8>),
}

/// What came back.
#[derive(Debug, Default)]
pub struct Answers {
    /// Requests with an answer of the class 2xx.
    pub good: u64,
    /// Other answers.
    pub bad: u64,
    /// The first of them, for people.
    pub first_bad: Option<String>,
    /// From sending to the last byte of the answer.
    pub times: Times,
    /// From the first request to the last answer.
    pub seconds: f64,
}

struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    written: usize,
    read: Vec<u8>,
    sent: Option<u64>,
}

/// Sends until the plan's end, then waits for what is under way.
///
/// # Errors
/// A connection cannot be made or breaks.
pub fn run(plan: Plan<'_>) -> std::io::Result<Answers> {
    let mut poll = Poll::new()?;
    let mut connections = Vec::with_capacity(plan.connections);
    for number in 0..plan.connections {
        let stream = std::net::TcpStream::connect(plan.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        connections.push(Connection { stream, out: Vec::new(), written: 0, read: Vec::new(), sent: None });
    }
    let mut answers = Answers::default();
    let mut events = Events::with_capacity(1_024);
    let mut buffer = vec![0; 64 << 10];
    let (begin, mut sent) = (now(), 0_u64);
    let end = begin + (plan.seconds * 1e9) as u64;
    let mut idle: Vec<usize> = (0..plan.connections).rev().collect();
    let mut last = begin;
    loop {
        let time = now();
        let open = time < end && sent < plan.requests_max;
        while open && sent < plan.requests_max && !idle.is_empty() {
            let at = match plan.pace {
                Pace::Closed => now(),
                Pace::Rate(rate) => begin + (sent as f64 / rate * 1e9) as u64,
            };
            if at > time.max(now()) {
                break;
            }
            let Some(number) = idle.pop() else { break };
            let connection = &mut connections[number];
            connection.out.clear();
            connection.written = 0;
            (plan.write)(sent, at, &mut connection.out);
            connection.sent = Some(at);
            connection.flush()?;
            sent += 1;
        }
        if !open && idle.len() == connections.len() {
            break;
        }
        let wait = match plan.pace {
            Pace::Rate(rate) if open => {
                let at = begin + (sent as f64 / rate * 1e9) as u64;
                // The poll's clock has milliseconds; below one, look again at once.
                Duration::from_nanos(at.saturating_sub(now())).min(Duration::from_millis(50))
            }
            _ => Duration::from_millis(50),
        };
        if idle.is_empty() || !open {
            poll.poll(&mut events, Some(Duration::from_millis(50)))?;
        } else if wait >= Duration::from_millis(1) {
            poll.poll(&mut events, Some(wait))?;
        } else {
            std::thread::sleep(wait.min(Duration::from_micros(200)));
            poll.poll(&mut events, Some(Duration::ZERO))?;
        }
        for event in &events {
            let Token(number) = event.token();
            let connection = &mut connections[number];
            if connection.sent.is_none() {
                continue;
            }
            connection.flush()?;
            if let Some((status, sent)) = connection.receive(&mut buffer)? {
                last = now();
                if (200..300).contains(&status) {
                    answers.good += 1;
                    answers.times.push(last.saturating_sub(sent));
                } else {
                    answers.bad += 1;
                    let text = String::from_utf8_lossy(&connection.read).chars().take(600).collect();
                    answers.first_bad.get_or_insert(text);
                }
                connection.read.clear();
                idle.push(number);
            }
        }
        if now() > end + nanos(Duration::from_secs(30)) {
            return Err(std::io::Error::other("answers are missing for 30 seconds"));
        }
    }
    answers.seconds = last.saturating_sub(begin) as f64 / 1e9;
    Ok(answers)
}

impl Connection {
    fn flush(&mut self) -> std::io::Result<()> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads; gives the status and the sending time once the answer is complete.
    fn receive(&mut self, buffer: &mut [u8]) -> std::io::Result<Option<(u16, u64)>> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(std::io::Error::other("the server closed a connection")),
                Ok(count) => {
                    self.read.extend_from_slice(&buffer[..count]);
                    if count < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let Some(head) = http::head(&self.read) else { return Ok(None) };
        let status = http::status(head.first_line);
        let complete = match head.length {
            Some(length) => self.read.len() >= head.bytes + length,
            None if head.chunked => self.read.ends_with(b"0\r\n\r\n"),
            None => true,
        };
        let sent = if complete { self.sent.take() } else { None };
        Ok(sent.map(|sent| (status, sent)))
    }
}
