//! Rules of four shapes, as values that every engine's text is written from.

use std::fmt::Write as _;

use crate::Numbers;
use crate::city::{FREQUENT, PARCELS, PER_BLOCK, STREET_TYPES, parcel_number, street};

/// What a rule of a set asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One equality, distinct values.
    Equality,
    /// An equality, a range and a prefix.
    Conjunction,
    /// Half suffixes, half globs.
    Ends,
    /// A disjunction, a conjunction and two negations.
    Disjunction,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Equality, Self::Conjunction, Self::Ends, Self::Disjunction];

    /// How tables call it.
    #[must_use]
    pub fn letter(self) -> char {
        ['a', 'b', 'c', 'd'][self as usize]
    }
}

/// What the events are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Parcels of a city, made.
    Parcels,
    /// GitHub's webhooks, real.
    Hooks,
}

/// Where a source's events hold what rules ask for.
#[derive(Clone, Copy, Debug)]
pub struct Paths {
    /// Text with many values.
    pub key: &'static [&'static str],
    /// Text that prefixes and suffixes are asked of.
    pub tail: &'static [&'static str],
    /// Text with some values.
    pub street: &'static [&'static str],
    /// Text with some values.
    pub lot: &'static [&'static str],
    /// Text with two or three values.
    pub side: &'static [&'static str],
    /// Text with few values.
    pub kind: &'static [&'static str],
    /// A number.
    pub x: &'static [&'static str],
    /// A range's ends are integers in units of one divided by this.
    pub x_scale: i64,
}

impl Source {
    /// Where its events hold what rules ask for.
    #[must_use]
    pub fn paths(self) -> Paths {
        match self {
            Self::Parcels => Paths {
                key: &["properties", "MAPBLKLOT"],
                tail: &["properties", "BLKLOT"],
                street: &["properties", "STREET"],
                lot: &["properties", "LOT_NUM"],
                side: &["properties", "ODD_EVEN"],
                kind: &["properties", "ST_TYPE"],
                x: &["geometry", "firstCoordinates", "x"],
                x_scale: 1_000_000,
            },
            Self::Hooks => Paths {
                key: &["repository", "full_name"],
                tail: &["sender", "login"],
                street: &["action"],
                lot: &["repository", "name"],
                side: &["sender", "type"],
                kind: &["repository", "default_branch"],
                x: &["repository", "id"],
                x_scale: 1,
            },
        }
    }
}

/// One rule. Prefixes have two characters.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are named after the paths they ask")]
pub enum Rule {
    /// `key` is a value.
    Equality { key: String },
    /// `street` is a value, `x` is at least `low` and below `high`, and `tail` starts with the prefix.
    Conjunction { street: String, low: i64, high: i64, prefix: String },
    /// `tail` ends with a text.
    Suffix { suffix: String },
    /// `key` is a prefix, anything, a middle, anything, a suffix.
    Glob { prefix: String, middle: String, suffix: String },
    /// `key` is a value, or `street` and `lot` are; and `side` and `kind` are others.
    Disjunction { key: String, street: String, lot: String, side: String, kind: String },
}

/// A set of rules, the same ones every time: those of a smaller count begin those of a larger one.
#[must_use]
pub fn rules(source: Source, shape: Shape, count: usize) -> Vec<Rule> {
    let mut numbers = Numbers::new(11);
    let make = match source {
        Source::Parcels => parcel_rule,
        Source::Hooks => hook_rule,
    };
    (0..count).map(|at| make(shape, at, &mut numbers)).collect()
}

/// The number of the rule's parcel where each rule must have its own: those of the city first, in
/// a scattered order, then lots that nobody has.
fn distinct_parcel(at: usize) -> String {
    let at = at as u64;
    if at == 0 {
        return String::from(FREQUENT);
    }
    if at < PARCELS {
        // 7,919 is prime and divides no parcel count, so this is a permutation.
        return parcel_number(at * 7_919 % PARCELS);
    }
    let (blocks, rest) = (PARCELS / PER_BLOCK, at - PARCELS);
    format!("{:04}{:03}", rest % blocks * 2 + 1, PER_BLOCK + 1 + rest / blocks)
}

fn parcel_rule(shape: Shape, at: usize, numbers: &mut Numbers) -> Rule {
    let number = parcel_number(numbers.below(PARCELS));
    match shape {
        Shape::Equality => Rule::Equality { key: distinct_parcel(at) },
        Shape::Conjunction => {
            let low = -122_510_000 + 100 * numbers.below(1_200) as i64;
            let high = low + 15_000 + 100 * numbers.below(300) as i64;
            Rule::Conjunction { street: street(numbers), low, high, prefix: String::from(&number[..2]) }
        }
        Shape::Ends if at.is_multiple_of(2) => Rule::Suffix { suffix: String::from(&number[1..]) },
        Shape::Ends => Rule::Glob {
            prefix: String::from(&number[..3]),
            middle: String::from(&number[4..5]),
            suffix: String::from(&number[5..]),
        },
        Shape::Disjunction => Rule::Disjunction {
            key: number,
            street: street(numbers),
            lot: format!("{:03}", 1 + numbers.below(PER_BLOCK)),
            side: String::from(["O", "E"][numbers.below(2) as usize]),
            kind: String::from(STREET_TYPES[numbers.below(8) as usize].0),
        },
    }
}

const ACTIONS: [&str; 12] = [
    "created",
    "deleted",
    "edited",
    "completed",
    "opened",
    "closed",
    "labeled",
    "assigned",
    "published",
    "added",
    "removed",
    "renamed",
];

fn hook_rule(shape: Shape, at: usize, numbers: &mut Numbers) -> Rule {
    let action = format!(
        "{}{}",
        ACTIONS[numbers.below(12) as usize],
        ["", "_again", "_by_app"][numbers.below(3) as usize]
    );
    let name = format!("org-{at}/repository-{}", numbers.below(1_000_000));
    let real = numbers.below(1_000) < 2;
    match shape {
        Shape::Equality if at == 0 => Rule::Equality { key: String::from("octo-org/octo-repo") },
        Shape::Equality => Rule::Equality { key: name },
        Shape::Conjunction => {
            let low = 100_000_000 + 1_000 * numbers.below(200_000) as i64;
            let pair = |numbers: &mut Numbers| (b'a' + numbers.below(26) as u8) as char;
            let prefix = if numbers.below(20) == 0 {
                String::from("Co")
            } else {
                format!("{}{}", pair(numbers), pair(numbers))
            };
            Rule::Conjunction { street: action, low, high: low + 20_000_000, prefix }
        }
        Shape::Ends if at.is_multiple_of(2) => {
            Rule::Suffix { suffix: if real { String::from("rtocat") } else { format!("-{}", &name[4..]) } }
        }
        Shape::Ends if real => {
            Rule::Glob { prefix: String::from("Cod"), middle: String::from("/"), suffix: String::from("ld") }
        }
        Shape::Ends => {
            let digits = format!("{:07}", numbers.below(10_000_000));
            Rule::Glob {
                prefix: format!("org-{}", &digits[..3]),
                middle: String::from("/"),
                suffix: String::from(&digits[3..]),
            }
        }
        Shape::Disjunction => Rule::Disjunction {
            key: name,
            street: action,
            lot: if numbers.below(50) == 0 {
                String::from("Hello-World")
            } else {
                format!("repository-{}", numbers.below(1_000))
            },
            side: String::from(["Bot", "Organization"][numbers.below(2) as usize]),
            kind: String::from(["main", "trunk", "develop"][numbers.below(3) as usize]),
        },
    }
}

/// A number of `1 / scale` units as people write it.
#[must_use]
pub fn decimal(units: i64, scale: i64) -> String {
    if scale == 1 {
        return units.to_string();
    }
    let (sign, size, scale) = (if units < 0 { "-" } else { "" }, units.unsigned_abs(), scale.unsigned_abs());
    let digits = scale.ilog10() as usize;
    format!("{sign}{}.{:0digits$}", size / scale, size % scale)
}

/// The rules in our language.
#[must_use]
pub fn text(source: Source, rules: &[Rule]) -> String {
    let mut text = String::from("edition 2026\nconnection out: webhook\n");
    for (at, rule) in rules.iter().enumerate() {
        let condition = condition(source.paths(), rule);
        let _ = writeln!(text, "rule r{at} {{ on parcel as p when {condition} deliver out.send_webhook }}");
    }
    text
}

fn condition(paths: Paths, rule: &Rule) -> String {
    let at = |path: &[&str]| format!("p.{}", path.join("."));
    match rule {
        Rule::Equality { key } => format!("{} is \"{key}\"", at(paths.key)),
        Rule::Conjunction { street, low, high, prefix } => format!(
            "{} is \"{street}\" and {x} >= {} and {x} < {} and {} starts with \"{prefix}\"",
            at(paths.street),
            decimal(*low, paths.x_scale),
            decimal(*high, paths.x_scale),
            at(paths.tail),
            x = at(paths.x),
        ),
        Rule::Suffix { suffix } => format!("{} ends with \"{suffix}\"", at(paths.tail)),
        Rule::Glob { prefix, middle, suffix } => {
            format!("{} matches \"{prefix}*{middle}*{suffix}\"", at(paths.key))
        }
        Rule::Disjunction { key, street, lot, side, kind } => format!(
            "({} is \"{key}\" or ({} is \"{street}\" and {} is \"{lot}\")) and {} is not \"{side}\" and {} is not \"{kind}\"",
            at(paths.key),
            at(paths.street),
            at(paths.lot),
            at(paths.side),
            at(paths.kind),
        ),
    }
}
