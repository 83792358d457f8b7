//! The program's own health check, for containers that have no other HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use runtime::Config;

use crate::error::StartError;

/// `/health` of the process that is configured so, the worker's or the one that serves; by loopback if it listens on
/// every address.
pub(crate) fn url(config: &Config, worker: bool) -> String {
    let port = if worker { config.worker_port } else { config.port };
    format!("http://{}/health", target(config.host, port))
}

/// Asks `url`; everything but a success is an error.
pub(crate) async fn run(url: String) -> Result<(), StartError> {
    crate::node::install_tls();
    let failed = |error| StartError::failed("not healthy", error);
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(3))
        .build()
        .map_err(|error| failed(Box::new(error) as Box<dyn std::error::Error + Send + Sync>))?;
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|error| failed(error.into()))?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(failed(format!("status {}", answer.status()).into()))
    }
}

fn target(host: IpAddr, port: u16) -> SocketAddr {
    let host = match host {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(host, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_is_listened_on_is_asked() {
        let asked = |host: &str| target(host.parse().unwrap(), 80).to_string();
        assert_eq!(asked("0.0.0.0"), "127.0.0.1:80");
        assert_eq!(asked("10.1.2.3"), "10.1.2.3:80");
        assert_eq!(asked("::"), "[::1]:80");
        assert_eq!(asked("::1"), "[::1]:80");
    }
}
