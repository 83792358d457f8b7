use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&Source::from_pairs(pairs.iter().copied()).with([("MCP_KMS_KEY", KEY)]))
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = load(&[]).unwrap();
    assert_eq!(config.port, 8080);
    assert_eq!(config.rate_limit_rpm, 120);
    assert_eq!(config.lease_ttl, Duration::from_secs(10));
    assert_eq!(config.cache_ttl_customers, Duration::from_mins(5));
    assert_eq!(
        config.orderdesk_base_url.as_str(),
        "https://app.orderdesk.me/api/v2"
    );
    assert!(matches!(config.database, Database::Sqlite(path) if path.as_os_str() == "data/app.db"));
}

#[test]
fn a_bad_value_is_named_with_what_is_accepted() {
    let error = load(&[("PORT", "80a")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "PORT is \"80a\": expected a port from 0 to 65535 (0 takes a free one)"
    );
    for (name, value) in [
        ("LEASE_TTL", "1s"),
        ("LEASE_TTL", "10"),
        ("PARTITIONS", "0"),
        ("LOG_LEVEL", "loud"),
        ("CACHE_BACKEND", "memcached"),
        ("TRUST_PROXY", "maybe"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("DATABASE_URL", "mysql://x/y"),
        ("ORDERDESK_REFILL_PER_SECOND", "NaN"),
        ("WEBHOOK_RETRY_SCHEDULE", ","),
        ("ALLOWED_ORIGINS", "example.com"),
        ("MAX_ATTEMPTS", "-1"),
        ("HOST", "localhost"),
        ("IDEMPOTENCY_TTL", "99999999999999999999h"),
    ] {
        let error = load(&[(name, value)]).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{name} is {value:?}: expected ")),
            "{error}"
        );
        assert!(!error.contains('\n'));
    }
}

#[test]
fn a_secret_is_never_shown() {
    for (name, value) in [
        ("MCP_KMS_KEY", "too-short-secret"),
        ("ADMIN_TOKEN", "shortsecret"),
        ("DATABASE_URL", "postgresq://user:hunter2@host/db"),
        ("NATS_URL", "http://user:hunter2@host"),
    ] {
        let error =
            Config::load(&Source::from_pairs([("MCP_KMS_KEY", KEY)]).with([(name, value)])).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(name) && text.contains("(hidden)") && !text.contains(value),
            "{text}"
        );
    }
    let config = load(&[("ADMIN_TOKEN", "0123456789abcdef-secret")]).unwrap();
    assert!(!format!("{config:?}").contains("abcdef-secret"));
    assert!(!format!("{config:?}").contains(KEY));
}

#[test]
fn a_missing_kms_key_says_how_to_make_one() {
    let error = Config::load(&Source::default()).unwrap_err().to_string();
    assert!(
        error.starts_with("MCP_KMS_KEY is not set: expected 32 or more bytes"),
        "{error}"
    );
}

#[test]
fn a_secret_can_come_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{KEY}\n")).unwrap();
    let path = file.path().to_str().unwrap();
    assert!(Config::load(&Source::from_pairs([("MCP_KMS_KEY_FILE", path)])).is_ok());
    let error = Config::load(&Source::from_pairs([("MCP_KMS_KEY_FILE", "/nonexistent")])).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("MCP_KMS_KEY_FILE names \"/nonexistent\"")
    );
}

#[test]
fn four_slashes_are_an_absolute_path() {
    let config = load(&[("DATABASE_URL", "sqlite:////var/lib/app.db")]).unwrap();
    assert!(matches!(config.database, Database::Sqlite(path) if path.as_os_str() == "/var/lib/app.db"));
}

#[test]
fn base64_of_every_kind_is_a_key() {
    for key in [
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "__ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "//ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ] {
        assert!(
            Config::load(&Source::from_pairs([("MCP_KMS_KEY", key)])).is_ok(),
            "{key}"
        );
    }
}
