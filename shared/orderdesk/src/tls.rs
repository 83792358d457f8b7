//! One TLS configuration for both kinds of connection.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::config::{BuildError, Config};

/// The given settings, else the platform's authorities; always HTTP/1.1.
///
/// Authorities are not even looked for when the base URL is plain `http`: a container without certificates can still
/// talk to a local Order Desk.
pub(crate) fn client_config(config: &Config) -> Result<ClientConfig, BuildError> {
    let mut tls = if let Some(given) = &config.tls {
        ClientConfig::clone(given)
    } else {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(BuildError::Tls)?;
        if config.base_url.scheme() == "https" {
            builder
                .with_platform_verifier()
                .map_err(BuildError::Tls)?
                .with_no_client_auth()
        } else {
            builder
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        }
    };
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}
