//! A request's body, in pieces that tell when they were taken in.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Bytes of a piece: what HTTP/2 sends in one frame.
const PIECE_BYTES: usize = 16 << 10;

/// A body on its way out.
pub(super) struct Outgoing {
    rest: Bytes,
    untaken: Arc<Untaken>,
}

/// How much of a body is still here, and since when nothing has left. Bytes have left when HTTP lets go of
/// them: when they were given to the system, or are in the last few that are gathered for it.
pub(super) struct Untaken {
    began: Instant,
    bytes: AtomicUsize,
    /// When something last left, in milliseconds after `began`.
    at: AtomicU64,
}

/// Bytes that tell when they are let go.
struct Piece {
    bytes: Bytes,
    untaken: Arc<Untaken>,
}

impl Outgoing {
    /// A body, and what it tells.
    pub(super) fn new(body: Bytes) -> (Self, Arc<Untaken>) {
        let (bytes, at) = (AtomicUsize::new(body.len()), AtomicU64::default());
        let untaken = Arc::new(Untaken { began: Instant::now(), bytes, at });
        (Self { rest: body, untaken: Arc::clone(&untaken) }, untaken)
    }
}

impl Untaken {
    /// For how long nothing of what is still here has left.
    pub(super) fn stalled_for(&self) -> Duration {
        if self.bytes.load(Ordering::Acquire) == 0 {
            return Duration::ZERO;
        }
        self.began.elapsed().saturating_sub(Duration::from_millis(self.at.load(Ordering::Acquire)))
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let now = u64::try_from(self.untaken.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.untaken.at.store(now, Ordering::Release);
        self.untaken.bytes.fetch_sub(self.bytes.len(), Ordering::AcqRel);
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE_BYTES);
        let bytes = self.rest.split_to(length);
        let piece = Piece { bytes, untaken: Arc::clone(&self.untaken) };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
