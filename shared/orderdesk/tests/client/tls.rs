//! Both kinds of connection over TLS, with an authority of the test's own (`tls/`, worth nothing elsewhere).

use std::sync::Arc;

use orderdesk::{Client, Config, Failure, Guard, NotSent};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::upstream::{self, credentials, order, success};

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(include_bytes!("tls/local.pem")).expect("a certificate")
}

fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

pub fn trusting_nobody() -> Arc<ClientConfig> {
    trusting(RootCertStore::empty())
}

/// A TLS server that answers each request, and its port.
async fn serve() -> u16 {
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/local.key.pem")).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let config = builder
        .with_no_client_auth()
        .with_single_cert(vec![certificate()], key)
        .expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(tcp).await else {
                    return;
                };
                while upstream::read(&mut stream, 0).await.is_some() {
                    if stream.write_all(&success()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn reads_and_writes_work_over_tls_by_name_and_by_address() {
    let port = serve().await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let mut config = Config::new(format!("https://{host}:{port}/api/v2").parse().unwrap());
        config.tls = Some(trusting(roots.clone()));
        let client = Client::new(config).unwrap();
        assert!(client.get_order(&credentials(), "1").await.is_ok());
        let answer = client
            .put_order(&credentials(), "1", &order(), Guard::default())
            .await
            .unwrap();
        assert_eq!(answer.tokens_remaining, Some(18));
    }
}

#[tokio::test]
async fn an_untrusted_server_gets_no_byte_of_a_request() {
    let port = serve().await;
    let mut config = Config::new(format!("https://127.0.0.1:{port}/api/v2").parse().unwrap());
    config.tls = Some(trusting_nobody());
    let client = Client::new(config).unwrap();
    let read = client.get_order(&credentials(), "1").await.unwrap_err();
    let written = client
        .put_order(&credentials(), "1", &order(), Guard::default())
        .await
        .unwrap_err();
    assert_eq!(read.failure(), Failure::NotSent(NotSent::Tls));
    assert_eq!(written.failure(), Failure::NotSent(NotSent::Tls));
}
