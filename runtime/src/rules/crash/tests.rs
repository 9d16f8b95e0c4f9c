//! A crash in one process, read by another.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::*;

/// The folder of the process that is to crash.
const FOLDER: &str = "FANWISE_TEST_CRASH_FOLDER";

/// Not a test by itself: what the child process does.
#[test]
#[ignore = "crashes; the test below runs it"]
fn crashes() {
    let folder = std::env::var_os(FOLDER).expect("run by another test");
    install(Path::new(&folder)).unwrap();
    let inside = Name::new(&WorkspaceId::from_text("ws_shop"), 7).enter();
    signal::raise_a_fault();
    drop(inside);
    unreachable!("the fault ends the process");
}

#[test]
fn a_crash_names_its_revision_and_two_are_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let shop = WorkspaceId::from_text("ws_shop");
    for (times, too_many) in [(1, false), (2, true)] {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "rules::crash::tests::crashes"])
            .env(FOLDER, folder.path())
            .output()
            .unwrap();
        assert_eq!(child.status.signal(), Some(11), "{child:?}");
        let text = std::fs::read_to_string(folder.path().join(CRASHES_FILE)).unwrap();
        assert_eq!(text, "ws_shop 7 11\n".repeat(times));
        let crashes = Crashes::read(folder.path()).unwrap();
        assert_eq!(crashes.are_too_many(&shop, 7), too_many);
        assert!(!crashes.are_too_many(&shop, 8), "what is published next starts afresh");
        assert!(!crashes.are_too_many(&WorkspaceId::from_text("ws_other"), 7));
    }
}

#[test]
fn lines_that_name_nobody_count_nothing() {
    for text in ["", "\n", "ws 1", "ws one 11", "ws 1 11 more", "ws 1 11\nws 1"] {
        assert!(!Crashes::of(text).are_too_many(&WorkspaceId::from_text("ws"), 1), "{text:?}");
    }
}

#[test]
fn a_name_is_borne_only_inside() {
    let name = Name::new(&WorkspaceId::from_text("ws"), 3);
    assert!(NOW.get().is_none());
    let inside = name.enter();
    assert_eq!(NOW.get().map(|name| name.number), Some(3));
    drop(inside);
    assert!(NOW.get().is_none());
}
