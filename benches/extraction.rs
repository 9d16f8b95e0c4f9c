//! One pass over an event's bytes: three levels of checking, by how many paths rules read and where.

use std::hint::black_box;

use compiler::slots::Level;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use inputs::{Memory, extract, parcels, plan};

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
        let conditions = paths.iter().map(|path| format!("p.{path} is \"x\"")).collect::<Vec<_>>();
        let plan = plan(&format!(
            "edition 2026\nconnection out: webhook\nrule r {{ on parcel as p when {} deliver out.send_webhook }}\n",
            conditions.join(" or ")
        ));
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
