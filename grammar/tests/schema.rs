//! The published JSON Schema of the tree's JSON form is that of the code.
#![cfg(feature = "schema")]

use std::path::Path;

#[test]
fn the_published_schema_is_fresh() {
    let schema = schemars::schema_for!(grammar::ast::File);
    let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).expect("the schema can be written");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "`UPDATE=1 cargo test -p fanwise-grammar --features schema` rewrites it");
}
