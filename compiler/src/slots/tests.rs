//! The fast way and the slow way find the same.

use std::fmt::Write as _;

use super::*;
use crate::hir::{Path, Program};
use crate::value::write_json;

const PATHS: &[&str] = &["a", "a/b", "b/c", "b/d/e", "list", "b/é", "long name of a field", "x/y/z/w", "n"];

fn plan_of(paths: &[&str]) -> Plan {
    let path = |path: &&str| Path(path.split('/').map(Box::from).collect::<Vec<_>>().into());
    let paths: Vec<Path> = paths.iter().map(path).collect();
    let condition_paths = paths.len();
    crate::plan::plan(Program { paths, condition_paths, ..Program::default() })
}

/// What is found at every path, and what occurred twice.
fn shown(plan: &Plan, slots: &Slots<'_>) -> String {
    let mut shown = String::new();
    for at in 0..plan.program.paths.len() {
        match slots.value(&plan.paths, PathId(at as u32)) {
            Value::Missing => shown.push('-'),
            value => write_json(value, &mut shown),
        }
        shown.push('\n');
    }
    for names in slots.duplicates(&plan.paths) {
        let _ = writeln!(shown, "twice {names:?}");
    }
    shown
}

/// Whatever the slow way takes, the fast way takes and sees alike.
fn check(plan: &Plan, payload: &[u8]) {
    let text = String::from_utf8_lossy(payload);
    let full = Slots::of_conditions(Scratch::default(), plan, payload, Level::Full);
    let strict = Slots::of_conditions(Scratch::default(), plan, payload, Level::Strict);
    let fast = Slots::of_conditions(Scratch::default(), plan, payload, Level::Fast);
    match full {
        Ok(full) => {
            let expected = shown(plan, &full);
            let strict = strict.unwrap_or_else(|error| panic!("strict: {error} in {text}"));
            assert_eq!(shown(plan, &strict), expected, "strict, {text}");
            let fast = fast.unwrap_or_else(|error| panic!("fast: {error} in {text}"));
            if !expected.contains("twice") {
                assert_eq!(shown(plan, &fast), expected, "fast, {text}");
            }
            strict.complete(plan).unwrap_or_else(|error| panic!("complete: {error} in {text}"));
        }
        Err(error) => match strict {
            // What is refused is refused in the same words; what is let through is found before it is sent.
            Err(strict) => assert_eq!(strict, error, "{text}"),
            Ok(strict) => assert_eq!(strict.complete(plan), Err(error), "{text}"),
        },
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    fn space(&mut self, json: &mut String) {
        if self.below(8) == 0 {
            json.push_str(self.pick(&[" ", "\n", "\t ", "\r\n  ", "          "]));
        }
    }

    fn text(&mut self, json: &mut String) {
        json.push('"');
        for _ in 0..self.below(4) {
            json.push_str(self.pick(&[
                "a",
                "key",
                "\\\"",
                "\\\\",
                "\\\\\\\"",
                "é",
                "{",
                "[",
                "]}",
                ":,",
                "\\u00e9",
                "\\ud83d\\ude00",
                "a longer run of letters that goes on and on, past the end of a block of bytes",
                "日本",
            ]));
        }
        json.push('"');
    }

    fn value(&mut self, json: &mut String, depth: usize) {
        match self.below(if depth > 5 { 6 } else { 10 }) {
            0 | 1 => self.text(json),
            2 => json.push_str(self.pick(&["0", "-1", "12.50", "1e3", "-0.1E-2", "9223372036854775808"])),
            3 => json.push_str("true"),
            4 => json.push_str("false"),
            5 => json.push_str("null"),
            6 => {
                json.push('[');
                for at in 0..self.below(5) {
                    json.push_str(if at > 0 { "," } else { "" });
                    self.space(json);
                    self.value(json, depth + 1);
                    self.space(json);
                }
                json.push(']');
            }
            _ => self.record(json, depth + 1),
        }
    }

    fn record(&mut self, json: &mut String, depth: usize) {
        json.push('{');
        for at in 0..self.below(7) {
            json.push_str(if at > 0 { "," } else { "" });
            self.space(json);
            let key = self.pick(&[
                "\"a\"",
                "\"b\"",
                "\"c\"",
                "\"d\"",
                "\"e\"",
                "\"list\"",
                "\"\\u0061\"",
                "\"é\"",
                "\"\\u00e9\"",
                "\"long name of a field\"",
                "\"long name of a fielt\"",
                "\"x\"",
                "\"y\"",
                "\"z\"",
                "\"w\"",
                "\"n\"",
                "\"\"",
                "\"q\\\"\"",
            ]);
            json.push_str(key);
            self.space(json);
            json.push(':');
            self.space(json);
            self.value(json, depth + 1);
            self.space(json);
        }
        json.push('}');
    }
}

#[test]
fn the_fast_way_finds_what_the_slow_way_finds() {
    // In the last one a value is read that holds one which is not, which holds one that is.
    let plans =
        [plan_of(PATHS), plan_of(&["a"]), plan_of(&["b/d"]), plan_of(&[]), plan_of(&["b", "b/d/e", "n"])];
    let many: Vec<String> = (0..40).map(|at| format!("f{at}")).chain(["a".into(), "b/c".into()]).collect();
    let many = plan_of(&many.iter().map(|path| &**path).collect::<Vec<_>>());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..4_000 {
        let mut json = String::new();
        random.space(&mut json);
        random.record(&mut json, 0);
        random.space(&mut json);
        plans.iter().chain([&many]).for_each(|plan| check(plan, json.as_bytes()));
        // The same with something broken.
        let mut bytes = json.into_bytes();
        for _ in 0..1 + random.below(2) {
            let at = random.below(bytes.len().max(1));
            let byte = b"\"\\{}[]:,0aet\x01\n\xff\xc3 "[random.below(17)];
            match random.below(3) {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        plans.iter().for_each(|plan| check(plan, &bytes));
    }
}

#[test]
fn places_at_the_edges_of_blocks_are_found() {
    let plan = plan_of(&["a", "b/c"]);
    for before in 0..200 {
        for value in ["\"v\"", "1", "null", "[1,{\"a\":2}]", "\"\\\\\"", "\"\\\"\"", "{\"c\":\"}\"}"] {
            let fill = "x".repeat(before);
            check(&plan, format!("{{\"{fill}\":0,\"a\":{value},\"b\":{value}}}").as_bytes());
            check(&plan, format!("{{\"k\":\"{fill}\\\\\",\"a\":{value}}}").as_bytes());
            check(&plan, format!("{{\"k\":[{}],\"a\":{value}}}", "[],".repeat(before) + "0").as_bytes());
        }
    }
}

#[test]
fn nesting_is_bounded_alike() {
    let plan = plan_of(&["a", "b/c"]);
    for depth in [1, 2, 61, 62, 63, 64, 65, 100, 1_000] {
        for key in ["x", "a", "b"] {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            check(&plan, format!("{{\"{key}\":{open}{close}}}").as_bytes());
            check(&plan, format!("{{\"{key}\":{{\"c\":{open}{close}}}}}").as_bytes());
            let (open, close) = ("{\"b\":".repeat(depth), "}".repeat(depth));
            check(&plan, format!("{{\"{key}\":{open}0{close}}}").as_bytes());
        }
    }
}

/// What each level lets through of what nothing reads.
#[test]
fn levels_check_what_they_say() {
    let plan = plan_of(&["a"]);
    let (strict, full, fast) = (1, 2, 4);
    let far = format!("{{\"a\":1,\"b\":\"{}\x01\"}}", "x".repeat(300));
    for (payload, refused_by) in [
        (&br#"{"a":1,"b":2}"#[..], 0),
        (br#"{"a":1,"b":tru}"#, full),
        (br#"{"a":1,"b":01}"#, full),
        (br#"{"a":1,"b":"\x"}"#, full),
        (br#"{"a":1 "b":2}"#, strict | full | fast),
        (br#"{"a":1,"b":2"#, strict | full | fast),
        (br#"{"a":1,"b":[}"#, strict | full),
        (br#"{"a":1,"b":"c}"#, strict | full | fast),
        (br#"{"a":1}x"#, strict | full),
        (far.as_bytes(), strict | full),
        (b"{\"a\":1,\"b\":\"\xff\"}", strict | full),
        (br#"{"a":01}"#, strict | full | fast),
        (br#"{"a":tru}"#, strict | full | fast),
        (b"{\"a\":\"\xff\"}", strict | full | fast),
        (b"", strict | full | fast),
        (b"[1", strict | full | fast),
    ] {
        for (level, bit) in [(Level::Strict, strict), (Level::Full, full), (Level::Fast, fast)] {
            let slots = Slots::of_conditions(Scratch::default(), &plan, payload, level);
            let text = String::from_utf8_lossy(payload);
            assert_eq!(slots.is_err(), refused_by & bit != 0, "{level:?} {text}");
        }
    }
}

#[test]
fn memory_of_another_event_does_not_show() {
    let plan = plan_of(PATHS);
    let mut scratch = Scratch::default();
    for (payload, expected) in [(r#"{"a":{"b":1},"n":2}"#, "2"), (r#"{"a":3}"#, "-"), ("{}", "-")] {
        let slots = Slots::of_conditions(scratch, &plan, payload.as_bytes(), Level::Strict).unwrap();
        assert_eq!(shown(&plan, &slots).lines().last(), Some(expected), "{payload}");
        scratch = slots.recycle();
    }
}

/// Ending early, the fast level must not take what it found twice, or what nothing reads, for what is missing.
#[test]
fn the_fast_level_goes_on_until_all_was_found() {
    let cases: [(&[&str], &str); 3] = [
        (&["a", "a/b/c", "n"], r#"{"a":{"b":{"c":"DE"}},"n":"x"}"#),
        (&["a/b", "n"], r#"{"a":{"b":1},"a":{"b":2},"n":"x"}"#),
        (&["a", "a/b", "n"], r#"{"a":{"b":1},"a":{"b":2},"n":"x"}"#),
    ];
    for (paths, payload) in cases {
        let plan = plan_of(paths);
        let of = |level| {
            let slots = Slots::of_conditions(Scratch::default(), &plan, payload.as_bytes(), level).unwrap();
            shown(&plan, &slots)
        };
        assert_eq!(of(Level::Fast), of(Level::Full), "{payload}");
    }
}

/// Every key with an escape used to have the whole payload checked again.
#[test]
fn many_escaped_keys_take_no_longer_than_their_length() {
    let plan = plan_of(&["a"]);
    let payload = format!("{{{}\"a\":1}}", "\"\\n\":\"é\",".repeat(40_000));
    let began = std::time::Instant::now();
    let slots = Slots::of_conditions(Scratch::default(), &plan, payload.as_bytes(), Level::Strict).unwrap();
    assert_eq!(shown(&plan, &slots), "1\n");
    // Unoptimised it takes some tens of milliseconds, and took minutes.
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}
