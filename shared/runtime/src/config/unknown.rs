//! Variables that look like ours and are not: a misspelt one would silently leave the default in effect.

use super::setting::Setting;
use super::source::Source;

/// What a name that begins like this is meant for. Prefixes that others use as well, such as `OTEL_` and `REDIS_`, are
/// not among them: there only a name that is nearly one of ours is told.
const PREFIXES: [&str; 14] = [
    "ALLOWED_ORIGIN",
    "AUDIT_READ",
    "AUTH_FAILURE",
    "AUTO_PROVISION",
    "CACHE_",
    "CREATE_MARKER",
    "IDEMPOTENCY_",
    "JOB_DEADLINE",
    "MCP_KMS_",
    "ORDERDESK_",
    "PROVISION_",
    "RATE_LIMIT",
    "TRUST_PROX",
    "WEBHOOK_",
];

/// Ours, though no part of the configuration: the live check's and the crash points of tests.
const OTHERS: [&str; 3] = [
    "ORDERDESK_TEST_API_KEY",
    "ORDERDESK_TEST_BASE_URL",
    "ORDERDESK_TEST_STORE_ID",
];

/// A name this near to a known one of at least [`LONG`] characters is taken for a slip of the finger.
const NEAR: usize = 2;
const LONG: usize = 8;

/// One line for each variable that is probably misspelt, sorted.
pub(super) fn warnings(source: &Source, settings: &[Setting]) -> Vec<String> {
    let known = |name: &str| settings.iter().find(|setting| setting.name == name);
    let mut lines: Vec<String> = source
        .names()
        .filter(|name| known(name).is_none() && !OTHERS.contains(name))
        .filter_map(|name| {
            let of_file = name.strip_suffix("_FILE").and_then(known);
            match of_file {
                Some(setting) if setting.kind.may_be_a_file() => None,
                Some(setting) => Some(format!(
                    "{name} has no effect: {} is no secret and is not read from a file",
                    setting.name
                )),
                None => misspelt(name, settings),
            }
        })
        .collect();
    lines.sort();
    lines
}

fn misspelt(name: &str, settings: &[Setting]) -> Option<String> {
    let (distance, nearest) = settings
        .iter()
        .map(|setting| (strsim::osa_distance(name, setting.name), setting.name))
        .min()?;
    let near = distance <= NEAR && nearest.len() >= LONG;
    let ours = PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !is_service_link(name);
    (near || ours)
        .then(|| format!("{name} is no variable of this program and has no effect: {nearest} is the nearest"))
}

/// Variables that Docker and Kubernetes make of a neighbour's name, such as `ORDERDESK_API_PORT_8080_TCP_ADDR`.
fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_TCP")
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn of(name: &str) -> Vec<String> {
        Config::report(&Source::from_pairs([(name, "1")])).warnings
    }

    #[test]
    fn a_misspelt_variable_is_told_with_the_nearest_known_one() {
        for (name, nearest) in [
            ("CACHE_TTL_ORDER", "CACHE_TTL_ORDERS"),
            ("RATE_LIMIT_RPN", "RATE_LIMIT_RPM"),
            ("RATE_LIMIT", "RATE_LIMIT_RPM"),
            ("LOG_LEVL", "LOG_LEVEL"),
            ("DATABASE_URI", "DATABASE_URL"),
            ("ORDERDESK_BASEURL", "ORDERDESK_BASE_URL"),
            ("MAX_ATEMPTS", "MAX_ATTEMPTS"),
            ("MCP_KMS_KEY_PREV", "MCP_KMS_KEY"),
        ] {
            let told = of(name);
            assert_eq!(told.len(), 1, "{name}: {told:?}");
            assert!(told[0].starts_with(name) && told[0].contains(nearest), "{told:?}");
        }
        let told = of("PORT_FILE");
        assert_eq!(
            told,
            ["PORT_FILE has no effect: PORT is no secret and is not read from a file"]
        );
    }

    #[test]
    fn what_belongs_to_others_is_left_alone() {
        for name in [
            "PATH",
            "HOME",
            "HOSTNAME",
            "REPORT",
            "OTEL_SERVICE_NAME",
            "REDIS_PASSWORD",
            "DATABASE_NAME",
            "ORDERDESK_API_SERVICE_HOST",
            "ORDERDESK_API_PORT_8080_TCP_ADDR",
            "ORDERDESK_API_PORT",
            "ORDERDESK_TEST_STORE_ID",
            "MCP_KMS_KEY_FILE",
            "REDIS_URL_FILE",
            "PORT",
        ] {
            assert_eq!(of(name), Vec::<String>::new(), "{name}");
        }
    }
}
