//! The binary `fanwise`: reads the command line, runs one command, ends with its exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// The system's own took a fifth of the processor time of a busy server.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = runtime::command::Cli::parse();
    ExitCode::from(runtime::command::run(cli).code())
}
