//! A plain or an encrypted stream that counts its bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What went over a stream so far, above TLS.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    read: AtomicU64,
    written: AtomicU64,
    /// When something was last written, in milliseconds after `began`.
    wrote_at: AtomicU64,
    /// So much may be read in all until more is allowed.
    read_max: AtomicU64,
}

impl Meter {
    pub(super) fn new() -> Arc<Self> {
        let zero = AtomicU64::default;
        let read_max = AtomicU64::new(u64::MAX);
        Arc::new(Self { began: Instant::now(), read: zero(), written: zero(), wrote_at: zero(), read_max })
    }

    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Acquire)
    }

    /// Lets so many more bytes be read, and no more: interim answers, of which there may be any number, are
    /// in nobody else's count.
    pub(super) fn allow(&self, bytes: u64) {
        self.read_max.store(self.read().saturating_add(bytes), Ordering::Release);
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Milliseconds since something was last written.
    pub(super) fn quiet_for(&self) -> u64 {
        self.now().saturating_sub(self.wrote_at.load(Ordering::Acquire))
    }

    fn wrote(&self, done: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = done {
            self.written.fetch_add(*bytes as u64, Ordering::AcqRel);
            self.wrote_at.store(self.now(), Ordering::Release);
        }
    }
}

/// What HTTP is spoken over.
pub(super) enum Stream {
    Plain(TcpStream),
    /// Boxed: the state of a TLS session is large.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A stream with its meter.
pub(super) struct Metered {
    pub stream: Stream,
    pub meter: Arc<Meter>,
}

macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Plain($inner) => $call,
            Stream::Tls($inner) => $call,
        }
    };
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = either!(&mut self.stream, inner => Pin::new(inner).poll_read(cx, buf));
        let read = buf.filled().len() - before;
        if read > 0 {
            let before = self.meter.read.fetch_add(read as u64, Ordering::AcqRel);
            if before.saturating_add(read as u64) > self.meter.read_max.load(Ordering::Acquire) {
                return Poll::Ready(Err(io::Error::other("no answer in more bytes than an answer needs")));
            }
        }
        done
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = either!(&mut self.stream, inner => Pin::new(inner).poll_write(cx, bytes));
        self.meter.wrote(&done);
        done
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = either!(&mut self.stream, inner => Pin::new(inner).poll_write_vectored(cx, pieces));
        self.meter.wrote(&done);
        done
    }

    fn is_write_vectored(&self) -> bool {
        either!(&self.stream, inner => inner.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.stream, inner => Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.stream, inner => Pin::new(inner).poll_shutdown(cx))
    }
}
