//! Starting again with much to do, starting with nothing, and doing nothing.

use std::time::{Duration, Instant};

use crate::Run;
use crate::events::Event;
use crate::report::{Goal, Report};
use crate::server::{Failure, Server};
use crate::sink::Sink;
use crate::stream;
use crate::throughput::{fan_out, workspace};

/// Pending deliveries of one workspace, below the server's own limit.
const WORKSPACE_PENDING_MAX: u64 = 900_000;

const MIB: f64 = 1_048_576.0;

/// Kills a server with many pending deliveries and starts it again.
///
/// # Errors
/// The server refuses something.
pub fn restart(run: &Run<'_>, report: &mut Report) -> Result<(), Failure> {
    let (sink, hanging) = (Sink::start()?, Sink::start()?);
    let server = run.fresh("restart")?;
    let names: Vec<_> = (0..10).map(|at| format!("c{at}")).collect();
    let ten: Vec<_> = names.iter().map(|name| (name.as_str(), hanging.url("/hang"))).collect();
    let workspaces = run.options.pending.div_ceil(WORKSPACE_PENDING_MAX);
    let small = Event::small("order.paid").line();
    let mut pending = 0;
    for number in 0..workspaces {
        let id = format!("much_{number}");
        workspace(&server, &id, &ten, &fan_out(10))?;
        let streamed = stream::run(server.address, &id, &small, run.options.pending / workspaces / 10, 1)?;
        if streamed.refused > 0 {
            return Err(format!("{} events were refused in {id}", streamed.refused).into());
        }
        pending += streamed.accepted * 10;
    }
    workspace(&server, "other", &[("c0", sink.url("/ok/0"))], &fan_out(1))?;
    let busy = server.memory() as f64;
    let folder = server.folder.clone();
    server.kill();
    report.row("restart", "pending deliveries", pending as f64, "");
    report.row("restart", "memory before the kill", busy / MIB, "MiB");
    let began = Instant::now();
    let server = Server::start(&run.binary, &folder)?;
    let ready = server.ready_after.as_secs_f64();
    let mut event = Vec::new();
    Event::small("order.paid").write(crate::clock::now(), &mut event);
    server.must("POST", "/v1/workspaces/other/events", std::str::from_utf8(&event)?)?;
    let all = sink.wait_for(1, Duration::from_secs(60));
    report.row("restart", "until it takes events", ready, "s");
    let goal = Goal::AtMost(3.0);
    report.goal("restart", "until a new event is delivered", began.elapsed().as_secs_f64(), "s", goal);
    report.row("restart", "memory afterwards", server.memory() as f64 / MIB, "MiB");
    if !all {
        report.remark("After the restart nothing was delivered.");
    }
    run.done(server);
    Ok(())
}

/// A server with many workspaces that do nothing, and one without any.
///
/// # Errors
/// The server refuses something.
pub fn idle(run: &Run<'_>, report: &mut Report) -> Result<(), Failure> {
    let mut starts: Vec<f64> = Vec::new();
    for _ in 0..5 {
        let server = run.fresh("empty")?;
        starts.push(server.ready_after.as_secs_f64() * 1e3);
        if starts.len() == 5 {
            report.row("idle", "memory without any workspace", server.memory() as f64 / MIB, "MiB");
        }
        run.done(server);
    }
    starts.sort_by(f64::total_cmp);
    report.goal("idle", "first start until ready, median of 5", starts[2], "ms", Goal::AtMost(200.0));
    let server = run.fresh("idle")?;
    let count = run.options.workspaces;
    let makers: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let server = &server;
        let make = move |maker: u64| {
            for number in (maker..count).step_by(4) {
                let url = String::from("https://receiver.example.com/in");
                workspace(server, &format!("ws_{number}"), &[("c0", url)], &fan_out(1))
                    .map_err(|error| error.to_string())?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..4).map(|maker| scope.spawn(move || make(maker))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
            .collect()
    });
    makers.into_iter().collect::<Result<Vec<()>, String>>()?;
    let what =
        format!("{} workspaces, each with a connection and a rule", crate::report::number(count as f64));
    report.row("idle", format!("memory after making {what}"), server.memory() as f64 / MIB, "MiB");
    let folder = server.folder.clone();
    server.kill();
    let server = Server::start(&run.binary, &folder)?;
    let start = server.ready_after.as_secs_f64() * 1e3;
    report.goal("idle", format!("start with {what}"), start, "ms", Goal::AtMost(200.0));
    std::thread::sleep(Duration::from_secs(1));
    let before = server.used();
    std::thread::sleep(Duration::from_secs(2));
    let used = server.used().since(&before);
    report.goal(
        "idle",
        format!("memory with {what}"),
        server.memory() as f64 / MIB,
        "MiB",
        Goal::AtMost(200.0),
    );
    report.row("idle", "processor time while idle", used.threads.values().sum::<f64>() / 2.0 * 100.0, "%");
    run.done(server);
    Ok(())
}
