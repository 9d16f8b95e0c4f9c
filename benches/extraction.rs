//! One pass over an event's bytes: three levels of checking, by how many paths rules read and where.

use std::hint::black_box;

use compiler::slots::Level;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use inputs::{Memory, asking, extract, parcels};

/// What is read, and its name.
const PATHS: [(&str, &[&str]); 4] = [
    ("one, early", &["properties.MAPBLKLOT"]),
    ("one, late", &["geometry.type"]),
    ("three", &["properties.MAPBLKLOT", "properties.STREET", "properties.ODD_EVEN"]),
    (
        "ten",
        &[
            "type",
            "properties.MAPBLKLOT",
            "properties.BLKLOT",
            "properties.BLOCK_NUM",
            "properties.LOT_NUM",
            "properties.FROM_ST",
            "properties.STREET",
            "properties.ST_TYPE",
            "properties.ODD_EVEN",
            "geometry.type",
        ],
    ),
];

fn extraction(criterion: &mut Criterion) {
    let events = parcels(1_000);
    let bytes: usize = events.iter().map(String::len).sum();
    for (name, paths) in PATHS {
        let plan = asking(paths);
        let mut group = criterion.benchmark_group(format!("extraction, {name}"));
        group.throughput(Throughput::Bytes(bytes as u64)).sample_size(10);
        for level in [Level::Strict, Level::Full, Level::Fast] {
            let mut memory = Memory::default();
            group.bench_with_input(
                BenchmarkId::from_parameter(format!("{level:?}")),
                &events,
                |bencher, events| {
                    bencher.iter(|| {
                        for event in events {
                            let slots = black_box(extract(&plan, level, event, &mut memory));
                            memory.keep(slots);
                        }
                    });
                },
            );
        }
        group.finish();
    }
}

criterion_group!(benches, extraction);
criterion_main!(benches);
