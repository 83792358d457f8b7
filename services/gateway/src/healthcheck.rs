//! The program's own health check, for containers that have no other HTTP client.

use std::time::Duration;

use crate::error::StartError;

/// Asks `http://127.0.0.1:{port}/health`.
pub(crate) async fn run(port: u16) -> Result<(), StartError> {
    crate::node::install_tls();
    let failed = |error| StartError::failed("not healthy", error);
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(3))
        .build()
        .map_err(|error| failed(Box::new(error) as Box<dyn std::error::Error + Send + Sync>))?;
    let answer = client
        .get(format!("http://127.0.0.1:{port}/health"))
        .send()
        .await
        .map_err(|error| failed(error.into()))?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(failed(format!("status {}", answer.status()).into()))
    }
}
