//! Events in other forms: packed, as CloudEvents, at a limited rate, and waited for.

use std::io::Read;
use std::time::Instant;

use flate2::Compression;
use flate2::read::GzEncoder;
use serde_json::{Value, json};

use crate::app::{App, items};
use crate::receiver::{Answer, Receiver};

const EVENTS: &str = "/v1/workspaces/ws/events";

const RULES: &str = "edition 2026
connection hook: webhook
rule paid { on order.paid as order when order.total > 10 deliver hook.send_webhook { body: order } with { retry: { attempts: 1 }, timeout: 5s } }
";

async fn app_with(receiver: &Receiver) -> App {
    let app = App::with_workspace().await;
    app.connect("hook", &receiver.url).await;
    app.publish(RULES).await.expect(200);
    app
}

fn packed(coding: &str, bytes: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut packed = Vec::new();
            GzEncoder::new(bytes, Compression::default()).read_to_end(&mut packed).unwrap();
            packed
        }
        "zstd" => zstd::encode_all(bytes, 3).unwrap(),
        _ => bytes.to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_packed_and_are_bounded_by_what_they_unpack_to() {
    let app = App::with_workspace().await;
    let event = br#"{"event":"a","payload":{"n":1}}"#;
    let list = [&b"["[..], &vec![&event[..]; 100].join(&b","[..]), b"]"].concat();
    let lines = [&event[..], b"\n"].concat().repeat(1_000);
    let bomb = vec![b' '; 16 << 20];
    let large = format!(r#"{{"event":"a","payload":"{}"}}"#, "x".repeat(700 << 10)).into_bytes();
    for coding in ["gzip", "zstd"] {
        let send = async |content: &str, bytes: &[u8]| {
            let headers = [("content-type", content), ("content-encoding", coding)];
            app.send("POST", EVENTS, &headers, packed(coding, bytes)).await
        };
        assert_eq!(send("application/json", event).await.status, 202, "{coding}");
        assert_eq!(send("application/json", &list).await.expect(202)["accepted"], 100);
        let told = send("application/x-ndjson", &lines).await.text;
        let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        assert_eq!((&last["done"], &last["accepted"]), (&json!(true), &json!(1_000)), "{coding}");
        let got = send("application/json", &bomb).await;
        assert_eq!((got.status, got.problem()), (413, "payload-too-large"), "{coding}");
        assert_eq!(send("application/json", &large).await.problem(), "payload-too-large", "of its own limit");
        let told = send("application/x-ndjson", &bomb).await.text;
        let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        assert_eq!(last["problem"]["limit"], "unpack_ratio_max", "{coding}: {last}");
        let headers = [("content-type", "application/json"), ("content-encoding", coding)];
        let broken = app.send("POST", EVENTS, &headers, event.to_vec()).await;
        assert_eq!((broken.status, broken.problem()), (422, "invalid-request"), "{coding}");
    }
    let headers = [("content-type", "application/json"), ("content-encoding", "br")];
    let got = app.send("POST", EVENTS, &headers, event.to_vec()).await;
    assert_eq!((got.status, got.problem()), (415, "unsupported-media-type"));
    assert_eq!(got.headers["accept-encoding"], "gzip, zstd");
}

/// The same event in the three modes of CloudEvents.
#[tokio::test(flavor = "multi_thread")]
async fn cloudevents_come_in_three_modes() {
    let receiver = Receiver::start(&[]).await;
    let app = app_with(&receiver).await;
    let attributes = |id: &str| {
        json!({
            "specversion": "1.0", "type": "order.paid", "source": "/shop", "subject": "cust_1", "id": id,
            "time": "2026-03-01T09:00:00Z", "partitionkey": "p1", "data": { "total": 12 },
        })
    };
    let binary = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-type", "order.paid"),
        ("ce-source", "/shop"),
        ("ce-subject", "cust%5F1"),
        ("ce-id", "1"),
        ("ce-time", "2026-03-01T09:00:00Z"),
        ("ce-partitionkey", "p1"),
    ];
    let one = app.send("POST", EVENTS, &binary, r#"{"total":12}"#).await.expect(202);
    let structured = [("content-type", "application/cloudevents+json; charset=utf-8")];
    let two = app.send("POST", EVENTS, &structured, attributes("2").to_string()).await.expect(202);
    let batch = [("content-type", "application/cloudevents-batch+json")];
    let both = json!([attributes("3"), { "specversion": "1.0", "id": "4", "source": "/shop" }]);
    let got = app.send("POST", EVENTS, &batch, both.to_string()).await.expect(207);
    assert_eq!(got["results"][1]["problem"]["errors"][0]["pointer"], "/1/type");
    for event in [&one, &two, &got["results"][0]] {
        assert_eq!(event["rules"], json!(["paid"]), "{event}");
        let id = event["id"].as_str().unwrap();
        let shown = app.get(&format!("{EVENTS}/{id}")).await.expect(200);
        let seen = ["type", "resource", "resource_id", "time"].map(|name| shown[name].clone());
        assert_eq!(json!(seen), json!(["order.paid", "/shop", "cust_1", "2026-03-01T09:00:00Z"]));
        assert_eq!(
            (&shown["payload"], &shown["attributes"]["partitionkey"]),
            (&json!({ "total": 12 }), &json!("p1"))
        );
    }
    assert_eq!(receiver.wait_for(3).await[0].body, r#"{"total":12}"#);

    // Source and id together name an event, whichever mode it came in.
    let again = app.send("POST", EVENTS, &structured, attributes("2").to_string()).await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.expect(202)["id"], two["id"]);
    // A structured event may bring its attributes as headers, too; the content type says what it is.
    let doubled = [&structured[..], &binary[1..]].concat();
    let doubled = app.send("POST", EVENTS, &doubled, attributes("2").to_string()).await;
    assert_eq!(doubled.expect(202)["id"], two["id"]);
    let named = |source: &str, id: &str| {
        json!({ "specversion": "1.0", "type": "order.paid", "source": source, "id": id, "data": {} })
            .to_string()
    };
    let one_way = app.send("POST", EVENTS, &structured, named("a\nb", "c")).await.expect(202);
    let other_way = app.send("POST", EVENTS, &structured, named("a", "b\nc")).await.expect(202);
    assert_ne!(one_way["id"], other_way["id"], "no pair of source and id is another one");
    let elsewhere = attributes("2").to_string().replace("/shop", "/other");
    assert_ne!(app.send("POST", EVENTS, &structured, elsewhere).await.expect(202)["id"], two["id"]);
    let other = attributes("2").to_string().replace("12", "13");
    assert_eq!(app.send("POST", EVENTS, &structured, other).await.problem(), "idempotency-mismatch");

    let path = format!("{EVENTS}?payload=event");
    let whole = app.send("POST", &path, &structured, attributes("5").to_string()).await.expect(202);
    let id = whole["id"].as_str().unwrap();
    let payload = &app.get(&format!("{EVENTS}/{id}")).await.expect(200)["payload"];
    assert_eq!((&payload["partitionkey"], &payload["data"]["total"]), (&json!("p1"), &json!(12)));

    let rows: &[(&[(&str, &str)], &str, &str)] = &[
        (
            &[("ce-specversion", "0.3"), ("ce-type", "a"), ("ce-source", "s"), ("ce-id", "1")],
            "1",
            "ce-specversion",
        ),
        (
            &[("ce-specversion", "1.0"), ("ce-type", "a b"), ("ce-source", "s"), ("ce-id", "1")],
            "1",
            "ce-type",
        ),
        (
            &[
                ("ce-specversion", "1.0"),
                ("ce-type", "a"),
                ("ce-source", "s"),
                ("ce-id", "1"),
                ("ce-time", "noon"),
            ],
            "1",
            "ce-time",
        ),
        (&structured, r#"{"specversion":"1.0","type":"a b","source":"s","id":"1"}"#, "/type"),
        (&structured, r#"{"specversion":"1.0","type":"a","source":"s","id":"1","subject":5}"#, "/subject"),
    ];
    for (headers, body, place) in rows {
        let got = app.send("POST", EVENTS, headers, *body).await;
        assert_eq!(
            (got.problem(), &got.body["errors"][0]["pointer"]),
            ("invalid-request", &json!(place)),
            "{got:?}"
        );
    }
    let xml = [("content-type", "application/cloudevents+xml")];
    assert_eq!(app.send("POST", EVENTS, &xml, "<e/>").await.problem(), "unsupported-media-type");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_prefers_to_wait_hears_what_came_of_it() {
    let receiver = Receiver::start(&[Answer::Status(200), Answer::Status(500), Answer::Never]).await;
    let app = app_with(&receiver).await;
    let event = r#"{"event":"order.paid","payload":{"total":12}}"#;
    let send = async |prefer: &str, body: &str| {
        app.send("POST", EVENTS, &[("prefer", prefer), ("content-type", "application/json")], body.to_owned())
            .await
    };
    let got = send("wait=20", event).await;
    assert_eq!(got.headers["preference-applied"], "wait=20");
    let body = got.expect(202);
    let delivery = &body["deliveries"][0];
    assert_eq!(
        (&body["settled"], &delivery["state"], &delivery["attempts"]),
        (&json!(true), &json!("delivered"), &json!(1))
    );
    let body = send("wait=20", &format!("[{event}, {{}}]")).await.expect(207);
    let first = &body["results"][0];
    assert_eq!(
        (&first["settled"], &first["deliveries"][0]["reason"]),
        (&json!(true), &json!("attempts_exhausted")),
        "{body:#}"
    );
    assert_eq!(body["results"][1]["status"], 422);
    let began = Instant::now();
    let body = send("respond-async, wait=1", event).await.expect(202);
    assert_eq!(
        (&body["settled"], &body["deliveries"][0]["state"]),
        (&json!(false), &json!("in_flight")),
        "{body:#}"
    );
    assert!((900..10_000).contains(&began.elapsed().as_millis()));
    let none = send("wait=5", r#"{"event":"other","payload":1}"#).await.expect(202);
    assert_eq!(none["settled"], true);
    let plain = send("return=minimal", event).await;
    assert!(!plain.headers.contains_key("preference-applied") && plain.body.get("settled").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_the_same_request_after_a_restart() {
    let mut app = App::with_workspace().await;
    let cloud = json!({ "specversion": "1.0", "type": "a", "source": "s", "id": "1", "data": 1 }).to_string();
    let rows: [(&[(&str, &str)], &str); 3] = [
        (&[("idempotency-key", "order-17")], r#"{"event":"a","payload":1}"#),
        (&[], r#"{"event":"a","id":"evt-7","payload":1}"#),
        (&[("content-type", "application/cloudevents+json")], &cloud),
    ];
    let mut ids = Vec::new();
    for (headers, body) in rows {
        ids.push(app.send("POST", EVENTS, headers, body.to_owned()).await.expect(202)["id"].clone());
    }
    app.restart().await;
    for ((headers, body), id) in rows.into_iter().zip(ids) {
        let again = app.send("POST", EVENTS, headers, body.to_owned()).await;
        assert_eq!(again.headers["idempotent-replayed"], "true", "{body}");
        assert_eq!(again.expect(202)["id"], id);
        let other = app.send("POST", EVENTS, headers, body.replace("\"a\"", "\"b\"")).await;
        assert_eq!(other.problem(), "idempotency-mismatch", "{body}");
    }
    assert_eq!(items(&app.get(EVENTS).await.expect(200)).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_has_a_rate_and_a_stream_is_slowed_down_to_it() {
    let app = App::start_with(|settings| settings.events_per_second_max = Some(20)).await;
    for id in ["ws", "other"] {
        app.post("/v1/workspaces", json!({ "id": id })).await.expect(201);
    }
    let list = |count: usize| json!(vec![json!({ "event": "a", "payload": 1 }); count]);
    let first = app.post(EVENTS, list(5)).await;
    assert_eq!(
        (first.status, &first.headers["ratelimit-policy"]),
        (202, &r#""events";q=20;w=1"#.parse().unwrap())
    );
    assert!(
        first.headers["ratelimit"].to_str().unwrap().starts_with(r#""events";r=1"#),
        "{:?}",
        first.headers
    );
    let some = app.post(EVENTS, list(100)).await.expect(207);
    let refused = some["results"].as_array().unwrap().iter().find(|one| one["status"] == 429).unwrap();
    assert_eq!(
        (&refused["problem"]["limit"], &refused["problem"]["max"]),
        (&json!("events_per_second_max"), &json!(20))
    );
    let accepted = some["accepted"].as_u64().unwrap();
    assert!((15..40).contains(&accepted), "{accepted}");
    let mut refused = 0;
    for _ in 0..30 {
        let got = app.post(EVENTS, json!({ "event": "a", "payload": 1 })).await;
        if got.status == 429 {
            refused += 1;
            assert_eq!(
                (got.problem(), &got.body["limit"]),
                ("limit-reached", &json!("events_per_second_max"))
            );
            assert!(got.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
            assert!(got.headers.contains_key("ratelimit"));
        }
    }
    assert!(refused > 0);
    app.post("/v1/workspaces/other/events", list(10)).await.expect(202);

    let began = Instant::now();
    let told = app.post_lines(EVENTS, &"{\"event\":\"a\",\"payload\":1}\n".repeat(50)).await;
    let last = told.last().unwrap();
    assert_eq!((&last["accepted"], &last["refused"], &last["acked"]), (&json!(50), &json!(0), &json!(50)));
    assert!(began.elapsed().as_millis() > 1_000, "{:?}", began.elapsed());
    let acked: Vec<u64> = told
        .iter()
        .filter(|line| line.get("line").is_none())
        .filter_map(|line| line["acked"].as_u64())
        .collect();
    assert!(acked.is_sorted() && acked.len() > 2, "{acked:?}");
}
