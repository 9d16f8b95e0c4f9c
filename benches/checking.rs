//! From rule text to a plan, an index and machine code, and all that publishing does before it is live.

use std::hint::black_box;
use std::sync::Arc;

use compiler::matcher::{Indexed, Jit};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use inputs::{Shape, bundle, plan, rules, world};

fn checking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compiling");
    group.sample_size(10);
    for count in [10, 5_000] {
        let text = rules(Shape::Conjunction, count);
        let files = bundle(&text);
        group.bench_with_input(BenchmarkId::new("check", count), &files, |bencher, files| {
            bencher.iter(|| black_box(compiler::check(files, &world())));
        });
        let plan = plan(&text);
        group.bench_with_input(BenchmarkId::new("index", count), &plan, |bencher, plan| {
            bencher.iter(|| black_box(Indexed::new(plan)));
        });
        let indexed = Arc::new(Indexed::new(&plan));
        group.bench_with_input(BenchmarkId::new("code", count), &indexed, |bencher, indexed| {
            bencher.iter(|| black_box(Jit::compile(indexed)));
        });
    }
    group.finish();
}

/// Text to something that answers; a bundle of 20 rules is also what a cold workspace's first event
/// waits for.
fn publishing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publishing");
    group.sample_size(10);
    for count in [1, 20, 1_000, 5_000] {
        let files = bundle(&rules(Shape::Conjunction, count));
        let world = world();
        group.bench_with_input(BenchmarkId::new("text to index", count), &files, |bencher, files| {
            bencher.iter(|| {
                let checked = compiler::check(files, &world);
                black_box(Indexed::new(&Arc::new(compiler::plan::plan(checked.program))))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, checking, publishing);
criterion_main!(benches);
