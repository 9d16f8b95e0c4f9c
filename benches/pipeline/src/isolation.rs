//! Who disturbs whom: one receiver of ten that is no good, and one workspace with a large backlog.

use std::time::Duration;

use crate::Run;
use crate::events::Event;
use crate::load::{self, Pace, Plan};
use crate::report::{Goal, Report};
use crate::server::{Failure, Server};
use crate::sink::{Seen, Sink};
use crate::stream;
use crate::throughput::{fan_out, good, workspace};

/// Events per second to ten connections each.
const RATE: f64 = 100.0;

/// Ten connections; one of them hangs, or never ends its answer's body.
///
/// # Errors
/// The server refuses something.
pub fn one_of_ten(run: &Run<'_>, report: &mut Report) -> Result<(), Failure> {
    let mut alone = 0.0;
    let rows = [("/ok/9", "all ten answer"), ("/hang", "one hangs"), ("/endless", "one never ends its body")];
    for (path, what) in rows {
        let sink = Sink::start()?;
        let server = run.fresh("isolation")?;
        let names: Vec<_> = (0..10).map(|at| format!("c{at}")).collect();
        let url = |at: usize| sink.url(&if at == 9 { path.to_owned() } else { format!("/ok/{at}") });
        let ten: Vec<_> = names.iter().enumerate().map(|(at, name)| (name.as_str(), url(at))).collect();
        workspace(&server, "ws", &ten, &fan_out(10))?;
        let healthy = if path.starts_with("/ok") { 10 } else { 9 };
        let mut seen = at_rate(run, &server, &sink, &["ws".to_owned()], RATE, healthy)?;
        let p99 = seen.times.quantile(0.99);
        report.row("isolation", format!("{what}: 99th percentile of those that do"), p99, "ms");
        if healthy < 10 {
            report.row("isolation", format!("{what}: attempts at that one"), sink.unanswered() as f64, "");
        }
        if healthy == 10 {
            alone = p99;
        } else {
            let ratio = p99 / alone.max(0.001);
            report.row("isolation", format!("{what}: against all ten answering"), ratio, "×");
        }
        let duplicates = seen.duplicates as f64;
        report.goal(
            "isolation",
            format!("{what}: sent twice to the others"),
            duplicates,
            "",
            Goal::AtMost(0.0),
        );
        run.done(server);
    }
    Ok(())
}

/// Sends to those workspaces in turn at a rate; gives what came.
fn at_rate(
    run: &Run<'_>,
    server: &Server,
    sink: &Sink,
    workspaces: &[String],
    rate: f64,
    deliveries: u64,
) -> Result<Seen, Failure> {
    let order = Event::order("order.paid");
    let events: Vec<_> = workspaces.iter().map(|workspace| order.posted(workspace)).collect();
    let mut write = |n: u64, at, out: &mut Vec<u8>| {
        if let Some(event) = events.get((n % events.len() as u64) as usize) {
            event.write(at, out);
        }
    };
    let mut plan = Plan {
        address: server.address,
        connections: 32,
        pace: Pace::Rate(rate),
        seconds: 1.0,
        requests_max: u64::MAX,
        write: &mut write,
    };
    let answered = sink.answered();
    // First ones open connections to the receivers.
    let warm = load::run(Plan { write: &mut *plan.write, ..plan })?;
    good(&warm)?;
    sink.wait_for(answered + warm.good * deliveries, Duration::from_secs(10));
    let answered = sink.answered();
    sink.begin(true);
    plan.seconds = run.options.seconds;
    let answers = load::run(plan)?;
    good(&answers)?;
    if !sink.wait_for(answered + answers.good * deliveries, Duration::from_secs(10)) {
        return Err("a healthy receiver did not get everything".into());
    }
    // Long enough for a first retry of what was taken for failed.
    std::thread::sleep(Duration::from_secs(if run.options.quick { 1 } else { 8 }));
    Ok(sink.take())
}

/// Many quiet workspaces, without and with a noisy one whose receiver hangs.
///
/// # Errors
/// The server refuses something.
pub fn noisy(run: &Run<'_>, report: &mut Report) -> Result<(), Failure> {
    let (sink, hanging) = (Sink::start()?, Sink::start()?);
    let server = run.fresh("noisy")?;
    let options = run.options;
    let quiet: Vec<String> = (0..options.quiet).map(|at| format!("quiet_{at}")).collect();
    for id in &quiet {
        workspace(&server, id, &[("c0", sink.url(&format!("/ok/{id}")))], &fan_out(1))?;
    }
    workspace(&server, "noisy", &[("c0", hanging.url("/hang"))], &fan_out(1))?;
    let mut without = at_rate(run, &server, &sink, &quiet, options.quiet_rate, 1)?;
    // A workspace may have as many pending deliveries as that, and no more.
    let backlog = options.backlog.min(990_000);
    let small = Event::small("order.paid").line();
    let streamed = stream::run(server.address, "noisy", &small, backlog, 1)?;
    report.row("noisy", "deliveries that wait for a receiver that hangs", streamed.accepted as f64, "");
    let mut with = at_rate(run, &server, &sink, &quiet, options.quiet_rate, 1)?;
    let what = format!("{} quiet workspaces, {} events/s", options.quiet, options.quiet_rate);
    let (alone, beside) = (without.times.quantile(0.99), with.times.quantile(0.99));
    report.row("noisy", format!("{what}: 99th percentile alone"), alone, "ms");
    report.row("noisy", format!("{what}: 99th percentile beside it"), beside, "ms");
    let medians = with.times.quantile(0.5) / without.times.quantile(0.5).max(0.001);
    report.row("noisy", "median beside it, against alone", medians, "×");
    let ratio = beside / alone.max(0.001);
    report.goal("noisy", "99th percentile beside it, against alone", ratio, "×", Goal::AtMost(1.1));
    report.goal(
        "noisy",
        "sent twice to the quiet ones",
        (with.duplicates + without.duplicates) as f64,
        "",
        Goal::AtMost(0.0),
    );
    run.done(server);
    Ok(())
}
