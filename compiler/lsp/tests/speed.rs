//! How long an editor waits in a large bundle. Run with `--release -- --nocapture` for the numbers.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that fails panics, and this one reports numbers"
)]

mod client;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use client::Client;
use serde_json::json;

/// As many rules as a workspace may have.
const RULES: usize = 5_000;

const FILES: usize = 10;

const SHARED: &str = r##"edition 2026
connection chat: slack
connection hook: webhook
schema Invoice {
  amount:   decimal
  currency: text
  customer: { id: text, name: text, tags: list of text limit 50 }
  state:    "open" | "paid" | "void"
  country:  text?
}
event invoice.*: Invoice
const emea = ["AT", "CH", "DE", "FR"]
predicate large(invoice: Invoice) = invoice.amount >= 10_000
policy patient(invoice: Invoice) { retry: { attempts: 12 }, idempotency_key: invoice.customer.id }
"##;

fn rules(file: usize, count: usize) -> String {
    let mut text = "edition 2026\n".to_owned();
    for at in 0..count {
        let _ = write!(
            text,
            r##"
## Rule {at} of file {file}.
rule rule_{file}_{at} {{
  on invoice.paid as invoice
  when invoice.amount > {at}.50 and invoice.customer.id is "c_{file}_{at}"
  unless invoice.country in emea
  deliver chat.send_message {{ channel: "#c{at}", text: "{{invoice.customer.name}} paid {{invoice.amount}}" }}
  deliver hook.send_webhook {{ body: {{ id: invoice.customer.id, big: invoice.currency }} }} with patient(invoice)
}}
"##
        );
    }
    text
}

/// The middle one of some measurements.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
fn an_edit_in_a_bundle_of_five_thousand_rules() {
    let count = if cfg!(debug_assertions) { RULES / 20 } else { RULES };
    let files: Vec<(String, String)> =
        (0..FILES).map(|file| (format!("f{file}.route"), rules(file, count / FILES))).collect();
    let mut on_disk: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    on_disk.push(("shared.route", SHARED));
    let mut client = Client::with(&on_disk);
    let started = Instant::now();
    let (name, text) = &files[3];
    client.open(name, text);
    assert_eq!(client.wrong(name), Vec::<String>::new());
    let opened = started.elapsed();
    let at = count / FILES / 2;
    let good = format!("is \"c_3_{at}\"");
    let bad = format!("is c_3_{at}");
    let mut shown = Vec::new();
    let mut asked = Vec::new();
    for _ in 0..7 {
        for (old, new, messages) in [(&good, &bad, 1), (&bad, &good, 0)] {
            let started = Instant::now();
            client.edit(name, old, new);
            client.wait_for_messages(name);
            shown.push(started.elapsed());
            assert_eq!(client.messages[name].len(), messages, "{:?}", client.messages[name]);
            let started = Instant::now();
            let found = client
                .proposals(name, &format!("rule_3_{at} {{\n  on invoice.paid as invoice\n  when invoice.⎮"));
            asked.push(started.elapsed());
            assert!(found.contains(&"customer".to_owned()));
        }
    }
    // What only the whole bundle can tell comes a little later.
    client.edit(name, &format!("rule rule_3_{at} {{"), "rule rule_4_0 {");
    let other = &files[4].0;
    client.wait_for_messages(other);
    assert!(client.messages[other][0]["message"].as_str().is_some_and(|text| text.contains("rule_4_0")));
    client.edit(name, "rule rule_4_0 {", &format!("rule rule_3_{at} {{"));
    while !client.messages[other].is_empty() {
        client.wait_for_messages(other);
    }
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    let (shown, asked) = (median(shown), median(asked));
    eprintln!(
        "{count} rules, {bytes} bytes: opened in {opened:?}, messages after an edit {shown:?}, proposals {asked:?}"
    );
    if !cfg!(debug_assertions) {
        assert!(shown < Duration::from_millis(50), "messages after {shown:?}");
        assert!(asked < Duration::from_millis(50), "proposals after {asked:?}");
    }
    let found = client.ask_at(
        "textDocument/references",
        name,
        "paid as invoice\n  when ⎮invoice",
        json!({ "context": { "includeDeclaration": true } }),
    );
    assert!(found.expect("an answer").as_array().is_some_and(|places| places.len() > 4));
    client.end();
}
