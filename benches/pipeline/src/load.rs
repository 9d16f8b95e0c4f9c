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
/// A connection cannot be made or breaks, or answers are missing for long.
pub fn run(plan: Plan<'_>) -> std::io::Result<Answers> {
    let mut poll = Poll::new()?;
    let mut connections = connect(&poll, plan.address, plan.connections)?;
    let mut answers = Answers::default();
    let mut events = Events::with_capacity(1_024);
    let mut buffer = vec![0; 64 << 10];
    let (begin, mut sent) = (now(), 0_u64);
    let end = begin + (plan.seconds * 1e9) as u64;
    let mut idle: Vec<usize> = (0..plan.connections).rev().collect();
    let mut last = begin;
    let due = |number: u64| match plan.pace {
        Pace::Closed => now(),
        Pace::Rate(rate) => begin + (number as f64 / rate * 1e9) as u64,
    };
    loop {
        let open = now() < end && sent < plan.requests_max;
        while open && sent < plan.requests_max {
            let at = due(sent);
            if at > now() {
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
        let until_next = Duration::from_nanos(due(sent).saturating_sub(now()));
        wait(&mut poll, &mut events, if open && !idle.is_empty() { until_next } else { WAIT_MAX })?;
        for event in &events {
            let Token(number) = event.token();
            let connection = &mut connections[number];
            if connection.sent.is_none() {
                continue;
            }
            connection.flush()?;
            if let Some((status, sent)) = connection.receive(&mut buffer)? {
                last = now();
                answers.add(status, last.saturating_sub(sent), &connection.read);
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

fn connect(poll: &Poll, address: SocketAddr, count: usize) -> std::io::Result<Vec<Connection>> {
    let one = |number| {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Connection { stream, out: Vec::new(), written: 0, read: Vec::new(), sent: None })
    };
    (0..count).map(one).collect()
}

/// The longest wait for events.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// Waits for events, at most about that long. The poll's clock has milliseconds; what is shorter is slept.
fn wait(poll: &mut Poll, events: &mut Events, at_most: Duration) -> std::io::Result<()> {
    if at_most >= Duration::from_millis(1) {
        return poll.poll(events, Some(at_most.min(WAIT_MAX)));
    }
    std::thread::sleep(at_most.min(Duration::from_micros(200)));
    poll.poll(events, Some(Duration::ZERO))
}

impl Answers {
    fn add(&mut self, status: u16, took: u64, answer: &[u8]) {
        if (200..300).contains(&status) {
            self.good += 1;
            self.times.push(took);
        } else {
            self.bad += 1;
            let text = || String::from_utf8_lossy(answer).chars().take(600).collect();
            self.first_bad.get_or_insert_with(text);
        }
    }
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
