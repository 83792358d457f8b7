//! The program's own health check, for containers that have no other HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::error::StartError;

/// Asks `/health` of the process that listens on `host`, by loopback if that means every address.
pub(crate) async fn run(host: IpAddr, port: u16) -> Result<(), StartError> {
    crate::node::install_tls();
    let failed = |error| StartError::failed("not healthy", error);
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(3))
        .build()
        .map_err(|error| failed(Box::new(error) as Box<dyn std::error::Error + Send + Sync>))?;
    let answer = client
        .get(format!("http://{}/health", target(host, port)))
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
