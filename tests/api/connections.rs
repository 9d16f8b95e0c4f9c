//! A connection's own signing, success and certificates, from the API to the wire.

use serde_json::{Value, json};

use crate::app::App;
use crate::receiver::{Answer, Receiver};

const CONNECTIONS: &str = "/v1/workspaces/ws/connections";

const RULES: &str = "edition 2026
connection hook: webhook
rule forward { on ** as order deliver hook.send_webhook { body: order } with { retry: { attempts: 1 }, timeout: 5s } }
";

async fn made(app: &App, url: &str, more: Value) -> Value {
    let mut new = json!({ "name": "hook", "integration": "webhook", "url": url });
    new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post(CONNECTIONS, new).await.expect(201)
}

/// Sends one event and gives its delivery when it is settled.
async fn sent(app: &App) -> Value {
    let headers = [("prefer", "wait=20"), ("content-type", "application/json")];
    let body = r#"{"event":"order.paid","payload":{"id":1}}"#;
    let got = app.send("POST", "/v1/workspaces/ws/events", &headers, body).await.expect(202);
    assert_eq!(got["settled"], true, "{got:#}");
    let id = got["deliveries"][0]["id"].as_str().unwrap();
    app.get(&format!("/v1/workspaces/ws/deliveries/{id}")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_signs_as_it_says() {
    let custom = json!({
        "scheme": "custom", "header": "X-Shop-Signature", "algorithm": "sha512", "encoding": "base64",
        "signed": "{timestamp}.{body}", "value": "t={timestamp};s={signature}",
    });
    // The scheme, the header, what its value begins with, and what a made secret begins with.
    let rows = [
        (json!("standard"), "webhook-signature", "v1,", "whsec_"),
        (json!("ed25519"), "webhook-signature", "v1a,", "whsk_"),
        (json!({ "scheme": "github" }), "x-hub-signature-256", "sha256=", "whsec_"),
        (json!("stripe"), "stripe-signature", "t=", "whsec_"),
        (custom, "x-shop-signature", "t=", "whsec_"),
    ];
    for (signing, header, begins, secret) in rows {
        let receiver = Receiver::start(&[]).await;
        let app = App::with_workspace().await;
        let connection = made(&app, &receiver.url, json!({ "signing": signing })).await;
        assert!(connection["secret"].as_str().unwrap().starts_with(secret), "{connection:#}");
        assert_eq!(connection["public_key"].is_string(), secret == "whsk_");
        app.publish(RULES).await.expect(200);
        assert_eq!(sent(&app).await["state"], "delivered");
        let request = &receiver.requests()[0];
        assert!(request.headers[header].starts_with(begins), "{:?}", request.headers);
        assert_eq!(request.headers.contains_key("webhook-signature"), header == "webhook-signature");
        let rotated = app.post(&format!("{CONNECTIONS}/hook/rotate"), json!({})).await.expect(200);
        assert!(rotated["secret"].as_str().unwrap().starts_with(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_may_change_how_it_signs_and_what_counts_as_success() {
    let receiver = Receiver::start(&[Answer::Status(200), Answer::Status(409), Answer::Status(409)]).await;
    let mut app = App::with_workspace().await;
    made(&app, &receiver.url, json!({ "success": { "statuses": ["202", 409] } })).await;
    app.publish(RULES).await.expect(200);
    let states = [sent(&app).await, sent(&app).await].map(|delivery| delivery["state"].clone());
    assert_eq!(states, ["dead_letter", "delivered"]);
    let path = format!("{CONNECTIONS}/hook");
    let change = async |app: &App, change: Value| app.json("PATCH", &path, change).await;
    let shown = change(&app, json!({ "success": null })).await.expect(200);
    assert_eq!(shown["success"], Value::Null);
    assert_eq!(sent(&app).await["state"], "dead_letter");
    let condition = json!({ "success": { "condition": "response.status is 204" } });
    assert_eq!(change(&app, condition.clone()).await.expect(200)["success"], condition["success"]);
    let got = change(&app, json!({ "signing": "ed25519" })).await;
    assert_eq!((got.problem(), &got.body["errors"][0]["pointer"]), ("invalid-request", &json!("/signing")));
    change(&app, json!({ "signing": "github", "secret": "0123456789abcdef" })).await.expect(200);
    // All of it is there after a restart.
    app.restart().await;
    let shown = app.get(&path).await.expect(200);
    assert_eq!((&shown["signing"]["scheme"], &shown["success"]), (&json!("github"), &condition["success"]));
    assert_eq!(sent(&app).await["state"], "delivered");
    assert!(receiver.requests().last().unwrap().headers.contains_key("x-hub-signature-256"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_needs_every_secret_that_is_kept() {
    let app = App::with_workspace().await;
    made(&app, "https://example.com/", json!({ "signing": "stripe", "secret": "0123456789abcdef" })).await;
    let path = format!("{CONNECTIONS}/hook");
    // The fresh one fits both schemes, the one that signs beside it does not.
    app.post(&format!("{path}/rotate"), json!({})).await.expect(200);
    let got = app.json("PATCH", &path, json!({ "signing": "standard" })).await;
    assert_eq!((got.problem(), &got.body["errors"][0]["pointer"]), ("invalid-request", &json!("/signing")));
    assert_eq!(app.get(&path).await.expect(200)["signing"]["scheme"], "stripe", "nothing was changed");
    // One rotation later it is gone.
    app.post(&format!("{path}/rotate"), json!({})).await.expect(200);
    app.json("PATCH", &path, json!({ "signing": "standard" })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_is_refused_where_it_can_only_lead_outside() {
    // Whether loopback is allowed, and whether `http` is; the URL; whether it is taken.
    let rows = [
        (false, false, "http://example.com/", false),
        (false, true, "http://example.com/", true),
        (true, false, "http://example.com/", true),
        (true, false, "http://8.8.8.8/", false),
        (true, true, "http://8.8.8.8/", true),
        (false, false, "https://example.com/", true),
    ];
    for (loopback, plain, url, taken) in rows {
        let app = App::start_with(|settings| {
            (settings.allow_loopback, settings.allow_plain_http) = (loopback, plain);
        })
        .await;
        app.post("/v1/workspaces", json!({ "id": "ws" })).await.expect(201);
        let new = json!({ "name": "hook", "integration": "webhook", "url": url });
        let got = app.post(CONNECTIONS, new).await;
        assert_eq!(got.status, if taken { 201 } else { 422 }, "{loopback} {plain} {url}: {got:?}");
        if !taken {
            let error = &got.body["errors"][0];
            assert_eq!(error["pointer"], "/url");
            assert!(error["help"].as_str().unwrap().contains("https://"), "{error}");
        }
    }
}

fn pem(name: &str) -> String {
    let path = format!("{}/../runtime/tests/data/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_kept_and_their_key_is_never_shown() {
    let mut app = App::with_workspace().await;
    let (ca, chain, key) = (pem("authority.pem"), pem("client.pem"), pem("client.key"));
    let tls = json!({ "ca": ca, "client_certificate": chain, "client_key": key });
    let connection = made(&app, "https://127.0.0.1:9/hook", json!({ "tls": tls })).await;
    let expected = json!({ "ca": ca, "client_certificate": chain });
    assert_eq!(connection["tls"], expected);
    app.restart().await;
    let path = format!("{CONNECTIONS}/hook");
    let shown = app.get(&path).await;
    assert!(!shown.text.contains("PRIVATE KEY"));
    assert_eq!(shown.expect(200)["tls"], expected);
    let rows = [
        (json!({ "ca": "x" }), "/tls/ca"),
        (json!({ "client_certificate": chain }), "/tls/client_key"),
        (json!({ "client_key": key }), "/tls/client_certificate"),
        (json!({ "client_certificate": chain, "client_key": "x" }), "/tls/client_key"),
        (json!({ "client_certificate": chain, "client_key": pem("receiver.key") }), "/tls/client_key"),
        (json!({ "client_certificate": "x", "client_key": key }), "/tls/client_certificate"),
        (json!({ "cacert": ca }), "/tls/cacert"),
        (json!("x"), "/tls"),
    ];
    for (tls, place) in rows {
        let got = app.json("PATCH", &path, json!({ "tls": tls })).await;
        assert_eq!(
            (got.problem(), &got.body["errors"][0]["pointer"]),
            ("invalid-request", &json!(place)),
            "{got:?}"
        );
    }
    let gone = app.json("PATCH", &path, json!({ "tls": null })).await.expect(200);
    assert_eq!(gone["tls"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_settings_have_their_place() {
    let app = App::with_workspace().await;
    let custom = |name: &str, value: &str| {
        let mut custom =
            json!({ "scheme": "custom", "header": "x-s", "signed": "{body}", "value": "{signature}" });
        custom[name] = json!(value);
        json!({ "signing": custom })
    };
    let rows = [
        (json!({ "signing": "md5" }), "/signing"),
        (json!({ "signing": { "scheme": "md5" } }), "/signing/scheme"),
        (json!({ "signing": {} }), "/signing/scheme"),
        (custom("header", "host"), "/signing/header"),
        (custom("algorithm", "md5"), "/signing/algorithm"),
        (custom("encoding", "utf8"), "/signing/encoding"),
        (custom("signed", "{url}"), "/signing/signed"),
        (custom("value", "static"), "/signing/value"),
        (json!({ "signing": { "scheme": "github", "header": "x" } }), "/signing/header"),
        (json!({ "signing": "github", "secret": "short" }), "/secret"),
        (json!({ "signing": "ed25519", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }), "/secret"),
        (json!({ "success": { "statuses": ["ok"] } }), "/success/statuses"),
        (json!({ "success": { "condition": "response.body.ok is" } }), "/success/condition"),
        (json!({ "success": "2xx" }), "/success"),
    ];
    for (more, place) in rows {
        let mut new = json!({ "name": "hook", "integration": "webhook", "url": "https://example.com/" });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let got = app.post(CONNECTIONS, new).await;
        assert_eq!(
            (got.problem(), &got.body["errors"][0]["pointer"]),
            ("invalid-request", &json!(place)),
            "{got:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_says_where_its_time_went() {
    let receiver = Receiver::start(&[]).await;
    let app = App::with_workspace().await;
    made(&app, &receiver.url.replace("127.0.0.1", "localhost"), json!({})).await;
    app.publish(RULES).await.expect(200);
    for reused in [false, true] {
        let delivery = sent(&app).await;
        let timings = &delivery["attempt_list"][0]["timings"];
        assert_eq!(
            (&timings["reused"], timings["connect_micros"].is_null()),
            (&json!(reused), reused),
            "{timings}"
        );
        assert!(timings["dns_micros"].is_u64() && timings["first_byte_micros"].is_u64(), "{timings}");
        assert_eq!(timings["tls_micros"], Value::Null);
    }
}
