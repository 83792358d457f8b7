//! The compose file hands every variable of the configuration on.

use super::read;

/// Variables that the compose file itself needs beyond the gateway's.
const COMPOSE_ONLY: &[&str] = &[
    "CLOUDFLARE_TUNNEL_TOKEN",
    "DEMO_STORE",
    "GATEWAY_IMAGE",
    "GRAFANA_PORT",
    "POSTGRES_PASSWORD",
    "PROXY_TRUSTED",
    "SECRETS_DIR",
];

#[test]
fn every_variable_of_the_example_reaches_the_services() {
    let compose = read("docker-compose.yml");
    let settings = compose
        .split_once("x-settings:")
        .and_then(|(_, rest)| rest.split_once("\nservices:"))
        .expect("the settings come before the services")
        .0;
    let example = read(".env.example");
    let names = example
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') && !name.is_empty());
    let mut count = 0;
    for name in names.filter(|name| !COMPOSE_ONLY.contains(name)) {
        assert!(
            settings.contains(&format!("\n  {name}:")),
            "{name} is not handed on by docker-compose.yml"
        );
        count += 1;
    }
    assert!(count > 30, "the example was read: {count}");
}
