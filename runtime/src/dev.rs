//! `fanwise dev`: the whole way of an event on one machine, to look at and to play with.

mod demo;
mod live;
mod receiver;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::Signals;
use crate::config::{ServerSettings, temporary_folder};
use crate::out::{Exit, complain, painted, say};
use crate::server::{Running, Server, StartError};
use demo::Demo;
use receiver::Receiver;

/// So long the demo's deliveries may take in all.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the API listens unless told otherwise.
const PORT: u16 = 4080;

/// Arguments of `fanwise dev`.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Where the API listens on loopback, 4080 without it; 0 takes a free port, as --once does
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// Keep the data here; without it, it is temporary
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Stop after the demo: exit code 0 only if every expected delivery arrived and verified
    #[arg(long)]
    once: bool,

    /// Decide with the interpreter only, without compiled code
    #[arg(long)]
    no_jit: bool,
}

/// Runs it.
pub async fn run(settings: Settings) -> Exit {
    let folder = match DataFolder::open(settings.data_dir.clone()) {
        Ok(folder) => folder,
        Err(error) => return failed(&format!("no folder for the data: {error}")),
    };
    let port = settings.port.unwrap_or(if settings.once { 0 } else { PORT });
    let mut server_settings = ServerSettings::on_loopback(folder.path());
    server_settings.listen = SocketAddr::from(([127, 0, 0, 1], port));
    server_settings.no_jit = settings.no_jit;
    let running = match Server::start(&server_settings).await {
        Ok(running) => running,
        Err(error) => {
            let taken = matches!(error, StartError::Listen { .. }) && settings.port.is_none();
            let hint = if taken { " (--port 0 takes a free port)" } else { "" };
            return failed(&format!("{}{hint}", crate::command::with_causes(&error)));
        }
    };
    let exit = show(&settings, &running, &folder).await;
    running.stop().await;
    exit
}

/// Everything between start and stop.
async fn show(settings: &Settings, running: &Running, folder: &DataFolder) -> Exit {
    let receiver = match Receiver::start().await {
        Ok(receiver) => receiver,
        Err(error) => return failed(&format!("the receiver cannot listen: {error}")),
    };
    say(&format!("{}  API at {}", painted("fanwise dev", "1"), running.url()));
    say(&format!("             receiver at {}, data in {}\n", receiver.url(), folder.path().display()));
    let demo = match Demo::prepare(running, &receiver).await {
        Ok(demo) => demo,
        Err(exit) => return exit,
    };
    let printer = tokio::spawn(live::print(Arc::clone(&running.server.node)));
    let began = Instant::now();
    let expected = match demo.send().await {
        Ok(expected) => expected,
        Err(exit) => return exit,
    };
    receiver.wait_for(expected.deliveries.len(), ARRIVAL_TIMEOUT).await;
    // The last attempt's line is written when its outcome is durable: a moment after the arrival.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let problems = expected.compare(&receiver.arrivals());
    summary(&expected, &receiver, began.elapsed());
    for problem in problems.iter().take(10) {
        complain(problem);
    }
    let exit = if problems.is_empty() { Exit::Ok } else { Exit::Failed };
    if !settings.once {
        say(&next_steps(running, &expected));
        match Signals::new() {
            Ok(mut signals) => {
                signals.next().await;
                say("stopping");
            }
            Err(error) => return failed(&format!("signals cannot be received: {error}")),
        }
    }
    printer.abort();
    exit
}

fn summary(expected: &demo::Expected, receiver: &Receiver, took: Duration) {
    let arrivals = receiver.arrivals();
    let verified = arrivals.values().filter(|arrival| arrival.verified.is_ok()).count();
    let duplicates: u64 = arrivals.values().map(|arrival| arrival.times - 1).sum();
    say(&format!(
        "\n{} events, {} matches, {} deliveries owed, {} arrived, {verified} signatures verified, {duplicates} duplicates, {} ms",
        expected.events,
        expected.matches,
        expected.deliveries.len(),
        arrivals.len(),
        took.as_millis(),
    ));
}

fn next_steps(running: &Running, expected: &demo::Expected) -> String {
    let (url, key, workspace) = (running.url(), running.admin_key.text(), demo::WORKSPACE);
    // Where people run this from, the binary is seldom on their path.
    let fanwise =
        std::env::current_exe().map_or_else(|_| "fanwise".to_owned(), |path| path.display().to_string());
    let event = expected.an_event.as_ref().map_or("EVENT_ID", |id| id.as_str());
    format!(
        r#"
Now yours. The admin key is
  {key}

Send an event:
  curl -s {url}/v1/workspaces/{workspace}/events \
    -H 'authorization: Bearer {key}' \
    -d '{{"event":"github.release.published","resource":"acme/shop","payload":{{"release":{{"tag_name":"v1.0","author":{{"login":"ada"}}}}}}}}'

Ask why an event went where it went:
  {fanwise} why {event} --server {url} --workspace {workspace} --key {key}
  curl -s {url}/v1/workspaces/{workspace}/events/{event}/trace -H 'accept: text/plain' -H 'authorization: Bearer {key}'

Ctrl-C stops."#
    )
}

fn failed(text: &str) -> Exit {
    complain(text);
    Exit::Failed
}

/// A folder for the data, removed at the end unless it was asked for.
struct DataFolder {
    path: PathBuf,
    temporary: bool,
}

impl DataFolder {
    fn open(asked_for: Option<PathBuf>) -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        if let Some(path) = asked_for {
            return Ok(Self { path, temporary: false });
        }
        let path = temporary_folder().join(format!("fanwise-dev-{}", uuid::Uuid::now_v7().simple()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, temporary: true })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if self.temporary {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
