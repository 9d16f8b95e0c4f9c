//! The whole server under load: what goes in and out, what each event costs, and who disturbs whom.
//!
//! Starts the real binary, receivers and a load generator on one machine. Load and receivers are written by
//! hand over raw sockets, so that what is measured is mostly the server; the same two talk to each other
//! without the server first, which is the ceiling.

mod clock;
mod events;
mod http;
mod isolation;
mod load;
mod options;
mod report;
mod rest;
mod server;
mod sink;
mod stream;
mod throughput;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use options::Options;
use report::Report;
use serde_json::Value;
use server::{Failure, Server};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let mut report = Report::default();
    let ran = binary(&options).and_then(|binary| run(&Run { options: &options, binary }, &mut report));
    // What is left of the data is of no use to anybody.
    let _ = std::fs::remove_dir_all(&options.data);
    if let Err(error) = &ran {
        report.remark(format!("The run ended early: {error}"));
    }
    let about = about(&options);
    let command = command();
    println!("\n{}", report::markdown(&report.json(&about, &command)));
    if let Some(folder) = &options.out
        && let Err(error) = report.write(folder, &about, &command)
    {
        eprintln!("{}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    if ran.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What every part needs.
pub struct Run<'o> {
    /// What was asked for.
    pub options: &'o Options,
    /// The server's binary.
    pub binary: PathBuf,
}

impl Run<'_> {
    /// A server with an empty data folder of that name.
    ///
    /// # Errors
    /// It does not start.
    pub fn fresh(&self, name: &str) -> Result<Server, Failure> {
        let folder = self.options.data.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&self.options.data)?;
        Server::start(&self.binary, &folder)
    }

    /// Ends a server and removes its data.
    pub fn done(&self, server: Server) {
        let folder = server.folder.clone();
        server.kill();
        // It goes with the whole at the end, too.
        let _ = std::fs::remove_dir_all(folder);
        // To free a few gigabytes keeps a disk busy that the next part wants to itself.
        let _ = std::fs::File::open(&self.options.data).and_then(|folder| folder.sync_all());
    }
}

fn run(run: &Run<'_>, report: &mut Report) -> Result<(), Failure> {
    let wants = |part| run.options.wants(part);
    let ceiling = if wants("ceiling") { Some(throughput::ceiling(run, report)?) } else { None };
    let ingest = if wants("ingest") { Some(throughput::ingest(run, report)?) } else { None };
    if wants("bulk") {
        throughput::bulk(run, report)?;
    }
    if wants("deliver") {
        throughput::deliver(run, report, ceiling.as_ref())?;
    }
    if let (Some(ceiling), Some(ingest)) = (&ceiling, ingest) {
        report.row("ceiling", "durable POSTs, as a part of it", 100.0 * ingest / ceiling.posts, "%");
    }
    if wants("paced") {
        throughput::paced(run, report)?;
    }
    if wants("isolation") {
        isolation::one_of_ten(run, report)?;
    }
    if wants("noisy") {
        isolation::noisy(run, report)?;
    }
    if wants("restart") {
        rest::restart(run, report)?;
    }
    if wants("idle") {
        rest::idle(run, report)?;
    }
    Ok(())
}

/// Builds the server, unless one is given.
fn binary(options: &Options) -> Result<PathBuf, Failure> {
    if let Some(given) = &options.server {
        return Ok(given.clone());
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let build = Command::new("cargo")
        .args([
            "build",
            "--release",
            "--bin",
            "fanwise",
            "--message-format",
            "json",
            "--manifest-path",
            manifest,
        ])
        .stderr(Stdio::inherit())
        .output()?;
    if !build.status.success() {
        return Err("the server cannot be built".into());
    }
    let messages = String::from_utf8_lossy(&build.stdout).into_owned();
    let artefacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = artefacts.filter_map(|artefact| artefact["executable"].as_str().map(PathBuf::from));
    programs.next_back().ok_or_else(|| "cargo did not say where the server is".into())
}

/// How this run was asked for, without what says only where things lie.
fn command() -> String {
    let mut text = String::from("cargo run --release --manifest-path benches/pipeline/Cargo.toml --");
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if matches!(argument.as_str(), "--server" | "--data" | "--out") {
            let _ = arguments.next();
        } else {
            text.push(' ');
            text.push_str(&argument);
        }
    }
    text.trim_end_matches(" --").to_owned()
}

fn about(options: &Options) -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mode = if options.quick { ", `--quick`" } else { "" };
    format!(
        "{cores} cores, shared by the server, the load generator and the receivers{mode}; {} s per measurement; load average at the end {}.",
        options.seconds,
        load.split(' ').next().unwrap_or("unknown")
    )
}
