//! What there is to say about an event as tables: for somebody who was woken by it.

use jiff::Timestamp;
use serde_json::Value;

use super::super::table::table;
use super::{Found, field};
use crate::out::harmless;

/// All of it.
#[must_use]
pub(super) fn text(found: &Found, now: Timestamp) -> String {
    let mut text = head(found, now);
    let rules = field(&found.trace, "rules").as_array().map(Vec::as_slice).unwrap_or_default();
    if field(&found.event, "revision").is_null() {
        text.push_str("\nno rules were live when it came\n");
    } else if !rules.is_empty() {
        let rows: Vec<[String; 4]> = rules.iter().map(rule).collect();
        text.push('\n');
        text.push_str(&table(["RULE", "ANSWER", "DECIDED BY", "SAW"], &rows));
    }
    for note in field(&found.trace, "notes").as_array().into_iter().flatten() {
        text.push_str(&harmless(&told(note)));
        text.push('\n');
    }
    text.push('\n');
    if found.deliveries.is_empty() {
        text.push_str("nothing was owed\n");
        return text;
    }
    let rows: Vec<[String; 7]> = found.deliveries.iter().map(|one| delivery(one, now)).collect();
    text.push_str(&table(["DELIVERY", "RULE", "TO", "STATE", "ATTEMPTS", "LAST ATTEMPT", "NEXT"], &rows));
    text
}

/// Two lines: what it is and who decided.
fn head(found: &Found, now: Timestamp) -> String {
    let event = &found.event;
    let mut first = format!("event {} {}", word(event, "id"), word(event, "type"));
    for name in ["resource", "resource_id"] {
        if let Some(value) = event[name].as_str() {
            first.push_str(&format!("  {name} {value}"));
        }
    }
    let came = word(event, "received_at");
    let mut second = format!("came {}{}", moment(&came), since(&came, now));
    if let Some(number) = field(&found.revision, "number").as_u64() {
        second.push_str(&format!(", decided by revision {number}"));
    }
    if let Some(parent) = event["traceparent"].as_str() {
        second.push_str(&format!(", trace {}", parent.split('-').nth(1).unwrap_or_default()));
    }
    format!("{}\n{}\n", harmless(&first), harmless(&second))
}

/// A rule's name, its answer, the part of it that decided, and the values that this part saw.
fn rule(rule: &Value) -> [String; 4] {
    let because = &rule["because"];
    let (answer, by, saw) = match rule["outcome"].as_str().unwrap_or_default() {
        "matched" => ("matched".to_owned(), condition(because), seen(because)),
        "not_matched" => (word(because, "answer"), condition(because), seen(because)),
        "other_type" => {
            let patterns: Vec<&str> =
                rule["patterns"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            ("other type".to_owned(), format!("on {}", patterns.join(", ")), String::new())
        }
        "other_resource" => {
            let field = word(rule, "field");
            let saw = rule["seen"].as_str().unwrap_or("(missing)");
            (
                "other resource".to_owned(),
                format!("{field} {}", word(rule, "pattern")),
                format!("event.{field} = {saw}"),
            )
        }
        "skipped_by" => ("skipped".to_owned(), format!("{} came first", word(rule, "by")), String::new()),
        "ignored" => ("matched, sends nothing".to_owned(), word(rule, "reason"), String::new()),
        other => (other.to_owned(), String::new(), String::new()),
    };
    [word(rule, "rule"), answer, by, saw]
}

/// A condition and where it is written.
fn condition(because: &Value) -> String {
    let place = &because["place"];
    match (place["file"].as_str(), because["text"].as_str()) {
        (Some(file), Some(text)) => format!("{text}  {file}:{}:{}", place["line"], place["column"]),
        (None, Some(text)) => text.to_owned(),
        (_, None) => String::new(),
    }
}

fn seen(because: &Value) -> String {
    let values = because["seen"].as_array().into_iter().flatten().map(|seen| {
        let value = seen["value"].as_str().unwrap_or("(missing)");
        format!("{} = {value}", word(seen, "path"))
    });
    values.collect::<Vec<_>>().join(", ")
}

fn told(note: &Value) -> String {
    let path = word(note, "path");
    match note["note"].as_str() {
        Some("duplicate_key") => format!("note: `{path}` occurs more than once; the last value counts"),
        Some("unreadable_number") => {
            format!(
                "note: `{path}` is {}, a number that does not fit; it counts as missing",
                word(note, "digits")
            )
        }
        _ => format!("note: {note}"),
    }
}

fn delivery(delivery: &Value, now: Timestamp) -> [String; 7] {
    let mut id = word(delivery, "id");
    if delivery["replay_of"].is_string() {
        id.push_str(" (replay)");
    }
    let mut state = word(delivery, "state").replace('_', " ");
    if let Some(reason) = delivery["reason"].as_str() {
        state = format!("{state}: {}", reason.replace('_', " "));
    }
    let to = format!("{}.{}", word(delivery, "connection_name"), word(delivery, "action"));
    let attempts = delivery["attempts"].as_u64().unwrap_or(0).to_string();
    let last = delivery["attempt_list"].as_array().and_then(|attempts| attempts.last());
    let last = last.map(attempt).unwrap_or_default();
    [id, word(delivery, "rule"), to, state, attempts, last, next(delivery, now).unwrap_or_default()]
}

/// How an attempt ended.
fn attempt(attempt: &Value) -> String {
    let mut text = word(attempt, "outcome").replace('_', " ");
    if let Some(status) = attempt["status"].as_u64() {
        text.push_str(&format!(" {status}"));
    }
    let millis = attempt["took_micros"].as_u64().unwrap_or(0).div_ceil(1_000);
    text.push_str(&format!(" in {millis} ms"));
    if let Some(error) = attempt["error"].as_str() {
        text.push_str(&format!(" ({error})"));
    }
    text
}

/// What happens next, and when.
fn next(delivery: &Value, now: Timestamp) -> Option<String> {
    let standing = &delivery["standing"];
    let until = |why: &str| match standing["until"].as_str() {
        Some(until) => format!("{}{why}", ahead(until, now)),
        None => why.to_owned(),
    };
    match standing["waits_for"].as_str() {
        Some("time") => Some(until("")),
        Some("turn") => Some("at its turn".to_owned()),
        Some("connection") => Some(until(", its receiver is down")),
        Some("rate_limit") => Some(until(", by its rate limit")),
        Some("order") => Some(format!("behind {}", word(standing, "ahead"))),
        Some("answer") => Some(format!("under way since {}", moment(&word(standing, "since")))),
        Some(other) => Some(until(other)),
        None => delivery["at"].as_str().map(|at| ahead(at, now)),
    }
}

/// `2026-03-01T09:00:12Z (in 12 s)`.
fn ahead(at: &str, now: Timestamp) -> String {
    let Ok(time) = at.parse::<Timestamp>() else { return at.to_owned() };
    let seconds = time.duration_since(now).as_secs();
    let how_long = if seconds <= 0 { "now".to_owned() } else { format!("in {}", about(seconds)) };
    format!("{} ({how_long})", moment(at))
}

/// A time to the second.
fn moment(at: &str) -> String {
    at.parse::<Timestamp>().map_or_else(|_| at.to_owned(), |time| format!("{time:.0}"))
}

/// ` (12 s ago)`.
fn since(at: &str, now: Timestamp) -> String {
    let Ok(at) = at.parse::<Timestamp>() else { return String::new() };
    format!(" ({} ago)", about(now.duration_since(at).as_secs().max(0)))
}

fn about(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A text of an object; empty where there is none.
fn word(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found() -> Found {
        let place = json!({ "file": "shop.route", "line": 3, "column": 41 });
        let cause = |answer: &str, text: &str| {
            let seen = json!([{ "path": "payload.total", "value": "19.90" }, { "path": "payload.vip", "value": null }]);
            json!({ "answer": answer, "text": text, "place": place, "seen": seen })
        };
        Found {
            event: json!({
                "id": "evt_1", "type": "order.paid", "resource": "shop", "resource_id": null, "revision": "rev_1",
                "received_at": "2026-03-01T09:00:00Z", "payload": {}, "deliveries": ["dlv_1"],
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            }),
            revision: json!({ "id": "rev_1", "number": 4 }),
            trace: json!({ "rules": [
                { "rule": "paid", "outcome": "matched", "because": cause("yes", "order.total > 10") },
                { "rule": "big", "outcome": "not_matched", "because": cause("unknown", "order.total\n > 100") },
                { "rule": "refund", "outcome": "other_type", "patterns": ["order.refunded", "order.void"] },
                { "rule": "eu", "outcome": "other_resource", "field": "resource", "pattern": "eu_*", "seen": null },
                { "rule": "late", "outcome": "skipped_by", "by": "paid" },
                { "rule": "quiet", "outcome": "ignored", "reason": "on purpose" },
            ], "notes": [{ "note": "duplicate_key", "path": "total" }] }),
            deliveries: vec![
                json!({
                    "id": "dlv_1", "rule": "paid", "connection_name": "ledger", "action": "send_webhook",
                    "state": "again", "at": "2026-03-01T09:03:12.5Z", "attempts": 2, "replay_of": null,
                    "standing": { "waits_for": "time", "until": "2026-03-01T09:03:12.5Z" },
                    "attempt_list": [{ "outcome": "timed_out" },
                        { "outcome": "destination_error", "status": 503, "took_micros": 12_100, "error": "503" }],
                }),
                json!({
                    "id": "dlv_2", "rule": "paid", "connection_name": "ledger", "action": "send_webhook",
                    "state": "dead_letter", "reason": "attempts_exhausted", "attempts": 5, "replay_of": "dlv_1",
                    "attempt_list": [],
                }),
            ],
            untraceable: false,
        }
    }

    #[test]
    fn the_tables_say_who_decided_what_it_saw_and_what_comes_next() {
        let now = "2026-03-01T09:03:00Z".parse().unwrap();
        let text = text(&found(), now);
        let expected = "\
event evt_1 order.paid  resource shop
came 2026-03-01T09:00:00Z (3 min ago), decided by revision 4, trace 4bf92f3577b34da6a3ce929d0e0e4736

  RULE    ANSWER                  DECIDED BY                          SAW
  paid    matched                 order.total > 10 shop.route:3:41    payload.total = 19.90, payload.vip = (missing)
  big     unknown                 order.total > 100 shop.route:3:41   payload.total = 19.90, payload.vip = (missing)
  refund  other type              on order.refunded, order.void       -
  eu      other resource          resource eu_*                       event.resource = (missing)
  late    skipped                 paid came first                     -
  quiet   matched, sends nothing  on purpose                          -
note: `total` occurs more than once; the last value counts

  DELIVERY        RULE  TO                   STATE                            ATTEMPTS  LAST ATTEMPT                          NEXT
  dlv_1           paid  ledger.send_webhook  again                            2         destination error 503 in 13 ms (503)  2026-03-01T09:03:12Z (in 12 s)
  dlv_2 (replay)  paid  ledger.send_webhook  dead letter: attempts exhausted  5         -                                     -
";
        let squeezed = |text: &str| -> Vec<Vec<String>> {
            let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
            text.lines().map(words).collect()
        };
        assert_eq!(squeezed(&text), squeezed(expected), "{text}");
    }

    #[test]
    fn an_event_without_rules_says_so() {
        let event =
            json!({ "id": "evt_1", "type": "a.b", "revision": null, "received_at": "2026-03-01T09:00:00Z" });
        let text = text(&Found { event, ..Found::default() }, "2026-03-01T09:00:05Z".parse().unwrap());
        assert!(
            text.contains("no rules were live when it came") && text.contains("nothing was owed"),
            "{text}"
        );
        assert!(text.contains("(5 s ago)"), "{text}");
    }

    #[test]
    fn machines_get_everything() {
        let shown = found().to_json();
        assert_eq!((&shown["event"], &shown["type"]), (&json!("evt_1"), &json!("order.paid")));
        assert_eq!(shown["revision"]["number"], 4);
        assert_eq!(shown["trace"]["rules"][1]["because"]["answer"], "unknown");
        assert_eq!(shown["deliveries"][0]["attempt_list"][1]["status"], 503);
        assert!(shown.get("payload").is_none());
    }
}
