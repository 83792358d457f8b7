//! Alerts and dashboards ask for metrics that exist, with labels that they have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use system_tests::metrics::{Metrics, of_table};

use super::{files, read};

/// What Prometheus itself adds.
const SCRAPED: &[(&str, &[&str])] = &[("up", &[])];
/// Labels that every scraped series has.
const TARGET: &[&str] = &["instance", "job", "le"];

/// The words of an expression that name a series, each with the labels that are asked of it in braces.
fn series(expression: &str) -> BTreeMap<String, BTreeSet<String>> {
    const WORDS: &[&str] = &["and", "or", "unless", "by", "without", "on", "ignoring", "bool"];
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut rest = expression;
    let mut before = "";
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || "\"({[_:".contains(c)) {
        let (first, from) = (rest.as_bytes()[start], &rest[start..]);
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let end = match first {
            b'"' => from[1..].find('"').map_or(from.len(), |end| end + 2),
            b'[' => from.find(']').map_or(from.len(), |end| end + 1),
            // A list of labels after `by` is no list of series.
            b'(' if matches!(before, "by" | "without" | "on") => {
                from.find(')').map_or(from.len(), |end| end + 1)
            }
            b'(' => 1,
            b'{' => from.find('}').map_or(from.len(), |end| end + 1),
            _ => from.find(|c| !is_part(c)).unwrap_or(from.len()),
        };
        let (token, after) = from.split_at(end);
        let digit_before = rest[..start].ends_with(|c: char| c.is_ascii_digit());
        if first == b'{' {
            let labels = token.trim_matches(['{', '}']).split("\",");
            let names = labels.filter_map(|label| label.split(['=', '!']).next());
            found
                .entry(before.to_owned())
                .or_default()
                .extend(names.map(|name| name.trim().to_owned()));
        } else if !"\"[(".contains(char::from(first))
            // A function, or an aggregation whose labels come first.
            && !["(", "by ", "by(", "without "].iter().any(|next| after.trim_start().starts_with(next))
            && !WORDS.contains(&token)
            && !digit_before
        {
            found.entry(token.to_owned()).or_default();
        }
        if !token.starts_with('"') {
            before = token;
        }
        rest = after;
    }
    found
}

/// The expressions of a file of rules, and the names that its rules record.
pub(super) fn of_rules(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut expressions, mut recorded) = (Vec::new(), Vec::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if let Some(name) = trimmed.strip_prefix("- record: ") {
            recorded.push(name.to_owned());
        }
        let Some(expression) = trimmed.strip_prefix("expr: ") else {
            continue;
        };
        let mut expression = expression.trim_start_matches('|').to_owned();
        let indent = line.len() - trimmed.len();
        while let Some(more) =
            lines.next_if(|next| next.len() - next.trim_start().len() > indent && !next.is_empty())
        {
            expression.push(' ');
            expression.push_str(more.trim());
        }
        expressions.push(expression);
    }
    (expressions, recorded)
}

/// The expressions of a dashboard's panels.
pub(super) fn of_dashboard(text: &str) -> Vec<String> {
    let dashboard: Value = serde_json::from_str(text).expect("a dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    targets
        .map(|target| target["expr"].as_str().expect("an expression").to_owned())
        .collect()
}

/// What is wrong with an expression.
fn unknown(expression: &str, metrics: &Metrics, recorded: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, labels) in series(expression) {
        if recorded.contains(&name) || SCRAPED.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let metric = metrics.get(&name).or_else(|| {
            let parts = ["_bucket", "_sum", "_count"];
            let stem = parts.iter().find_map(|part| name.strip_suffix(part))?;
            metrics.get(stem).filter(|metric| metric.kind == "histogram")
        });
        let Some(metric) = metric else {
            wrong.push(format!("{name} is no metric of ops/metrics.md, in: {expression}"));
            continue;
        };
        for label in labels {
            if !metric.labels.contains(&label) && !TARGET.contains(&label.as_str()) {
                wrong.push(format!("{name} has no label {label}, in: {expression}"));
            }
        }
    }
    wrong
}

#[test]
fn alerts_and_dashboards_ask_for_metrics_that_exist() {
    let metrics = of_table(&read("ops/metrics.md"));
    let (mut expressions, mut recorded) = (Vec::new(), Vec::new());
    for name in ["rules.yml", "alerts.yml"] {
        let (asked, names) = of_rules(&read(&format!("ops/prometheus/{name}")));
        expressions.extend(asked);
        recorded.extend(names);
    }
    for (_, text) in files("ops/grafana/dashboards", ".json") {
        expressions.extend(of_dashboard(&text));
    }
    assert!(expressions.len() > 60, "they were found: {}", expressions.len());
    let wrong: Vec<String> = expressions
        .iter()
        .flat_map(|expression| unknown(expression, &metrics, &recorded))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_expression_with_an_unknown_metric_or_label_is_found() {
    let metrics = of_table(&read("ops/metrics.md"));
    let wrong = |expression: &str| unknown(expression, &metrics, &["a:b".to_owned()]).len();
    assert_eq!(
        wrong("sum by (le, route) (rate(http_request_duration_seconds_bucket[5m])) > 1e3"),
        0
    );
    assert_eq!(wrong("a:b > 0.5 and on (instance) up{job=~\"x|y\"} == 0"), 0);
    assert_eq!(
        wrong("label_replace(rate(jobs_ended_total[5m]), \"class\", \"${1}xx\", \"status\", \"(.)..\")"),
        0
    );
    assert_eq!(wrong("rate(jobs_finished_total[5m])"), 1);
    assert_eq!(wrong("jobs_ended_total_bucket"), 1);
    assert_eq!(wrong("jobs_ended_total{state=\"failed\",status=\"x\"}"), 1);
}
