//! Messages over standard input and output, framed as the base protocol says.
//!
//! `lsp_server` has a transport of its own, but it reads messages through an untagged enum straight
//! from text, which cannot take numbers in a build where JSON numbers keep all their digits.

use std::io::{self, BufRead, Write};
use std::thread::{self, JoinHandle};

use lsp_server::{Connection, Message};
use serde_json::Value;

/// Longer messages are refused: no file of a bundle is that long.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// The threads that read and write.
pub(crate) struct Threads {
    reader: JoinHandle<io::Result<()>>,
    writer: JoinHandle<io::Result<()>>,
}

impl Threads {
    /// Waits until everything is written. The connection must be gone.
    pub(crate) fn join(self) -> io::Result<()> {
        let ended = |thread: JoinHandle<io::Result<()>>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the transport panicked")))
        };
        ended(self.reader).and(ended(self.writer))
    }
}

/// A connection over a reader and a writer. The reader ends with its input or after `exit`.
pub(crate) fn connect(
    mut input: impl BufRead + Send + 'static,
    mut output: impl Write + Send + 'static,
) -> (Connection, Threads) {
    let (server, client) = Connection::memory();
    let Connection { sender, receiver } = client;
    let reader = thread::spawn(move || {
        while let Some(message) = read(&mut input)? {
            let ends = matches!(&message, Message::Notification(one) if one.method == "exit");
            if sender.send(message).is_err() || ends {
                break;
            }
        }
        Ok(())
    });
    let writer =
        thread::spawn(move || receiver.into_iter().try_for_each(|message| message.write(&mut output)));
    (server, Threads { reader, writer })
}

/// One message; `None` at the end of the input.
fn read(input: &mut impl BufRead) -> io::Result<Option<Message>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut length = None;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("a header without a colon"))?;
        if name.eq_ignore_ascii_case("Content-Length") {
            length = Some(value.trim().parse::<usize>().map_err(|_| wrong("Content-Length is no number"))?);
        }
    }
    let length = length.ok_or_else(|| wrong("a message without Content-Length"))?;
    if length > MESSAGE_BYTES_MAX {
        return Err(wrong("the message is too long"));
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    let value: Value = serde_json::from_slice(&body)?;
    Ok(Some(serde_json::from_value(value)?))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use lsp_server::Message;

    use super::read;

    #[test]
    fn numbers_survive() {
        let body = r#"{"jsonrpc":"2.0","id":7,"method":"a/b","params":{"line":3,"x":{"character":0}}}"#;
        let text = format!("Content-Type: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let Ok(Some(Message::Request(request))) = read(&mut Cursor::new(text)) else { panic!("no request") };
        assert_eq!(request.id, 7.into());
        assert_eq!(request.params["line"].as_u64(), Some(3));
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in ["Content-Length: x\r\n\r\n", "Content-Length: 2\r\n\r\n{", "nonsense\r\n\r\n", "\r\n"] {
            assert!(read(&mut Cursor::new(text)).is_err(), "{text:?}");
        }
        assert!(read(&mut Cursor::new("")).expect("the end").is_none());
    }
}
