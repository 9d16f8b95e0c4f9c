//! Events matched, parse included: interpreter against compiled code, by shape and number of rules.

use std::hint::black_box;

use benches::{Shape, parcels, plan, rules, run};
use compiler::matcher::{Interpreter, Jit, Matcher, Matches};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn matching(criterion: &mut Criterion) {
    let events = parcels(1_000);
    for shape in [Shape::Equality, Shape::Conjunction, Shape::Ends, Shape::Disjunction] {
        let mut group = criterion.benchmark_group(format!("{shape:?}"));
        group.throughput(Throughput::Elements(events.len() as u64)).sample_size(10);
        for count in [1, 10, 100, 1_000] {
            let plan = plan(&rules(shape, count));
            let jit = Jit::new(&plan).expect("this processor is supported");
            let matchers: [(&str, &dyn Matcher); 2] = [("interpreter", &Interpreter), ("compiled", &jit)];
            for (name, matcher) in matchers {
                let mut matches = Matches::default();
                group.bench_with_input(BenchmarkId::new(name, count), &events, |bencher, events| {
                    bencher.iter(|| {
                        let hits = events.iter().map(|event| run(&plan, matcher, event, &mut matches));
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
