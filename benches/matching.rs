//! Events matched, parse included: three matchers, by shape and number of rules.

use std::hint::black_box;
use std::sync::Arc;

use compiler::matcher::{Indexed, Interpreter, Jit, Matcher};
use compiler::slots::Level;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use inputs::{Memory, Shape, parcels, plan, rules, run};

/// The naive interpreter asks every rule: with more of them it only costs patience.
const NAIVE_RULES_MAX: usize = 1_000;

fn matching(criterion: &mut Criterion) {
    let events = parcels(1_000);
    for shape in Shape::ALL {
        let mut group = criterion.benchmark_group(format!("{shape:?}"));
        group.throughput(Throughput::Elements(events.len() as u64)).sample_size(10);
        for count in [1, 10, 100, 1_000, 10_000] {
            let plan = plan(&rules(shape, count));
            let indexed = Arc::new(Indexed::new(&plan));
            let jit = Jit::compile(&indexed).expect("this processor is supported");
            let matchers: [(&str, &dyn Matcher); 3] =
                [("interpreter", &Interpreter), ("indexed", &*indexed), ("compiled", &jit)];
            let skipped = usize::from(count > NAIVE_RULES_MAX);
            for (name, matcher) in matchers.into_iter().skip(skipped) {
                let mut memory = Memory::default();
                group.bench_with_input(BenchmarkId::new(name, count), &events, |bencher, events| {
                    bencher.iter(|| {
                        let hits =
                            events.iter().map(|event| run(&plan, matcher, Level::Strict, event, &mut memory));
                        black_box(hits.sum::<usize>())
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, matching);
criterion_main!(benches);
