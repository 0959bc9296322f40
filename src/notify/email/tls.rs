//! Who vouches for the mail server: the system's certificate authorities, or one of the operator's own.
//!
//! Knows certificates; knows no SMTP. Next file: [`super::wire`], which carries bytes.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::TlsConnector;

use super::server::Mistake;
use crate::http_client::install_crypto;

/// Trusts the authorities in the PEM file `ca` and no others; without it, those of the system, as the HTTP client does.
pub(super) fn connector(ca: Option<&str>) -> Result<TlsConnector, Mistake> {
    install_crypto();
    let config = match ca {
        Some(file) => ClientConfig::builder().with_root_certificates(authorities(file)?),
        None => ClientConfig::builder().with_platform_verifier().map_err(|error| {
            let cure = "install the system's CA certificates (package `ca-certificates`), or name a file with `ca`";
            Mistake::new(format!("cannot be verified: {error}"), cure)
        })?,
    };
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}

fn authorities(file: &str) -> Result<RootCertStore, Mistake> {
    let cure = "name a PEM file that holds the certificate of the authority which signed the server's";
    let mistake = |error: String| Mistake::new(format!("`{file}`: {error}"), cure);
    let text = std::fs::read(file).map_err(|error| mistake(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| mistake(error.to_string()))?;
        roots.add(certificate).map_err(|error| mistake(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(mistake("there is no certificate in it".to_owned())),
        false => Ok(roots),
    }
}
