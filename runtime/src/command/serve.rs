//! `fanwise serve`: the server in the foreground, until a signal.

use std::time::Duration;

use crate::config::ServerSettings;
use crate::key::{ADMIN_KEY_FILE, AdminKey};
use crate::out::{Exit, complain, say};
use crate::secret::vault::{MASTER_KEY_FILE, MasterKeySource};
use crate::server::Server;

/// Runs it.
pub(super) async fn run(settings: ServerSettings) -> Exit {
    if let Err(reason) = log(&settings) {
        complain(&reason);
        return Exit::Usage;
    }
    let running = match Server::start(&settings).await {
        Ok(running) => running,
        Err(error) => {
            complain(&with_causes(&error));
            return Exit::Failed;
        }
    };
    if let Err(error) = crate::rules::crash::install(&settings.data_dir) {
        tracing::warn!(%error, "a crash in compiled code would not be counted");
    }
    if let AdminKey::Made(_) = &running.admin_key {
        let file = settings.data_dir.join(ADMIN_KEY_FILE);
        say(&format!("admin key, shown once and kept in {}:\n{}", file.display(), running.admin_key.text()));
    }
    if running.master_key == MasterKeySource::Made {
        let file = settings.data_dir.join(MASTER_KEY_FILE);
        say(&format!("the key that seals every secret is in {}: keep a copy elsewhere", file.display()));
    }
    say(&format!("fanwise listens at http://{}", running.address));
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("signals cannot be received: {error}"));
            return Exit::Failed;
        }
    };
    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = running.server.node.failed() => {
            complain("the journal has failed; the process ends, and a restart reads what the disk really has");
            // Those who wait are told first.
            tokio::time::sleep(FAREWELL).await;
            std::process::abort();
        }
    };
    // Nobody sends events to a terminal's Ctrl-C through a load balancer.
    let delay = match signal {
        Signal::Interrupt => Duration::ZERO,
        Signal::Terminate => Duration::from_secs(settings.drain_delay_seconds),
    };
    say("stopping; a second signal stops at once");
    tokio::select! {
        () = running.drain(delay, Duration::from_secs(settings.drain_timeout_seconds)) => Exit::Ok,
        _ = signals.next() => {
            say("stopped at once: attempts under way are shown as unknown and made again");
            // Nothing is left that a destructor would have to save: what was answered is in the journal.
            std::process::exit(i32::from(Exit::Failed.code()))
        }
    }
}

/// What asks the process to end.
pub enum Signal {
    /// SIGINT, as by Ctrl-C.
    Interrupt,
    /// SIGTERM, as by whoever runs it.
    Terminate,
}

/// Both signals, from one moment on, so that none is missed between two waits.
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Both are received from now on.
    ///
    /// # Errors
    /// The system says no.
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// So long a server whose journal has failed still answers, with refusals, before its process ends.
const FAREWELL: Duration = Duration::from_millis(500);

/// An error and what led to it, in one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}

/// Log lines go to stderr.
fn log(settings: &ServerSettings) -> Result<(), String> {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| format!("--log: {error}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = if settings.log_json {
        lines.json().try_init()
    } else {
        lines.with_ansi(crate::out::colour_wanted()).try_init()
    };
    // A log that exists already is the embedding program's choice.
    let _ = result;
    Ok(())
}
