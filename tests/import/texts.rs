//! Texts that break things: as names, values, patterns, connection names and comments.

use std::collections::BTreeSet;
use std::fs;

use compiler::catalogue::Catalogue;
use compiler::import::eventbridge::{Options, import};
use compiler::import::{fql, meshes};
use serde_json::{Map, Value, json};

use super::{here, holds, plan_of};

fn texts() -> Vec<String> {
    let text = fs::read_to_string(here().join("data/naughty-strings.json")).unwrap();
    let all: BTreeSet<String> = serde_json::from_str(&text).unwrap();
    assert!(all.len() > 500);
    all.into_iter().collect()
}

#[test]
fn patterns_keep_every_text() {
    for some in texts().chunks(24) {
        let (mut pattern, mut event, mut other) = (Map::new(), Map::new(), Map::new());
        for text in some {
            let wildcard = text.replace('\\', "\\\\").replace('*', "\\*");
            let choices =
                json!([text, { "prefix": text }, { "wildcard": wildcard }, { "equals-ignore-case": text }]);
            pattern.insert(text.clone(), choices);
            event.insert(text.clone(), json!(text));
            other.insert(text.clone(), json!("\u{1}"));
        }
        // An empty prefix fits every text, so that pattern does not tell the events apart.
        let tells = !some.contains(&String::new());
        let imported = import(&json!({ "detail": pattern }).to_string(), &Options::default()).unwrap();
        assert!(imported.notes.is_empty(), "{:?}", imported.notes);
        let plan = plan_of("texts", &imported.text);
        assert!(holds(&plan, &json!({ "detail": event })), "{}", imported.text);
        assert!(!tells || !holds(&plan, &json!({ "detail": other })), "{}", imported.text);
    }
}

#[test]
fn statements_keep_every_text() {
    // Whether a backslash before a quotation mark means itself is nowhere said.
    let texts: Vec<String> = texts().into_iter().filter(|text| !text.contains('\\')).collect();
    for some in texts.chunks(24) {
        let terms: Vec<String> =
            some.iter().map(|text| format!("x = '{}'", text.replace('\'', "\\'"))).collect();
        let imported = fql::import(&terms.join(" or ")).unwrap();
        let plan = plan_of("texts", &imported.text);
        for text in some {
            assert!(holds(&plan, &json!({ "x": text })), "{text:?}\n{}", imported.text);
        }
        assert!(!holds(&plan, &json!({ "x": "\u{1}" })));
    }
}

#[test]
fn names_and_templates_survive_every_text() {
    let texts: Vec<String> = texts().into_iter().filter(|text| !text.is_empty()).collect();
    for some in texts.chunks(40) {
        let connection =
            |(at, name): (usize, &String)| json!({ "id": at.to_string(), "type": "slack", "name": name });
        let rule = |(at, text): (usize, &String)| {
            let metadata = json!({ "action": "send_message", "id": text, "template": text });
            json!({ "id": text, "connection": at.to_string(), "event": "a.b", "resource": text, "metadata": metadata })
        };
        let document = json!({
            "connections": some.iter().enumerate().map(connection).collect::<Vec<Value>>(),
            "rules": some.iter().enumerate().map(rule).collect::<Vec<Value>>(),
        });
        let imported = meshes::import(&document.to_string(), &Catalogue::shipped()).unwrap();
        let refused: Vec<_> = imported.notes.iter().filter(|note| note.text.contains("comment")).collect();
        assert!(refused.is_empty(), "{refused:?}");
        plan_of("texts", &imported.text);
        assert_eq!(imported.text.matches("\nrule ").count(), some.len());
    }
}
