//! Properties of what an operator may write: no value panics, none stops another from being read, no secret is shown.

use proptest::collection::hash_map;
use proptest::prelude::*;
use proptest::sample::select;
use runtime::Config;
use runtime::config::{Kind, Source};

const KEY: (&str, &str) = ("MCP_KMS_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");

fn names() -> Vec<&'static str> {
    let settings = Config::report(&Source::from_pairs([KEY])).settings;
    settings.into_iter().map(|setting| setting.name).collect()
}

/// Values from noise to what is nearly right.
fn value() -> impl Strategy<Value = String> {
    let nearly = select(vec![
        "0",
        "-1",
        "1e400",
        "18446744073709551616",
        "15s",
        "15",
        "s",
        "99999999999999999999h",
        "5s,,5m",
        "true",
        "10.0.0.0/8,::1/129",
        "postgres://u:p@",
        "sqlite:///",
        "sqlite:////",
        "redis://[",
        "nats://a,nats://",
        "*,*",
        "https://a/b?c",
        "é",
        "\u{0}",
        " ",
        "memory",
        "=",
        "\"",
    ]);
    prop_oneof![
        ".{0,40}",
        nearly.prop_map(str::to_owned),
        "[0-9]{1,20}(ms|s|m|h|d)"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn every_variable_is_taken_or_told_in_one_line(given in hash_map(select(names()), value(), 0..8)) {
        let source = Source::from_pairs([KEY]).with(given.clone());
        let report = Config::report(&source);
        prop_assert_eq!(Config::load(&source).is_ok(), report.errors.is_empty());
        let lines: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
        for line in &lines {
            let name = line.split(' ').next().unwrap_or_default();
            prop_assert!(given.contains_key(name), "{} was not given", name);
            prop_assert!(!line.contains('\n'), "{}", line);
        }
        prop_assert_eq!(report.settings.len(), names().len(), "a bad one does not hide the others");
    }

    #[test]
    fn no_secret_is_shown_whatever_it_is(secret in "[a-zA-Z0-9]{12,40}") {
        let settings = Config::report(&Source::from_pairs([KEY])).settings;
        let masked = |name: &str| {
            let scheme = if name == "DATABASE_URL" { "postgres" } else if name == "REDIS_URL" { "redis" } else { "https" };
            format!("{scheme}://user:{secret}@host/path?password={secret}")
        };
        let given = settings.iter().filter_map(|setting| match setting.kind {
            Kind::Plain => None,
            Kind::Masked => Some((setting.name, masked(setting.name))),
            Kind::Secret => Some((setting.name, secret.clone())),
        });
        let report = Config::report(&Source::from_pairs(given));
        for setting in &report.settings {
            prop_assert!(!setting.to_string().contains(&secret), "{}", setting);
        }
        for error in &report.errors {
            prop_assert!(!error.to_string().contains(&secret), "{}", error);
        }
    }

    #[test]
    fn a_duration_is_what_its_unit_says(number in 1_u64..10_000, unit in select(vec![("ms", 1), ("s", 1_000), ("m", 60_000)])) {
        let source = Source::from_pairs([KEY]).with([("SHUTDOWN_GRACE", format!("{number}{}", unit.0))]);
        let config = Config::load(&source).unwrap();
        prop_assert_eq!(config.shutdown_grace.as_millis(), u128::from(number * unit.1));
    }
}
