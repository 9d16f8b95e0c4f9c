//! Checks of whole files: what is proven, folded and inherited.

use std::fmt::Write as _;

use super::check;
use crate::hir::{CondKind, Expr, Statement};
use crate::world::{Bundle, BundleFile, World};

/// A world in which every setting runs.
fn world(environment: Option<&str>) -> World {
    World::offline(environment)
}

fn bundle(files: &[(&str, &str)]) -> Bundle {
    let file = |(path, text): &(&str, &str)| BundleFile { path: (*path).into(), text: (*text).into() };
    Bundle { files: files.iter().map(file).collect() }
}

fn checked(text: &str) -> super::Checked {
    check(&bundle(&[("rules.route", text)]), &world(Some("production")))
}

/// The codes of a file, in the order of their places; unused names aside.
fn codes(text: &str) -> Vec<&'static str> {
    let checked = checked(text);
    let codes = checked.diagnostics.iter().map(|one| one.code.as_str());
    codes.filter(|code| *code != "W0230").collect()
}

/// A rule for leads around a condition and a body.
fn lead_rule(condition: &str, body: &str) -> String {
    format!(
        r##"edition 2026
connection hook: webhook
connection chat: slack
schema Lead {{
  email: email sensitive
  name: text?
  score: int?
  tags: (list of text)?
  company: {{ name: text, domain: text?, size: int? }}?
  source: "ads" | "partner"
  at: datetime
}}
event lead.created: Lead
predicate scored(lead: Lead) = lead.score > 10
rule r {{
  on lead.created as lead
  {condition}
  deliver hook.send_webhook {{ body: {{ text: {body} }} }}
}}
"##
    )
}

#[test]
fn what_a_condition_proves_needs_no_else() {
    for (condition, body, expected) in [
        ("", r#""{lead.name}""#, &["E0305"] as &[&str]),
        ("when lead.name is present", r#""{lead.name}""#, &[]),
        (r#"when lead.name is "Ada""#, r#""{lead.name}""#, &[]),
        ("when not (lead.name is missing)", r#""{lead.name}""#, &[]),
        (r#"when lead.name is "Ada" or lead.score > 3"#, r#""{lead.name}""#, &["E0305"]),
        (r#"when lead.name is "Ada" and lead.score > 3"#, r#""{lead.name} {lead.score}""#, &[]),
        ("when all of [lead.name is present, lead.score > 3]", r#""{lead.name} {lead.score}""#, &[]),
        ("when any of [lead.name is present, lead.name is \"x\"]", r#""{lead.name}""#, &[]),
        ("when lead is scored", r#""{lead.score}""#, &[]),
        ("when lead is not scored", r#""{lead.score}""#, &["W0307"]),
        ("when lead.company.size > 3", r#""{lead.company.name}""#, &[]),
        ("", r#""{lead.company.name}""#, &["E0305"]),
        ("unless lead.name is missing", r#""{lead.name}""#, &[]),
        (r#"unless lead.name is "Ada""#, r#""{lead.name}""#, &["E0305"]),
        ("when (lead.name else \"x\") is \"y\"", r#""{lead.name}""#, &["E0305"]),
    ] {
        assert_eq!(codes(&lead_rule(condition, body)), expected, "{condition} {body}");
    }
}

#[test]
fn negations_over_optional_values_are_pointed_out() {
    for (condition, expected) in [
        (r#"when lead.name is not "Ada""#, &["W0307"] as &[&str]),
        (r#"when lead.source is not "ads""#, &[]),
        (r#"when lead.name is present and lead.name is not "Ada""#, &[]),
        (r#"when lead.name is missing or lead.name is not "Ada""#, &[]),
        (r#"unless lead.name is "Ada""#, &[]),
        (r#"when not (lead.score > 3)"#, &["W0307"]),
        (r#"when lead.tags not contains "x""#, &["W0405"]),
        (r#"when no tag in lead.tags satisfies (tag is "x")"#, &["W0405"]),
        (r#"when every tag in lead.tags satisfies (tag is "x")"#, &["W0405"]),
        (r#"when lead.tags is not empty and every tag in lead.tags satisfies (tag is "x")"#, &[]),
        (r#"when none of [lead.score > 3, lead.source is "ads"]"#, &["W0307"]),
    ] {
        assert_eq!(codes(&lead_rule(condition, "\"x\"")), expected, "{condition}");
    }
}

#[test]
fn conditions_on_the_environment_fold() {
    let text = r#"edition 2026
connection live: webhook
connection trial: webhook
const most = choose { when environment is production: 10, otherwise: 2 }
rule r {
  on a.b as a
  when environment is production or a.x is 1
  choose {
    when environment is sandbox { deliver trial.send_webhook }
    otherwise { deliver live.send_webhook { body: { limit: most } } }
  }
}
rule only_here { on a.b only in sandbox deliver trial.send_webhook }
"#;
    let checked = checked(text);
    assert!(!checked.diagnostics.has_errors(), "{:?}", checked.diagnostics);
    assert_eq!(checked.program.rules.len(), 1);
    let rule = &checked.program.rules[0];
    assert!(matches!(rule.condition.kind, CondKind::Constant(crate::ternary::Ternary::Yes)));
    assert!(matches!(rule.body.as_slice(), [Statement::Deliver(_)]), "{:?}", rule.body);
    assert!(checked.program.paths.is_empty(), "{:?}", checked.program.paths);
}

#[test]
fn settings_are_inherited_field_by_field() {
    let text = r#"edition 2026
connection hook: webhook
policy careful { retry: { attempts: 3, first_wait: 30s }, timeout: 5s }
rule r {
  on a.b
  with careful { timeout: 7s }
  deliver hook.send_webhook with { retry: { attempts: 5 } }
}
"#;
    let checked = checked(text);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let Statement::Deliver(deliver) = &checked.program.rules[0].body[0] else { panic!("no delivery") };
    let settings = &deliver.settings;
    assert_eq!(settings.retry.attempts, 5);
    assert_eq!(settings.retry.first_wait.as_secs(), 30);
    assert_eq!(settings.timeout.as_secs(), 7);
    assert_eq!(settings.expires.as_secs(), 3 * 86_400);
}

#[test]
fn only_paths_that_are_read_are_kept() {
    let checked = checked(&lead_rule("when lead.company.size > 3", r#""{lead.email}""#));
    let paths: Vec<String> = checked.program.paths.iter().map(|path| path.0.join(".")).collect();
    assert_eq!(paths, ["company.size", "email"]);
}

#[test]
fn a_declared_instant_is_converted_where_it_is_compared_and_kept_where_it_is_passed_on() {
    let checked = checked(&lead_rule("when lead.at > 2026-01-01T00:00:00Z", "lead.at"));
    assert!(!checked.diagnostics.has_errors(), "{:?}", checked.diagnostics);
    let rule = &checked.program.rules[0];
    let CondKind::Compare { left, .. } = &rule.condition.kind else { panic!("{:?}", rule.condition) };
    assert!(matches!(left, Expr::Convert(..)), "{left:?}");
    let shown = format!("{:?}", rule.body);
    assert!(!shown.contains("Convert"), "{shown}");
}

#[test]
fn walks_cross_lists() {
    let text = r#"edition 2026
connection hook: webhook
schema Order { lines: list of { taxes: list of { rate: int } } }
event order.paid: Order
rule r {
  on order.paid as order
  when any tax in order.lines.taxes satisfies (tax.rate > 3)
  deliver hook.send_webhook
}
"#;
    let checked = checked(text);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let CondKind::Quantifier { list: Expr::Walk(root, steps), .. } = &checked.program.rules[0].condition.kind
    else {
        panic!("{:?}", checked.program.rules[0].condition)
    };
    assert!(matches!(**root, Expr::Read(_)));
    assert_eq!(steps.iter().map(|step| &**step).collect::<Vec<_>>(), ["taxes"]);
}

/// The example files check without errors in every environment.
#[test]
fn the_example_files_have_no_errors() {
    let examples = [
        ("1_leads.route", include_str!("../../../grammar/examples/1_leads.route")),
        ("2_dunning.route", include_str!("../../../grammar/examples/2_dunning.route")),
        ("3_incidents.route", include_str!("../../../grammar/examples/3_incidents.route")),
        ("4_shop.route", include_str!("../../../grammar/examples/4_shop.route")),
        ("5_github.route", include_str!("../../../grammar/examples/5_github.route")),
        ("6_environments.route", include_str!("../../../grammar/examples/6_environments.route")),
    ];
    let beside = [
        ("schemas/invoice.json", INVOICE),
        ("schemas/order.json", ORDER),
        ("fixtures/invoice_attempt_3.json", "{}"),
        ("fixtures/sev3.json", "{}"),
    ];
    let mut wrong = String::new();
    for (name, text) in examples {
        let files: Vec<_> = beside.iter().copied().chain([(name, text)]).collect();
        let checked = check(&bundle(&files), &world(None));
        for one in
            checked.diagnostics.iter().filter(|one| one.severity == grammar::diagnostic::Severity::Error)
        {
            let place = checked.sources[usize::from(one.span().source.0)].place(one.span().start);
            let _ = writeln!(wrong, "{} {name}:{}:{} {}", one.code, place.line, place.column, one.title);
        }
        assert!(!checked.program.rules.is_empty(), "{name}");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

const INVOICE: &str = r#"{
  "type": "object",
  "required": ["id", "number", "customer_id", "amount_due", "currency", "attempt", "collection", "customer"],
  "properties": {
    "id": { "type": "string" }, "number": { "type": "string" }, "customer_id": { "type": "string" },
    "amount_due": { "type": "number" }, "currency": { "type": "string" }, "attempt": { "type": "integer" },
    "collection": { "enum": ["automatic", "manual"] },
    "customer": {
      "type": "object",
      "required": ["name"],
      "properties": {
        "name": { "type": "string" },
        "email": { "type": "string", "format": "email" },
        "tags": { "type": "array", "items": { "type": "string" }, "maxItems": 50 }
      }
    }
  }
}"#;

const ORDER: &str = r##"{
  "type": "object",
  "required": ["number", "total", "currency", "shipping", "billing", "lines", "customer"],
  "$defs": {
    "Address": { "type": "object", "required": ["country"], "properties": { "country": { "type": "string" } } }
  },
  "properties": {
    "number": { "type": "string" }, "total": { "type": "number" }, "currency": { "type": "string" },
    "shipping": { "$ref": "#/$defs/Address" }, "billing": { "$ref": "#/$defs/Address" },
    "lines": {
      "type": "array",
      "items": {
        "type": "object",
        "required": ["sku", "quantity", "price"],
        "properties": {
          "sku": { "type": "string" }, "quantity": { "type": "integer" }, "price": { "type": "number" },
          "ships_from": { "type": "string" }
        }
      }
    },
    "customer": {
      "type": "object",
      "required": ["email", "order_count"],
      "properties": {
        "email": { "type": "string", "format": "email" }, "order_count": { "type": "integer" },
        "marketing_consent": { "type": "boolean" }
      }
    }
  }
}"##;

/// Short files that mean a lot of work are refused, and soon.
#[test]
fn no_short_file_is_much_work() {
    let repeated = |from: usize, to: usize, line: &dyn Fn(usize) -> String| -> String {
        (from..to).map(line).collect::<Vec<_>>().join("\n")
    };
    let head = "edition 2026\nconnection hook: webhook\n";
    let tail = "\nrule r { on a.b as p deliver hook.send_webhook { body: 1 } }\n";
    let files = [
        repeated(0, 900, &|at| format!("const c{at:03} = c{:03} + 1", at + 1)),
        repeated(0, 3_000, &|at| format!("schema S{at:04} {{ a: S{:04} }}", at + 1)),
        format!(
            "const t0 = \"0123456789\"\n{}",
            repeated(1, 40, &|at| format!("const t{at} = \"{{t{}}}{{t{}}}\"", at - 1, at - 1))
        ),
        format!(
            "const l0 = [1]\n{}",
            repeated(1, 40, &|at| format!("const l{at} = [l{}, l{}]", at - 1, at - 1))
        ),
        format!(
            "schema T0 {{ a: text }}\n{}",
            repeated(1, 40, &|at| format!("schema T{at} {{ a: T{}, b: T{} }}", at - 1, at - 1))
        ),
        format!(
            "predicate p0(x: any) = x is 1\n{}",
            repeated(1, 40, &|at| format!("predicate p{at}(x: any) = x is p{} and x is p{}", at - 1, at - 1))
        ),
        format!(
            "rule s {{ on a.b as p when p.x is 1{} deliver hook.send_webhook }}",
            " and p.x is 1".repeat(5_000)
        ),
        format!("rule s {{ on a.b as p when p.x is 1{} deliver hook.send_webhook }}", " + 1".repeat(5_000)),
        format!("rule s {{ on a.b as p when {} deliver hook.send_webhook }}", nested(9)),
    ];
    let start = std::time::Instant::now();
    for file in &files {
        let text = format!("{head}{file}{tail}");
        let _ = checked(&text);
        assert!(start.elapsed().as_secs() < 60, "{:?}", file.get(..60));
    }
}

/// Lists inside lists inside lists.
fn nested(depth: usize) -> String {
    let list =
        (0..depth).fold("p.xs".to_owned(), |list, at| format!("(each x{at} in {list}: x{at} | first)"));
    format!("any x in {list} satisfies (any y in (each z in {list}: z | first) satisfies (y is 1))")
}
