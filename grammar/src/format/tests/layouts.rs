//! Layouts that people leave behind: odd spaces, comments everywhere, and what comes of them.

use serde_json::Value;

use super::{Chance, SAMPLES, cases, format, holds, source, tree};

fn becomes(before: &str, after: &str) {
    let before = before.trim_start_matches('\n');
    let after = after.trim_start_matches('\n');
    assert_eq!(format(&source(before)).unwrap(), after, "of\n{before}");
    holds(before);
}

#[test]
fn spaces_lines_and_commas_are_settled() {
    becomes(
        "connection  a :x\nconnection long: y\n\n\n\nconnection b:z\nrule r{on t,u as p when p.a is 1
deliver a.b{x:1,y:2}with{timeout:5s}
   deliver a.c {
    long_name: 1
      z : 2, }
}",
        "connection a:    x
connection long: y

connection b: z

rule r {
  on t, u as p
  when p.a is 1
  deliver a.b { x: 1, y: 2 } with { timeout: 5s }
  deliver a.c {
    long_name: 1
    z:         2
  }
}
",
    );
}

#[test]
fn comments_stay_beside_what_they_speak_of() {
    becomes(
        "
# about a
const a = 1 # one

# apart
const b = [
  1, # first
  # second
  2
  # none
]
rule r { # why
  on t # when
  when p.a is 1 # a
    and p.b is 2
    # before c
    and p.c is 3
  # what
  deliver x.y {
    # the key
    a: 1 # its value
  } # sent
  # last
} # done
# end
",
        "
# about a
const a = 1 # one

# apart
const b = [
  1, # first
  # second
  2,
  # none
]

rule r {
  # why
  on t # when
  when p.a is 1 # a
    and p.b is 2
    # before c
    and p.c is 3
  # what
  deliver x.y {
    # the key
    a: 1 # its value
  } # sent
  # last
} # done
# end
",
    );
}

#[test]
fn what_does_not_fit_takes_lines() {
    let long = "const codes = [\"AT\", \"BE\", \"BG\", \"CY\", \"CZ\", \"DE\", \"DK\", \"EE\", \"ES\", \"FI\", \"FR\", \"GR\", \"HR\", \"HU\", \"IE\", \"IT\", \"LT\", \"LU\", \"LV\"]\n";
    becomes(
        long,
        "
const codes = [
  \"AT\", \"BE\", \"BG\", \"CY\", \"CZ\", \"DE\", \"DK\", \"EE\", \"ES\", \"FI\", \"FR\", \"GR\", \"HR\", \"HU\", \"IE\", \"IT\", \"LT\", \"LU\",
  \"LV\",
]
",
    );
    becomes(
        "rule r { on t as p when p.first_condition is \"something long\" and p.second_condition is \"something that is even longer\" and p.third is 3 ignore }",
        "
rule r {
  on t as p
  when p.first_condition is \"something long\"
    and p.second_condition is \"something that is even longer\"
    and p.third is 3
  ignore
}
",
    );
}

#[test]
fn block_text_keeps_its_lines() {
    for text in [
        "const a = \"\"\"\n  one\n    two\n  \"\"\"\n",
        "const a = \"\"\"one\"\"\"\n",
        "const a = \"\"\"\n  one\n\n  two\"\"\"\n",
        "const a = \"\"\"  one\n  two  \"\"\"\n",
        "const a = \"\"\"\n\\u{20}\\u{20}x\"\"\"\n",
        "const a = \"\"\"\n\\ty\n\\tz\"\"\"\n",
        "const a = \"\"\"\\n\\n\"\"\"\n",
        "const a = \"\"\"\na \\\"\"\" b \"c\" {1 | to_text} \\{x}\n\"\"\"\n",
        "const a = \"\"\"\n  a {\"\"\"\n    b {x}\n      \"c\"\n    \"\"\" | trim} d\n  \"\"\"\n",
        "const a = \"\"\"{x else \"\"\"  y\\n\"\"\"}\"\"\"\n",
        "rule r { on t as p deliver a.b { x: \"\"\"\n {p.a}\n   {p.b else \"none\"} and\n \"\"\" } }\n",
    ] {
        holds(text);
    }
}

/// The items of the samples, each a small text.
fn items() -> Vec<String> {
    let items = SAMPLES.iter().flat_map(|sample| {
        let source = source(sample);
        let items = crate::parse(&source).file.items;
        items.iter().map(|item| source.slice(item.span).to_owned()).collect::<Vec<_>>()
    });
    items.collect()
}

/// Another layout of the same tree: white space exchanged, comments put in.
fn disturbed(text: &str, before: &Value, chance: &mut Chance) -> String {
    let mut text = text.to_owned();
    for number in 0..1 + chance.below(5) {
        let spaces: Vec<usize> = text.match_indices([' ', '\n']).map(|(at, _)| at).collect();
        if spaces.is_empty() {
            continue;
        }
        let at = chance.one(&spaces);
        let comment = format!(" # c{number}\n");
        let line = format!("\n  # own {number}\n\n");
        let piece = chance.one(&["\n", " ", "\n\n\n", "   ", comment.as_str(), line.as_str(), "\r\n"]);
        let mut other = text.clone();
        other.replace_range(at..=at, piece);
        if tree(&other).is_some_and(|(_, after)| after == *before) {
            text = other;
        }
    }
    text
}

#[test]
fn disturbed_layouts_are_settled_for_good() {
    let mut chance = Chance(26);
    let items = items();
    for case in 0..cases(if cfg!(debug_assertions) { 80 } else { 5_000 }) {
        let item = &items[case % items.len()];
        let (_, before) = tree(item).unwrap();
        holds(&disturbed(item, &before, &mut chance));
    }
}
