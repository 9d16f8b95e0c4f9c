//! The text format that Prometheus reads (exposition format, version 0.0.4).

use std::fmt::{Display, Write};

use super::Labelled;
use super::histogram::Histogram;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text as it grows. Names and help are ours; no value needs an escape.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP fanwise_{name} {help}\n# TYPE fanwise_{name} {kind}");
    }

    /// A count that only grows.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        let _ = writeln!(self.0, "fanwise_{name} {value}");
    }

    /// Such a count for each of some names.
    pub fn counters(&mut self, name: &str, help: &str, label: &str, values: &Labelled) {
        self.counts(name, help, label, values.all());
    }

    /// The same from names and counts.
    pub fn counts<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) {
        self.head(name, "counter", help);
        self.lines(name, label, values);
    }

    /// A value that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        let _ = writeln!(self.0, "fanwise_{name} {value}");
    }

    /// Such a value for each of some names.
    pub fn gauges<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) {
        self.head(name, "gauge", help);
        self.lines(name, label, values);
    }

    fn lines<'v>(&mut self, name: &str, label: &str, values: impl IntoIterator<Item = (&'v str, u64)>) {
        for (of, value) in values {
            let _ = writeln!(self.0, "fanwise_{name}{{{label}=\"{of}\"}} {value}");
        }
    }

    /// A histogram of microseconds, in seconds.
    pub fn seconds(&mut self, name: &str, help: &str, values: &Histogram) {
        self.histogram(name, help, values, 1e-6);
    }

    /// A histogram of counts.
    pub fn sizes(&mut self, name: &str, help: &str, values: &Histogram) {
        self.histogram(name, help, values, 1.0);
    }

    fn histogram(&mut self, name: &str, help: &str, values: &Histogram, unit: f64) {
        self.head(name, "histogram", help);
        let taken = values.snapshot();
        // Rounded to what a microsecond needs, so that 0.00025 is not written with its error.
        let scaled = |value: u64| (value as f64 * unit * 1e6).round() / 1e6;
        for (bound, count) in taken.buckets {
            let _ = writeln!(self.0, "fanwise_{name}_bucket{{le=\"{}\"}} {count}", scaled(bound));
        }
        let _ = writeln!(self.0, "fanwise_{name}_bucket{{le=\"+Inf\"}} {}", taken.count);
        let _ = writeln!(self.0, "fanwise_{name}_sum {}", scaled(taken.sum));
        let _ = writeln!(self.0, "fanwise_{name}_count {}", taken.count);
    }

    /// All of it.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_the_format_says() {
        let mut text = Text::default();
        text.counter("a_total", "As.", 3);
        let labelled = Labelled::new(["x", "y"]);
        labelled.add("y");
        text.counters("b_total", "Bs.", "kind", &labelled);
        text.gauge("c", "Cs.", 1.5);
        let histogram = Histogram::new(&[250, 1_000_000]);
        histogram.record(300);
        text.seconds("d_seconds", "Ds.", &histogram);
        let expected = "\
# HELP fanwise_a_total As.
# TYPE fanwise_a_total counter
fanwise_a_total 3
# HELP fanwise_b_total Bs.
# TYPE fanwise_b_total counter
fanwise_b_total{kind=\"x\"} 0
fanwise_b_total{kind=\"y\"} 1
# HELP fanwise_c Cs.
# TYPE fanwise_c gauge
fanwise_c 1.5
# HELP fanwise_d_seconds Ds.
# TYPE fanwise_d_seconds histogram
fanwise_d_seconds_bucket{le=\"0.00025\"} 0
fanwise_d_seconds_bucket{le=\"1\"} 1
fanwise_d_seconds_bucket{le=\"+Inf\"} 1
fanwise_d_seconds_sum 0.0003
fanwise_d_seconds_count 1
";
        assert_eq!(text.finish(), expected);
    }
}
