//! What lists of a workspace cost: `in` for each event, a change, the first event after a start.
//!
//! `cargo run --release -p fanwise-benches --bin lists`. Each time is the median of several; questions about a list
//! are in nanoseconds for one event, with the whole of the deciding: the event is read, matched and routed.
#![allow(clippy::print_stdout, reason = "a program for people who measure")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compiler::eval::Lists;
use compiler::world::{Bundle, BundleFile, World};
use inputs::event;
use reqwest::Method;
use runtime::config::ServerSettings;
use runtime::lists::Snapshot;
use runtime::rules::{Engine, Rules};
use runtime::server::{Running, Server};

type Failure = Box<dyn Error>;

/// Events of one measurement.
const EVENTS: usize = 200_000;

/// Events that differ, so many that a large list is not in the processor's caches.
const PAYLOADS: usize = 20_000;

/// Measurements of which the median is told.
const ROUNDS: usize = 7;

/// Sizes of lists.
const SIZES: &[usize] = &[100, 100_000, 1_000_000];

/// Sizes of lists that are changed over HTTP; there is room for some more entries.
const CHANGED_SIZES: &[usize] = &[100_000, 990_000];

fn main() -> Result<(), Failure> {
    println!("one event, ns               list of      interpreter   compiled code");
    let none = Snapshot::default();
    // No rule sends: what is compared is asking alone.
    row("out is \"…\"", "parcel.n > 3 and parcel.out is \"nobody@x.example\"", 100, &none)?;
    for &size in SIZES {
        let lists = Snapshot::of([("vips".into(), entries(size).map(Box::from).collect())]);
        row("out in vips, and is not", "parcel.n > 3 and parcel.out in vips", size, &lists)?;
        row("not (in in vips), and is", "parcel.n > 3 and not (parcel.\"in\" in vips)", size, &lists)?;
        let folded = "parcel.n > 3 and not (parcel.\"in\" in vips ignoring case)";
        row("… ignoring case", folded, size, &lists)?;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(server())
}

fn entries(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|at| format!("customer-{at:07}@shop.example"))
}

fn grouped(count: usize) -> String {
    let text = count.to_string();
    let commas = text.char_indices().map(|(at, digit)| {
        let comma = at > 0 && (text.len() - at).is_multiple_of(3);
        if comma { format!(",{digit}") } else { digit.to_string() }
    });
    commas.collect()
}

fn rules(condition: &str) -> String {
    format!(
        "edition 2026\nconnection hook: webhook\nlist vips\n\
         rule r {{ on parcel as parcel when {condition} deliver hook.send_webhook {{ body: 1 }} }}\n"
    )
}

fn row(what: &str, condition: &str, size: usize, lists: &dyn Lists) -> Result<(), Failure> {
    let file = BundleFile { path: "rules.route".into(), text: rules(condition).into() };
    let compile = || Rules::compile(&Bundle { files: vec![file.clone()] }, &World::offline(None));
    // One is in every list of that size, all over it; the other looks as if it were.
    let payload = |at: usize| {
        let (number, n) = (at * 7_919 % size, 4 + at % 5);
        let inside = format!("customer-{number:07}@shop.example");
        let outside = format!("stranger-{number:07}@shop.example");
        format!("{{\"id\":\"p-{at}\",\"n\":{n},\"in\":\"{inside}\",\"out\":\"{outside}\",\"lines\":[1,2]}}")
    };
    let payloads: Vec<String> = (0..PAYLOADS).map(payload).collect();
    let mut times = Vec::new();
    for engine in [Engine::Interpreter, Engine::Compiled] {
        let rules = compile().map_err(|refused| refused.text())?;
        rules.speed_up(engine);
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for payload in payloads.iter().cycle().take(EVENTS) {
                black_box(rules.decide(&event(payload.as_bytes()), lists)?);
            }
            rounds.push(start.elapsed());
        }
        times.push(median(rounds).as_nanos() as f64 / EVENTS as f64);
    }
    let [interpreted, compiled] = times.as_slice() else { return Err("two engines".into()) };
    println!("{what:<27} {:>9} {interpreted:>14.0} {compiled:>14.0}", grouped(size));
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A server with one workspace, and a client.
struct Bench {
    running: Running,
    http: reqwest::Client,
}

impl Bench {
    async fn start(folder: &std::path::Path) -> Result<Self, Failure> {
        let running = Server::start(&ServerSettings::on_loopback(folder)).await?;
        Ok(Self { running, http: reqwest::Client::builder().no_proxy().build()? })
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Result<Duration, Failure> {
        let url = format!("{}/v1/workspaces{path}", self.running.url());
        let request = self.http.request(method, url).bearer_auth(self.running.admin_key.text()).body(body);
        let start = Instant::now();
        let answer = request.send().await?;
        let took = start.elapsed();
        let good = answer.status().is_success();
        if good { Ok(took) } else { Err(answer.text().await?.into()) }
    }
}

async fn server() -> Result<(), Failure> {
    println!(
        "\nover HTTP, ms               list of        set all     add one   add 1,000   first event after a start"
    );
    for &size in CHANGED_SIZES {
        let folder = tempfile::tempdir()?;
        let bench = Bench::start(folder.path()).await?;
        bench.send(Method::POST, "", "{\"id\":\"ws\"}".into()).await?;
        let hook = "{\"name\":\"hook\",\"integration\":\"webhook\",\"url\":\"http://127.0.0.1:9/\"}";
        bench.send(Method::POST, "/ws/connections", hook.into()).await?;
        let mut all = Duration::ZERO;
        let texts: Vec<String> = entries(size).collect();
        for (at, piece) in texts.chunks(500_000).enumerate() {
            let (method, field) = if at == 0 { (Method::PUT, "entries") } else { (Method::PATCH, "add") };
            let body = format!("{{\"{field}\":{}}}", list(piece.iter()));
            all += bench.send(method, "/ws/lists/vips", body).await?;
        }
        let mut one = Vec::new();
        for at in 0..ROUNDS {
            one.push(
                bench.send(Method::PATCH, "/ws/lists/vips", format!("{{\"add\":[\"one-{at}\"]}}")).await?,
            );
        }
        let more: Vec<String> = (0..1_000).map(|at| format!("more-{at}")).collect();
        let body = format!("{{\"add\":{}}}", list(more.iter()));
        let thousand = bench.send(Method::PATCH, "/ws/lists/vips", body).await?;
        let text = rules("parcel.to in vips").replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let bundle = format!("{{\"files\":[{{\"path\":\"a.route\",\"text\":\"{text}\"}}]}}");
        bench.send(Method::PUT, "/ws/rules", bundle).await?;
        bench.running.stop().await;
        let bench = Bench::start(folder.path()).await?;
        let event = "{\"event\":\"parcel\",\"payload\":{\"to\":\"nobody\"}}";
        let first = bench.send(Method::POST, "/ws/events", event.into()).await?;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{:<27} {:>9} {:>12.0} {:>11.1} {:>11.1} {:>12.0}",
            "",
            grouped(size),
            ms(all),
            ms(median(one)),
            ms(thousand),
            ms(first)
        );
        bench.running.stop().await;
    }
    Ok(())
}

fn list<'t>(texts: impl Iterator<Item = &'t String>) -> Arc<str> {
    let quoted: Vec<String> = texts.map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", quoted.join(",")).into()
}
