//! Revisions come and go, each with its own code; memory and its mappings stay where they were.

use std::collections::VecDeque;

use compiler::event::Event;
use compiler::world::World;
use harness::engine::bundle;
use jiff::Timestamp;
use runtime::rules::{Answering, Engine, Rules};

/// Revisions that are live at once. They go in another order than they came, so that holes are left.
const LIVE: usize = 64;

/// Bytes of memory that may come from elsewhere: the allocator's own holes.
const GROWTH_BYTES_MAX: usize = 8 << 20;

/// So many: 1,000, or what `FANWISE_CODE_CYCLES` says.
fn cycles() -> usize {
    std::env::var("FANWISE_CODE_CYCLES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000)
}

/// Bytes in memory, and how many mappings the process has (proc_pid_statm(5), proc_pid_maps(5)).
fn memory() -> (usize, usize) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    (pages * 4096, maps.lines().count())
}

fn published(number: usize) -> Rules {
    let text = format!(
        r#"edition 2026
rule dear {{
  on order.paid as order
  when (order.total > {number} and order.currency is "EUR") or order.total + order.tax < {number}
  ignore "seen"
}}
"#
    );
    let compiled = Rules::compile(&bundle([("shop.route", text.as_str())]), &World::offline(None));
    let rules = compiled.unwrap_or_else(|refused| panic!("{}", refused.text()));
    rules.speed_up(Engine::Compiled);
    assert_eq!(rules.answering(), Answering::Compiled);
    rules
}

fn matches(rules: &Rules, total: usize) -> bool {
    let payload = format!(r#"{{"total":{total},"tax":1,"currency":"EUR"}}"#);
    let event = Event {
        id: "evt_1",
        kind: "order.paid",
        resource: None,
        resource_id: None,
        time: Timestamp::UNIX_EPOCH,
        received_at: Timestamp::UNIX_EPOCH,
        payload: payload.as_bytes(),
    };
    !rules.decide(&event, &compiler::eval::NoLists).unwrap().rules.is_empty()
}

/// The only test of this file: another one's memory would be counted, too.
#[test]
fn code_of_revisions_that_are_gone_leaves_nothing() {
    let cycles = cycles();
    let mut live = VecDeque::new();
    let mut before = None;
    for number in 0..cycles + 2 * LIVE {
        live.push_back(published(number));
        let newest = live.back().unwrap();
        assert!(matches(newest, number + 1) && !matches(newest, number), "{number}");
        if live.len() > LIVE {
            // Some old one, not always the oldest.
            drop(live.remove(number * 7 % LIVE));
        }
        if number == 2 * LIVE {
            before = Some(memory());
        }
    }
    let (bytes_before, maps_before) = before.unwrap();
    let (bytes, maps) = memory();
    println!(
        "{cycles} revisions: {bytes_before} bytes in {maps_before} mappings before, {bytes} in {maps} after"
    );
    assert!(bytes < bytes_before + GROWTH_BYTES_MAX, "{bytes_before} bytes became {bytes}");
    assert!(maps <= maps_before + 2 * LIVE, "{maps_before} mappings became {maps}");
    drop(live);
}
