//! A stream of events, one JSON object per line: kept in groups, answered while it runs.
//!
//! Three kinds of lines go back: one per event (`{"line":3,"status":202,"id":…}` or a problem), one
//! per group that became durable (`{"acked":256}`: every line up to that one is settled), and one at the end
//! (`{"done":true,…}`). A client that sends without reading gets fewer lines, never a stuck stream.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

use super::{Arrival, Form, Item, Judged, Place, keep};
use crate::api::body::too_large;
use crate::api::body::unpack::Unpacker;
use crate::api::problem::{Kind, Problem};
use crate::limits::{
    LINE_BYTES_MAX, STREAM_ANSWER_BYTES_MAX, STREAM_GROUP_BYTES_MAX, STREAM_GROUP_EVENTS_MAX,
    STREAM_IDLE_TIMEOUT,
};
use crate::node::Node;
use crate::trace_context::TraceContext;
use crate::workspace::Workspace;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Every event.
    All,
    /// Only events that were refused.
    Refused,
}

/// A stream on its way in.
pub struct Intake {
    node: Arc<Node>,
    place: Place,
    tell: Tell,
    /// The distributed trace of the request: that of all its events.
    context: Option<TraceContext>,
    lines: Arc<AnswerLines>,
    line: u64,
    /// Up to this line everything was kept or refused: a client goes on behind it.
    acked: u64,
    accepted: u64,
    refused: u64,
    told: u64,
    /// A line that came too fast.
    held: Option<Held>,
}

/// A line that waits until its workspace may send one more.
struct Held {
    text: Bytes,
    workspace: Arc<Workspace>,
}

impl Intake {
    /// A stream of events of that place.
    #[must_use]
    pub fn new(node: Arc<Node>, place: Place, tell: Tell, context: Option<TraceContext>) -> Self {
        let (lines, held) = (Arc::default(), None);
        Self { node, place, tell, context, lines, line: 0, acked: 0, accepted: 0, refused: 0, told: 0, held }
    }

    /// Takes the stream in, in the background, and returns its answer's body.
    pub fn take(mut self, body: Body, unpacker: Option<Unpacker>) -> Body {
        let answer = Arc::clone(&self.lines);
        tokio::spawn(async move {
            let ended = self.run(body, unpacker).await;
            self.end(ended);
        });
        Body::from_stream(futures_util::stream::unfold(answer, |answer| async move {
            let next = answer.next().await?;
            Some((Ok::<Bytes, std::convert::Infallible>(next), answer))
        }))
    }

    /// Reads to the end. Each frame's complete lines are kept before the next frame is awaited, so
    /// that a slow sender's events do not wait for a group to fill.
    async fn run(&mut self, mut body: Body, mut unpacker: Option<Unpacker>) -> Result<(), Problem> {
        let mut lines = Lines::default();
        loop {
            let frame = tokio::time::timeout(STREAM_IDLE_TIMEOUT, body.frame()).await;
            let frame = frame.map_err(|_| Problem::new(Kind::Timeout, "nothing came for too long"))?;
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|_| Problem::new(Kind::InvalidRequest, "the body broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            match &mut unpacker {
                Some(unpacker) => lines.push(&unpacker.push(&data)?),
                None => lines.push(&data),
            }
            self.groups(&mut lines).await?;
        }
        if let Some(unpacker) = unpacker {
            unpacker.finish()?;
        }
        lines.finish();
        self.groups(&mut lines).await
    }

    /// Keeps every complete line there is.
    async fn groups(&mut self, lines: &mut Lines) -> Result<(), Problem> {
        loop {
            let mut group: Vec<(u64, Item)> = Vec::new();
            let mut bytes = 0;
            while group.len() < STREAM_GROUP_EVENTS_MAX && bytes < STREAM_GROUP_BYTES_MAX {
                if let Some(Held { text, .. }) = self.held.take() {
                    // It has waited and may go, by the rules that are live by now.
                    bytes += text.len();
                    group.push((self.line, self.ready(self.decided(&text))));
                    continue;
                }
                let Some(line) = lines.next() else { break };
                self.line += 1;
                let item = match line {
                    Line::Event(text) if text.trim_ascii().is_empty() => continue,
                    Line::Event(text) => {
                        bytes += text.len();
                        match self.decided(&text) {
                            Ok((workspace, _)) if workspace.rate.take().is_err() => {
                                self.held = Some(Held { text, workspace });
                                break;
                            }
                            decided => self.ready(decided),
                        }
                    }
                    Line::TooLong => {
                        let problem = too_large(LINE_BYTES_MAX);
                        self.arrival().refused(self.place.named(), &problem);
                        Err(problem)
                    }
                };
                group.push((self.line, item));
            }
            if !group.is_empty() {
                self.keep(group).await?;
            } else if self.held.is_none() {
                return Ok(());
            }
            match &self.held {
                // A stream is slowed down to its workspace's limit: nothing of it is read meanwhile.
                Some(held) => held.workspace.rate.taken().await,
                // Matching is work without a pause; others on this thread get theirs.
                None => tokio::task::yield_now().await,
            }
        }
    }

    fn decided(&self, text: &Bytes) -> Result<(Arc<Workspace>, Judged), Problem> {
        self.place.decided(text.trim_ascii(), "", Form::Ours, None, &self.arrival())
    }

    /// A line goes on. One that is held is decided again later, and leaves its spans only then.
    fn ready(&self, decided: Result<(Arc<Workspace>, Judged), Problem>) -> Item {
        decided.map(|(_, judged)| judged.ready(&self.node.spans))
    }

    fn arrival(&self) -> Arrival<'_> {
        Arrival::now(self.context.clone(), &self.node.spans)
    }

    async fn keep(&mut self, group: Vec<(u64, Item)>) -> Result<(), Problem> {
        let (numbers, items): (Vec<u64>, Vec<Item>) = group.into_iter().unzip();
        let answers = keep(&self.node, items).await?;
        for (line, answer) in numbers.into_iter().zip(answers) {
            match answer {
                Ok(answered) => {
                    self.accepted += 1;
                    if self.tell == Tell::All {
                        self.tell(with_line(line, 202, answered.to_json()));
                    }
                }
                Err(problem) => {
                    self.refused += 1;
                    self.tell(with_line(
                        line,
                        problem.kind().status(),
                        json!({ "problem": problem.to_json() }),
                    ));
                }
            }
        }
        self.acked = self.line - u64::from(self.held.is_some());
        self.lines.push_always(&json!({ "acked": self.acked }));
        Ok(())
    }

    fn tell(&mut self, line: Value) {
        self.told += u64::from(self.lines.push(&line));
    }

    fn end(self, ended: Result<(), Problem>) {
        let wanted = match self.tell {
            Tell::All => self.accepted + self.refused,
            Tell::Refused => self.refused,
        };
        let mut last = json!({
            "done": ended.is_ok(),
            "acked": if ended.is_ok() { self.line } else { self.acked },
            "accepted": self.accepted,
            "refused": self.refused,
            "durability": super::answer::DURABILITY,
        });
        if let Some(last) = last.as_object_mut() {
            if wanted > self.told {
                last.insert("lines_left_out".to_owned(), (wanted - self.told).into());
            }
            if let Err(problem) = ended {
                last.insert("problem".to_owned(), problem.to_json());
            }
        }
        self.lines.push_always(&last);
        self.lines.close();
    }
}

fn with_line(line: u64, status: u16, rest: Value) -> Value {
    let mut told = json!({ "line": line, "status": status });
    if let (Some(told), Value::Object(rest)) = (told.as_object_mut(), rest) {
        told.extend(rest);
    }
    told
}

/// One line of a stream.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Its bytes.
    Event(Bytes),
    /// It was longer than [`LINE_BYTES_MAX`]; its bytes are gone.
    TooLong,
}

/// Cuts bytes into lines, whatever frames they come in.
#[derive(Default)]
struct Lines {
    buffer: BytesMut,
    /// So much of the buffer is known to hold no line break.
    searched: usize,
    /// The current line is too long; its bytes are dropped up to the next line break.
    skipping: bool,
    ended: bool,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The last line needs no line break.
    fn finish(&mut self) {
        self.ended = true;
    }

    fn next(&mut self) -> Option<Line> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let end = unsearched.iter().position(|byte| *byte == b'\n').map(|at| at + self.searched);
        let Some(end) = end else { return self.unfinished() };
        let line = self.buffer.split_to(end + 1).freeze();
        self.searched = 0;
        let too_long = std::mem::take(&mut self.skipping) || end > LINE_BYTES_MAX;
        Some(if too_long { Line::TooLong } else { Line::Event(line) })
    }

    fn unfinished(&mut self) -> Option<Line> {
        if self.ended {
            let rest = self.buffer.split().freeze();
            let skipping = std::mem::take(&mut self.skipping);
            let too_long = skipping || rest.len() > LINE_BYTES_MAX;
            return match (too_long, rest.is_empty()) {
                (true, _) => Some(Line::TooLong),
                (false, true) => None,
                (false, false) => Some(Line::Event(rest)),
            };
        }
        if self.buffer.len() > LINE_BYTES_MAX {
            self.skipping = true;
            self.buffer.clear();
        }
        self.searched = self.buffer.len();
        None
    }
}

/// Lines on their way back.
#[derive(Default)]
struct AnswerLines {
    /// A std mutex: held for one push or pop, never across an await.
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Bytes>,
    bytes: usize,
    closed: bool,
}

impl AnswerLines {
    /// Adds a line unless too much waits already; tells whether it did.
    fn push(&self, line: &Value) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.bytes >= STREAM_ANSWER_BYTES_MAX {
            return false;
        }
        waiting.add(line);
        drop(waiting);
        self.more.notify_one();
        true
    }

    /// Adds a line that must be told. Progress lines that nobody read yet are replaced by the last.
    fn push_always(&self, line: &Value) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let full = waiting.bytes >= STREAM_ANSWER_BYTES_MAX;
        let replaces = full && waiting.lines.back().is_some_and(|last| last.starts_with(b"{\"acked\""));
        if replaces && let Some(replaced) = waiting.lines.pop_back() {
            waiting.bytes -= replaced.len();
        }
        waiting.add(line);
        drop(waiting);
        self.more.notify_one();
    }

    fn close(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.more.notify_one();
    }

    /// What waits, as one piece; `None` after the last line.
    async fn next(&self) -> Option<Bytes> {
        loop {
            {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if !waiting.lines.is_empty() {
                    waiting.bytes = 0;
                    return Some(waiting.lines.drain(..).flatten().collect::<Vec<u8>>().into());
                }
                if waiting.closed {
                    return None;
                }
            }
            self.more.notified().await;
        }
    }
}

impl Waiting {
    fn add(&mut self, line: &Value) {
        let line = Bytes::from(format!("{line}\n"));
        self.bytes += line.len();
        self.lines.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> Vec<Option<String>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut drain = |lines: &mut Lines| {
            while let Some(line) = lines.next() {
                found.push(match line {
                    Line::Event(bytes) => {
                        Some(String::from_utf8(bytes.to_vec()).unwrap().trim_end().to_owned())
                    }
                    Line::TooLong => None,
                });
            }
        };
        for chunk in chunks {
            lines.push(chunk);
            drain(&mut lines);
        }
        lines.finish();
        drain(&mut lines);
        found
    }

    #[test]
    fn lines_do_not_depend_on_frames() {
        let text = b"{\"a\":1}\r\n\n{\"b\":2}\nlast";
        let whole = cut(&[text]);
        assert_eq!(whole, ["{\"a\":1}", "", "{\"b\":2}", "last"].map(|line| Some(line.to_owned())));
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(cut(&bytes), whole);
        assert_eq!(cut(&[]), []);
    }

    #[test]
    fn a_line_without_end_is_dropped_and_the_next_one_is_read() {
        let long = vec![b'x'; LINE_BYTES_MAX / 2 + 1];
        assert_eq!(cut(&[&long, &long, &long, b"\nnext"]), [None, Some("next".to_owned())]);
        assert_eq!(cut(&[&long, &long]), [None]);
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_gets_fewer_lines() {
        let lines = AnswerLines::default();
        let mut told = 0;
        for line in 0..100_000 {
            told += usize::from(lines.push(&json!({ "line": line, "text": "x".repeat(100) })));
            lines.push_always(&json!({ "acked": line }));
        }
        lines.close();
        assert!(told < 50_000);
        let all = lines.next().await.unwrap();
        assert!(all.len() < STREAM_ANSWER_BYTES_MAX + 1_000);
        assert!(all.ends_with(b"{\"acked\":99999}\n"));
        assert_eq!(lines.next().await, None);
    }
}
