//! A large company's rules: what a bundle of five thousand rules looks like when people write it.

use std::fmt::Write as _;

use compiler::world::{Bundle, BundleFile};

use crate::Numbers;

/// Rules of one file: what one team owns.
const RULES_PER_FILE: usize = 200;

const HEAD: &str = r##"edition 2026

environments { sandbox staging production }

connection crm:    hubspot
connection chat:   slack
connection pager:  pagerduty
connection mail:   resend
connection ledger: webhook
connection lake:   webhook
"##;

const TEAMS: &[&str] = &["billing", "sales", "support", "shop", "growth", "risk", "ops", "partner"];
const EVENTS: &[&str] = &["opened", "changed", "paid", "failed", "closed"];
const COUNTRIES: &[&str] = &["AT", "CH", "DE", "ES", "FR", "GB", "IT", "NL", "PL", "SE", "US"];

/// A bundle of `rules` rules in files of one team each, within the limits of a workspace.
#[must_use]
pub fn bundle(rules: usize) -> Bundle {
    let mut chance = Numbers::new(2026);
    let mut files = vec![BundleFile { path: "connections.route".into(), text: HEAD.into() }];
    for (number, first) in (0..rules).step_by(RULES_PER_FILE).enumerate() {
        let team = format!("{}_{number:02}", TEAMS.get(number % TEAMS.len()).unwrap_or(&"team"));
        let mut text = declarations(&team, number);
        for at in first..(first + RULES_PER_FILE).min(rules) {
            rule(&mut text, &team, at, &mut chance);
        }
        test(&mut text, &team);
        files.push(BundleFile { path: format!("{team}.route").into(), text: text.into() });
    }
    Bundle { files }
}

fn declarations(team: &str, number: usize) -> String {
    format!(
        r##"edition 2026

## What {team} says about a case of a customer.
schema Case{number} {{
  id:         text
  number:     text
  total:      decimal
  currency:   "EUR" | "USD" | "GBP"
  state:      "open" | "late" | "done" | "void"
  channel:    "web" | "shop" | "phone" | "partner"
  attempt:    int
  score:      int?
  note:       text?
  due:        datetime?
  customer:   {{
    id: text, name: text, email: email? sensitive, country: text, tags: list of text limit 50,
    plan: "free" | "team" | "enterprise", seats: int?, vip: bool
  }}
  lines:      list of {{ sku: text, quantity: int, price: decimal, site: text? }} limit 200
  labels:     map of text
}}

event {team}.*: Case{number}

const near_{team} = ["AT", "CH", "DE"]
const words_{team} = ["urgent", "asap", "angry", "lawyer"]
const room_{team} = choose {{ when environment is production: "#{team}", otherwise: "#{team}-try" }}

predicate large_{team}(case: Case{number}) = case.total >= 10_000.00 or case.customer.seats >= 200
predicate ours_{team}(case: Case{number}) = case.customer.country in near_{team}
predicate heavy_{team}(case: Case{number}) = any line in case.lines satisfies (line.quantity > 20 and line.sku starts with "GIFT-")

schedule desk_{team} = weekdays 09:00 to 18:00 in "Europe/Berlin" except 2026-12-25

policy money_{team}(case: Case{number}) {{
  retry:    {{ attempts: 12, first_wait: 10s, longest_wait: 6h }}
  timeout:  15s
  order_by: case.customer.id
  dedupe:   {{ by: case.id, within: 7d }}
}}

"##
    )
}

fn pick<'a>(from: &[&'a str], chance: &mut Numbers) -> &'a str {
    from.get(usize::try_from(chance.below(from.len() as u64)).unwrap_or(0)).copied().unwrap_or_default()
}

fn condition(team: &str, chance: &mut Numbers) -> String {
    let number = chance.below(5_000);
    match chance.below(16) {
        0 => format!("case.total >= {number}.50"),
        1 => format!("case.total < {}", number + 20_000),
        2 => format!("case.state is \"{}\"", pick(&["open", "late"], chance)),
        3 => "case.state is not \"void\"".to_owned(),
        4 => format!("case.channel in [\"web\", \"{}\"]", pick(&["shop", "phone", "partner"], chance)),
        5 => format!("case.attempt > {}", number % 5),
        6 => format!("case.score else 0 >= {}", number % 100),
        7 => format!("case.customer.country is \"{}\"", pick(COUNTRIES, chance)),
        8 => format!("case.customer.tags contains \"segment-{number}\""),
        9 => format!("case.note contains any of words_{team} ignoring case"),
        10 => format!("case.customer.email ends with \"@firm-{number}.example\""),
        11 => format!("case is large_{team}"),
        12 => format!("case is ours_{team}"),
        13 => format!("(case is heavy_{team} or case.customer.vip)"),
        14 => {
            format!("any line in case.lines satisfies (line.sku is \"SKU-{number}\" and line.quantity > 2)")
        }
        _ => format!("case.number matches \"{}-{number}*\"", pick(&["A", "B", "C"], chance)),
    }
}

fn rule(text: &mut String, team: &str, number: usize, chance: &mut Numbers) {
    let conditions: Vec<String> = (0..3 + chance.below(3)).map(|_| condition(team, chance)).collect();
    let (one, other) = (pick(EVENTS, chance), pick(&["reviewed", "moved"], chance));
    let _ = writeln!(text, "## Rule {number}: what {team} does about a case that was {one}.");
    let _ = writeln!(text, "rule {team}_{number:05} {{\n  on {team}.{one}, {team}.{other} as case");
    if chance.below(8) == 0 {
        text.push_str("  only in staging, production\n");
    }
    if chance.below(3) == 0 {
        let _ = writeln!(text, "  when all of [\n    {},\n  ]", conditions.join(",\n    "));
    } else {
        let _ = writeln!(text, "  when {}", conditions.join("\n    and "));
    }
    if chance.below(3) == 0 {
        text.push_str("  unless case.customer.tags contains \"internal\"\n");
    }
    for _ in 0..1 + chance.below(2) {
        delivery(text, team, number, chance);
    }
    text.push_str("}\n\n");
}

fn delivery(text: &mut String, team: &str, number: usize, chance: &mut Numbers) {
    let _ = match chance.below(5) {
        0 => writeln!(
            text,
            r##"  deliver chat.send_message {{
    channel: room_{team}
    text:    "{{case.customer.name}}: {{case.total | money(case.currency)}} {{case.state}}, {{case.note else "no note"}}"
  }} with {{ throttle: {{ allow: 1, every: 1h, by: case.customer.id }} }}"##
        ),
        1 => writeln!(
            text,
            r##"  deliver ledger.send_webhook {{
    body: {{
      id:       case.id
      rule:     {number}
      customer: case.customer.id
      total:    case.total | round(2)
      country:  case.customer.country | lower
      minutes:  (event.time - case.due) | minutes
      items:    each line in case.lines where line.quantity > 0: {{ sku: line.sku, worth: line.quantity * line.price }}
    }}
  }} with money_{team}(case) {{ during: desk_{team}, outside: "hold" }}"##
        ),
        2 => writeln!(
            text,
            r##"  deliver crm.create_or_update_contact when case.customer.email is present {{
    email:           case.customer.email | lower
    company:         case.customer.name
    lifecycle_stage: choose {{
      when case is large_{team}: "opportunity"
      when case.score >= 80: "salesqualifiedlead"
      otherwise: "lead"
    }}
  }} with {{ retry: {{ attempts: 5, first_wait: 30s }}, priority: "high" }}"##
        ),
        3 => writeln!(
            text,
            r##"  deliver mail.send_email_template when case.customer.email is present {{
    to:       case.customer.email
    template: choose {{ when case.attempt is 1: "tmpl_gentle", otherwise: "tmpl_firm_{number}" }}
    subject:  "About {{case.number}} over {{case.total | money(case.currency)}}"
  }} with {{ dedupe: {{ by: case.id, within: 1d }}, delay: 15m }}"##
        ),
        _ => writeln!(
            text,
            r##"  deliver lake.send_webhook {{ body: case | without("labels") }} with {{ order_by: case.id, sample: 5% }}"##
        ),
    };
}

fn test(text: &mut String, team: &str) {
    let _ = writeln!(
        text,
        r##"test "{team} says nothing about a case that is void" {{
  given {team}.opened {{
    id: "c-1", number: "Z-1", total: 1.00, currency: "EUR", state: "void", channel: "web", attempt: 0
    customer: {{ id: "k-1", name: "Ada", country: "JP", tags: ["internal"], plan: "free", vip: false }}
    lines: [], labels: {{}}
  }}
  expect no pager.trigger
}}"##
    );
}
