//! Generated rules and events: compiled code must answer as the interpreter does.
//!
//! `FANWISE_CASES=50000` runs more cases than the 500 of a normal run, and `FANWISE_SEED=7` others. A
//! failure prints the seed, the rule and the event.

#[path = "differential/generate.rs"]
mod generate;

use std::sync::{Arc, LazyLock};

use compiler::check;
use compiler::eval::{Facts, NoLists};
use compiler::event::Event;
use compiler::hir::RuleId;
use compiler::matcher::{Indexed, Interpreter, Jit, Matcher, Matches};
use compiler::plan::{Plan, plan};
use compiler::slots::Slots;
use compiler::trace::{Outcome, trace};
use compiler::world::{Bundle, BundleFile, World};

use generate::Generator;

/// Conditions per bundle.
const CONDITIONS: usize = 4;

/// Events per bundle.
const EVENTS: usize = 8;

fn setting(name: &str, default: u64) -> u64 {
    std::env::vars().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
}

/// Three rules per condition: it holds, its opposite holds, it does not hold.
fn bundle(declarations: &str, conditions: &[String]) -> Bundle {
    let mut text = format!("edition 2026\nconnection out: webhook\n{declarations}");
    for (at, condition) in conditions.iter().enumerate() {
        for (name, guard) in [
            ("yes", format!("when {condition}")),
            ("no", format!("when not ({condition})")),
            ("not_yes", format!("unless {condition}")),
        ] {
            text += &format!("rule {name}_{at} {{ on t as p {guard} deliver out.send_webhook }}\n");
        }
    }
    Bundle { files: vec![BundleFile { path: "generated.route".into(), text: text.into() }] }
}

/// The plan of a bundle; its messages when it has mistakes.
fn planned(bundle: &Bundle) -> Result<Arc<Plan>, String> {
    // Reading the catalogue takes longer than everything else.
    static WORLD: LazyLock<World> = LazyLock::new(|| World::offline(Some("sandbox")));
    let checked = check(bundle, &WORLD);
    if checked.diagnostics.has_errors() {
        let errors =
            checked.diagnostics.iter().filter(|one| one.severity == grammar::diagnostic::Severity::Error);
        return Err(errors.map(|error| error.title.to_string()).collect::<Vec<_>>().join("; "));
    }
    Ok(Arc::new(plan(checked.program)))
}

#[derive(Debug, Default)]
struct Counts {
    refused: u64,
    /// Why the first refused bundle was refused.
    example: Option<String>,
    bundles: u64,
    yes: u64,
    no: u64,
    unknown: u64,
    compiled: usize,
    rules: usize,
}

fn run(seed: u64, counts: &mut Counts) {
    let mut generator = Generator::new(seed);
    let declarations = generator.declarations();
    let conditions: Vec<String> = (0..CONDITIONS).map(|_| generator.condition()).collect();
    let plan = match planned(&bundle(declarations, &conditions)) {
        Ok(plan) => plan,
        Err(why) => {
            counts.example.get_or_insert(why);
            counts.refused += 1;
            return;
        }
    };
    counts.bundles += 1;
    let indexed = Arc::new(Indexed::new(&plan));
    let jit = Jit::compile(&indexed).expect("code for this processor");
    counts.compiled += jit.stats().rules;
    counts.rules += plan.program.rules.len();
    let (mut expected, mut found) = (Matches::default(), Matches::default());
    for _ in 0..EVENTS {
        let payload = generator.payload();
        let resource = generator.resource();
        let time = jiff::Timestamp::UNIX_EPOCH;
        let event = Event {
            id: "evt_1",
            kind: "t",
            resource,
            resource_id: None,
            time,
            received_at: time,
            payload: payload.as_bytes(),
        };
        let slots = Slots::new(&plan, event.payload).expect("generated payloads are JSON");
        let facts = Facts { plan: &plan, event: &event, slots: &slots, lists: &NoLists };
        Interpreter.matches(&facts, &mut expected);
        indexed.matches(&facts, &mut found);
        assert_eq!(expected.rules, found.rules, "indexed, seed {seed}, event {payload}");
        jit.matches(&facts, &mut found);
        let case =
            || format!("seed {seed}, event {payload}, resource {resource:?}\n{}", conditions.join("\n"));
        assert_eq!(names(&plan, &expected.rules), names(&plan, &found.rules), "{}", case());
        // The trace asks every rule, not only those that the index finds.
        let matched = |outcome: &Outcome| matches!(outcome, Outcome::Matched { .. });
        let traced = trace(&facts).rules.into_iter().filter(|rule| matched(&rule.outcome));
        let traced: Vec<String> = traced.map(|rule| rule.rule.to_string()).collect();
        assert_eq!(names(&plan, &expected.rules), traced, "{}", case());
        for at in 0..CONDITIONS {
            let holds =
                |rule: usize| expected.rules.contains(&RuleId(u32::try_from(3 * at + rule).expect("small")));
            match (holds(0), holds(1), holds(2)) {
                (true, false, false) => counts.yes += 1,
                (false, true, true) => counts.no += 1,
                (false, false, true) => counts.unknown += 1,
                other => panic!("{other:?} for condition {at}: {}", case()),
            }
        }
    }
}

fn names<'p>(plan: &'p Plan, rules: &[RuleId]) -> Vec<&'p str> {
    rules.iter().filter_map(|&id| plan.rule(id)).map(|rule| &*rule.name).collect()
}

#[test]
fn code_answers_as_the_interpreter_does() {
    let first = setting("FANWISE_SEED", 1);
    let cases = setting("FANWISE_CASES", 500);
    let mut counts = Counts::default();
    for seed in first..first + cases {
        run(seed, &mut counts);
    }
    println!("{counts:?}");
    if cases < 100 {
        return;
    }
    // Or the test would prove little.
    let answers = counts.yes + counts.no + counts.unknown;
    assert!(counts.refused * 10 < cases, "{counts:?}");
    for count in [counts.yes, counts.no, counts.unknown] {
        assert!(count * 8 > answers, "{counts:?}");
    }
    assert!(counts.compiled * 2 > counts.rules, "{counts:?}");
}
