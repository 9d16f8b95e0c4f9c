//! How long it takes from rule text to a plan, and to machine code.

use std::hint::black_box;

use benches::{Shape, bundle, plan, rules, world};
use compiler::matcher::Jit;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn checking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("from text");
    group.sample_size(10);
    for count in [10, 5_000] {
        let text = rules(Shape::Conjunction, count);
        let files = bundle(&text);
        group.bench_with_input(BenchmarkId::new("check", count), &files, |bencher, files| {
            bencher.iter(|| black_box(compiler::check(files, &world())));
        });
        let plan = plan(&text);
        group.bench_with_input(BenchmarkId::new("compile", count), &plan, |bencher, plan| {
            bencher.iter(|| black_box(Jit::new(plan)));
        });
    }
    group.finish();
}

criterion_group!(benches, checking);
criterion_main!(benches);
