//! What a command prints: data to stdout, words for people to stderr, and how a closed pipe ends.

use std::io::{self, IsTerminal, Write};

/// How a command ends. The numbers are promised to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Ok,
    /// 1: it did not work.
    Failed,
    /// 2: the command line makes no sense.
    Usage,
    /// 3: the rules have errors.
    RuleErrors,
    /// 5: something is different.
    Differences,
    /// 6: the server cannot be reached.
    Unreachable,
}

impl Exit {
    /// Its number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::RuleErrors => 3,
            Self::Differences => 5,
            Self::Unreachable => 6,
        }
    }
}

/// Whether a write went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// It did.
    Yes,
    /// The reader is gone (`fanwise … | head`): stop, and that is no failure.
    ReaderGone,
}

/// Standard output, buffered.
pub struct Out {
    to: io::BufWriter<io::Stdout>,
}

impl Default for Out {
    fn default() -> Self {
        Self { to: io::BufWriter::with_capacity(64 << 10, io::stdout()) }
    }
}

impl Out {
    /// Writes one line.
    ///
    /// # Errors
    /// Any failure but a reader that went away.
    pub fn line(&mut self, text: &str) -> io::Result<Written> {
        let result = self.to.write_all(text.as_bytes()).and_then(|()| self.to.write_all(b"\n"));
        closed_is_fine(result)
    }

    /// Writes text as it is and hands it on at once.
    ///
    /// # Errors
    /// Any failure but a reader that went away.
    pub fn text(&mut self, text: &str) -> io::Result<Written> {
        let result = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
        closed_is_fine(result)
    }

    /// Hands on what is buffered.
    ///
    /// # Errors
    /// Any failure but a reader that went away.
    pub fn flush(&mut self) -> io::Result<Written> {
        closed_is_fine(self.to.flush())
    }
}

fn closed_is_fine(result: io::Result<()>) -> io::Result<Written> {
    match result {
        Ok(()) => Ok(Written::Yes),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Written::ReaderGone),
        Err(error) => Err(error),
    }
}

/// Tells a person something. A stderr that is gone is nobody listening.
pub fn say(text: &str) {
    let mut to = io::stderr().lock();
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.write_all(b"\n"));
}

/// Says why a command failed, in one line.
pub fn complain(text: &str) {
    let mark = if colour_wanted() { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
    say(&format!("{mark}: {text}"));
}

/// Complains, and gives the end of a command that did not work.
#[must_use]
pub fn failed(text: &str) -> Exit {
    complain(text);
    Exit::Failed
}

/// Whether stderr takes colours: a terminal, and `NO_COLOR` is not set (no-color.org).
#[must_use]
pub fn colour_wanted() -> bool {
    io::stderr().is_terminal() && !crate::config::no_colour()
}

/// Paints text on a terminal that takes colours; `code` is an SGR parameter such as `32`.
#[must_use]
pub fn painted(text: &str, code: &str) -> String {
    if colour_wanted() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// A number of things in words: `1 error`, `2 errors`.
#[must_use]
pub fn many(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Text from outside for one line of a terminal: control characters are shown, not sent.
#[must_use]
pub fn harmless(text: &str) -> String {
    let show = |c: char| if c.is_control() { c.escape_default().collect::<String>() } else { c.to_string() };
    text.chars().map(show).collect()
}
