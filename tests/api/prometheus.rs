//! The text format of Prometheus, read strictly (exposition format, version 0.0.4).

use std::collections::{BTreeMap, BTreeSet};

/// Samples by name and labels, as they are written.
pub struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// Reads a text; every sample must belong to a family that was announced, once.
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'));
        let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
        let mut helped = BTreeSet::new();
        let mut samples = BTreeMap::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').expect(line);
                assert!(helped.insert(name) && !words.is_empty(), "{line}");
                continue;
            }
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect(line);
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helped.contains(name) && kinds.insert(name, kind).is_none(), "{line}");
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect(line);
            let value: f64 = value.parse().expect(line);
            let name = series.split('{').next().unwrap();
            let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(name.chars().all(good), "{line}");
            labels(series.strip_prefix(name).unwrap());
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                name.strip_suffix(end).filter(|family| kinds.get(family) == Some(&"histogram"))
            });
            let kind = kinds.get(family.unwrap_or(name)).copied();
            assert_eq!(kind == Some("histogram"), family.is_some(), "{line}");
            assert!(kind != Some("counter") || (name.ends_with("_total") && value >= 0.0), "{line}");
            assert!(kind.is_some() && samples.insert(series.to_owned(), value).is_none(), "{line}");
        }
        let scrape = Self(samples);
        kinds.iter().filter(|(_, kind)| **kind == "histogram").for_each(|(name, _)| scrape.histogram(name));
        scrape
    }

    /// Its buckets grow up to the count.
    fn histogram(&self, name: &str) {
        let bucket = format!("{name}_bucket{{le=\"");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (series, value) in self.0.iter().filter(|(series, _)| series.starts_with(&bucket)) {
            let bound = series.strip_prefix(&bucket).unwrap().trim_end_matches("\"}");
            buckets.push((bound.parse().unwrap_or(f64::INFINITY), *value));
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(
            buckets.len() > 2 && buckets.windows(2).all(|two| two[0].1 <= two[1].1),
            "{name} {buckets:?}"
        );
        let last = buckets.last().unwrap();
        assert_eq!((last.0, last.1), (f64::INFINITY, self.of(&format!("{name}_count"))), "{name}");
    }

    /// One sample.
    pub fn of(&self, series: &str) -> f64 {
        *self.0.get(series).unwrap_or_else(|| panic!("there is no {series} in {:?}", self.names()))
    }

    /// Every series there is.
    pub fn names(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// Labels are names of ours: no text of a user is one.
fn labels(text: &str) {
    if text.is_empty() {
        return;
    }
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).expect(text);
    for pair in inner.split(',') {
        let (name, value) = pair.split_once('=').expect(pair);
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect(pair);
        assert!(["reason", "end", "outcome", "le"].contains(&name), "{pair}");
        let good = |c: char| c.is_ascii_lowercase() || c == '_' || c == '-';
        let is_name = !value.is_empty() && value.chars().all(good);
        assert!(is_name || (name == "le" && (value == "+Inf" || value.parse::<f64>().is_ok())), "{pair}");
    }
}
