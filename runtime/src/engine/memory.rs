//! What ten million pending deliveries take. Run by hand, on a machine with 2 GB to spare:
//! `cargo test -p fanwise --release --lib engine::memory -- --ignored --nocapture`.

use std::time::Instant;

use super::tests::{START, owe, policy};
use super::{Caps, Engine};

/// Resident bytes of this process (proc(5), `statm`: pages).
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

#[test]
#[ignore = "takes 2 GB"]
fn ten_million_pending_deliveries_take_less_than_200_bytes_each() {
    const COUNT: u64 = 10_000_000;
    let template = owe(0, "a", "b", &policy(), START);
    let mut engine = Engine::new(Caps { in_flight_max: 512, connection_in_flight_max: 64 }, START, 1);
    let (before, began) = (resident_bytes(), Instant::now());
    let owed = (0..COUNT).map(|number| {
        let mut owe = template.clone();
        owe.id = uuid::Uuid::from_u64_pair(number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Half of them wait for their time, over a day.
        owe.due_at = START + i64::try_from(number * 7_919 % 172_800_000).unwrap() - 86_400_000;
        owe
    });
    engine.restoring(COUNT as usize);
    engine.restore(owed, &mut Vec::new());
    engine.restored();
    let took = began.elapsed();
    let each = (resident_bytes() - before) / COUNT;
    let began = Instant::now();
    let seen = engine.owed_in(0, 0, usize::MAX).count();
    eprintln!("{each} bytes each; restored in {took:?}; {seen} seen in a walk of {:?}", began.elapsed());
    assert_eq!(engine.pending() as u64, COUNT);
    assert!(each < 200, "{each} bytes each");
}
