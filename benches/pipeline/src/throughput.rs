//! How much goes through: the ceiling without a server, in, out, and at a steady rate.

use std::time::Duration;

use serde_json::json;

use crate::Run;
use crate::clock::now;
use crate::events::Event;
use crate::load::{self, Answers, Pace, Plan};
use crate::report::{Goal, Report};
use crate::server::{Failure, Server, own, request};
use crate::sink::{Sink, secret};
use crate::stream;

/// Requests of the raw ceiling.
pub struct Ceiling {
    /// Requests per second between the load generator and a raw server.
    pub posts: f64,
    /// Processor seconds of both ends for one request in and one delivery out.
    pub both_seconds: f64,
}

/// Connections when nothing else is said.
const CONNECTIONS: usize = 64;

/// Makes a workspace with connections to those URLs, and rules.
///
/// # Errors
/// The server refuses something.
pub fn workspace(
    server: &Server,
    id: &str,
    connections: &[(&str, String)],
    rules: &str,
) -> Result<(), Failure> {
    server.must("POST", "/v1/workspaces", &json!({ "id": id }).to_string())?;
    for (name, url) in connections {
        let body = json!({ "name": name, "integration": "webhook", "url": url, "secret": secret() });
        server.must("POST", &format!("/v1/workspaces/{id}/connections"), &body.to_string())?;
    }
    let bundle = json!({ "files": [{ "path": "bench.route", "text": rules }] }).to_string();
    server.must("PUT", &format!("/v1/workspaces/{id}/rules"), &bundle)?;
    Ok(())
}

/// Rules that send every event to each of `count` connections named `c0`, `c1`, ….
#[must_use]
pub fn fan_out(count: usize) -> String {
    let mut text = String::from("edition 2026\n");
    for at in 0..count {
        text.push_str(&format!("connection c{at}: webhook\n"));
    }
    for at in 0..count {
        text.push_str(&format!("rule r{at} {{ on ** as e deliver c{at}.send_webhook {{ body: e }} }}\n"));
    }
    text
}

/// Rules that look at every event and send none of ours.
const LOOKING: &str = "edition 2026\nconnection c0: webhook\n\
    rule large { on order.paid as e when e.total > 1000 deliver c0.send_webhook { body: e } }\n";

/// Sends posted events as fast as they are answered.
fn posts(
    address: std::net::SocketAddr,
    event: &Event,
    connections: usize,
    seconds: f64,
) -> Result<Answers, Failure> {
    let mut write = |_, at, out: &mut Vec<u8>| event.write(at, out);
    let plan =
        Plan { address, connections, pace: Pace::Closed, seconds, requests_max: u64::MAX, write: &mut write };
    let answers = load::run(plan)?;
    good(&answers)?;
    Ok(answers)
}

/// Only answers of the class 2xx are measurements.
///
/// # Errors
/// There were others.
pub fn good(answers: &Answers) -> Result<(), Failure> {
    match &answers.first_bad {
        Some(first) => Err(format!("{} requests were refused, the first with: {first}", answers.bad).into()),
        None => Ok(()),
    }
}

/// The load generator and the receiver without a server between them.
///
/// # Errors
/// The system refuses something.
pub fn ceiling(run: &Run<'_>, report: &mut Report) -> Result<Ceiling, Failure> {
    let sink = Sink::start()?;
    let seconds = run.options.seconds / 2.0;
    let event = Event::order("order.paid").posted("raw");
    posts(sink.address, &event, CONNECTIONS, 0.2)?;
    let before = own();
    let mut answers = posts(sink.address, &event, CONNECTIONS, seconds)?;
    let used = own().since(&before);
    let rate = answers.good as f64 / answers.seconds;
    report.row("ceiling", "raw POSTs to a raw 202, 64 connections", rate, "/s");
    report.row("ceiling", "their 99th percentile", answers.times.quantile(0.99), "ms");
    let in_seconds = used.seconds / answers.good as f64;
    report.row("ceiling", "processor time of both ends per POST", in_seconds * 1e6, "µs");

    let mut body = Vec::new();
    Event::order("order.paid").write(now(), &mut body);
    let mut delivery = request("POST", "/ok/0", "application/json", &body, false);
    let headers = "webhook-id: dlv_01890000000070008000000000000000\r\nwebhook-timestamp: 1700000000\r\n\
        webhook-signature: v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    let end = memchr::memmem::find(&delivery, b"\r\n\r\n").unwrap_or(0) + 2;
    delivery.splice(end..end + 2, headers.bytes());
    let mut write = |_, _, out: &mut Vec<u8>| out.extend_from_slice(&delivery);
    let plan = Plan {
        address: sink.address,
        connections: CONNECTIONS,
        pace: Pace::Closed,
        seconds,
        requests_max: u64::MAX,
        write: &mut write,
    };
    let before = own();
    let answers = load::run(plan)?;
    let used = own().since(&before);
    report.row(
        "ceiling",
        "raw deliveries to the raw receiver, 64 connections",
        answers.good as f64 / answers.seconds,
        "/s",
    );
    let out_seconds = used.seconds / answers.good as f64;
    report.row("ceiling", "processor time of both ends per delivery", out_seconds * 1e6, "µs");
    let both_seconds = in_seconds + out_seconds;
    report.row("ceiling", "in and out with nothing between, all cores", cores() / both_seconds, "/s");
    Ok(Ceiling { posts: rate, both_seconds })
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64
}

/// Single durable POSTs; gives those per second at 64 connections.
///
/// # Errors
/// The server refuses something.
pub fn ingest(run: &Run<'_>, report: &mut Report) -> Result<f64, Failure> {
    let sink = Sink::start()?;
    let server = run.fresh("ingest")?;
    workspace(&server, "ws", &[("c0", sink.url("/ok/0"))], LOOKING)?;
    let event = Event::order("order.paid").posted("ws");
    posts(server.address, &event, CONNECTIONS, 0.5)?;
    let mut at_64 = 0.0;
    for connections in [1, 64, 256] {
        let before = server.used();
        let mut answers = posts(server.address, &event, connections, run.options.seconds)?;
        let used = server.used().since(&before);
        let rate = answers.good as f64 / answers.seconds;
        let what = format!("durable POSTs, {connections} connections");
        report.row("ingest", &what, rate, "/s");
        report.row("ingest", "their median", answers.times.quantile(0.5), "ms");
        report.row("ingest", "their 99th percentile", answers.times.quantile(0.99), "ms");
        let micros = report.cost(&what, answers.good, used);
        if connections == 256 {
            let what = "what one core carries, by processor time, 256 connections";
            report.goal("ingest", what, 1e6 / micros, "/s", Goal::AtLeast(25_000.0));
        }
        if connections == 64 {
            at_64 = rate;
        }
    }
    run.done(server);
    Ok(at_64)
}

/// Lines of a stream, nothing to deliver.
///
/// # Errors
/// The server refuses something.
pub fn bulk(run: &Run<'_>, report: &mut Report) -> Result<(), Failure> {
    let sink = Sink::start()?;
    let server = run.fresh("bulk")?;
    workspace(&server, "ws", &[("c0", sink.url("/ok/0"))], LOOKING)?;
    let event = Event::order("order.paid").line();
    let warm = stream::run(server.address, "ws", &event, 20_000, 2)?;
    let events = (warm.accepted as f64 / warm.seconds * run.options.seconds).clamp(20_000.0, 5e6) as u64;
    let before = server.used();
    let streamed = stream::run(server.address, "ws", &event, events, 2)?;
    let used = server.used().since(&before);
    let what = format!("events of {} bytes as lines, 2 streams", event.len());
    let rate = streamed.accepted as f64 / streamed.seconds;
    report.goal("bulk", &what, rate, "/s", Goal::AtLeast(300_000.0));
    let micros = report.cost(&what, streamed.accepted, used);
    report.row("bulk", "what one core carries, by processor time", 1e6 / micros, "/s");
    run.done(server);
    Ok(())
}

/// In, out and recorded: one by one, in bulk, and one to ten.
///
/// # Errors
/// The server refuses something.
pub fn deliver(run: &Run<'_>, report: &mut Report, ceiling: Option<&Ceiling>) -> Result<(), Failure> {
    let sink = Sink::start()?;
    let server = run.fresh("deliver")?;
    let ten: Vec<_> = (0..10).map(|at| (format!("c{at}"), sink.url(&format!("/ok/{at}")))).collect();
    let ten: Vec<_> = ten.iter().map(|(name, url)| (name.as_str(), url.clone())).collect();
    workspace(&server, "one", &ten[..1], &fan_out(1))?;
    workspace(&server, "ten", &ten, &fan_out(10))?;
    let event = Event::order("order.paid");

    let single = event.posted("one");
    posts(server.address, &single, CONNECTIONS, 0.5)?;
    settled(&server, &sink, "one")?;
    let (before, answered, begin) = (server.used(), sink.answered(), now());
    sink.begin(false);
    let answers = posts(server.address, &single, CONNECTIONS, run.options.seconds)?;
    let all = sink.wait_for(answered + answers.good, Duration::from_secs(20));
    let seconds = (now() - begin) as f64 / 1e9;
    settled(&server, &sink, "one")?;
    let used = server.used().since(&before);
    delivered_all(report, all, "single POSTs");
    let mut seen = sink.take();
    let rate = answers.good as f64 / seconds;
    report.goal(
        "deliver",
        "single POSTs in, delivered, signed, recorded",
        rate,
        "/s",
        Goal::AtLeast(12_000.0),
    );
    report.row("deliver", "their 99th percentile, under full load", seen.times.quantile(0.99), "ms");
    report.goal(
        "deliver",
        "deliveries without a good signature",
        seen.badly_signed as f64,
        "",
        Goal::AtMost(0.0),
    );
    report.cost("single POST in, one delivery out", answers.good, used);
    if let Some(ceiling) = ceiling {
        let share = 100.0 * rate * ceiling.both_seconds / cores();
        report.row("deliver", "as a part of the ceiling without a server", share, "%");
    }

    let line = event.line();
    for (workspace, fan, goal) in [("one", 1, 25_000.0), ("ten", 10, 25_000.0)] {
        // As many as should take about that long.
        let events = (rate * 1.5 * run.options.seconds / fan as f64).clamp(500.0, 5e5) as u64;
        let (before, answered, begin) = (server.used(), sink.answered(), now());
        let streamed = stream::run(server.address, workspace, &line, events, 2)?;
        let all = sink.wait_for(answered + streamed.accepted * fan, Duration::from_secs(20));
        let seconds = (now() - begin) as f64 / 1e9;
        settled(&server, &sink, workspace)?;
        let used = server.used().since(&before);
        delivered_all(report, all, "lines");
        let deliveries = streamed.accepted * fan;
        let what = format!("lines in, one to {fan}: deliveries, signed, recorded");
        report.goal("deliver", &what, deliveries as f64 / seconds, "/s", Goal::AtLeast(goal));
        report.cost(format!("line in, one to {fan}, per delivery"), deliveries, used);
    }
    run.done(server);
    Ok(())
}

fn delivered_all(report: &mut Report, all: bool, what: &str) {
    if !all {
        report.remark(format!("Not everything was delivered ({what})."));
    }
}

/// Waits until nothing of a workspace waits or is under way: outcomes are recorded.
fn settled(server: &Server, sink: &Sink, workspace: &str) -> Result<(), Failure> {
    for _ in 0..200 {
        let answered = sink.answered();
        let mut open = 0;
        for state in ["in_flight", "waiting"] {
            let path = format!("/v1/workspaces/{workspace}/deliveries?limit=1&state={state}");
            open += server.must("GET", &path, "")?["items"].as_array().map_or(0, Vec::len);
        }
        if open == 0 && answered == sink.answered() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("deliveries stay open".into())
}

/// A steady rate that is far from any limit.
///
/// # Errors
/// The server refuses something.
pub fn paced(run: &Run<'_>, report: &mut Report) -> Result<(), Failure> {
    let sink = Sink::start()?;
    let server = run.fresh("paced")?;
    workspace(&server, "ws", &[("c0", sink.url("/ok/0"))], &fan_out(1))?;
    let event = Event::order("order.paid").posted("ws");
    posts(server.address, &event, 16, 0.3)?;
    settled(&server, &sink, "ws")?;
    let (before, answered) = (server.used(), sink.answered());
    sink.begin(true);
    let mut write = |_, at, out: &mut Vec<u8>| event.write(at, out);
    let plan = Plan {
        address: server.address,
        connections: 32,
        pace: Pace::Rate(450.0),
        seconds: run.options.seconds,
        requests_max: u64::MAX,
        write: &mut write,
    };
    let mut answers = load::run(plan)?;
    good(&answers)?;
    sink.wait_for(answered + answers.good, Duration::from_secs(10));
    let used = server.used().since(&before);
    let mut seen = sink.take();
    report.row("paced", "450 events/s: median until the receiver has it", seen.times.quantile(0.5), "ms");
    let p99 = seen.times.quantile(0.99);
    report.goal("paced", "their 99th percentile", p99, "ms", Goal::AtMost(5.0));
    report.row("paced", "the 202's 99th percentile", answers.times.quantile(0.99), "ms");
    report.cost("450 events/s, one delivery each", answers.good, used);
    run.done(server);
    Ok(())
}
