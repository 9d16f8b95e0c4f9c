//! The command line.

use std::path::PathBuf;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seconds that each measurement takes.
    pub seconds: f64,
    /// Deliveries that wait when the server is killed and started again.
    pub pending: u64,
    /// Workspaces of the idle server.
    pub workspaces: u64,
    /// Quiet workspaces beside the noisy one.
    pub quiet: u64,
    /// Events per second of all quiet ones.
    pub quiet_rate: f64,
    /// Deliveries that wait for the noisy one's receiver.
    pub backlog: u64,
    /// Parts to run; all when empty.
    pub only: Vec<String>,
    /// The server's binary; without one it is built.
    pub server: Option<PathBuf>,
    /// Where data folders are made and removed.
    pub data: PathBuf,
    /// The folder for results; nothing is written without one.
    pub out: Option<PathBuf>,
    /// Repetitions are not made.
    pub quick: bool,
}

/// How it is used.
pub const USAGE: &str =
    "pipeline [--quick] [--only ceiling,ingest,bulk,deliver,paced,isolation,noisy,restart,idle]
         [--seconds S] [--pending N] [--workspaces N] [--quiet N] [--quiet-rate N] [--backlog N]
         [--server PATH] [--data DIR] [--out DIR | --no-write]";

/// The parts, in the order in which they run.
pub const PARTS: &[&str] =
    &["ceiling", "ingest", "bulk", "deliver", "paced", "isolation", "noisy", "restart", "idle"];

impl Options {
    /// Reads arguments.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments: Vec<_> = arguments.collect();
        let quick = arguments.iter().any(|argument| argument == "--quick");
        arguments.retain(|argument| argument != "--quick");
        let mut options = if quick { Self::quick() } else { Self::full() };
        let mut rest = arguments.into_iter();
        while let Some(name) = rest.next() {
            if name == "--no-write" {
                options.out = None;
                continue;
            }
            let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = || value.parse::<f64>().map_err(|error| format!("{name} {value}: {error}"));
            let count = || value.parse::<u64>().map_err(|error| format!("{name} {value}: {error}"));
            match name.as_str() {
                "--only" => options.only = parts(&value)?,
                "--seconds" => options.seconds = number()?.clamp(0.2, 600.0),
                "--pending" => options.pending = count()?.max(10),
                "--workspaces" => options.workspaces = count()?.max(1),
                "--quiet" => options.quiet = count()?.max(1),
                "--quiet-rate" => options.quiet_rate = number()?.clamp(1.0, 100_000.0),
                "--backlog" => options.backlog = count()?.max(1),
                "--server" => options.server = Some(value.into()),
                "--data" => options.data = value.into(),
                "--out" => options.out = Some(value.into()),
                _ => return Err(format!("{name} is not known")),
            }
        }
        Ok(options)
    }

    /// Whether a part is to run.
    #[must_use]
    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }

    fn full() -> Self {
        Self {
            seconds: 10.0,
            pending: 1_000_000,
            workspaces: 10_000,
            quiet: 1_000,
            quiet_rate: 1_000.0,
            backlog: 1_000_000,
            only: Vec::new(),
            server: None,
            data: default_data(),
            out: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/../results").into()),
            quick: false,
        }
    }

    fn quick() -> Self {
        Self {
            seconds: 2.0,
            pending: 100_000,
            workspaces: 300,
            quiet: 100,
            quiet_rate: 200.0,
            backlog: 20_000,
            quick: true,
            ..Self::full()
        }
    }
}

/// Beside the program: a disk, which the folder for temporary files often is not.
fn default_data() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(PathBuf::from));
    beside.unwrap_or_else(std::env::temp_dir).join(format!("pipeline-data-{}", std::process::id()))
}

fn parts(value: &str) -> Result<Vec<String>, String> {
    let parts: Vec<String> = value.split(',').map(str::to_owned).collect();
    match parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        Some(unknown) => Err(format!("--only: `{unknown}` is not known; there are {}", PARTS.join(", "))),
        None => Ok(parts),
    }
}
