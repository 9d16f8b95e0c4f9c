//! From rule text to a plan, an index and machine code, and all that publishing does before it is live.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use compiler::matcher::{Indexed, Jit};
use compiler::world::World;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use inputs::{Shape, bundle, company as company_rules, plan, rules, world};

/// A workspace's rules at most, unless its setting says otherwise.
const COMPANY_RULES: usize = 5_000;

/// What checking them may take.
const GOAL_SECONDS: u32 = 1;

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

/// A large company's five thousand rules, text to checked program, on one core.
fn company(criterion: &mut Criterion) {
    let files = company_rules::bundle(COMPANY_RULES);
    // The limits that every workspace has.
    let world = World::offline(Some("production"));
    let checked = compiler::check(&files, &world);
    assert!(!checked.diagnostics.has_errors(), "{:?}", checked.diagnostics.iter().next());
    let bytes: usize = files.files.iter().map(|file| file.text.len()).sum();
    let mut seconds: Vec<f64> = (0..5)
        .map(|_| {
            let before = Instant::now();
            black_box(compiler::check(&files, &world));
            before.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let (best, median) = (seconds.first().copied().unwrap_or(0.0), seconds.get(2).copied().unwrap_or(0.0));
    println!(
        "company: {COMPANY_RULES} rules in {} files, {} KiB: best {best:.2} s, median {median:.2} s, goal under {GOAL_SECONDS} s",
        files.files.len(),
        bytes >> 10
    );
    let mut group = criterion.benchmark_group("company");
    group.sample_size(10);
    group.bench_with_input(BenchmarkId::new("check", COMPANY_RULES), &files, |bencher, files| {
        bencher.iter(|| black_box(compiler::check(files, &world)));
    });
    group.finish();
}

criterion_group!(benches, company, checking, publishing);
criterion_main!(benches);
