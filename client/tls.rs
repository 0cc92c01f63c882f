//! TLS with rustls and ring, with the platform's root certificates and the configured ones.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::build_error::BuildError;

/// A TLS configuration. The certificates in `pems` are trusted in addition to the platform's.
pub(crate) fn config(is_https: bool, pems: &[Vec<u8>]) -> Result<ClientConfig, BuildError> {
    let failed = |error: rustls::Error| BuildError::Tls(error.into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let building = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    // A client of an http URL needs no certificates, and some machines have none.
    if !is_https {
        return Ok(building.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let verifier = Verifier::new_with_extra_roots(given(pems)?, provider).map_err(failed)?;
    Ok(building.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn given(pems: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let mut all = Vec::new();
    for pem in pems {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            all.push(certificate.map_err(|error| BuildError::Certificate(error.to_string()))?);
        }
        if all.len() == before {
            return Err(BuildError::Certificate("there is no `BEGIN CERTIFICATE` in it".to_owned()));
        }
    }
    Ok(all)
}
