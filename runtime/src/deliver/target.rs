//! Where a connection's deliveries go, looked up again at every attempt.

use std::sync::Arc;

use crate::deliver::sign::scheme::Signing;
use crate::deliver::success::Success;
use crate::deliver::tls::{TlsMistake, TlsProfile};
use crate::id::{ConnectionId, WorkspaceId};
use crate::secret::Secret;

/// A connection's settings of this moment.
#[derive(Clone, Debug)]
pub struct Target {
    /// The URL to post to.
    pub url: Arc<str>,
    /// The live signing secrets, newest first; at most [`SECRETS_MAX`] of them sign. None: the request is not
    /// signed.
    pub secrets: Vec<Arc<Secret>>,
    /// How they sign.
    pub signing: Signing,
    /// Certificates of its own, or what is wrong with them.
    pub tls: Result<Option<Arc<TlsProfile>>, TlsMistake>,
    /// Which answers count as delivered; `None` for 2xx.
    pub success: Option<Arc<Success>>,
    /// Counts the changes of these settings, so that an attempt can say with which ones it was made.
    pub version: u64,
    /// Whether it may be called at all.
    pub enabled: bool,
}

impl Target {
    /// A connection with a URL and nothing else.
    #[must_use]
    pub fn to(url: impl Into<Arc<str>>) -> Self {
        Self {
            url: url.into(),
            secrets: Vec::new(),
            signing: Signing::Standard,
            tls: Ok(None),
            success: None,
            version: 0,
            enabled: true,
        }
    }
}

/// So many secrets sign one request: an old and a new one, and room for a rotation within a rotation.
pub const SECRETS_MAX: usize = 4;

/// What the deliveries know of connections. Implementations answer from memory: this is asked before
/// every attempt, on the thread that makes it.
pub trait Connections: Send + Sync + 'static {
    /// The connection's settings of this moment; `None` when it is gone.
    fn target(&self, workspace: &WorkspaceId, connection: &ConnectionId) -> Option<Target>;

    /// The receiver answered 410: nothing may be sent there until a person enables it again. Returns at
    /// once; what must be stored is stored in the background.
    fn disable(&self, workspace: &WorkspaceId, connection: &ConnectionId);
}
