//! The README's first command.

use std::process::Command;

#[test]
fn dev_once_delivers_everything_and_ends() {
    let ended = Command::new(env!("CARGO_BIN_EXE_fanwise")).args(["dev", "--once"]).output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{told}");
    assert!(told.contains("266 events"), "{told}");
    let summary = told.lines().find(|line| line.starts_with("266 events")).unwrap();
    let number = |word: &str| -> u64 {
        let before = summary.split(&format!(" {word}")).next().unwrap();
        before.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let owed = number("deliveries owed");
    assert!(owed > 50, "{summary}");
    assert_eq!(
        (number("arrived"), number("signatures verified"), number("duplicates")),
        (owed, owed, 0),
        "{summary}"
    );
}
