//! Generated rules and events: index and compiled code must answer as the interpreter does.
//!
//! A case is a bundle of about twenty rules and eight events. `FANWISE_CASES=1000000` runs more of them than
//! the 500 of a normal run, and `FANWISE_SEED=7` others. A failure prints the seed, the rules and the event.

#[path = "differential/generate.rs"]
mod generate;

use std::sync::{Arc, LazyLock};

use compiler::check;
use compiler::eval::Facts;
use compiler::event::Event;
use compiler::hir::RuleId;
use compiler::matcher::{Indexed, Interpreter, Jit, Matcher, Matches};
use compiler::plan::{Plan, plan};
use compiler::slots::{Level, Scratch, Slots};
use compiler::trace::{Outcome, trace};
use compiler::world::{Bundle, BundleFile, World};

use generate::Generator;
use runtime::lists::Snapshot;

/// Conditions per bundle.
const CONDITIONS: usize = 3;

/// Further rules per bundle, of kinds that are looked up.
const INDEXABLE: usize = 9;

/// Events per bundle.
const EVENTS: usize = 8;

/// What the workspace keeps: `kept`, and no list `gone`.
static LISTS: LazyLock<Snapshot> = LazyLock::new(|| {
    let entries = ["vip", "Ärger", "2", "100", "\u{212a}elvin", "hotfix/one", "nobody"];
    Snapshot::of([("kept".into(), entries.map(Box::from).into())])
});

fn setting(name: &str, default: u64) -> u64 {
    std::env::vars().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
}

/// Three rules per condition: it holds, its opposite holds, it does not hold.
fn bundle(declarations: &str, conditions: &[String], further: &str) -> Bundle {
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
    text += further;
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
    events: u64,
    /// Events that a further rule matched.
    matched: u64,
    /// How often one did.
    matches: u64,
    /// Rules that the index had tried, of all events.
    tried: usize,
    /// Rules that are of an event's type, of all events.
    of_type: usize,
}

fn run(seed: u64, counts: &mut Counts) {
    let mut generator = Generator::new(seed);
    let declarations = generator.declarations();
    let conditions: Vec<String> = (0..CONDITIONS).map(|_| generator.condition()).collect();
    let further = generator.indexable_rules(INDEXABLE);
    let plan = match planned(&bundle(declarations, &conditions, &further)) {
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
    let asked = Asked { plan: &plan, indexed: &indexed, jit: &jit };
    for _ in 0..EVENTS {
        let payload = generator.payload();
        let time = jiff::Timestamp::UNIX_EPOCH;
        let event = Event {
            id: "evt_1",
            kind: generator.kind(),
            resource: generator.resource(),
            resource_id: generator.resource(),
            time,
            received_at: time,
            payload: payload.as_bytes(),
        };
        let case = || {
            let Event { kind, resource, resource_id, .. } = event;
            let conditions = conditions.join("\n");
            format!(
                "seed {seed}, {kind} of {resource:?} {resource_id:?}, payload {payload}\n{conditions}\n{further}"
            )
        };
        let expected = asked.about(&event, counts, &case);
        counts.events += 1;
        let further = expected.iter().filter(|id| id.0 as usize >= 3 * CONDITIONS).count();
        counts.matched += u64::from(further > 0);
        counts.matches += further as u64;
        if event.kind == "t" {
            count_answers(&expected, counts, &case);
        }
    }
}

/// Each of the first conditions is yes, no or unknown, and its three rules must say the same.
fn count_answers(expected: &[RuleId], counts: &mut Counts, case: &dyn Fn() -> String) {
    for at in 0..CONDITIONS {
        let holds = |rule: usize| expected.contains(&RuleId(u32::try_from(3 * at + rule).expect("small")));
        match (holds(0), holds(1), holds(2)) {
            (true, false, false) => counts.yes += 1,
            (false, true, true) => counts.no += 1,
            (false, false, true) => counts.unknown += 1,
            other => panic!("{other:?} for condition {at}: {}", case()),
        }
    }
}

/// Whoever has an answer.
struct Asked<'p> {
    plan: &'p Plan,
    indexed: &'p Indexed,
    jit: &'p Jit,
}

impl Asked<'_> {
    /// The rules that hold, by everybody's answer.
    fn about(&self, event: &Event<'_>, counts: &mut Counts, case: &dyn Fn() -> String) -> Vec<RuleId> {
        let plan = self.plan;
        let (mut expected, mut found) = (Matches::default(), Matches::default());
        let all = Slots::new(plan, event.payload).expect("generated payloads are JSON");
        let facts = Facts { plan, event, slots: &all, lists: &*LISTS };
        Interpreter.matches(&facts, &mut expected);
        counts.tried += self.indexed.tried(&facts);
        let mut of_type = Vec::new();
        plan.index.rules(event, &mut of_type);
        counts.of_type += of_type.len();
        let expected_names = names(plan, &expected.rules);
        // Of keys that occur twice the fast walk may take the first.
        let twice = all.duplicates(&plan.paths).next().is_some();
        let levels = [Some(Level::Strict), Some(Level::Full), (!twice).then_some(Level::Fast)];
        for level in levels.into_iter().flatten() {
            let memory = Scratch::default();
            let slots = Slots::of_conditions(memory, plan, event.payload, level).expect("still JSON");
            let facts = Facts { plan, event, slots: &slots, lists: &*LISTS };
            let matchers: [(&str, &dyn Matcher); 2] = [("index", self.indexed), ("code", self.jit)];
            for (name, matcher) in matchers {
                matcher.matches(&facts, &mut found);
                assert_eq!(expected_names, names(plan, &found.rules), "{name}, {level:?}, {}", case());
            }
        }
        self.traced(&facts, &expected.rules, case);
        expected.rules
    }

    /// The trace asks every rule, not only those that the index finds. Of a group it names the first.
    fn traced(&self, facts: &Facts<'_, '_>, expected: &[RuleId], case: &dyn Fn() -> String) {
        let matched = |outcome: &Outcome| matches!(outcome, Outcome::Matched { .. });
        let traced = trace(facts).rules.into_iter().filter(|rule| matched(&rule.outcome));
        // The `otherwise` of a group is told by the group's name.
        let traced = traced.map(|rule| rule.rule.to_string()).filter(|name| !name.starts_with("g_"));
        let traced: Vec<String> = traced.collect();
        assert_eq!(names(self.plan, expected), traced, "{}", case());
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
    println!(
        "{counts:?}\n{:.1} % of events match a further rule, {:.1} % of their rules are tried",
        100.0 * counts.matched as f64 / counts.events.max(1) as f64,
        100.0 * counts.tried as f64 / counts.of_type.max(1) as f64,
    );
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
    assert!(counts.matched * 4 > counts.events, "{counts:?}");
    assert!(counts.tried < counts.of_type, "{counts:?}");
}
