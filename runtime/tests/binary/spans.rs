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

use super::server::{Host, request_with, wait_until};

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

    let mut spans = Vec::new();
    for came in exported.lock().unwrap().iter() {
        assert_eq!(came.line, "POST /v1/traces HTTP/1.1");
        assert_eq!(came.headers["content-type"], "application/x-protobuf");
        assert_eq!(
            (came.headers["x-collector-key"].as_str(), came.headers["x-more"].as_str()),
            ("se cret", "2")
        );
        for of in ExportTraceServiceRequest::decode(&*came.body).unwrap().resource_spans {
            let resource = format!("{:?}", of.resource.unwrap());
            assert!(resource.contains("service.name") && resource.contains("shop-hooks"), "{resource}");
            spans.extend(of.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
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
