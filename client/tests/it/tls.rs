//! TLS to a server whose certificate only a configured root certificate makes trusted.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use runyard_client::run_gateway::{Client, HealthRequest};
use runyard_client::{BuildError, CallError, Retry};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};

use crate::scripted::{Act, serve};

/// A TLS configuration without trusted certificates, for clients that use http only.
pub(crate) fn nothing_trusted() -> ClientConfig {
    let building = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let building = building.with_safe_default_protocol_versions().unwrap();
    building.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
}

/// The certificate of a certificate authority as PEM, and the configuration of a server with a certificate that it
/// signed.
fn authority() -> (String, ServerConfig) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&own_key, &issuer).unwrap();
    let building = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let building = building.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let own_key = PrivateKeyDer::try_from(own_key.serialize_der()).unwrap();
    (root.pem(), building.with_single_cert(vec![own.der().clone()], own_key).unwrap())
}

/// A TLS server that answers health checks.
async fn server(config: ServerConfig) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let health = json!({ "status": "ok", "time": "2026-01-01T00:00:00Z" });
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, Arc::new(Mutex::default()), |_, _| Act::json(200, &health)).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_certificate_that_was_given_is_trusted_and_no_other() {
    let (pem, config) = authority();
    let url = server(config).await;
    let trusting = Client::builder(&url).no_proxy().root_certificate(pem).build().unwrap();
    assert_eq!(HealthRequest {}.send(&trusting).await.unwrap().status().as_u16(), 200);

    let (other, _) = authority();
    let wary = Client::builder(&url).no_proxy().root_certificate(other).retry(Retry::never()).build().unwrap();
    let error = HealthRequest {}.send(&wary).await.unwrap_err();
    assert!(matches!(&error, CallError::Transport(error) if error.is_connect()), "{error:?}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn what_is_no_certificate_is_refused() {
    for pem in ["", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        let error = Client::builder("https://localhost").root_certificate(pem).build().unwrap_err();
        assert!(matches!(error, BuildError::Certificate(_)), "{error:?}");
    }
}
