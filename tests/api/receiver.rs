//! A receiver that answers as told and keeps what it got.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How it answers one request.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// Never.
    Never,
    /// With 200 and a body that never ends.
    Endless,
}

/// One request that came.
#[derive(Clone, Debug)]
pub struct Request {
    /// The headers, names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
}

/// A receiver on loopback.
pub struct Receiver {
    /// Its URL.
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Answer>,
    requests: Vec<Request>,
}

impl Receiver {
    /// Answers with these, then always with 204.
    pub async fn start(script: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let state =
            Arc::new(Mutex::new(State { script: script.iter().copied().collect(), requests: Vec::new() }));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&shared)));
            }
        });
        Self { url, state }
    }

    /// What came so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Waits until so many requests came.
    pub async fn wait_for(&self, count: usize) -> Vec<Request> {
        let began = Instant::now();
        loop {
            let requests = self.requests();
            if requests.len() >= count {
                return requests;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{} of {count} requests came", requests.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Requests of one connection, one after the other.
async fn converse(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut bytes = Vec::new();
    loop {
        let (head, length) = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
                let lower = head.to_ascii_lowercase();
                let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
                break (head, length.map_or(0, |text| text.trim().parse::<usize>().unwrap()));
            }
            if !more(&mut stream, &mut bytes).await {
                return;
            }
        };
        while bytes.len() < length {
            if !more(&mut stream, &mut bytes).await {
                return;
            }
        }
        let body = String::from_utf8(bytes.drain(..length).collect()).unwrap();
        let mut lines = head.lines();
        assert!(lines.next().unwrap().starts_with("POST /hook HTTP/1.1"), "{head}");
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let answer = {
            let mut state = state.lock().unwrap();
            state.requests.push(Request { headers, body });
            state.script.pop_front().unwrap_or(Answer::Status(204))
        };
        match answer {
            Answer::Never => std::future::pending::<()>().await,
            Answer::Endless => {
                let piece = [b'x'; 1024];
                let _ = stream.write_all(b"HTTP/1.1 200 Scripted\r\n\r\n").await;
                while stream.write_all(&piece).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                return;
            }
            Answer::Status(status) => {
                let text = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: 0\r\n\r\n");
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 8192];
    match stream.read(&mut chunk).await {
        Ok(read) if read > 0 => {
            bytes.extend_from_slice(&chunk[..read]);
            true
        }
        _ => false,
    }
}
