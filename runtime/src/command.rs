//! The command line: one variant per command, one function that runs each.

mod asked;
mod bench;
mod bundle;
mod check;
mod client;
mod emit;
mod explain;
mod fix;
mod format;
mod import;
mod journal;
mod listing;
mod lists;
mod lsp;
mod match_events;
mod plan;
mod replace;
mod replay;
mod serve;
mod status;
mod table;
mod tail;
mod test;
mod why;

use std::future::Future;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::ServerSettings;
use crate::dev;
use crate::out::{Exit, complain};

pub use client::Client;
pub use serve::{Signals, with_causes};

/// Events in, deliveries out, and always the reason why.
#[derive(Debug, Parser)]
#[command(
    name = "fanwise",
    version,
    max_term_width = 100,
    after_help = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 rules have errors, 5 differences, 6 server not reachable.
Data goes to stdout, words for people to stderr."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: a server on loopback, a demo workspace, a receiver, real GitHub webhooks
    Dev(dev::Settings),
    /// Run the server
    Serve(ServerSettings),
    /// Check rule files, offline
    Check(check::Arguments),
    /// Run the tests that stand in rule files; no destination is called
    Test(test::Arguments),
    /// Apply the fixes that messages about rule files offer
    Fix(fix::Arguments),
    /// Write rule files in the one style
    Fmt(format::Arguments),
    /// Run rules over events, offline: one JSON line per event
    Match(match_events::Arguments),
    /// Measure rules over events, offline: how long each step takes
    Bench(bench::Arguments),
    /// Explain a message number such as E0203
    Explain(explain::Arguments),
    /// Turn rules of other products into a rule file
    Import(import::Arguments),
    /// Help an editor with rule files: a language server over standard input and output
    Lsp(lsp::Arguments),
    /// Check, repair or print the journal of a server that is stopped
    #[command(subcommand)]
    Journal(journal::Commands),
    /// Send an event to a server
    Emit(emit::Arguments),
    /// List events of a server, newest first
    Events(listing::Events),
    /// List deliveries of a server, newest first
    Deliveries(listing::Deliveries),
    /// Show and change the lists that a workspace keeps and its rules ask
    #[command(subcommand)]
    Lists(lists::Commands),
    /// Say why each rule did or did not match an event, and what came of what it sent
    Why(why::Arguments),
    /// Deliver again: one delivery, or many by what is asked of them
    Replay(replay::Arguments),
    /// Say what rule files would change about the events that came last; sends nothing
    Plan(plan::Arguments),
    /// Show what happens in a workspace, as it happens
    Tail(tail::Arguments),
    /// Show how a server is doing
    Status(status::Arguments),
}

/// How data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Runs a command to its end.
#[must_use]
pub fn run(cli: Cli) -> Exit {
    match cli.command {
        Command::Dev(settings) => asynchronous(dev::run(settings)),
        Command::Serve(settings) => asynchronous(serve::run(settings)),
        Command::Check(arguments) => check::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Fix(arguments) => fix::run(&arguments),
        Command::Fmt(arguments) => format::run(&arguments),
        Command::Match(arguments) => match_events::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Journal(command) => journal::run(&command),
        Command::Lsp(arguments) => lsp::run(&arguments),
        Command::Emit(arguments) => asynchronous(emit::run(arguments)),
        Command::Events(arguments) => asynchronous(listing::events(arguments)),
        Command::Deliveries(arguments) => asynchronous(listing::deliveries(arguments)),
        Command::Lists(command) => asynchronous(lists::run(command)),
        Command::Why(arguments) => asynchronous(why::run(arguments)),
        Command::Replay(arguments) => asynchronous(replay::run(arguments)),
        Command::Plan(arguments) => asynchronous(plan::run(arguments)),
        Command::Tail(arguments) => asynchronous(tail::run(arguments)),
        Command::Status(arguments) => asynchronous(status::run(arguments)),
    }
}

fn asynchronous(work: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            complain(&format!("the async runtime cannot start: {error}"));
            Exit::Failed
        }
    }
}
