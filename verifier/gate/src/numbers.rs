//! What a gate counts, in the text format of Prometheus 0.0.4.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Upper bounds of the histogram: name and microseconds.
const BOUNDS: [(&str, u64); 9] = [
    ("0.0005", 500),
    ("0.001", 1_000),
    ("0.002", 2_000),
    ("0.005", 5_000),
    ("0.01", 10_000),
    ("0.02", 20_000),
    ("0.05", 50_000),
    ("0.1", 100_000),
    ("1", 1_000_000),
];

/// Counts since the gate was opened.
#[derive(Debug, Default)]
pub struct Numbers {
    admitted: AtomicU64,
    refused: Mutex<BTreeMap<&'static str, u64>>,
    buckets: [AtomicU64; BOUNDS.len()],
    micros: AtomicU64,
    judged: AtomicU64,
    reports_waiting: AtomicU64,
}

impl Numbers {
    pub(crate) fn admitted(&self, took: Duration) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
        self.took(took);
    }

    pub(crate) fn refused(&self, code: &'static str, took: Duration) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let count = refused.entry(code).or_default();
        *count = count.saturating_add(1);
        drop(refused);
        self.took(took);
    }

    pub(crate) fn waiting(&self, reports: usize) {
        let reports = u64::try_from(reports).unwrap_or(u64::MAX);
        self.reports_waiting.store(reports, Ordering::Relaxed);
    }

    fn took(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.judged.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        for (bucket, (_, bound)) in self.buckets.iter().zip(BOUNDS) {
            if micros <= bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The page for Prometheus.
    #[must_use]
    pub fn text(&self) -> String {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let mut text = String::new();
        // Writing to a string does not fail.
        let mut line = |written: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{written}");
        };
        line(format_args!(
            "# TYPE agentsigna_gate_admitted_total counter"
        ));
        line(format_args!(
            "agentsigna_gate_admitted_total {}",
            load(&self.admitted)
        ));
        line(format_args!("# TYPE agentsigna_gate_refused_total counter"));
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, count) in refused.iter() {
            line(format_args!(
                "agentsigna_gate_refused_total{{code=\"{code}\"}} {count}"
            ));
        }
        drop(refused);
        line(format_args!("# TYPE agentsigna_gate_seconds histogram"));
        for (bucket, (name, _)) in self.buckets.iter().zip(BOUNDS) {
            line(format_args!(
                "agentsigna_gate_seconds_bucket{{le=\"{name}\"}} {}",
                load(bucket)
            ));
        }
        let judged = load(&self.judged);
        let micros = load(&self.micros);
        line(format_args!(
            "agentsigna_gate_seconds_bucket{{le=\"+Inf\"}} {judged}"
        ));
        line(format_args!(
            "agentsigna_gate_seconds_sum {}.{:06}",
            micros / 1_000_000,
            micros % 1_000_000
        ));
        line(format_args!("agentsigna_gate_seconds_count {judged}"));
        line(format_args!("# TYPE agentsigna_gate_reports_waiting gauge"));
        line(format_args!(
            "agentsigna_gate_reports_waiting {}",
            load(&self.reports_waiting)
        ));
        text
    }
}

#[cfg(test)]
mod tests {
    //! Goal: what is counted is shown, once. Method: some calls by hand.

    use super::*;

    #[test]
    fn counts_are_shown() {
        let numbers = Numbers::default();
        numbers.admitted(Duration::from_micros(900));
        numbers.refused("used", Duration::from_millis(3));
        numbers.refused("used", Duration::from_secs(2));
        numbers.waiting(4);
        let text = numbers.text();
        for line in [
            "agentsigna_gate_admitted_total 1",
            "agentsigna_gate_refused_total{code=\"used\"} 2",
            "agentsigna_gate_seconds_bucket{le=\"0.0005\"} 0",
            "agentsigna_gate_seconds_bucket{le=\"0.001\"} 1",
            "agentsigna_gate_seconds_bucket{le=\"1\"} 2",
            "agentsigna_gate_seconds_bucket{le=\"+Inf\"} 3",
            "agentsigna_gate_seconds_sum 2.003900",
            "agentsigna_gate_seconds_count 3",
            "agentsigna_gate_reports_waiting 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}
