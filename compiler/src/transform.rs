//! Transforms: what `|` applies. One file each holds code, docs and examples that run as tests.

mod abs;
mod after;
mod after_last;
mod base64;
mod before;
mod before_last;
mod bucket;
mod canonical;
mod ceil;
mod count;
mod date;
mod days;
mod domain;
mod entries;
mod first;
mod floor;
mod format;
mod from_epoch;
mod hour;
mod hours;
mod input;
mod join;
mod keys;
mod last;
mod lower;
mod mask;
mod max;
mod min;
mod minutes;
mod money;
mod number_text;
mod only;
mod output;
mod parse_json;
mod pattern;
mod pluck;
mod replace;
mod reverse;
mod round;
mod rounding;
mod seconds;
mod sha256;
mod shorten;
mod slug;
mod sort;
mod split;
mod start_of_day;
mod sum;
mod take;
#[cfg(test)]
mod tests;
mod texts;
mod title;
mod to_bool;
mod to_date;
mod to_datetime;
mod to_decimal;
mod to_email;
mod to_int;
mod to_ip;
mod to_json;
mod to_text;
mod to_url;
mod trim;
mod typing;
mod unique;
mod unit;
mod upper;
mod url_encode;
mod values;
mod weekday;
mod without;

use crate::types::Type;
use crate::value::Value;

/// A transform.
pub struct Transform {
    /// The name after `|`.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Its section in the reference.
    pub section: Section,
    /// What it takes on the left of `|`.
    pub input: Accepts,
    /// Its parameters.
    pub params: &'static [Param],
    /// The type of its result, given the input's type without `?` and the types of the arguments; of a
    /// constant text, [`Type::OneOf`] with that text alone, which makes types of records precise.
    /// An optional input makes the result optional by itself; a transform that can fail on a value
    /// of a right type answers with an optional type.
    pub output: fn(&Type, &[Type]) -> Type,
    /// Why a constant argument at that place (from 0) can never be used, as a note for people; `None`
    /// when it can. The same value gives missing when it is computed.
    pub refuses: fn(usize, &Value<'_>) -> Option<String>,
    /// Applies it. The input is never missing; a value that does not fit gives missing.
    pub apply: for<'e> fn(Value<'e>, &[Value<'e>]) -> Value<'e>,
    /// Shown in the reference and run as tests.
    pub examples: &'static [Example],
}

/// A section of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Text.
    Text,
    /// Numbers.
    Numbers,
    /// Lists.
    Lists,
    /// Records and maps.
    Records,
    /// Instants, days and lengths of time.
    Time,
    /// From one kind to another.
    Conversions,
}

/// What kinds of values are taken. `any` is always taken and looked at while running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Everything.
    Anything,
    /// Text and its kin.
    Text,
    /// `int`, `decimal`.
    Number,
    /// `int`.
    Int,
    /// `bool`.
    Bool,
    /// Any list.
    List,
    /// Records and maps.
    Record,
    /// Lists, records and maps.
    Container,
    /// `text` or a list: `take`.
    TextOrList,
    /// `datetime`.
    Instant,
    /// `date`.
    Date,
    /// `datetime` or `date`.
    InstantOrDate,
    /// `duration`.
    Duration,
    /// `int`, `decimal` or `duration`.
    NumberOrDuration,
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name, for messages.
    pub name: &'static str,
    /// What it takes.
    pub accepts: Accepts,
    /// How often it may be given.
    pub count: Count,
}

/// How often an argument is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Once.
    One,
    /// Once or not at all; only after the required ones.
    Optional,
    /// Once or more; only the last parameter.
    Several,
}

/// An example: `"Ada" | lower` gives `"ada"`; both are written in the language itself.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The expression.
    pub call: &'static str,
    /// Its value as a literal, or `missing`.
    pub gives: &'static str,
}

/// Every transform, in the order of their names.
pub const TRANSFORMS: &[&Transform] = &[
    &abs::TRANSFORM,
    &after::TRANSFORM,
    &after_last::TRANSFORM,
    &base64::TRANSFORM,
    &before::TRANSFORM,
    &before_last::TRANSFORM,
    &bucket::TRANSFORM,
    &ceil::TRANSFORM,
    &count::TRANSFORM,
    &date::TRANSFORM,
    &days::TRANSFORM,
    &domain::TRANSFORM,
    &entries::TRANSFORM,
    &first::TRANSFORM,
    &floor::TRANSFORM,
    &format::TRANSFORM,
    &from_epoch::TRANSFORM,
    &hour::TRANSFORM,
    &hours::TRANSFORM,
    &join::TRANSFORM,
    &keys::TRANSFORM,
    &last::TRANSFORM,
    &lower::TRANSFORM,
    &mask::TRANSFORM,
    &max::TRANSFORM,
    &min::TRANSFORM,
    &minutes::TRANSFORM,
    &money::TRANSFORM,
    &only::TRANSFORM,
    &parse_json::TRANSFORM,
    &pluck::TRANSFORM,
    &replace::TRANSFORM,
    &reverse::TRANSFORM,
    &round::TRANSFORM,
    &seconds::TRANSFORM,
    &sha256::TRANSFORM,
    &shorten::TRANSFORM,
    &slug::TRANSFORM,
    &sort::TRANSFORM,
    &split::TRANSFORM,
    &start_of_day::TRANSFORM,
    &sum::TRANSFORM,
    &take::TRANSFORM,
    &texts::TRANSFORM,
    &title::TRANSFORM,
    &to_bool::TRANSFORM,
    &to_date::TRANSFORM,
    &to_datetime::TRANSFORM,
    &to_decimal::TRANSFORM,
    &to_email::TRANSFORM,
    &to_int::TRANSFORM,
    &to_ip::TRANSFORM,
    &to_json::TRANSFORM,
    &to_text::TRANSFORM,
    &to_url::TRANSFORM,
    &trim::TRANSFORM,
    &unique::TRANSFORM,
    &upper::TRANSFORM,
    &url_encode::TRANSFORM,
    &values::TRANSFORM,
    &weekday::TRANSFORM,
    &without::TRANSFORM,
];

const fn one(name: &'static str, accepts: Accepts) -> Param {
    Param { name, accepts, count: Count::One }
}

const fn maybe(name: &'static str, accepts: Accepts) -> Param {
    Param { name, accepts, count: Count::Optional }
}

const fn several(name: &'static str, accepts: Accepts) -> Param {
    Param { name, accepts, count: Count::Several }
}

const fn eg(call: &'static str, gives: &'static str) -> Example {
    Example { call, gives }
}

/// Every argument of a right type can be used.
fn nothing(_: usize, _: &Value<'_>) -> Option<String> {
    None
}

impl Transform {
    /// The transform of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let at = TRANSFORMS.binary_search_by(|one| one.name.cmp(name)).ok()?;
        TRANSFORMS.get(at).copied()
    }
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
