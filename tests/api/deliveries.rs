//! Deliveries: tried again, given up, replayed, explained.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{App, items};
use crate::receiver::{Answer, Receiver};

/// Rules with quick retries, so that a test can wait for them.
fn rules(attempts: u32, timeout: &str) -> String {
    let retry =
        format!("{{ attempts: {attempts}, first_wait: 200ms, longest_wait: 1s, growth: 2, jitter: 0% }}");
    let body = r#"{ id: order.id, text: "order {order.id}" }"#;
    format!(
        "edition 2026
connection hook: webhook
rule forward {{
  on order.* as order
  when order.total > 10
  deliver hook.send_webhook {{ body: {body} }} with {{ retry: {retry}, timeout: {timeout} }}
}}
"
    )
}

async fn app_with(receiver: &Receiver, attempts: u32, timeout: &str) -> App {
    let app = App::with_workspace().await;
    app.connect("hook", &receiver.url).await;
    app.publish(&rules(attempts, timeout)).await.expect(200);
    app
}

async fn order(app: &App) -> Value {
    let answer = app.event("order.paid", json!({ "id": "o1", "total": 11 })).await;
    assert_eq!(answer["rules"], json!(["forward"]), "{answer}");
    let delivery = answer["deliveries"][0].clone();
    assert_eq!((&delivery["connection"], &delivery["action"]), (&json!("hook"), &json!("send_webhook")));
    delivery
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_tried_until_it_is_taken() {
    let receiver = Receiver::start(&[Answer::Status(500), Answer::Status(503), Answer::Status(200)]).await;
    let app = app_with(&receiver, 5, "5s").await;
    let delivery = order(&app).await;
    let done = app.settled(&delivery, "delivered").await;
    let attempts = done["attempt_list"].as_array().unwrap();
    let statuses: Vec<_> = attempts.iter().map(|attempt| attempt["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [500, 503, 200]);
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let starts: Vec<jiff::Timestamp> =
        attempts.iter().map(|attempt| attempt["started_at"].as_str().unwrap().parse().unwrap()).collect();
    let waits: Vec<_> = starts.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_millis()).collect();
    assert!((200..2_000).contains(&waits[0]) && (400..3_000).contains(&waits[1]), "{waits:?}");
    assert_eq!(done["input"], json!({ "body": { "id": "o1", "text": "order o1" } }));

    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.headers["webhook-id"], delivery["id"].as_str().unwrap());
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.body, r#"{"id":"o1","text":"order o1"}"#);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_makes_a_dead_letter_that_can_be_replayed() {
    let receiver = Receiver::start(&[Answer::Never, Answer::Never]).await;
    let app = app_with(&receiver, 2, "300ms").await;
    let delivery = order(&app).await;
    let dead = app.settled(&delivery, "dead_letter").await;
    assert_eq!(dead["reason"], "attempts_exhausted", "{dead:#}");
    let outcomes: Vec<_> =
        dead["attempt_list"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes, ["timed_out", "timed_out"]);
    let letters = app.get("/v1/workspaces/ws/dead-letters").await.expect(200);
    assert_eq!(items(&letters)[0]["id"], delivery["id"]);

    let id = delivery["id"].as_str().unwrap();
    let replay = app.post(&format!("/v1/workspaces/ws/deliveries/{id}/replay"), json!({})).await.expect(202);
    assert_eq!(replay["replay_of"], delivery["id"]);
    app.settled(&replay, "delivered").await;
    let last = receiver.wait_for(3).await.pop().unwrap();
    assert_eq!((last.headers["webhook-id"].as_str(), last.headers["fanwise-replay"].as_str()), (id, "true"));
    assert_eq!(app.post("/v1/workspaces/ws/deliveries/dlv_x/replay", json!({})).await.problem(), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_ends_is_a_delivery_and_is_not_sent_again() {
    let receiver = Receiver::start(&[Answer::Endless, Answer::Endless]).await;
    let app = app_with(&receiver, 5, "1s").await;
    let first = order(&app).await;
    let done = app.settled(&first, "delivered").await;
    let attempts = done["attempt_list"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["status"]), (1, &json!(200)), "{done:#}");
    assert!(attempts[0]["took_micros"].as_u64().unwrap() < 5_000_000);
    app.settled(&order(&app).await, "delivered").await;
    // Longer than the first retry would have waited.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_url_is_used_at_the_next_attempt() {
    let (old, new) = (Receiver::start(&[Answer::Status(500)]).await, Receiver::start(&[]).await);
    let app = app_with(&old, 5, "5s").await;
    let delivery = order(&app).await;
    old.wait_for(1).await;
    app.json("PATCH", "/v1/workspaces/ws/connections/hook", json!({ "url": new.url })).await.expect(200);
    app.settled(&delivery, "delivered").await;
    assert_eq!((old.requests().len(), new.requests().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_left_alone() {
    let receiver = Receiver::start(&[Answer::Status(410)]).await;
    let app = app_with(&receiver, 5, "5s").await;
    let delivery = order(&app).await;
    app.settled(&delivery, "dead_letter").await;
    let connection = app.until("/v1/workspaces/ws/connections/hook", |body| body["enabled"] == false).await;
    assert!(connection["disabled_because"].as_str().unwrap().contains("410"), "{connection}");
    let next = order(&app).await;
    let dead = app.settled(&next, "dead_letter").await;
    assert_eq!(dead["reason"], "connection_unusable");
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_says_why_and_why_not() {
    let receiver = Receiver::start(&[]).await;
    let app = app_with(&receiver, 1, "5s").await;
    let small = app.event("order.paid", json!({ "id": "o2", "total": 9 })).await;
    assert_eq!((&small["rules"], &small["deliveries"]), (&json!([]), &json!([])));
    let path = format!("/v1/workspaces/ws/events/{}/trace", small["id"].as_str().unwrap());
    let trace = app.get(&path).await.expect(200);
    let rule = &trace["trace"]["rules"][0];
    assert_eq!((&rule["rule"], &rule["outcome"]), (&json!("forward"), &json!("not_matched")), "{trace:#}");
    let text = app.send("GET", &path, &[("accept", "text/plain")], "").await.body;
    let text = text.as_str().unwrap();
    assert!(text.contains("`forward` did not match") && text.contains('9'), "{text}");

    // The revision that decided explains, not the one that is live now.
    app.publish(
        "edition 2026\nconnection hook: webhook\nrule everything { on order.* deliver hook.send_webhook }\n",
    )
    .await
    .expect(200);
    let later = app.get(&path).await.expect(200);
    assert_eq!(later["trace"], trace["trace"]);
    let now = app.event("order.paid", json!({ "id": "o2", "total": 9 })).await;
    assert_eq!(now["rules"], json!(["everything"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_found_by_state_rule_connection_and_event() {
    let receiver = Receiver::start(&[]).await;
    let app = app_with(&receiver, 1, "5s").await;
    let first = order(&app).await;
    app.settled(&first, "delivered").await;
    let event = app.event("order.paid", json!({ "id": "o9", "total": 12 })).await;
    app.settled(&event["deliveries"][0], "delivered").await;
    let found = async |query: &str| {
        let path = format!("/v1/workspaces/ws/deliveries?{query}");
        items(&app.get(&path).await.expect(200)).len()
    };
    assert_eq!(found("").await, 2);
    assert_eq!(found("state=delivered&rule=forward&connection=hook").await, 2);
    assert_eq!(found("state=dead_letter").await, 0);
    assert_eq!(found("rule=other").await, 0);
    let id = event["id"].as_str().unwrap();
    assert_eq!(found(&format!("event={id}")).await, 1);
    let of_event = app.get(&format!("/v1/workspaces/ws/events/{id}/deliveries")).await.expect(200);
    assert_eq!(items(&of_event)[0]["id"], event["deliveries"][0]["id"]);
    assert_eq!(app.get("/v1/workspaces/ws/deliveries?state=lost").await.problem(), "invalid-query");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(receiver.requests().len(), 2, "nothing is sent twice");
}
