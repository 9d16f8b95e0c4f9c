//! Reads a JSON request field by field and collects every mistake with its place.

use serde_json::{Map, Value};

use super::problem::{FieldError, Kind, Problem};

/// Characters of a text that is one of a few words.
const WORD_CHARS_MAX: usize = 32;

/// An object of a request. Fields are taken out; what is left at the end is unknown.
pub struct Fields {
    pointer: String,
    map: Map<String, Value>,
    asked: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Reads a body that must be one JSON object.
    ///
    /// # Errors
    /// `invalid-json` with the byte offset, or `invalid-request` when it is no object.
    pub fn of_body(body: &[u8]) -> Result<Self, Problem> {
        match json(body)? {
            Value::Object(map) => Ok(Self::of_object(String::new(), map)),
            other => {
                let detail = format!("the body must be an object, not {}", kind_of(&other));
                Err(Problem::new(Kind::InvalidRequest, detail))
            }
        }
    }

    /// Reads an object that stands at a place of the body.
    #[must_use]
    pub fn of_object(pointer: String, map: Map<String, Value>) -> Self {
        Self { pointer, map, asked: Vec::new(), errors: Vec::new() }
    }

    /// Takes a field, whatever it is. An explicit null counts as not given.
    pub fn value(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        self.map.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Whether a field is there, an explicit null included.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Takes a text that may be left out.
    pub fn text(&mut self, name: &'static str, chars_max: usize) -> Option<String> {
        match self.value(name)? {
            Value::String(text) if text.is_empty() => self.wrong(name, "must not be empty".to_owned()),
            Value::String(text) if text.chars().count() > chars_max => {
                self.wrong(name, format!("at most {chars_max} characters"))
            }
            Value::String(text) => Some(text),
            other => self.wrong(name, format!("must be a text, not {}", kind_of(&other))),
        }
    }

    /// Takes one of a few words that may be left out; another one is a mistake that lists them.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name, WORD_CHARS_MAX)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        found.or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(name, format!("must be one of: {}", known.join(", ")))
        })
    }

    /// Takes a text that must be given. The empty text comes with a mistake noted.
    pub fn needed_text(&mut self, name: &'static str, chars_max: usize) -> String {
        if self.map.get(name).is_none_or(Value::is_null) {
            self.asked.push(name);
            self.map.shift_remove(name);
            self.wrong::<()>(name, "is needed".to_owned());
            return String::new();
        }
        self.text(name, chars_max).unwrap_or_default()
    }

    /// Takes a yes or no that may be left out.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(flag),
            other => self.wrong(name, format!("must be true or false, not {}", kind_of(&other))),
        }
    }

    /// Takes a list that must be given.
    pub fn needed_list(&mut self, name: &'static str) -> Vec<Value> {
        match self.value(name) {
            Some(Value::Array(list)) => list,
            Some(other) => {
                self.wrong::<()>(name, format!("must be a list, not {}", kind_of(&other)));
                Vec::new()
            }
            None => {
                self.wrong::<()>(name, "is needed".to_owned());
                Vec::new()
            }
        }
    }

    /// Notes a mistake at a field.
    pub fn wrong<T>(&mut self, name: &str, detail: String) -> Option<T> {
        self.wrong_with_help(name, detail, None)
    }

    /// Notes a mistake at a field, and what to do.
    pub fn wrong_with_help<T>(&mut self, name: &str, detail: String, help: Option<String>) -> Option<T> {
        let at = format!("{}/{}", self.pointer, pointer_part(name));
        self.errors.push(FieldError { at, detail, help });
        None
    }

    /// Takes over the mistakes of an inner object.
    pub fn adopt(&mut self, inner: Self) {
        self.errors.extend(inner.mistakes());
    }

    /// Every mistake, unknown fields included.
    fn mistakes(self) -> Vec<FieldError> {
        let Self { pointer, map, asked, mut errors } = self;
        for name in map.keys() {
            let help = match closest(name, asked.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", asked.join(", ")),
            };
            let at = format!("{pointer}/{}", pointer_part(name));
            let name: String = name.chars().take(60).collect();
            errors.push(FieldError { at, detail: format!("there is no field `{name}`"), help: Some(help) });
        }
        errors
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `invalid-request` with every mistake found.
    pub fn finish(self) -> Result<(), Problem> {
        let errors = self.mistakes();
        if errors.is_empty() { Ok(()) } else { Err(refused(errors)) }
    }
}

/// The problem that lists those mistakes.
#[must_use]
pub fn refused(errors: Vec<FieldError>) -> Problem {
    let detail = match errors.as_slice() {
        [one] => format!("`{}`: {}", one.at, one.detail),
        many => format!("{} mistakes", many.len()),
    };
    Problem::new(Kind::InvalidRequest, detail).with_errors(errors)
}

/// Reads a JSON body.
///
/// # Errors
/// `invalid-json` with `offset`, the byte at which reading failed.
pub fn json(body: &[u8]) -> Result<Value, Problem> {
    if let Err(error) = std::str::from_utf8(body) {
        return Err(invalid_json("the bytes are not UTF-8", error.valid_up_to()));
    }
    serde_json::from_slice(body).map_err(|error| invalid_json_of(body, &error))
}

/// The problem of a body that serde_json could not read.
#[must_use]
pub fn invalid_json_of(body: &[u8], error: &serde_json::Error) -> Problem {
    let full = error.to_string();
    let words = full.split(" at line ").next().unwrap_or("invalid").to_owned();
    invalid_json(&words, offset(body, error.line(), error.column()))
}

/// The problem of a body that is no JSON.
#[must_use]
pub fn invalid_json(words: &str, offset: usize) -> Problem {
    Problem::new(Kind::InvalidJson, format!("{words} (byte {offset})")).with("offset", offset.into())
}

/// The byte that a line and a column of serde_json stand for; both count from 1, columns in bytes.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let breaks = body.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let start = std::iter::once(0).chain(breaks).nth(line.saturating_sub(1)).unwrap_or(0);
    (start + column.saturating_sub(1)).min(body.len())
}

/// A name inside a JSON pointer (RFC 6901).
fn pointer_part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What a value is, in words.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The name that was probably meant: at most two slips away, and less than half the word.
pub fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let far = |candidate: &str| distance(name, candidate);
    let best = known.map(|candidate| (far(candidate), candidate)).min()?;
    (best.0 <= 2 && best.0 * 2 < best.1.chars().count().max(2)).then_some(best.1)
}

/// Slips between two words: a letter more, less, another or two swapped (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().collect();
    let cell = |rows: &[Vec<usize>], row: usize, column: usize| -> usize {
        rows.get(row).and_then(|cells| cells.get(column)).copied().unwrap_or(usize::MAX / 2)
    };
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = cell(&rows, i, j) + usize::from(a != b);
            let added = row.last().copied().unwrap_or(0) + 1;
            let removed = cell(&rows, i, j + 1) + 1;
            let mut best = replaced.min(added).min(removed);
            let swapped = i > 0 && j > 0 && left.get(i - 1) == Some(b) && right.get(j - 1) == Some(a);
            if swapped {
                best = best.min(cell(&rows, i - 1, j - 1) + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    cell(&rows, left.len(), right.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_at_once() {
        let mut fields = Fields::of_body(br#"{"nmae":"x","url":5,"flag":"yes"}"#).unwrap();
        fields.needed_text("name", 10);
        fields.text("url", 10);
        fields.flag("flag");
        let document = fields.finish().unwrap_err().to_json();
        let told: Vec<_> =
            document["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        assert_eq!(told, ["/name", "/url", "/flag", "/nmae"]);
        assert_eq!(document["errors"][3]["help"], "did you mean `name`?");
    }

    #[test]
    fn a_body_that_is_no_json_says_at_which_byte() {
        for (body, offset) in [(&b"{\"a\":\n tru}"[..], 10), (b"", 0), (b"{\"a\":\"\xff\"}", 6), (b"[1,]", 3)]
        {
            let document = json(body).unwrap_err().to_json();
            assert_eq!(document["offset"], offset, "{document} for {}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn slips_are_counted() {
        for (left, right, slips) in
            [("url", "url", 0), ("ulr", "url", 1), ("name", "nmae", 1), ("abc", "xyz", 3), ("", "ab", 2)]
        {
            assert_eq!(distance(left, right), slips, "{left} {right}");
        }
        assert_eq!(closest("integartion", ["name", "integration"].into_iter()), Some("integration"));
        assert_eq!(closest("zz", ["name", "url"].into_iter()), None);
    }
}
