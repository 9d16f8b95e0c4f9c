//! Events: one, many, a stream; and everything that is not one.

use serde_json::{Value, json};

use crate::app::{App, items};

const EVENTS: &str = "/v1/workspaces/ws/events";

async fn count(app: &App) -> usize {
    items(&app.get(EVENTS).await.expect(200)).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_comes_back_as_it_was_sent() {
    let app = App::with_workspace().await;
    let body = r#"{"event":"invoice.paid","resource":"billing-core","resource_id":"cust_123","id":"my-1",
        "time":"2026-03-01T09:00:00+01:00","payload":{"amount":1.10,"big":12345678901234567890123,"amount2":1e3}}"#;
    let got = app.send("POST", EVENTS, &[("content-type", "application/json")], body).await;
    assert_eq!(got.headers["durability"], "fsync");
    let answer = got.expect(202);
    assert_eq!(answer, json!({ "id": "my-1", "durability": "fsync", "rules": [], "deliveries": [] }));
    let got = app.get(&format!("{EVENTS}/my-1")).await;
    // Digits are kept as written.
    let payload = r#""payload":{"amount":1.10,"big":12345678901234567890123,"amount2":1e3}"#;
    assert!(got.text.contains(payload), "{}", got.text);
    let event = got.expect(200);
    assert_eq!((&event["type"], &event["resource"]), (&json!("invoice.paid"), &json!("billing-core")));
    assert_eq!(event["time"], "2026-03-01T08:00:00Z");
    assert_eq!(app.get(&format!("{EVENTS}/my-2")).await.problem(), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_events_have_their_problem_and_change_nothing() {
    let app = App::with_workspace().await;
    let deep = format!(r#"{{"event":"a","payload":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let large = format!(r#"{{"event":"a","payload":"{}"}}"#, "x".repeat(300 << 10));
    let huge = format!(r#"{{"event":"a","payload":"{}"}}"#, "x".repeat(9 << 20));
    let many = format!("[{}]", vec![r#"{"event":"a","payload":1}"#; 1_001].join(","));
    let rows: &[(&str, u16, &str)] = &[
        (r#"{"event":"a","payload":{"b":tru}}"#, 400, "invalid-json"),
        (&deep, 400, "invalid-json"),
        (r#"{"event":"a b","payload":1}"#, 422, "invalid-request"),
        (r#"{"event":"a","paylaod":1}"#, 422, "invalid-request"),
        (r#"{"event":"a","payload":1,"workspace":"elsewhere"}"#, 422, "invalid-request"),
        (r#""text""#, 422, "invalid-request"),
        ("", 400, "invalid-json"),
        ("[]", 422, "invalid-request"),
        ("[1,2", 400, "invalid-json"),
        (&large, 413, "payload-too-large"),
        (&huge, 413, "payload-too-large"),
        (&many, 413, "payload-too-large"),
    ];
    for (body, status, problem) in rows {
        let got = app.send("POST", EVENTS, &[("content-type", "application/json")], (*body).to_owned()).await;
        assert_eq!((got.status, got.problem()), (*status, *problem), "{body:.60}: {got:?}");
    }
    let not_text = app.send("POST", EVENTS, &[], b"{\"event\":\"a\",\"payload\":\"\xff\"}".to_vec()).await;
    assert_eq!((not_text.problem(), &not_text.body["offset"]), ("invalid-json", &json!(24)));
    let typed = app.send("POST", EVENTS, &[("content-type", "application/xml")], "<a/>").await;
    assert_eq!(typed.problem(), "unsupported-media-type");
    let nowhere = app.post("/v1/workspaces/nowhere/events", json!({ "event": "a", "payload": 1 })).await;
    assert_eq!(nowhere.problem(), "not-found");
    let wrong_key = [("authorization", "Bearer fw_00_x"), ("content-type", "application/json")];
    let got = app.send("POST", EVENTS, &wrong_key, r#"{"event":"a","payload":1}"#).await;
    assert_eq!(got.problem(), "key-unknown");
    assert_eq!(count(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workspace_may_stand_in_the_body() {
    let app = App::with_workspace().await;
    let event = json!({ "workspace": "ws", "event": "invoice.paid", "payload": { "invoiceId": "inv_123", "amount": 19900 } });
    app.post("/v1/events", event).await.expect(202);
    let got = app.post("/v1/events", json!({ "event": "a", "payload": 1 })).await;
    assert_eq!((got.problem(), &got.body["errors"][0]["pointer"]), ("invalid-request", &json!("/workspace")));
    let got = app.post("/v1/events", json!({ "workspace": "nowhere", "event": "a", "payload": 1 })).await;
    assert_eq!(got.problem(), "not-found");
    assert_eq!(count(&app).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_answered_one_by_one() {
    let app = App::with_workspace().await;
    let list = json!([{ "event": "a", "payload": 1 }, { "event": "b" }, { "event": "c", "payload": 3 }]);
    let got = app.post(EVENTS, list).await.expect(207);
    assert_eq!((&got["accepted"], &got["refused"]), (&json!(2), &json!(1)));
    let statuses: Vec<_> =
        got["results"].as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 422, 202]);
    assert_eq!(got["results"][1]["problem"]["errors"][0]["pointer"], "/1/payload");
    assert_eq!(count(&app).await, 2);

    let got = app.post(EVENTS, json!([{ "event": "a" }, 5])).await;
    assert_eq!(got.problem(), "events-refused");
    assert_eq!(got.body["results"].as_array().unwrap().len(), 2);
    let all = app.post(EVENTS, json!([{ "event": "a", "payload": 1 }])).await.expect(202);
    assert_eq!(all["results"][0]["status"], 202);
    assert_eq!(count(&app).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_answered_line_by_line() {
    let app = App::with_workspace().await;
    let mut lines = String::new();
    for number in 0..600 {
        lines += &format!("{{\"event\":\"n.{number}\",\"payload\":{number}}}\n");
    }
    lines += "not json\n\n{\"event\":\"last\",\"payload\":null}";
    let answers = app.post_lines(EVENTS, &lines).await;
    let told: Vec<&Value> = answers.iter().filter(|answer| answer.get("line").is_some()).collect();
    assert_eq!(told.len(), 602);
    assert_eq!((&told[599]["line"], &told[599]["status"]), (&json!(600), &json!(202)));
    assert_eq!((&told[600]["line"], &told[600]["status"]), (&json!(601), &json!(400)));
    assert_eq!(told[600]["problem"]["type"], "/problems/invalid-json");
    assert_eq!(told[601]["line"], 603);
    let last = answers.last().unwrap();
    assert_eq!((&last["done"], &last["accepted"], &last["refused"]), (&json!(true), &json!(601), &json!(1)));
    let acked: Vec<u64> = answers
        .iter()
        .filter_map(|answer| answer.get("line").is_none().then(|| answer["acked"].as_u64())?)
        .collect();
    assert!(acked.len() >= 3 && acked.is_sorted(), "progress: {acked:?}");
    // Newest first, page by page, without a gap or a repetition.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{EVENTS}?limit=250{cursor}")).await.expect(200);
        seen.extend(items(&page).iter().map(|event| event["type"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let expected: Vec<_> = std::iter::once("last".to_owned())
        .chain((0..600).rev().map(|number| format!("n.{number}")))
        .collect();
    assert_eq!(seen, expected);
    let filtered = app.get(&format!("{EVENTS}?type=n.17")).await.expect(200);
    assert_eq!(items(&filtered).len(), 1);

    let only =
        app.post_lines(&format!("{EVENTS}?results=refused"), "{\"event\":\"a\",\"payload\":1}\n{}\n").await;
    let told: Vec<_> = only.iter().filter_map(|answer| answer["line"].as_u64()).collect();
    assert_eq!(told, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_the_same_request() {
    let app = App::with_workspace().await;
    let key = [("idempotency-key", "order-17"), ("content-type", "application/json")];
    let body = r#"{"event":"order.paid","payload":{"n":1}}"#;
    let first = app.send("POST", EVENTS, &key, body).await.expect(202);
    let again = app.send("POST", EVENTS, &key, body).await;
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.expect(202)["id"], first["id"]);
    let other = app.send("POST", EVENTS, &key, body.replace('1', "2")).await;
    assert_eq!((other.status, other.problem()), (422, "idempotency-mismatch"));

    let named = r#"{"event":"order.paid","id":"evt-7","payload":1}"#;
    app.send("POST", EVENTS, &[], named).await.expect(202);
    assert_eq!(app.send("POST", EVENTS, &[], named).await.expect(202)["repeated"], true);
    let other = app.send("POST", EVENTS, &[], named.replace("paid", "sent")).await;
    assert_eq!(other.problem(), "idempotency-mismatch");
    assert_eq!(count(&app).await, 2);
}
