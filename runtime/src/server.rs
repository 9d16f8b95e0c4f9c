//! A server as a whole: opened, serving, stopped.

pub mod accept;
mod clients;

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use self::accept::ClientLimits;
use crate::config::{ServerSettings, spans_disabled};
use crate::control::RedbStore;
use crate::deliver::address::AddressPolicy;
use crate::key::{AdminKey, AdminKeyError, Keys, admin_key};
use crate::limits::ANSWER_STALL_TIMEOUT;
use crate::node::{Node, NodeConfig, OpenError};
use crate::replay::Replays;
use crate::rules::Engine;
use crate::rules::code::{CodeSettings, CodeThread};
use crate::rules::crash::Crashes;
use crate::secret::vault::{MasterKeySource, Vault};
use crate::spans::{Spans, SpansError};
use crate::tail::Tails;
use crate::workspace::change::ChangeError;
use crate::workspace::registry::Targets;
use crate::workspace::{Registry, Warm};

/// Attempts under way get so long to end when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Requests get at least so long to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// The last spans get so long to be sent when the server stops; then they are lost.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// The control store's file inside the data folder.
const CONTROL_FILE: &str = "control.redb";

/// What every request needs.
pub struct Server {
    /// Workspaces, by id.
    pub registry: Arc<Registry>,
    /// Who may ask.
    pub keys: Keys,
    /// What is kept and owed.
    pub node: Arc<Node>,
    /// Which addresses deliveries may reach.
    pub addresses: AddressPolicy,
    /// Replays of many deliveries.
    pub replays: Replays,
    /// The key that reads metrics and nothing else.
    pub metrics_key: Option<Keys>,
    /// Who watches.
    pub tails: Arc<Tails>,
    /// True once the server leaves: it is not ready any more, and may still take events.
    pub leaving: watch::Sender<bool>,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("the data folder `{folder}` cannot be used: {source}")]
    Folder {
        /// Which.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The admin key cannot be used.
    #[error(transparent)]
    AdminKey(#[from] AdminKeyError),
    /// The control store or a secret in it cannot be read.
    #[error("workspaces cannot be read: {0}")]
    Control(#[from] ChangeError),
    /// The journal cannot be opened.
    #[error("the journal cannot be opened: {0}")]
    Node(#[from] OpenError),
    /// Spans cannot be sent as the settings say.
    #[error("OpenTelemetry cannot be set up: {0}")]
    Spans(#[from] SpansError),
    /// The system has no thread for the compiler.
    #[error("there is no thread for the compiler: {0}")]
    Thread(std::io::Error),
    /// The address is taken or not ours.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A server that serves.
pub struct Running {
    /// What it is made of.
    pub server: Arc<Server>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The admin key.
    pub admin_key: AdminKey,
    /// Where the key that seals every secret came from.
    pub master_key: MasterKeySource,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Opens the data folder, makes what a first start needs, and serves.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(settings: &ServerSettings) -> Result<Running, StartError> {
        install_crypto();
        let spans = spans(settings)?;
        let folder = |source| StartError::Folder { folder: settings.data_dir.display().to_string(), source };
        // Payloads are in there: nobody else on this machine reads a folder that is made here.
        DirBuilder::new().recursive(true).mode(0o700).create(&settings.data_dir).map_err(folder)?;
        // Taken first: a port that is taken must not cost a journal's reading.
        let listener = TcpListener::bind(settings.listen).await;
        let listener = listener.map_err(|source| StartError::Listen { address: settings.listen, source })?;
        let address = listener.local_addr().map_err(folder)?;
        let store = RedbStore::open(&settings.data_dir.join(CONTROL_FILE)).map_err(ChangeError::from)?;
        let vault =
            Vault::open(&settings.data_dir, settings.master_key.as_ref()).map_err(ChangeError::from)?;
        let master_key = vault.source();
        let code = CodeThread::start(CodeSettings {
            engine: if settings.no_jit { Engine::Interpreter } else { Engine::Compiled },
            checked_events: settings.checked_events,
            level: settings.payload_checks.into(),
            crashes: Crashes::read(&settings.data_dir).map_err(folder)?,
        });
        let warm = Warm::new(code.map_err(StartError::Thread)?, settings.compiled_bytes_max);
        let registry = Registry::load(Arc::new(store), vault, warm).await?;
        registry.set_events_per_second_max(settings.events_per_second_max);
        let metrics_key = metrics_key(settings)?;
        let admin_key = admin_key(settings.admin_key.as_ref(), &settings.data_dir)?;
        let keys = Keys::new(admin_key.text(), registry.stored_keys().await?);
        let mut config = node_config(settings);
        config.spans = spans;
        let addresses = config.addresses;
        let node = Node::open(config, Arc::new(Targets::new(Arc::clone(&registry))))?;
        let server = Arc::new(Self {
            registry,
            keys,
            node,
            addresses,
            metrics_key,
            replays: Replays::default(),
            tails: Arc::default(),
            leaving: watch::Sender::new(false),
        });
        crate::api::replays::resume(Arc::clone(&server)).await;
        let router = crate::api::router(Arc::clone(&server));
        let (stop, stopped) = watch::channel(false);
        let limits = ClientLimits {
            connections_max: settings.connections_max as usize,
            per_address_max: settings.connections_per_address_max as usize,
            answer_stall: ANSWER_STALL_TIMEOUT,
        };
        let serving = tokio::spawn(accept::serve(listener, router, limits, stopped));
        Ok(Running { server, address, admin_key, master_key, stop, serving })
    }
}

impl Running {
    /// Stops without telling anybody beforehand.
    pub async fn stop(self) {
        self.drain(Duration::ZERO, DRAIN).await;
    }

    /// Leaves in the order in which nobody is surprised: says that it is not ready, waits for `delay` so that
    /// load balancers see it, refuses events with 503 and starts no attempts, waits for those under way
    /// and for requests for at most `timeout`, and closes the journal with a checkpoint. What is under
    /// way after that is shown as unknown at the next start and sent again.
    pub async fn drain(self, delay: Duration, timeout: Duration) {
        self.server.leaving.send_replace(true);
        tokio::time::sleep(delay).await;
        let deadline = Instant::now() + timeout;
        let left = self.server.node.drain(timeout).await;
        if left > 0 {
            tracing::warn!(attempts = left, "attempts that did not end in time are unknown, and made again");
        }
        let _ = self.stop.send(true);
        // Those who were answered meanwhile got refusals; only what takes a request to send is left.
        let mut serving = self.serving;
        match timeout_at(deadline.max(Instant::now() + FAREWELL), &mut serving).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("the accept loop had panicked"),
            Err(_) => {
                tracing::warn!("requests that did not end in time are cut off");
                serving.abort();
            }
        }
        self.server.node.shutdown(Duration::ZERO).await;
        self.server.node.spans.finish(LAST_SPANS).await;
        // Tasks that have ended all but for their last step may hold the server a moment longer, and requests
        // that were cut off a little more: the next start must not depend on them.
        if let Err(error) = self.server.registry.store.close().await {
            tracing::error!(%error, "the control store could not be closed");
        }
    }

    /// The server's own URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn spans(settings: &ServerSettings) -> Result<Spans, SpansError> {
    // An empty variable is one that is not set, by the specification.
    let endpoint = settings.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty());
    match endpoint.filter(|_| !spans_disabled()) {
        Some(endpoint) => Spans::to(endpoint),
        None => Ok(Spans::default()),
    }
}

fn metrics_key(settings: &ServerSettings) -> Result<Option<Keys>, AdminKeyError> {
    let given = settings.metrics_key.as_ref().map(|key| admin_key(Some(key), &settings.data_dir));
    Ok(given.transpose()?.map(|key| Keys::new(key.text(), [])))
}

fn node_config(settings: &ServerSettings) -> NodeConfig {
    let mut config = NodeConfig::at(&settings.data_dir);
    config.journal_bytes_max = settings.journal_bytes_max;
    config.segment_bytes = settings.journal_segment_bytes;
    config.checkpoint_log_bytes = settings.checkpoint_bytes;
    config.history_kept = Duration::from_secs(settings.history_seconds_min);
    config.journal_kept = Duration::from_secs(settings.history_seconds_max);
    config.addresses = AddressPolicy {
        allow_loopback: settings.allow_loopback,
        allow_private_addresses: settings.allow_private_addresses,
        allow_plain_http: settings.allow_plain_http,
    };
    config.http.egress_proxy.clone_from(&settings.egress_proxy);
    config
}

/// Makes `ring` the process's crypto for TLS. A second call changes nothing.
pub fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
