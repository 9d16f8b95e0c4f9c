//! Spans of the real binary, as a collector gets them: set up by nothing but the standard variables.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::server::{Host, KEY, request_with, wait_until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const BEFORE: &str = "00f067aa0ba902b7";

/// A request as it came.
#[derive(Clone)]
struct Came {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

type Seen = Arc<Mutex<Vec<Came>>>;

/// Keeps what comes. `answers` gives the status by the number of the request.
fn listener(answers: fn(usize) -> &'static str) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            thread::spawn(move || converse(stream, &kept, answers));
        }
    });
    (url, seen)
}

fn converse(stream: TcpStream, kept: &Seen, answers: fn(usize) -> &'static str) -> Option<()> {
    let mut to = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let headers: BTreeMap<String, String> = head
            .iter()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        lines.read_exact(&mut body).ok()?;
        let number = {
            let mut kept = kept.lock().unwrap();
            kept.push(Came { line: head[0].clone(), headers, body });
            kept.len()
        };
        to.write_all(format!("HTTP/1.1 {}\r\ncontent-length: 0\r\n\r\n", answers(number)).as_bytes()).ok()?;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let value = span.attributes.iter().find(|pair| pair.key == name)?.value.clone()?.value?;
    Some(match value {
        any_value::Value::StringValue(text) => text,
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::BoolValue(so) => so.to_string(),
        other => panic!("{other:?}"),
    })
}

/// All spans that came, with what is the same in each request checked.
fn spans_in(exported: &Seen) -> Vec<Span> {
    let mut spans = Vec::new();
    for came in exported.lock().unwrap().iter() {
        assert_eq!(came.line, "POST /v1/traces HTTP/1.1");
        assert_eq!(came.headers["content-type"], "application/x-protobuf");
        for of in ExportTraceServiceRequest::decode(&*came.body).unwrap().resource_spans {
            let resource = format!("{:?}", of.resource.unwrap());
            assert!(resource.contains("service.name") && resource.contains("shop-hooks"), "{resource}");
            spans.extend(of.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    spans
}

#[test]
fn the_way_of_an_event_is_one_trace_from_the_app_to_the_receiver() {
    let (collector, exported) = listener(|_| "200 OK");
    let (receiver, received) = listener(|number| if number == 1 { "503 Not Now" } else { "204 Done" });
    let folder = tempfile::tempdir().unwrap();
    let mut host = Host::at(folder.path());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=se%20cret,x-more=2"),
        ("OTEL_SERVICE_NAME", "shop-hooks"),
    ];
    host.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut served = host.serve(None);
    served.prepare(&format!("{receiver}/in/url-secret?token=url-secret"), "ws_spans");
    let headers = format!("traceparent: 00-{TRACE}-{BEFORE}-01\r\ntracestate: congo=t61\r\n");
    let event = r#"{"event":"a.b","payload":{"n":1}}"#;
    let path = "/v1/workspaces/ws_spans/events";
    let (status, accepted) = request_with(&served.address, "POST", path, &headers, event).unwrap();
    assert_eq!(status, 202, "{accepted}");
    wait_until("both attempts are made", || received.lock().unwrap().len() == 2);
    wait_until("they are in the history", || {
        let (_, all) = request_with(&served.address, "GET", "/v1/status", "", "").unwrap();
        all["node"]["pending"] == 0
    });
    assert!(served.stop().success(), "{}", served.said.lock().unwrap());

    for came in exported.lock().unwrap().iter() {
        let keys = ["x-collector-key", "x-more"].map(|name| came.headers[name].as_str());
        assert_eq!(keys, ["se cret", "2"]);
    }
    let spans = spans_in(&exported);
    assert!(!format!("{spans:?}").contains("url-secret"), "no URL is told");
    let named = |name: &str| -> Vec<&Span> {
        let mut found: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
        found.sort_by_key(|span| span.start_time_unix_nano);
        found
    };
    let (ingest, matching, deliver) = (named("ingest"), named("match"), named("deliver"));
    assert_eq!((ingest.len(), matching.len(), deliver.len(), spans.len()), (1, 1, 2, 4));
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE));
    assert!(spans.iter().all(|span| span.end_time_unix_nano >= span.start_time_unix_nano));
    assert_eq!((hex(&ingest[0].parent_span_id), ingest[0].kind), (BEFORE.to_owned(), 2));
    assert_eq!(attribute(ingest[0], "fanwise.event.id").as_deref(), accepted["id"].as_str());
    assert_eq!(attribute(ingest[0], "fanwise.repeated").as_deref(), Some("false"));
    assert_eq!((&matching[0].parent_span_id, matching[0].kind), (&ingest[0].span_id, 1));
    assert_eq!(attribute(matching[0], "fanwise.rules.matched").as_deref(), Some("1"));
    let rows = [("503", Some("destination_error"), 2, "0"), ("204", None, 0, "1")];
    for ((span, came), (status, error, code, resend)) in
        deliver.iter().zip(received.lock().unwrap().iter()).zip(rows)
    {
        assert_eq!((&span.parent_span_id, span.kind), (&ingest[0].span_id, 3));
        assert_eq!(came.headers["traceparent"], format!("00-{TRACE}-{}-01", hex(&span.span_id)));
        assert_eq!(came.headers["tracestate"], "congo=t61");
        assert_eq!(attribute(span, "http.response.status_code").as_deref(), Some(status));
        assert_eq!(attribute(span, "error.type").as_deref(), error);
        assert_eq!(attribute(span, "http.request.resend_count").as_deref(), Some(resend));
        assert_eq!(attribute(span, "server.address").as_deref(), Some("127.0.0.1"));
        assert_eq!(
            attribute(span, "fanwise.delivery.id").as_deref(),
            accepted["deliveries"][0]["id"].as_str()
        );
        assert_eq!(span.status.as_ref().map_or(0, |status| status.code), code);
    }
}

#[test]
fn an_event_that_is_refused_leaves_a_span_that_says_why() {
    let (collector, exported) = listener(|_| "200 OK");
    let folder = tempfile::tempdir().unwrap();
    let mut host = Host::at(folder.path());
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()), ("OTEL_SERVICE_NAME", "shop-hooks")];
    host.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    host.arguments.extend(["--events-per-second-max", "8"].map(str::to_owned));
    let mut served = host.serve(None);
    let address = served.address.clone();
    let post = |path: &str, body: &str| {
        let headers = format!("traceparent: 00-{TRACE}-{BEFORE}-01\r\n");
        request_with(&address, "POST", path, &headers, body).unwrap().0
    };
    assert_eq!(request_with(&address, "POST", "/v1/workspaces", "", r#"{"id":"ws"}"#).unwrap().0, 201);
    let events = "/v1/workspaces/ws/events";
    let good = r#"{"event":"a.b","id":"one","payload":{}}"#;
    assert_eq!(post(events, good), 202);
    let refused = [
        (post(events, r#"{"event":"a.b"}"#), "an event without a payload"),
        (post(events, "{"), "no JSON"),
        (post(events, "[]"), "a list without an event"),
        (post("/v1/events", r#"{"event":"a.b","payload":{}}"#), "a workspace is not named"),
        (post(events, r#"{"event":"a.b","id":"one","payload":{"n":1}}"#), "another body under the same id"),
        (post("/v1/workspaces/ws/events?payload=none", good), "a question that is none"),
    ];
    // A list with a good one and a bad one: each has its own.
    assert_eq!(post(events, &format!(r#"[{good},{{"event":"a.b"}}]"#)), 207);
    let mut statuses = Vec::new();
    while statuses.len() < 50 && statuses.last() != Some(&429) {
        statuses.push(post(events, good));
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert!(served.stop().success(), "{}", served.said.lock().unwrap());

    let spans = spans_in(&exported);
    let mut ingest: Vec<&Span> = spans.iter().filter(|span| span.name == "ingest").collect();
    ingest.sort_by_key(|span| span.start_time_unix_nano);
    assert!(ingest.iter().all(|span| hex(&span.parent_span_id) == BEFORE && hex(&span.trace_id) == TRACE));
    let said = |span: &Span| attribute(span, "http.response.status_code");
    let told: Vec<String> = ingest.iter().filter_map(|span| said(span)).collect();
    let wanted = refused.iter().map(|(status, _)| status.to_string());
    let wanted: Vec<String> = wanted.chain(["422".to_owned(), "429".to_owned()]).collect();
    assert_eq!(told, wanted, "{refused:?}");
    let bad = ingest.iter().filter(|span| said(span).is_some());
    assert!(bad.clone().all(|span| attribute(span, "error.type").is_some()));
    assert!(bad.clone().all(|span| span.status.as_ref().is_some_and(|status| status.code == 2)));
    let of_ws = |span: &&&Span| attribute(span, "fanwise.workspace").as_deref() == Some("ws");
    assert_eq!(bad.filter(of_ws).count(), wanted.len() - 1, "one names no workspace");
    let taken = ingest.iter().filter(|span| attribute(span, "fanwise.repeated").is_some()).count();
    assert_eq!(ingest.len(), wanted.len() + taken, "each leaves one span, and says one thing");
    assert_eq!(taken, 1 + 1 + statuses.len() - 1, "the first, the good one of the list, those in time");
}

#[test]
fn a_line_of_a_stream_that_has_to_wait_leaves_one_span() {
    let (collector, exported) = listener(|_| "200 OK");
    let folder = tempfile::tempdir().unwrap();
    let mut host = Host::at(folder.path());
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()), ("OTEL_SERVICE_NAME", "shop-hooks")];
    host.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    host.arguments.extend(["--events-per-second-max", "2"].map(str::to_owned));
    let mut served = host.serve(None);
    let address = served.address.clone();
    assert_eq!(request_with(&address, "POST", "/v1/workspaces", "", r#"{"id":"ws"}"#).unwrap().0, 201);
    let lines = "{\"event\":\"a.b\",\"payload\":{}}\n".repeat(6);
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = "POST /v1/workspaces/ws/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson";
    let length = lines.len();
    write!(stream, "{head}\r\nauthorization: Bearer {KEY}\r\ncontent-length: {length}\r\n").unwrap();
    write!(stream, "connection: close\r\n\r\n{lines}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"accepted\":6"), "{answer}");
    assert!(served.stop().success(), "{}", served.said.lock().unwrap());

    let spans = spans_in(&exported);
    let of = |name: &str| spans.iter().filter(|span| span.name == name).count();
    assert_eq!((of("ingest"), of("match")), (6, 6));
    let kept = spans.iter().filter(|span| attribute(span, "fanwise.repeated").is_some());
    assert_eq!(kept.count(), 6, "each says that it was kept");
}

#[test]
fn the_environment_can_forbid_spans_and_an_empty_endpoint_is_none() {
    let (collector, exported) = listener(|_| "200 OK");
    let rows = [
        (collector.as_str(), ("OTEL_SDK_DISABLED", "true")),
        (collector.as_str(), ("OTEL_TRACES_EXPORTER", "none")),
        ("", ("OTEL_TRACES_EXPORTER", "otlp")),
    ];
    for (endpoint, (name, value)) in rows {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::at(folder.path());
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), (name, value)];
        host.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let mut served = host.serve(None);
        let (status, _) =
            request_with(&served.address, "POST", "/v1/workspaces", "", r#"{"id":"ws"}"#).unwrap();
        assert_eq!(status, 201);
        let event = r#"{"event":"a.b","payload":{}}"#;
        let sent = request_with(&served.address, "POST", "/v1/workspaces/ws/events", "", event).unwrap();
        assert_eq!(sent.0, 202);
        assert!(served.stop().success());
    }
    assert_eq!(exported.lock().unwrap().len(), 0);
}
