//! Figures: a row for people, an object for programs.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::measured::Measured;
use super::process::Usage;

/// One figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The measurement that it belongs to: `starts`, `runs` and so on.
    pub scenario: &'static str,
    /// What was measured, or the name of a yardstick.
    pub subject: String,
    /// Concurrent connections.
    pub connections: usize,
    /// How many times it was done.
    pub operations: u64,
    /// How many times per second.
    pub per_second: f64,
    /// How long it took, nanoseconds.
    pub latency: Histogram<u64>,
    /// The 99th percentile over the median: the median of several rounds.
    pub tail: Option<f64>,
    /// How many requests were refused because the server was busy.
    pub refused: u64,
    /// Processor time of the server for one, nanoseconds.
    pub cpu: Option<f64>,
    /// Bytes that the server wrote to the disk for one.
    pub written: Option<f64>,
    /// Flushes of the disk for one.
    pub flushes: Option<f64>,
}

impl Figure {
    pub(super) fn of(scenario: &'static str, subject: &str, connections: usize, measured: &Measured) -> Self {
        Self {
            scenario,
            subject: subject.to_owned(),
            connections,
            operations: measured.latency.len(),
            per_second: measured.per_second(),
            latency: measured.latency.clone(),
            tail: measured.tail(),
            refused: measured.refused,
            cpu: None,
            written: None,
            flushes: None,
        }
    }

    /// One figure for each kind of request.
    pub(super) fn of_kinds(scenario: &'static str, connections: usize, measured: &Measured) -> Vec<Self> {
        let of = |(kind, latency): (&&'static str, &Histogram<u64>)| {
            let (latency, during) = (latency.clone(), measured.during);
            let alone = Measured { latency, during, ..Measured::new() };
            Self::of(scenario, kind, connections, &alone)
        };
        measured.kinds.iter().map(of).collect()
    }

    /// Adds what the server used meanwhile.
    pub(super) fn costing(mut self, before: Option<Usage>, after: Option<Usage>) -> Self {
        let (Some(before), Some(after), true) = (before, after, self.operations > 0) else { return self };
        let each = |total: f64| total / self.operations as f64;
        (self.cpu, self.written) = (
            Some(each(after.cpu.saturating_sub(before.cpu).as_nanos() as f64)),
            Some(each(after.written.saturating_sub(before.written) as f64)),
        );
        self
    }

    /// A quantile, nanoseconds.
    pub fn at(&self, quantile: f64) -> u64 {
        self.latency.value_at_quantile(quantile)
    }

    /// For programs. Times in microseconds.
    pub fn json(&self) -> Value {
        let microseconds = |nanoseconds: u64| round(nanoseconds as f64 / 1_000.0);
        json!({
            "kind": "figure",
            "scenario": self.scenario,
            "subject": self.subject,
            "connections": self.connections,
            "operations": self.operations,
            "per_second": round(self.per_second),
            "latency_us": {
                "p50": microseconds(self.at(0.5)),
                "p90": microseconds(self.at(0.9)),
                "p99": microseconds(self.at(0.99)),
                "p99_9": microseconds(self.at(0.999)),
                "max": microseconds(self.latency.max()),
            },
            "p99_over_p50": self.tail.map(round),
            "refused": self.refused,
            "cpu_us": self.cpu.map(|nanoseconds| round(nanoseconds / 1_000.0)),
            "written_bytes": self.written.map(f64::round),
            "flushes": self.flushes.map(round),
        })
    }

    /// The head of a table of figures.
    pub const HEAD: [&'static str; 12] =
        ["", "AT ONCE", "PER SECOND", "P50", "P90", "P99", "P99.9", "MAX", "P99/P50", "CPU", "WRITTEN", "FLUSHES"];

    /// For people.
    pub fn row(&self) -> Vec<String> {
        let none = || "-".to_owned();
        let mut row = vec![self.subject.clone(), self.connections.to_string(), format!("{:.0}", self.per_second)];
        row.extend([0.5, 0.9, 0.99, 0.999].map(|quantile| time(self.at(quantile) as f64)));
        row.push(time(self.latency.max() as f64));
        row.push(self.tail.map_or_else(none, |tail| format!("{tail:.1}")));
        row.push(self.cpu.map_or_else(none, time));
        row.push(self.written.map_or_else(none, |bytes| format!("{:.1} kB", bytes / 1_000.0)));
        row.push(self.flushes.map_or_else(none, |flushes| format!("{flushes:.1}")));
        row
    }

    /// The latency histogram, for people: a line for each doubling.
    pub fn drawn(&self) -> Vec<String> {
        const WIDTH: f64 = 50.0;
        let doublings =
            self.latency.iter_log(1_000, 2.0).map(|step| (step.value_iterated_to(), step.count_since_last_iteration()));
        let steps: Vec<(u64, u64)> = doublings.skip_while(|(_, count)| *count == 0).collect();
        let most = steps.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
        let line = |(until, count): &(u64, u64)| {
            let share = *count as f64 / self.latency.len().max(1) as f64;
            let bar = "#".repeat((*count as f64 / most as f64 * WIDTH).ceil() as usize);
            format!("  up to {:>8}  {:>6.2} %  {bar}", time(*until as f64), share * 100.0)
        };
        steps.iter().map(line).collect()
    }
}

/// One number: the ratio of two figures, or a measure other than time.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The measurement that it belongs to.
    pub scenario: &'static str,
    /// What is compared, or counted.
    pub what: String,
    /// Concurrent connections.
    pub connections: usize,
    /// The value.
    pub value: f64,
    /// The unit; [`TIMES`] for a ratio.
    pub unit: &'static str,
}

/// The unit of a ratio.
pub const TIMES: &str = "x";

impl Fact {
    /// One figure over another.
    pub(super) fn ratio(scenario: &'static str, what: &str, connections: usize, one: f64, other: f64) -> Self {
        let value = if other > 0.0 { one / other } else { f64::NAN };
        Self { scenario, what: what.to_owned(), connections, value, unit: TIMES }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "kind": if self.unit == TIMES { "ratio" } else { "fact" },
            "scenario": self.scenario,
            "what": self.what,
            "connections": self.connections,
            "value": round(self.value),
            "unit": self.unit,
        })
    }

    /// For people.
    pub fn row(&self) -> Vec<String> {
        vec![self.what.clone(), self.connections.to_string(), format!("{:.2} {}", self.value, self.unit)]
    }
}

/// Three digits after the point: more would be noise.
fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// Nanoseconds, in the unit in which they can be read.
pub fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        short if short < 1e6 => format!("{:.0} us", short / 1e3),
        middle if middle < 1e9 => format!("{:.2} ms", middle / 1e6),
        long => format!("{:.2} s", long / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn measured() -> Measured {
        let mut one = Measured::new();
        for nanoseconds in [90_000, 100_000, 110_000, 5_000_000] {
            one.latency.record(nanoseconds).unwrap();
        }
        one.during = Duration::from_secs(2);
        one
    }

    #[test]
    fn rounds_add_up_and_tails_are_separate() {
        let mut all = Measured::new();
        all.add(&measured());
        all.add(&measured());
        assert_eq!((all.latency.len(), all.per_second(), all.tails.len()), (8, 2.0, 2));
        assert!(all.tail().unwrap() > 40.0);
    }

    #[test]
    fn a_figure_is_a_row_and_an_object() {
        let (cpu, written) = (Duration::from_millis(10), 4_000);
        let used = |times: u32| Some(Usage { cpu: cpu * times, written: written * u64::from(times) });
        let figure = Figure::of("starts", "durable", 4, &measured()).costing(used(1), used(2));
        assert_eq!(figure.row()[..4], ["durable", "4", "2", "100 us"]);
        assert_eq!(figure.row().len(), Figure::HEAD.len());
        let json = figure.json();
        assert_eq!(
            (&json["cpu_us"], &json["written_bytes"], &json["flushes"]),
            (&json!(2500.0), &json!(1000.0), &json!(null))
        );
        assert!(json["latency_us"]["max"].as_f64().unwrap() >= 5_000.0);
    }

    #[test]
    fn times_are_drawn_by_doublings() {
        let lines = Figure::of("starts", "durable", 4, &measured()).drawn();
        assert!(lines.first().unwrap().contains("128 us") && lines.first().unwrap().contains("75.00 %"), "{lines:#?}");
        assert!(lines.last().unwrap().ends_with('#'), "{lines:#?}");
    }

    #[test]
    fn times_have_the_unit_they_are_read_in() {
        assert_eq!([1_500.0, 2_340_000.0, 1.5e9].map(time), ["2 us", "2.34 ms", "1.50 s"]);
    }
}
