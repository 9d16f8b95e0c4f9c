//! A journal that is full: settled segments go, what is owed stays, and more than fits is refused.

use super::*;

#[tokio::test]
async fn a_full_journal_lets_settled_segments_go_and_copies_what_is_still_owed() {
    let small = NodeConfig { journal_bytes_max: 5 << 16, history_kept: Duration::ZERO, ..config() };
    let bench = Bench::open_with(FakeDisk::default(), &[], &small);
    let owed = bench.accept(in_seconds(padded(&["hook", "post", "mail"]), 50)).await;
    let first = bench.accept(padded(&["hook"])).await;
    for _ in 0..150 {
        let mut tries = 0;
        while let Err(rejected) = bench.node.accept(vec![padded(&[])]).await {
            tries += 1;
            assert!(tries < 500, "{rejected}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let oldest = bench.node.event(&workspace(), &first.event).await.unwrap();
    assert!(oldest.is_none(), "the oldest are gone");
    assert!(bench.node.status().journal_bytes <= 5 << 16);
    assert_eq!(bench.node.status().pending, 3);
    let payload = bench.node.payload(&workspace(), &owed.event).await.unwrap();
    assert_eq!(payload.map(|payload| payload.len()), Some(4_000), "what is owed was copied with its event");
    let copies = copies_in(&bench.node);
    assert!(!copies.is_empty(), "of those that the journal still has");
    assert!(copies.iter().all(|deliveries| *deliveries == 3), "each with all that waits: {copies:?}");
    let after = Bench::open_with(bench.disk.after_power_cut(0), &[], &small);
    assert_eq!(after.node.status().pending, 3);
    for delivery in owed.deliveries.iter() {
        let view = after.node.delivery(&workspace(), delivery).await.unwrap().unwrap();
        assert_eq!((view.state, &view.event), (State::Waiting, &owed.event));
        after.node.discard(&workspace(), delivery).await.unwrap();
        assert_eq!(after.settled(delivery).await.attempts, 0);
    }
    assert_eq!(after.node.status().pending, 0);
}

/// How many deliveries each copy in the journal has.
fn copies_in(node: &Node) -> Vec<usize> {
    let records = node.writer.records();
    let mut copies = Vec::new();
    let visit = &mut |_, _, bytes: &[u8]| {
        if let Ok(Record::Carried(carried)) = Record::from_bytes(bytes) {
            copies.push(carried.owed.deliveries.len());
        }
    };
    records.replay(records.begin().unwrap(), records.end(), &|_| {}, visit).unwrap();
    copies
}

/// Copying what is owed would free little and write much, the more so as each event is large.
#[tokio::test]
async fn what_would_take_most_of_a_segment_is_not_copied() {
    let small = NodeConfig { journal_bytes_max: 5 << 16, history_kept: Duration::ZERO, ..config() };
    let bench = Bench::open_with(FakeDisk::default(), &[], &small);
    // The same payload for each of them, so the record is smaller than copies of its deliveries might be.
    let connections = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let owed = bench.accept(in_seconds(padded(&connections), 50)).await;
    let refused = loop {
        if let Err(rejected) = bench.node.accept(vec![padded(&[])]).await {
            break rejected;
        }
    };
    assert!(matches!(refused, Rejected::Limit { limit: "journal_bytes_max", .. }), "{refused:?}");
    assert_eq!(copies_in(&bench.node), [0; 0]);
    for delivery in owed.deliveries.iter().take(8) {
        bench.node.discard(&workspace(), delivery).await.unwrap();
    }
    while bench.node.status().pending > 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut tries = 0;
    while let Err(rejected) = bench.node.accept(vec![padded(&[])]).await {
        tries += 1;
        assert!(tries < 500, "what is left was not copied: {rejected}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Seven with a payload each would take less than half of the segment: whatever waited when it was asked.
    let copies = copies_in(&bench.node);
    assert!(!copies.is_empty() && copies.iter().all(|count| (2..=7).contains(count)), "{copies:?}");
}

#[tokio::test]
async fn a_journal_full_of_what_is_owed_refuses_events_until_some_of_it_is_settled() {
    let small = NodeConfig { journal_bytes_max: 5 << 16, history_kept: Duration::ZERO, ..config() };
    let bench = Bench::open_with(FakeDisk::default(), &[], &small);
    let mut owed = Vec::new();
    let refused = loop {
        assert!(owed.len() < 100);
        match bench.node.accept(vec![in_seconds(padded(&["hook"]), 50)]).await {
            Ok(mut answers) => owed.push(answers.remove(0).unwrap()),
            Err(rejected) => break rejected,
        }
    };
    assert!(
        matches!(refused, Rejected::Limit { limit: "journal_bytes_max", of: LimitOf::Node, .. }),
        "{refused:?}"
    );
    for accepted in &owed {
        bench.node.discard(&workspace(), &accepted.deliveries[0]).await.unwrap();
    }
    let mut tries = 0;
    while let Err(rejected) = bench.node.accept(vec![new_event(&[])]).await {
        tries += 1;
        assert!(tries < 500, "there is no room again: {rejected}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
