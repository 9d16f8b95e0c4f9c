//! Where publishing spends its time today: every step again for all rules, whatever was changed.
//!
//! `cargo run --release -p fanwise-benches --bin publishing`. Milliseconds, each the median of three; the store and
//! the network are not in it. `parse` is a part of `check`; `drop` is what letting the revision before it go takes.
#![allow(clippy::print_stdout, reason = "a program for people who measure")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compiler::matcher::Indexed;
use compiler::world::Bundle;
use grammar::{Source, SourceId};
use inputs::{Shape, bundle, rules, world};

/// What one changed rule among the most rules should take, all of it.
const GOAL_MS: u32 = 10;

/// Measurements of which the median is told.
const ROUNDS: usize = 3;

/// Shapes, each with how many rules of it.
const SETS: &[(Shape, &[usize])] =
    &[(Shape::Conjunction, &[1_000, 10_000, 100_000]), (Shape::Disjunction, &[1_000, 3_000, 10_000])];

fn main() {
    println!("shape     rules    parse    check     plan    index     drop      all   goal");
    for &(shape, counts) in SETS {
        for &count in counts {
            row(shape, count);
        }
    }
}

fn row(shape: Shape, count: usize) {
    let files = bundle(&rules(shape, count));
    let rounds: Vec<[Duration; 5]> = (0..ROUNDS).map(|_| publish(&files)).collect();
    let step = |at: usize| median(rounds.iter().filter_map(|steps| steps.get(at).copied()).collect());
    // Parsing is measured alone once more; the check has it in it.
    let all = median(rounds.iter().map(|steps| steps.iter().skip(1).sum()).collect());
    print!("{}     {count:>9}", shape.letter());
    for took in (0..5).map(step).chain([all]) {
        print!(" {:>8.1}", took.as_secs_f64() * 1e3);
    }
    println!(" {GOAL_MS:>6}");
}

/// Each step of making a bundle answer, and of letting it go.
fn publish(files: &Bundle) -> [Duration; 5] {
    let (parse, ()) = timed(|| {
        for file in &files.files {
            let source = Source::new(SourceId(0), file.path.clone(), file.text.clone());
            black_box(grammar::parse(&source));
        }
    });
    let (check, checked) = timed(|| compiler::check(files, &world()));
    assert!(!checked.diagnostics.has_errors(), "{:?}", checked.diagnostics.iter().next());
    let (plan, plan_of) = timed(|| Arc::new(compiler::plan::plan(checked.program)));
    let (index, indexed) = timed(|| Indexed::new(&plan_of));
    let (letting_go, ()) = timed(|| {
        drop(indexed);
        drop(plan_of);
    });
    [parse, check, plan, index, letting_go]
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let made = work();
    (start.elapsed(), made)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
