//! Run books exist where alerts point to, and name commands and files that exist.

use super::{files, path, read};

#[test]
fn every_alert_names_a_run_book_that_is_there() {
    let alerts = read("ops/prometheus/alerts.yml");
    let alert_count = alerts.matches("- alert: ").count();
    let books: Vec<&str> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook: "))
        .collect();
    assert_eq!(books.len(), alert_count, "each has one");
    for book in books {
        assert!(path(book).is_file(), "{book} is missing");
    }
}

#[test]
fn run_books_name_files_that_are_there() {
    for (name, text) in files("ops/runbooks", ".md") {
        for word in text.split(|c: char| c.is_whitespace() || "`()[]".contains(c)) {
            let word = word.trim_end_matches(['.', ',', ':', ';']);
            if word.starts_with("ops/") && !word.contains(['*', '<', '$']) {
                assert!(path(word).exists(), "{name} names {word}, which is missing");
            }
        }
    }
}
