//! A plain or an encrypted stream that counts what it reads, and notes when it cannot write.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What comes over a stream, above TLS, and whether its other side takes in what goes, below TLS.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    read: AtomicU64,
    /// So much may be read in all until more is allowed.
    read_max: AtomicU64,
    /// Since when the system has no room for a byte more, in milliseconds after `began`; 0 while it has.
    blocked_at: AtomicU64,
}

impl Meter {
    pub(super) fn new() -> Arc<Self> {
        let (read, read_max) = (AtomicU64::default(), AtomicU64::new(u64::MAX));
        Arc::new(Self { began: Instant::now(), read, read_max, blocked_at: AtomicU64::default() })
    }

    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Acquire)
    }

    /// Lets so many more bytes be read, and no more: interim answers, of which there may be any number, are
    /// in nobody else's count.
    pub(super) fn allow(&self, bytes: u64) {
        self.read_max.store(self.read().saturating_add(bytes), Ordering::Release);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// For how long the other side has taken in nothing of what waits to go.
    pub(super) fn blocked_for(&self) -> Duration {
        match self.blocked_at.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            at => Duration::from_millis(self.now().saturating_sub(at)),
        }
    }

    fn wrote(&self, done: &Poll<io::Result<usize>>) {
        let was_blocked = self.blocked_at.load(Ordering::Acquire) != 0;
        // The clock is asked only where something changes: nearly every write is taken in at once.
        match done {
            Poll::Pending if !was_blocked => self.blocked_at.store(self.now().max(1), Ordering::Release),
            Poll::Ready(_) if was_blocked => self.blocked_at.store(0, Ordering::Release),
            Poll::Pending | Poll::Ready(_) => {}
        }
    }
}

/// TCP that notes when nothing is taken in.
pub(super) struct Tcp {
    pub stream: TcpStream,
    pub meter: Arc<Meter>,
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.meter.wrote(&done);
        done
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.meter.wrote(&done);
        done
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What HTTP is spoken over.
pub(super) enum Stream {
    Plain(Tcp),
    /// Boxed: the state of a TLS session is large.
    Tls(Box<TlsStream<Tcp>>),
}

/// A stream that counts what is read.
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
        either!(&mut self.stream, inner => Pin::new(inner).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(&mut self.stream, inner => Pin::new(inner).poll_write_vectored(cx, pieces))
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
