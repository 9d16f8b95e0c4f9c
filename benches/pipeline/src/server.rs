//! The server as a process: started, asked, measured from outside, killed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http;

/// The admin key of every run.
pub const KEY: &str = "fw_admin_pipeline_bench_key_0123456789";

/// Clock ticks per second in `/proc`: a constant of Linux's interface on every machine we know.
const TICKS: f64 = 100.0;

/// What can go wrong.
pub type Failure = Box<dyn std::error::Error>;

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its data folder.
    pub folder: PathBuf,
    /// From the start of the process until `/readyz` said yes.
    pub ready_after: Duration,
}

/// What a process has used so far.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Processor seconds of all threads, those that ended included.
    pub seconds: f64,
    /// Processor seconds by thread name.
    pub threads: BTreeMap<String, f64>,
    /// System calls that read and that write.
    pub calls: (u64, u64),
    /// Times that a thread went to sleep.
    pub sleeps: u64,
}

impl Server {
    /// Starts it and waits until it takes events.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(binary: &Path, folder: &Path) -> Result<Self, Failure> {
        let began = Instant::now();
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-loopback", "--admin-key", KEY])
            .args(["--log", "warn", "--journal-bytes-max", &(16_u64 << 30).to_string(), "--data-dir"])
            .arg(folder)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
        let address = loop {
            let line = lines.next().ok_or("the server ended before it listened")??;
            match line.split_once("listens at http://") {
                Some((_, address)) => break address.trim().parse()?,
                None if line.contains("key") => {}
                None => eprintln!("server: {line}"),
            }
        };
        // Somebody must read what it says, or a full pipe stops it.
        std::thread::spawn(move || {
            for (number, line) in lines.map_while(Result::ok).enumerate() {
                if number < 100 {
                    eprintln!("server: {line}");
                }
            }
        });
        let mut server = Self { child, address, folder: folder.to_owned(), ready_after: Duration::ZERO };
        while server.ask("GET", "/readyz", "").map_or(0, |answer| answer.0) != 200 {
            std::thread::sleep(Duration::from_millis(1));
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server ended: {status}").into());
            }
        }
        server.ready_after = began.elapsed();
        Ok(server)
    }

    /// One request on a connection of its own.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, Value), Failure> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(request(method, path, "application/json", body.as_bytes(), true).as_slice())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let head = http::head(&bytes).ok_or("the answer broke off")?;
        let document = serde_json::from_slice(&bytes[head.bytes..]).unwrap_or(Value::Null);
        Ok((http::status(head.first_line), document))
    }

    /// The same; anything but a 2xx is an error.
    ///
    /// # Errors
    /// It was refused.
    pub fn must(&self, method: &str, path: &str, body: &str) -> Result<Value, Failure> {
        match self.ask(method, path, body)? {
            (200..=299, document) => Ok(document),
            (status, document) => Err(format!("{method} {path}: {status} {document}").into()),
        }
    }

    /// What it has used so far.
    #[must_use]
    pub fn used(&self) -> Used {
        used(Path::new("/proc").join(self.child.id().to_string()).as_path())
    }

    /// Resident memory, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        number_after(&text, "VmRSS:") * 1_024
    }

    /// Ends it at once, as a crash does.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// What this process has used so far.
#[must_use]
pub fn own() -> Used {
    used(Path::new("/proc/self"))
}

fn used(process: &Path) -> Used {
    let mut used = Used { seconds: ticks(&process.join("stat")), ..Used::default() };
    for task in fs::read_dir(process.join("task")).into_iter().flatten().flatten() {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let run = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let nanos = run.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok());
        let seconds = nanos.map_or_else(|| ticks(&task.path().join("stat")), |nanos| nanos / 1e9);
        *used.threads.entry(String::from(name.trim())).or_default() += seconds;
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        used.sleeps += number_after(&status, "\nvoluntary_ctxt_switches:");
    }
    let io = fs::read_to_string(process.join("io")).unwrap_or_default();
    used.calls = (number_after(&io, "syscr:"), number_after(&io, "syscw:"));
    used
}

fn ticks(stat: &Path) -> f64 {
    let text = fs::read_to_string(stat).unwrap_or_default();
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS
}

fn number_after(text: &str, name: &str) -> u64 {
    let rest = text.split_once(name).map_or("", |(_, rest)| rest);
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

impl Used {
    /// What was used after `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let threads = self.threads.iter();
        let threads = threads.map(|(name, seconds)| {
            (name.clone(), seconds - before.threads.get(name).copied().unwrap_or_default())
        });
        Self {
            seconds: self.seconds - before.seconds,
            threads: threads.collect(),
            calls: (self.calls.0.saturating_sub(before.calls.0), self.calls.1.saturating_sub(before.calls.1)),
            sleeps: self.sleeps.saturating_sub(before.sleeps),
        }
    }
}

/// A request's bytes.
#[must_use]
pub fn request(method: &str, path: &str, content: &str, body: &[u8], close: bool) -> Vec<u8> {
    let close = if close { "connection: close\r\n" } else { "" };
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nhost: fanwise\r\nauthorization: Bearer {KEY}\r\ncontent-type: {content}\r\n\
         content-length: {}\r\n{close}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
