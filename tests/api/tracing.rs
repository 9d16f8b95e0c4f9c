//! W3C Trace Context from the app to its receivers, and a collector that is no help.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::app::App;
use crate::receiver::{Answer, Receiver, Request};

const RULES: &str = "edition 2026
connection hook: webhook
rule forward { on ** as it deliver hook.send_webhook { body: it } with { retry: { attempts: 9, first_wait: 1s, jitter: 0% } } }
";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn app(receiver: &Receiver) -> App {
    let app = App::with_workspace().await;
    app.connect("hook", &receiver.url).await;
    app.publish(RULES).await.expect(200);
    app
}

async fn send(app: &App, headers: &[(&str, &str)], body: Value) -> Value {
    app.send("POST", "/v1/workspaces/ws/events", headers, body.to_string()).await.expect(202)
}

/// Trace, span and flags of what came.
fn parent(request: &Request) -> (String, String, String) {
    let fields: Vec<&str> = request.headers["traceparent"].split('-').collect();
    assert_eq!((fields.len(), fields[0], fields[2].len()), (4, "00", 16), "{fields:?}");
    (fields[1].to_owned(), fields[2].to_owned(), fields[3].to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_a_child_of_what_came_even_after_a_restart() {
    let receiver = Receiver::start(&[Answer::Status(500), Answer::Status(500)]).await;
    let mut app = app(&receiver).await;
    let headers =
        [("content-type", "application/json"), ("traceparent", PARENT), ("tracestate", "congo=t61,rojo=00f")];
    let sent = send(&app, &headers, json!({ "event": "a.b", "payload": {} })).await;
    app.settled(&sent["deliveries"][0], "again").await;
    let shown =
        app.get(&format!("/v1/workspaces/ws/events/{}", sent["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(shown["traceparent"], PARENT);
    app.restart().await;
    let came = receiver.wait_for(3).await;
    let parents: Vec<_> = came.iter().map(parent).collect();
    for (request, (trace, _, flags)) in came.iter().zip(&parents) {
        assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "01"));
        assert_eq!(request.headers["tracestate"], "congo=t61,rojo=00f");
    }
    let mut spans: Vec<&str> = parents.iter().map(|(_, span, _)| span.as_str()).collect();
    spans.push("00f067aa0ba902b7");
    spans.sort_unstable();
    spans.dedup();
    assert_eq!(spans.len(), 4, "each attempt is a span of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_trace_context_is_as_if_it_were_not_there() {
    let receiver = Receiver::start(&[]).await;
    let app = app(&receiver).await;
    let rows = [
        vec![],
        vec![("traceparent", "nonsense"), ("tracestate", "a=b")],
        vec![("tracestate", "a=b")],
        vec![("traceparent", PARENT), ("traceparent", PARENT)],
        vec![("traceparent", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
    ];
    let count = rows.len();
    for headers in rows {
        send(&app, &headers, json!({ "event": "a.b", "payload": {} })).await;
    }
    for request in receiver.wait_for(count).await {
        assert!(!request.headers.contains_key("traceparent") && !request.headers.contains_key("tracestate"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloudevent_brings_its_own_and_the_request_s_goes_before_it() {
    let receiver = Receiver::start(&[]).await;
    let app = app(&receiver).await;
    let event = |id: &str| {
        json!({ "specversion": "1.0", "id": id, "source": "shop", "type": "a.b", "data": {},
            "traceparent": PARENT, "tracestate": "own=1" })
    };
    let structured = ("content-type", "application/cloudevents+json");
    send(&app, &[structured], event("1")).await;
    let came = receiver.wait_for(1).await;
    assert_eq!((parent(&came[0]).0.as_str(), came[0].headers["tracestate"].as_str()), (TRACE, "own=1"));
    let hop = "00-11111111111111111111111111111111-2222222222222222-00";
    send(&app, &[structured, ("traceparent", hop)], event("2")).await;
    let came = receiver.wait_for(2).await;
    let (trace, _, flags) = parent(&came[1]);
    assert_eq!((trace.as_str(), flags.as_str()), ("11111111111111111111111111111111", "00"));
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "3"),
        ("ce-source", "shop"),
        ("ce-type", "a.b"),
        ("ce-traceparent", PARENT),
    ];
    send(&app, &binary, json!({})).await;
    assert_eq!(parent(&receiver.wait_for(3).await[2]).0, TRACE);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_streams_belong_to_the_trace_of_their_request() {
    let receiver = Receiver::start(&[]).await;
    let app = app(&receiver).await;
    let one = json!({ "event": "a.b", "payload": {} });
    send(&app, &[("traceparent", PARENT)], json!([one, one])).await;
    let headers = [("content-type", "application/x-ndjson"), ("traceparent", PARENT)];
    app.send("POST", "/v1/workspaces/ws/events", &headers, format!("{one}\n{one}\n")).await.expect(202);
    let came = receiver.wait_for(4).await;
    assert!(came.iter().all(|request| parent(request).0 == TRACE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_costs_spans_and_nothing_else() {
    // Accepts connections, and that is all.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = App::start_with(|settings| settings.otlp_endpoint = Some(endpoint.clone())).await;
    app.post("/v1/workspaces", json!({ "id": "ws" })).await.expect(201);
    // Two spans each: more than may wait.
    let lines = format!("{}\n", json!({ "event": "a.b", "payload": {} })).repeat(3_000);
    let began = Instant::now();
    let told = app.post_lines("/v1/workspaces/ws/events?results=refused", &lines).await;
    assert_eq!(
        (&told.last().unwrap()["accepted"], &told.last().unwrap()["done"]),
        (&json!(3_000), &json!(true))
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let metrics = app.get("/metrics").await.text;
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("fanwise_spans_dropped_total{reason=\"queue_full\"} "));
    assert!(dropped.unwrap().parse::<u64>().unwrap() > 500, "{dropped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_no_url_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for endpoint in ["collector:4318", "ftp://collector", "http://", "/v1/traces"] {
        let mut settings = runtime::config::ServerSettings::on_loopback(folder.path());
        settings.otlp_endpoint = Some(endpoint.to_owned());
        let started = runtime::server::Server::start(&settings).await;
        let error = started.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("must be an http or https URL"), "{endpoint}: {error}");
    }
}
