//! What `with { … }` promises, from the text of a rule to what a receiver gets and people see.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{App, items};
use crate::receiver::{Answer, Receiver};

async fn app_with(receiver: &Receiver, settings: &str) -> App {
    let app = App::with_workspace().await;
    app.connect("hook", &receiver.url).await;
    let text = format!(
        "edition 2026
connection hook: webhook
schedule never = every day 09:00 to 17:00 in \"UTC\" except {}
rule forward {{
  on order.paid as order
  deliver hook.send_webhook {{ body: {{ id: order.id }} }} with {{ {settings} }}
}}
",
        days()
    );
    app.publish(&text).await.expect(200);
    app
}

/// Today and what is near it, so that a test is outside the hours whenever it runs.
fn days() -> String {
    let now = jiff::Timestamp::now();
    let days = [-1, 0, 1].map(|days| now + jiff::SignedDuration::from_hours(24 * days));
    days.map(|day| day.to_string().split_once('T').unwrap().0.to_owned()).join(", ")
}

async fn order(app: &App, id: &str) -> Value {
    let answer = app.event("order.paid", json!({ "id": id })).await;
    assert_eq!(answer["rules"], json!(["forward"]), "{answer}");
    answer["deliveries"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gates_drop_is_told_at_once_and_listed_as_skipped() {
    for (settings, ids, reason) in [
        ("dedupe: { by: order.id, within: 1h }", ["o1", "o1"], "duplicate"),
        ("throttle: { allow: 1, every: 1h, by: \"all\" }", ["o1", "o2"], "throttled"),
    ] {
        let receiver = Receiver::start(&[Answer::Status(200)]).await;
        let app = app_with(&receiver, settings).await;
        let sent = order(&app, ids[0]).await;
        assert_eq!(sent.get("skipped"), None, "{sent}");
        app.settled(&sent, "delivered").await;
        let dropped = order(&app, ids[1]).await;
        assert_eq!(dropped["skipped"], reason);
        assert_eq!(app.settled(&dropped, "skipped").await["reason"], reason);
        let listed = app.get("/v1/workspaces/ws/deliveries?state=skipped").await.expect(200);
        let listed: Vec<&Value> = items(&listed).iter().map(|one| &one["id"]).collect();
        assert_eq!(listed, [&dropped["id"]]);
        assert_eq!(receiver.requests().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sample_or_its_hours_leave_out_is_listed_as_skipped() {
    for (settings, reason) in
        [("sample: 0%", "sampled"), ("during: never, outside: \"skip\"", "outside_hours")]
    {
        let receiver = Receiver::start(&[Answer::Status(200)]).await;
        let app = app_with(&receiver, settings).await;
        let skipped = order(&app, "o1").await;
        assert_eq!(skipped["skipped"], reason);
        let view = app.settled(&skipped, "skipped").await;
        assert_eq!((&view["reason"], &view["attempts"]), (&json!(reason), &json!(0)));
        let path = format!("/v1/workspaces/ws/deliveries/{}/replay", skipped["id"].as_str().unwrap());
        let replayed = app.post(&path, json!({})).await;
        if reason == "sampled" {
            assert_eq!((replayed.status, replayed.problem()), (409, "conflict"));
        } else {
            replayed.expect(202);
        }
        assert_eq!(app.get("/v1/workspaces/ws/dead-letters").await.expect(200)["items"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_says_what_it_waits_for() {
    for (settings, waits_for) in [
        ("rate_limit: { allow: 1, every: 1h }", "rate_limit"),
        ("order_by: \"one\"", "order"),
        ("delay: 1h", "time"),
        ("during: never", "time"),
    ] {
        let receiver = Receiver::start(&[Answer::Never, Answer::Status(200)]).await;
        let app = app_with(&receiver, settings).await;
        let first = order(&app, "o1").await;
        if waits_for != "time" {
            app.settled(&first, "in_flight").await;
        }
        let second = order(&app, "o2").await;
        let path = format!("/v1/workspaces/ws/deliveries/{}", second["id"].as_str().unwrap());
        let view = app.until(&path, |body| body["standing"]["waits_for"] == waits_for).await;
        assert_eq!(view["state"], "waiting");
        if waits_for == "order" {
            assert_eq!(view["standing"]["ahead"], first["id"]);
        } else {
            let until: jiff::Timestamp = view["standing"]["until"].as_str().unwrap().parse().unwrap();
            assert!(until > jiff::Timestamp::now() + Duration::from_secs(600));
        }
        let connection = app.get("/v1/workspaces/ws/connections/hook").await.expect(200);
        let standing = &connection["standing"];
        assert_eq!((&standing["pending"], &standing["breaker"]["state"]), (&json!(2), &json!("closed")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ordered_arrives_in_order_although_the_first_fails() {
    let answers = [Answer::Status(500), Answer::Status(500), Answer::Status(200)];
    let receiver = Receiver::start(&answers).await;
    let retry = "retry: { attempts: 5, first_wait: 100ms, longest_wait: 1s, growth: 1, jitter: 0% }";
    let app = app_with(&receiver, &format!("order_by: \"one\", {retry}")).await;
    let mut last = Value::Null;
    for id in ["o1", "o2", "o3"] {
        last = order(&app, id).await;
    }
    app.settled(&last, "delivered").await;
    let bodies = receiver.requests().into_iter().map(|got| serde_json::from_str::<Value>(&got.body).unwrap());
    let bodies: Vec<Value> = bodies.map(|body| body["id"].clone()).collect();
    assert_eq!(bodies, ["o1", "o1", "o1", "o2", "o3"]);
}
