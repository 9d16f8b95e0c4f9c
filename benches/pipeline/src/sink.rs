//! Receivers: one thread per sink that answers at once, never, or without an end, by the path.

use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use memchr::memmem;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use ring::hmac;

use crate::clock::{DIGITS, Times, now};
use crate::http;

/// The key with which the deliveries of a run are signed.
pub const SECRET_BYTES: &[u8; 32] = b"pipeline-bench-secret-0123456789";

/// One delivery of so many has its signature computed; all must have one.
const VERIFIED_ONE_OF: u64 = 64;

/// Clients that a sink serves at once.
const CLIENTS_MAX: usize = 20_000;

const LISTENER: Token = Token(usize::MAX);

/// How a delivery is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// `202` with a body of the size that our server answers with.
    Accept,
    /// `204` at once.
    Yes,
    /// Nothing comes back.
    Hang,
    /// A head comes back, then one chunk, and the body never ends.
    Endless,
}

/// What came.
#[derive(Default)]
pub struct Seen {
    /// Times from the event's sending until its arrival here; those of receivers that answer.
    pub times: Times,
    /// Ids that came, of receivers that answer.
    ids: HashSet<u64>,
    /// Deliveries that had come before, under the same id to the same receiver.
    pub duplicates: u64,
    /// Deliveries whose signature was computed.
    pub verified: u64,
    /// Deliveries without a signature or with a wrong one.
    pub badly_signed: u64,
}

/// A running sink.
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    answered: AtomicU64,
    unanswered: AtomicU64,
    /// Deliveries of events before that time are not timed.
    since: AtomicU64,
    track: AtomicBool,
    stop: AtomicBool,
    /// Taken once per round of the poll.
    seen: Mutex<Seen>,
}

impl Sink {
    /// Starts one.
    ///
    /// # Errors
    /// The system gives no port or no thread.
    pub fn start() -> std::io::Result<Self> {
        let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let shared = Arc::new(Shared::default());
        let mut work = Work {
            listener,
            poll,
            clients: HashMap::new(),
            next: 0,
            shared: Arc::clone(&shared),
            key: key(),
        };
        std::thread::Builder::new().name("sink".into()).spawn(move || work.run())?;
        Ok(Self { address, shared })
    }

    /// The URL of a receiver with that path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Deliveries that were answered.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Deliveries that hang.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.shared.unanswered.load(Ordering::Relaxed)
    }

    /// Forgets what came; from now on times are taken, and ids too when `track` is set.
    pub fn begin(&self, track: bool) {
        self.shared.since.store(now(), Ordering::Relaxed);
        self.shared.track.store(track, Ordering::Relaxed);
        *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    }

    /// What came since then.
    #[must_use]
    pub fn take(&self) -> Seen {
        std::mem::take(&mut *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until so many were answered in all, or nothing came for `quiet`.
    pub fn wait_for(&self, answered: u64, quiet: Duration) -> bool {
        let (mut last, mut since) = (self.answered(), Instant::now());
        while self.answered() < answered {
            std::thread::sleep(Duration::from_millis(2));
            if self.answered() != last {
                (last, since) = (self.answered(), Instant::now());
            } else if since.elapsed() > quiet {
                return false;
            }
        }
        true
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, SECRET_BYTES)
}

struct Work {
    listener: TcpListener,
    poll: Poll,
    clients: HashMap<usize, Client>,
    next: usize,
    shared: Arc<Shared>,
    key: hmac::Key,
}

struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    manner: Manner,
}

impl Work {
    fn run(&mut self) {
        let mut events = Events::with_capacity(1_024);
        let mut buffer = vec![0; 256 << 10];
        while !self.shared.stop.load(Ordering::Relaxed) {
            if self.poll.poll(&mut events, Some(Duration::from_millis(100))).is_err() {
                continue;
            }
            let shared = Arc::clone(&self.shared);
            let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    Token(number) => {
                        let Some(client) = self.clients.get_mut(&number) else { continue };
                        if !client.serve(&mut buffer, &shared, &mut seen, &self.key) {
                            self.clients.remove(&number);
                        }
                    }
                }
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            if self.clients.len() >= CLIENTS_MAX || stream.set_nodelay(true).is_err() {
                continue;
            }
            self.next += 1;
            let registered = self.poll.registry().register(&mut stream, Token(self.next), Interest::READABLE);
            if registered.is_ok() {
                let client = Client { stream, read: Vec::new(), manner: Manner::Yes };
                self.clients.insert(self.next, client);
            }
        }
    }
}

impl Client {
    /// Reads what came and answers what is complete; tells whether the client is still there.
    fn serve(&mut self, buffer: &mut [u8], shared: &Shared, seen: &mut Seen, key: &hmac::Key) -> bool {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    self.read.extend_from_slice(&buffer[..count]);
                    if !self.answer_all(shared, seen, key) {
                        return false;
                    }
                    if count < buffer.len() {
                        return true;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    fn answer_all(&mut self, shared: &Shared, seen: &mut Seen, key: &hmac::Key) -> bool {
        let mut done = 0;
        while let Some(head) = http::head(&self.read[done..]) {
            let bytes = head.bytes + head.length.unwrap_or(0);
            let Some(body) = self.read[done..].get(head.bytes..bytes) else { break };
            let path = http::path(head.first_line);
            self.manner = manner(path);
            match self.manner {
                Manner::Yes => {
                    see(&head, path, body, shared, seen, key);
                    shared.answered.fetch_add(1, Ordering::Relaxed);
                }
                Manner::Accept => _ = shared.answered.fetch_add(1, Ordering::Relaxed),
                Manner::Hang | Manner::Endless => _ = shared.unanswered.fetch_add(1, Ordering::Relaxed),
            }
            done += bytes;
            let answer: &[u8] = match self.manner {
                Manner::Yes => b"HTTP/1.1 204 No Content\r\n\r\n",
                Manner::Accept => ACCEPTED.as_bytes(),
                Manner::Hang => continue,
                Manner::Endless => b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nstill\r\n",
            };
            // These are smaller than any socket buffer.
            if self.stream.write_all(answer).is_err() {
                return false;
            }
        }
        self.read.drain(..done);
        true
    }
}

/// An answer as large as the server's own.
static ACCEPTED: LazyLock<String> = LazyLock::new(|| {
    let id = "0".repeat(32);
    let body = format!("{{\"id\":\"evt_{id}\",\"durability\":\"fsync\",\"rules\":[],\"deliveries\":[]}}");
    format!(
        "HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ndurability: fsync\r\ncontent-length: {}\r\n\
         date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n{body}",
        body.len()
    )
});

fn manner(path: &[u8]) -> Manner {
    match path {
        path if path.starts_with(b"/hang") => Manner::Hang,
        path if path.starts_with(b"/endless") => Manner::Endless,
        path if path.starts_with(b"/v1") => Manner::Accept,
        _ => Manner::Yes,
    }
}

/// Notes a delivery: how long it took, whether it came before, whether its signature is right.
fn see(head: &http::Head<'_>, path: &[u8], body: &[u8], shared: &Shared, seen: &mut Seen, key: &hmac::Key) {
    let since = shared.since.load(Ordering::Relaxed);
    let sent = memmem::find(&body[..body.len().min(64)], b"\"t\":").map(|at| &body[at + 4..]);
    let sent = sent.and_then(http::read_digits).map(|sent| sent.saturating_sub(DIGITS));
    let Some(sent) = sent.filter(|sent| *sent >= since) else { return };
    seen.times.push(now().saturating_sub(sent));
    let (mut id, mut time, mut signature) = (&b""[..], &b""[..], &b""[..]);
    http::each_header(head.headers, |name, value| match name {
        name if name.eq_ignore_ascii_case(b"webhook-id") => id = value,
        name if name.eq_ignore_ascii_case(b"webhook-timestamp") => time = value,
        name if name.eq_ignore_ascii_case(b"webhook-signature") => signature = value,
        _ => {}
    });
    if !signature.starts_with(b"v1,") {
        seen.badly_signed += 1;
    } else if (seen.times.len() as u64).is_multiple_of(VERIFIED_ONE_OF) {
        let signed = [id, b".", time, b".", body].concat();
        let good = decode(&signature[3..]).is_some_and(|tag| hmac::verify(key, &signed, &tag).is_ok());
        seen.verified += 1;
        seen.badly_signed += u64::from(!good);
    }
    if shared.track.load(Ordering::Relaxed) && !seen.ids.insert(hash(&[path, id])) {
        seen.duplicates += 1;
    }
}

/// FNV-1a: enough to tell some million ids apart.
fn hash(parts: &[&[u8]]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    parts.iter().flat_map(|part| part.iter()).fold(0xcbf2_9ce4_8422_2325, fold)
}

/// Base64 to bytes; a second signature behind a blank is left out.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.split(|byte| *byte == b' ').next()?;
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(32), 0_u32, 0);
    for byte in text.iter().filter(|byte| **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// The secret as a connection takes it.
#[must_use]
pub fn secret() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("whsec_");
    for three in SECRET_BYTES.chunks(3) {
        let bits = three.iter().fold(0_usize, |bits, byte| (bits << 8) | usize::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * at)) & 63]));
        }
        text.push_str(&"=".repeat(3 - three.len()));
    }
    text
}
