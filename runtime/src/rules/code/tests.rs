//! Compiling in the background, from asking to freeing; and what happens when something is wrong.

use std::time::{Duration, Instant};

use compiler::event::Event;
use compiler::hir::RuleId;
use compiler::world::{Bundle, BundleFile, World};
use jiff::Timestamp;

use super::super::Answering;
use super::*;

const RULES: &str = r#"edition 2026
rule dear {
  on order.paid as order
  when (order.total > 100 and order.currency is "EUR") or order.total + order.tax < 0
  ignore "seen"
}
"#;

fn rules() -> Arc<Rules> {
    let files = vec![BundleFile { path: "shop.route".into(), text: RULES.into() }];
    let bundle = Bundle { files };
    let compiled = Rules::compile(&bundle, &World::offline(None));
    Arc::new(compiled.unwrap_or_else(|refused| panic!("{}", refused.text())))
}

/// Decides so many events, each of which the rule matches.
fn decide(rules: &Rules, count: u64) {
    for _ in 0..count {
        let event = Event {
            id: "evt_1",
            kind: "order.paid",
            resource: None,
            resource_id: None,
            time: Timestamp::UNIX_EPOCH,
            received_at: Timestamp::UNIX_EPOCH,
            payload: br#"{"total":250,"currency":"EUR"}"#,
        };
        let decided = rules.decide(&event, &compiler::eval::NoLists).unwrap();
        assert_eq!(decided.rules.iter().map(|name| &**name).collect::<Vec<_>>(), ["dear"]);
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn workspace(name: &str) -> WorkspaceId {
    WorkspaceId::from_text(name)
}

/// Answers that nothing ever matches.
struct Wrong;

impl Matcher for Wrong {
    fn matches(&self, _: &Facts<'_, '_>, out: &mut Matches) {
        out.rules.clear();
        debug_assert!(!out.rules.contains(&RuleId(0)));
    }
}

fn settings(checked_events: u64) -> CodeSettings {
    CodeSettings { checked_events, ..CodeSettings::default() }
}

#[test]
fn a_revision_is_compiled_when_it_is_hot_and_freed_when_it_is_gone() {
    let code = CodeThread::start(settings(10)).unwrap();
    let rules = rules();
    code.serve(&rules, &workspace("ws"), 1);
    decide(&rules, HOT_EVENTS - 1);
    assert_eq!(rules.answering(), Answering::Indexed);
    decide(&rules, 1);
    until("compiled", || rules.answering() == Answering::Compiled);
    decide(&rules, 100);
    let counts = code.counts();
    assert_eq!((counts.compiled, counts.modules, counts.differed), (1, 1, 0));
    assert_eq!(counts.checked, (HOT_EVENTS + 100) / 10);
    drop(rules);
    until("freed", || code.counts().modules == 0);
}

#[test]
fn without_compiled_code_nothing_is_compiled() {
    let code = CodeThread::start(CodeSettings { engine: Engine::Interpreter, ..settings(0) }).unwrap();
    let rules = rules();
    code.serve(&rules, &workspace("ws"), 1);
    decide(&rules, 3 * HOT_EVENTS);
    assert_eq!((rules.answering(), code.counts()), (Answering::Indexed, CodeCounts::default()));
}

#[test]
fn a_panic_of_the_code_generator_costs_only_speed() {
    let code = CodeThread::start_with(settings(0), |_| panic!("broken")).unwrap();
    let one = rules();
    code.serve(&one, &workspace("ws"), 1);
    decide(&one, HOT_EVENTS);
    until("panicked", || code.counts().panicked == 1);
    decide(&one, 2 * HOT_EVENTS);
    // Nothing is tried again, and the thread goes on with others.
    assert_eq!((one.answering(), code.counts().failed), (Answering::Indexed, 1));
    let other = rules();
    code.serve(&other, &workspace("other"), 1);
    decide(&other, HOT_EVENTS);
    until("panicked again", || code.counts().panicked == 2);
}

#[test]
fn code_that_answers_wrongly_is_found_and_dropped() {
    let code = CodeThread::start_with(settings(1), |_| Ok(Some(Box::new(Wrong)))).unwrap();
    let rules = rules();
    code.serve(&rules, &workspace("ws"), 1);
    decide(&rules, HOT_EVENTS);
    // It may have decided, and been found out, before this thread looks.
    until("compiled", || code.counts().compiled == 1);
    // `decide` asserts the answer: the first event that code decides is already right.
    decide(&rules, HOT_EVENTS);
    assert_eq!((rules.answering(), code.counts().differed), (Answering::Quarantined, 1));
    until("freed", || code.counts().modules == 0);
    assert_eq!(code.counts().compiled, 1, "it is not compiled again");
}

#[test]
fn a_revision_that_crashed_twice_is_not_compiled_and_the_next_one_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(super::super::crash::CRASHES_FILE), "ws 1 11\nws 1 4\n").unwrap();
    let crashes = Crashes::read(folder.path()).unwrap();
    let code = CodeThread::start(CodeSettings { crashes, ..settings(0) }).unwrap();
    let (crashed, next) = (rules(), rules());
    code.serve(&crashed, &workspace("ws"), 1);
    code.serve(&next, &workspace("ws"), 2);
    decide(&crashed, 3 * HOT_EVENTS);
    decide(&next, HOT_EVENTS);
    until("compiled", || next.answering() == Answering::Compiled);
    assert_eq!((crashed.answering(), code.counts().compiled), (Answering::Quarantined, 1));
}

#[test]
fn workspaces_wait_in_turn_each_with_its_newest_revision() {
    let mut waiting = Waiting::default();
    let (old, new, other) = (rules(), rules(), rules());
    assert!(waiting.add(&workspace("a"), &Arc::downgrade(&old)));
    assert!(waiting.add(&workspace("b"), &Arc::downgrade(&other)));
    for _ in 0..2 * WAITING_MAX {
        assert!(waiting.add(&workspace("a"), &Arc::downgrade(&new)), "it waits already");
    }
    for at in 2..WAITING_MAX {
        assert!(waiting.add(&workspace(&format!("ws_{at}")), &Weak::new()));
    }
    assert!(!waiting.add(&workspace("one_more"), &Arc::downgrade(&other)), "there is no room");
    let first = waiting.order.front().unwrap().clone();
    assert_eq!(first, workspace("a"));
    let newest = waiting.newest[&first].upgrade().unwrap();
    assert!(Arc::ptr_eq(&newest, &new));
}
