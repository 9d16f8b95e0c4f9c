//! The reader against a public test suite, against another parser, and against hostile input.

use std::path::Path;

use super::*;
use crate::value::{Value, write_json};

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(name)
}

fn files(name: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn the_test_suite_is_decided() {
    let mut decisions = String::new();
    let mut counts = [0, 0];
    for (name, bytes) in files("json-test-suite") {
        let answer = validate(&bytes);
        assert_eq!(parse(&bytes).map(drop), answer, "{name}");
        match name.as_bytes().first() {
            Some(b'y') => assert_eq!(answer, Ok(()), "{name}"),
            Some(b'n') => assert!(answer.is_err(), "{name}"),
            _ => {
                let words = answer.map_or_else(|error| format!("refused: {error}"), |()| "accepted".into());
                decisions.push_str(&format!("{name}: {words}\n"));
                continue;
            }
        }
        counts[usize::from(name.starts_with('n'))] += 1;
    }
    assert!(counts[0] >= 95 && counts[1] >= 186, "{counts:?}");
    let golden = folder("json-test-suite").join("decisions.txt");
    if std::env::vars().any(|(name, _)| name == "UPDATE") {
        std::fs::write(&golden, &decisions).unwrap();
    }
    assert_eq!(decisions, std::fs::read_to_string(golden).unwrap());
}

/// What is read from odd but well-formed documents: duplicate keys, big numbers, escapes.
#[test]
fn odd_documents_have_one_meaning() {
    let mut meanings = String::new();
    for (name, bytes) in files("json-test-suite-transform") {
        let meaning = parse(&bytes).map_or_else(
            |error| format!("refused: {error}"),
            |value| {
                let mut json = String::new();
                write_json(&value, &mut json);
                json
            },
        );
        meanings.push_str(&format!("{name}: {meaning}\n"));
    }
    let golden = folder("json-test-suite-transform").join("meanings.txt");
    if std::env::vars().any(|(name, _)| name == "UPDATE") {
        std::fs::write(&golden, &meanings).unwrap();
    }
    assert_eq!(meanings, std::fs::read_to_string(golden).unwrap());
}

#[test]
fn errors_say_what_and_where() {
    for (text, message) in [
        ("", "the text ends where a value should follow at byte 0"),
        ("{\"a\" 1}", "expected `:` at byte 5"),
        ("{\"a\":1,}", "expected a key in quotation marks at byte 7"),
        ("[1 2]", "expected `,` or `]` at byte 3"),
        ("[1", "the text ends where `,` or `]` should follow at byte 2"),
        ("01", "something follows the end of the value at byte 1"),
        ("1.", "the text ends where a digit should follow at byte 2"),
        ("\"a\nb\"", "a string holds a control character that is not escaped at byte 2"),
        ("\"\\x\"", "a string holds an unknown escape at byte 1"),
        ("\"ab\\ud800\"", "a string holds half of a surrogate pair at byte 3"),
        ("\"\\udc00\"", "a string holds half of a surrogate pair at byte 1"),
        ("\"\\ud800\\u0041\"", "a string holds half of a surrogate pair at byte 1"),
        ("\u{feff}1", "a byte-order mark is not allowed at byte 0"),
        ("nul", "expected a value at byte 0"),
        ("\"abc", "the text ends where the end of a string should follow at byte 4"),
    ] {
        assert_eq!(validate(text.as_bytes()).unwrap_err().to_string(), message, "{text}");
    }
    assert_eq!(validate(b"\"ab\xff\"").unwrap_err().to_string(), "the text is not UTF-8 at byte 3");
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(validate(nested(64).as_bytes()), Ok(()));
    let error = validate(nested(65).as_bytes()).unwrap_err();
    assert_eq!((error.offset, error.problem), (64, JsonProblem::TooDeep));
    for opening in ["[", "{\"a\":", "[{\"\":"] {
        assert!(parse(opening.repeat(100_000).as_bytes()).is_err());
    }
}

#[test]
fn the_envelope_is_read_without_touching_the_values() {
    let fields = object_fields(br#" { "a" : [1, 2 ] , "b\u0061":"x","a": {"deep":1.10} } "#).unwrap();
    let shown: Vec<_> = fields.iter().map(|(key, raw)| (&**key, std::str::from_utf8(raw).unwrap())).collect();
    assert_eq!(shown, [("a", "{\"deep\":1.10}"), ("ba", "\"x\"")]);
    assert_eq!(object_fields(b"[1]").unwrap_err().problem, JsonProblem::NotAnObject);
    let many: String = (0..100).map(|at| format!("\"k{}\":{at},", at % 50)).collect();
    let many = format!("{{{}}}", many.trim_end_matches(','));
    let fields = object_fields(many.as_bytes()).unwrap();
    assert_eq!(fields.len(), 50);
    assert_eq!(fields[7], ("k7".into(), &b"57"[..]));
}

/// Mutated documents: whatever serde_json refuses is refused here, and the other way round, but for
/// what is decided differently: depth, and numbers of any size.
#[test]
fn both_parsers_agree_on_mutations() {
    let seeds: Vec<Vec<u8>> = files("json-test-suite")
        .into_iter()
        .filter(|(name, bytes)| name.starts_with('y') && bytes.len() < 200)
        .map(|(_, bytes)| bytes)
        .chain([
            br#"{"a":[1,-2.5e+3,"x\u00e9\ud83d\ude00\n",null,true,{"b":{}}],"c":"longer than eight bytes"}"#
                .to_vec(),
        ])
        .collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    const PICKS: &[u8] = b"\"\\{}[]:,0123456789-+.eEu\x00\x1f \n\xc3\xa9tfn";
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..30_000 {
        let mut bytes = seeds[random(seeds.len())].clone();
        for _ in 0..=random(2) {
            let at = random(bytes.len() + 1);
            let pick = PICKS[random(PICKS.len())];
            match random(3) {
                0 if at < bytes.len() => bytes[at] = pick,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, pick),
            }
        }
        let ours = parse(&bytes);
        // Lone surrogates pass serde_json in raw values only, so it reads into a tree.
        let theirs = serde_json::from_slice::<serde_json::Value>(&bytes);
        assert_eq!(
            ours.is_ok(),
            theirs.is_ok(),
            "{:?}: {ours:?} {theirs:?}",
            String::from_utf8_lossy(&bytes)
        );
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                accepted += 1;
                let mut json = String::new();
                write_json(&ours, &mut json);
                let again = serde_json::from_str::<serde_json::Value>(&json).unwrap();
                assert!(same(&again, &theirs), "{json} {theirs}");
            }
            _ => refused += 1,
        }
    }
    assert!(accepted > 3_000 && refused > 3_000, "{accepted} accepted, {refused} refused");
}

/// Numbers are written in our own form, so they are compared by value.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (a, b) {
        (Number(a), Number(b)) => {
            let (a, b) = (a.to_string(), b.to_string());
            match (crate::value::parse_number(&a), crate::value::parse_number(&b)) {
                (Value::Unreadable(a), Value::Unreadable(b)) => a == b,
                (a, b) => a.equals(&b, false),
            }
        }
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
