//! What a process says at `/metrics`, and the table that promises it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One metric: what it is, not how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metric {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// The names of its labels.
    pub labels: BTreeSet<String>,
    /// What it means, in one sentence.
    pub help: String,
}

/// Metrics by name.
pub type Metrics = BTreeMap<String, Metric>;

/// A row of the table.
pub struct Row<'a>(pub &'a str, pub &'a Metric);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = self.1.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, help) = (self.0, &self.1.kind, &self.1.help);
        write!(f, "| `{name}` | {kind} | {} | {help} |", labels.join(", "))
    }
}

/// Reads Prometheus text.
pub fn of_scrape(text: &str) -> Metrics {
    let mut metrics = Metrics::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            help.clone_into(&mut metrics.entry(name.to_owned()).or_default().help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            kind.clone_into(&mut metrics.entry(name.to_owned()).or_default().kind);
        } else if let Some((name, labels)) = line.split_once('{') {
            let parts = ["_bucket", "_sum", "_count"];
            let histogram = parts.iter().find_map(|part| name.strip_suffix(part));
            let name = histogram
                .filter(|name| metrics.contains_key(*name))
                .unwrap_or(name);
            let labels = labels.rsplit_once('}').map_or("", |(labels, _)| labels);
            let names = labels.split("\",").filter_map(|label| label.split_once("=\""));
            let names = names.map(|(name, _)| name.to_owned()).filter(|name| name != "le");
            metrics.entry(name.to_owned()).or_default().labels.extend(names);
        }
    }
    metrics
}

/// Reads the rows of a table as [`Row`] writes them.
pub fn of_table(text: &str) -> Metrics {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind, labels, help] = cells[..] else {
            panic!("four cells in {line}");
        };
        let bare = |text: &str| text.trim_matches('`').to_owned();
        let metric = Metric {
            kind: kind.to_owned(),
            labels: labels
                .split(", ")
                .map(bare)
                .filter(|label| !label.is_empty())
                .collect(),
            help: help.to_owned(),
        };
        (bare(name), metric)
    })
    .collect()
}

/// What is in one and not, or otherwise, in the other; as rows of the table.
pub fn differences(emitted: &Metrics, table: &Metrics) -> String {
    let beyond = |some: &Metrics, others: &Metrics| -> String {
        let rows = some
            .iter()
            .filter(|(name, metric)| others.get(*name) != Some(metric));
        rows.map(|(name, metric)| Row(name, metric).to_string())
            .collect::<Vec<_>>()
            .join("\n")
    };
    format!(
        "emitted, but not so in the table:\n{}\n\nin the table, but not so emitted:\n{}",
        beyond(emitted, table),
        beyond(table, emitted)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPE: &str = "# HELP a_total How many.\n# TYPE a_total counter\na_total{x=\"1, 2\",y=\"}\"} 3\n\
        # HELP b_seconds How long.\n# TYPE b_seconds histogram\nb_seconds_bucket{x=\"1\",le=\"0.1\"} 1\n\
        b_seconds_sum{x=\"1\"} 0.1\nb_seconds_count{x=\"1\"} 1\n";
    const TABLE: &str = "| Name | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n\
        | `a_total` | counter | `x`, `y` | How many. |\n| `b_seconds` | histogram | `x` | How long. |\n";

    #[test]
    fn a_scrape_and_a_table_that_say_the_same_are_equal() {
        assert_eq!(of_scrape(SCRAPE), of_table(TABLE));
    }

    #[test]
    fn another_label_is_a_difference() {
        let other = of_scrape(&SCRAPE.replace("y=", "store="));
        assert_ne!(other, of_table(TABLE));
        assert!(differences(&other, &of_table(TABLE)).contains("`store`, `x`"));
    }
}
