//! The README's tables, `.env.example` and the program agree on every variable and its default.

use std::collections::{BTreeMap, BTreeSet};

use runtime::Config;
use runtime::config::{Setting, Source};

const COMPOSE: &str = include_str!("../../../docker-compose.yml");
const README: &str = include_str!("../../../README.md");
const EXAMPLE: &str = include_str!("../../../.env.example");
const KEY: (&str, &str) = ("MCP_KMS_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");

fn settings() -> Vec<Setting> {
    Config::report(&Source::from_pairs([KEY])).settings
}

/// The rows of the README's configuration tables, cell by cell.
fn rows() -> Vec<Vec<&'static str>> {
    let from = README
        .find("### Configuration\n")
        .expect("the README has the section");
    let section = &README[from + 4..];
    let section = &section[..section.find("\n## ").unwrap_or(section.len())];
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn the_readme_has_one_row_for_each_variable_with_its_default_and_every_cell_filled() {
    let rows = rows();
    let mut described = BTreeMap::new();
    for row in &rows {
        assert_eq!(
            row.len(),
            5,
            "name, default, unit, effect, when to change: {row:?}"
        );
        assert!(row.iter().all(|cell| !cell.is_empty()), "an empty cell: {row:?}");
        let former = described.insert(row[0].trim_matches('`'), row);
        assert!(former.is_none(), "{} is there twice", row[0]);
    }
    for setting in settings() {
        let name = setting.name;
        let row = described
            .remove(name)
            .unwrap_or_else(|| panic!("{name} has no row in the README's configuration tables"));
        let default = match setting.default {
            _ if setting.required => "required".to_owned(),
            None | Some("") => "–".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        assert_eq!(row[1], default, "the default of {name} in the README");
        assert_eq!(
            row[2].contains("*file*"),
            setting.kind.may_be_a_file(),
            "whether {name}_FILE is read, in the README"
        );
    }
    assert_eq!(
        described.keys().collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "no longer read"
    );
}

/// The variables of `.env.example`: whether they are commented out, and the value.
fn examples() -> BTreeMap<&'static str, (bool, &'static str)> {
    let mut examples = BTreeMap::new();
    for line in EXAMPLE.lines() {
        let (comment, rest) = line.strip_prefix('#').map_or((false, line), |rest| (true, rest));
        let Some((name, value)) = rest.split_once('=') else {
            continue;
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
            continue;
        }
        assert!(
            examples.insert(name, (comment, value)).is_none(),
            "{name} is there twice"
        );
    }
    examples
}

#[test]
fn the_example_shows_every_variable_with_its_default() {
    let mut examples = examples();
    for setting in settings() {
        let name = setting.name;
        let (comment, value) = examples
            .remove(name)
            .unwrap_or_else(|| panic!("{name} is not in .env.example"));
        assert_eq!(comment, !setting.required, "whether {name} is commented out");
        match setting.default {
            _ if setting.required => assert_eq!(value, "", "{name} is to be filled in"),
            None | Some("") => assert!(!value.is_empty(), "{name} needs an example"),
            Some(default) => assert_eq!(value, default, "the default of {name} in .env.example"),
        }
    }
    // What is left is docker-compose's own: all that it asks for, commented out where it has a default.
    let ours: BTreeSet<_> = settings().iter().map(|setting| setting.name).collect();
    for (name, has_default) in composed().into_iter().filter(|(name, _)| !ours.contains(name)) {
        let (comment, _) = examples
            .remove(name)
            .unwrap_or_else(|| panic!("{name} of docker-compose.yml is not in .env.example"));
        assert_eq!(comment, has_default, "whether {name} is commented out");
    }
    assert_eq!(
        examples.keys().collect::<BTreeSet<_>>(),
        BTreeSet::new(),
        "no longer read"
    );
}

/// The variables that `docker-compose.yml` puts in, and whether it can do without.
fn composed() -> BTreeMap<&'static str, bool> {
    let expressions = COMPOSE.split("${").skip(1);
    let parts = expressions
        .filter_map(|rest| rest.split_once('}'))
        .map(|(inner, _)| inner);
    parts
        .filter_map(|inner| inner.split_once(':'))
        .map(|(name, otherwise)| (name, otherwise.starts_with('-')))
        .collect()
}

/// The example, written down as `.env` would have it.
fn loaded(pairs: impl IntoIterator<Item = (&'static str, &'static str)>) -> Config {
    Config::load(&Source::from_pairs(pairs).with([KEY])).expect("the example is a good configuration")
}

#[test]
fn the_example_with_a_key_filled_in_is_the_default_and_loads_with_every_line_in_force() {
    let examples = examples();
    let as_it_is = examples.iter().filter(|(_, (comment, _))| !comment);
    let as_it_is = loaded(as_it_is.map(|(name, (_, value))| (*name, *value)));
    assert_eq!(format!("{as_it_is:?}"), format!("{:?}", loaded([])));
    loaded(examples.iter().map(|(name, (_, value))| (*name, *value)));
}

#[test]
fn a_report_has_one_line_for_each_error_and_no_secret_in_any() {
    let given = [
        ("PORT", "80a"),
        ("LEASE_TTL", "1s"),
        ("ADMIN_TOKEN", "s3cret"),
        ("WEBHOOK_SECRET_FILE", "/nonexistent"),
        ("REDIS_URL", "redis://:s3cret@host/0"),
    ];
    let report = Config::report(&Source::from_pairs(given));
    let errors: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    let named: BTreeSet<&str> = errors.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        named,
        BTreeSet::from([
            "ADMIN_TOKEN",
            "LEASE_TTL",
            "MCP_KMS_KEY",
            "PORT",
            "WEBHOOK_SECRET_FILE"
        ])
    );
    assert_eq!(errors.len(), named.len(), "{errors:?}");
    let lines: Vec<String> = report.settings.iter().map(ToString::to_string).collect();
    let all = format!("{}\n{}", errors.join("\n"), lines.join("\n"));
    assert!(
        !all.contains("s3cret") && errors.iter().all(|line| !line.contains('\n')),
        "{all}"
    );
    for line in [
        "REDIS_URL=redis://host/0  # environment",
        "ADMIN_TOKEN=(hidden)  # environment",
        "HOST=0.0.0.0  # default",
        "NATS_URL=  # not set",
    ] {
        assert!(lines.iter().any(|other| other == line), "{line} in {lines:?}");
    }
}
