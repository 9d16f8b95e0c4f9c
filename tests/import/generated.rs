//! Patterns and events made by chance: the imported rule answers as the pattern's plain meaning does.

use compiler::import::eventbridge::{Events, Options, import};
use harness::eventbridge::fits;
use serde_json::{Map, Value, json};

use super::{holds, plan_of};

/// How many patterns are tried; `FANWISE_CASES` tries more.
const PATTERNS: u64 = 60;

/// Events for each of them.
const EVENTS: u64 = 24;

/// Numbers by chance, the same on every run (splitmix64).
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

const KEYS: &[&str] = &["a", "list", "x-y"];

fn pattern(chance: &mut Chance, depth: u64) -> Value {
    let mut members = Map::new();
    for _ in 0..=chance.below(5) / 3 {
        let below = if depth > 0 && chance.below(5) < 2 { pattern(chance, depth - 1) } else { leaf(chance) };
        members.insert((*chance.one(KEYS)).to_owned(), below);
    }
    if chance.below(8) == 0 {
        // Another key than those beside it: in the real product an alternative replaces its sibling.
        let alternative = |chance: &mut Chance| {
            let leaf = leaf(chance);
            json!({ (*chance.one(&["c", "d"])): leaf })
        };
        let two = [alternative(chance), alternative(chance)];
        members.insert("$or".to_owned(), json!(two));
    }
    Value::Object(members)
}

fn leaf(chance: &mut Chance) -> Value {
    let choices = [
        json!("x"),
        json!("xy"),
        json!(""),
        json!(1),
        json!(2.50),
        json!(true),
        json!({ "exists": true }),
        json!({ "exists": false }),
        json!({ "prefix": "x" }),
        json!({ "prefix": { "equals-ignore-case": "X" } }),
        json!({ "suffix": "y" }),
        json!({ "wildcard": "*y*" }),
        json!({ "wildcard": "?\\*[" }),
        json!({ "equals-ignore-case": "XY" }),
        json!({ "numeric": [">", 1] }),
        json!({ "numeric": [">=", 1, "<", 2.5] }),
        json!({ "numeric": ["=", 1.0] }),
        json!({ "cidr": "10.0.0.0/8" }),
        json!({ "anything-but": "x" }),
        json!({ "anything-but": [1, 2.5] }),
        json!({ "anything-but": { "prefix": ["x", "1"] } }),
        json!({ "anything-but": { "equals-ignore-case": ["XY"] } }),
        json!({ "anything-but": { "wildcard": "*y" } }),
        Value::Null,
    ];
    let count = 1 + chance.below(3);
    (0..count).map(|_| chance.one(&choices).clone()).collect()
}

/// An object below `depth` more; `listed` when it stands in a list.
fn event(chance: &mut Chance, depth: u64, listed: bool) -> Value {
    let mut members = Map::new();
    for key in KEYS.iter().chain(&["c", "d"]) {
        let value = match chance.below(10) {
            0 => continue,
            1 | 2 if depth > 0 => event(chance, depth - 1, listed),
            3 | 4 if depth > 0 => (0..chance.below(4)).map(|_| event(chance, depth - 1, true)).collect(),
            5 | 6 => (0..chance.below(4)).map(|_| single(chance, listed)).collect(),
            _ => single(chance, listed),
        };
        members.insert((*key).to_owned(), value);
    }
    Value::Object(members)
}

fn single(chance: &mut Chance, listed: bool) -> Value {
    let values = ["x", "xy", "yx", "XY", "", "?*[", "10.1.2.3"];
    match chance.below(12) {
        0 => json!(1),
        1 => json!(2.5),
        2 => json!(true),
        // A null below a list of objects is the documented difference.
        3 if !listed => Value::Null,
        _ => json!(*chance.one(&values)),
    }
}

#[test]
fn generated_patterns_answer_as_their_meaning_says() {
    let options = Options { events: Events::AnyJson, ..Options::default() };
    let mut matched = 0;
    let patterns =
        std::env::var("FANWISE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(PATTERNS);
    for seed in 0..patterns {
        let mut chance = Chance(seed);
        let pattern = pattern(&mut chance, 2);
        let imported = import(&pattern.to_string(), &options).unwrap();
        assert!(imported.notes.is_empty(), "seed {seed}: {:?}", imported.notes);
        let plan = plan_of(&format!("seed {seed}"), &imported.text);
        for _ in 0..EVENTS {
            let event = event(&mut chance, 3, false);
            let expected = fits(&pattern, &event);
            let text = &imported.text;
            assert_eq!(holds(&plan, &event), expected, "seed {seed}\n{pattern}\n{event}\n{text}");
            matched += u64::from(expected);
        }
    }
    // Chance that never matches would prove nothing.
    let share = matched * 100 / (patterns * EVENTS);
    assert!((10..90).contains(&share), "{share} % matched");
}
