//! The crate `quamina`: it takes the bytes; a disjunction is two patterns under one number.

use ::quamina::{MatcherBuildMode, QuaminaBuilder};
use inputs::shapes::{Rule, Shape, Source, decimal};
use serde_json::{Map, Value, json};

use super::{Built, Candidate, Engine, Task, Watch};

/// The crate refuses rules from about 10,000 on with its own limit of 10 MB.
const ARENA_BYTES_MAX: usize = 8 << 30;

pub struct Quamina {
    /// Wildcards become deterministic automata.
    pub fast: bool,
}

struct Running(::quamina::Quamina<u32>);

impl Candidate for Quamina {
    fn name(&self) -> &'static str {
        if self.fast { "quamina, built for speed" } else { "quamina" }
    }

    fn why_not(&self, shape: Shape) -> Option<&'static str> {
        (self.fast && shape != Shape::Ends).then_some("differs from the other mode in wildcards only")
    }

    fn build(&mut self, task: &Task<'_>) -> Result<Built, String> {
        let watch = Watch::start(task.limits);
        let builder = QuaminaBuilder::<u32>::new().with_arena_byte_budget(ARENA_BYTES_MAX);
        let mut quamina = builder.build().map_err(|error| error.to_string())?;
        if self.fast {
            quamina.set_matcher_build_mode(MatcherBuildMode::BuiltForSpeed);
        }
        for (rule, at) in task.rules.iter().zip(0u32..) {
            watch.check(at as usize)?;
            for pattern in patterns(task.source, rule) {
                quamina.add_pattern(at, &pattern).map_err(|error| error.to_string())?;
            }
        }
        Ok(Built::new(Running(quamina), &watch))
    }
}

impl Engine for Running {
    fn matches(&mut self, event: &[u8], found: &mut Vec<u32>) -> Result<(), String> {
        let matches = self.0.matches_for_event(event).map_err(|error| error.to_string())?;
        found.extend_from_slice(&matches);
        Ok(())
    }
}

fn patterns(source: Source, rule: &Rule) -> Vec<String> {
    let paths = source.paths();
    let number = |units: i64| -> Value {
        serde_json::from_str(&decimal(units, paths.x_scale)).expect("a number of ours")
    };
    match rule {
        Rule::Equality { key } => vec![pattern(&[(paths.key, json!(key))])],
        Rule::Conjunction { street, low, high, prefix } => {
            let range = json!({"numeric": [">=", number(*low), "<", number(*high)]});
            vec![pattern(&[
                (paths.street, json!(street)),
                (paths.x, range),
                (paths.tail, json!({"prefix": prefix})),
            ])]
        }
        Rule::Suffix { suffix } => vec![pattern(&[(paths.tail, json!({"suffix": suffix}))])],
        Rule::Glob { prefix, middle, suffix } => {
            vec![pattern(&[(paths.key, json!({"wildcard": format!("{prefix}*{middle}*{suffix}")}))])]
        }
        Rule::Disjunction { key, street, lot, side, kind } => {
            let side = (paths.side, json!({"anything-but": [side]}));
            let kind = (paths.kind, json!({"anything-but": [kind]}));
            vec![
                pattern(&[(paths.key, json!(key)), side.clone(), kind.clone()]),
                pattern(&[(paths.street, json!(street)), (paths.lot, json!(lot)), side, kind]),
            ]
        }
    }
}

/// One pattern, in which paths that begin alike share an object.
fn pattern(conditions: &[(&[&str], Value)]) -> String {
    let mut root = Map::new();
    for (path, condition) in conditions {
        let (last, parents) = path.split_last().expect("a path has a name");
        let mut object = &mut root;
        for name in parents {
            let inner = object.entry(*name).or_insert_with(|| Value::Object(Map::new()));
            object = inner.as_object_mut().expect("no path ends within another");
        }
        object.insert((*last).to_owned(), json!([condition]));
    }
    Value::Object(root).to_string()
}
