//! What operators are given, against what the programs say: dashboards, alerts, compose file, run books.

mod compose;
mod expressions;
mod prometheus;
mod readme;
mod runbooks;

use std::path::{Path, PathBuf};

/// A file or folder of the repository.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(relative)
}

fn read(relative: &str) -> String {
    let path = path(relative);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder whose names end so, as (name, content).
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(path(folder)).expect("the folder is there");
    let mut files: Vec<(String, String)> = entries
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| name.ends_with(ending))
        .map(|name| (name.clone(), read(&format!("{folder}/{name}"))))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has files that end in {ending}");
    files
}
