//! The README and the tables beside it name what is there, and all crates.

use super::{files, path, read};

/// The README and all documents of `ops`, but the run books.
fn documents() -> Vec<(String, String)> {
    let mut documents = vec![("README.md".to_owned(), read("README.md"))];
    for folder in ["ops", "ops/adr", "ops/bench", "ops/k8s"] {
        documents.extend(files(folder, ".md"));
    }
    documents
}

#[test]
fn documents_name_files_that_are_there() {
    const FOLDERS: [&str; 6] = ["services/", "shared/", "ops/", "tests/", "migrations/", ".ci/"];
    for (name, text) in documents() {
        for word in text.split(|c: char| c.is_whitespace() || "`()[],:;|".contains(c)) {
            let word = word.trim_end_matches('.').split('#').next().unwrap_or_default();
            let is_path = FOLDERS.iter().any(|folder| word.starts_with(folder));
            if is_path && !word.contains(['*', '<', '$', '{', '…']) {
                assert!(path(word).exists(), "{name} names {word}, which is missing");
            }
        }
    }
}

#[test]
fn the_readme_has_a_line_for_each_crate() {
    let (readme, workspace) = (read("README.md"), read("Cargo.toml"));
    let members = workspace
        .split_once("members = [")
        .expect("the workspace has members")
        .1;
    let members = members.split_once(']').expect("the list ends").0;
    for member in members.split('"').filter(|text| text.contains('/')) {
        let of: Vec<&str> = member.split('/').collect();
        // Adapters stand in the line of their port.
        let (owner, adapter) = (of[..2].join("/"), of.get(2));
        let line = readme.lines().find(|line| line.starts_with(&format!("{owner} ")));
        if member.starts_with("ops/") {
            continue;
        }
        let line = line.unwrap_or_else(|| panic!("{owner} has no line in the README's layout"));
        assert!(
            adapter.is_none_or(|adapter| line.contains(&format!("{adapter}/"))),
            "{member} is not in: {line}"
        );
    }
}
