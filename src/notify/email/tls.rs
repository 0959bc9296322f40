//! Who vouches for the mail server: the system's certificate authorities, or one of the operator's own.
//!
//! Knows certificates; knows no SMTP. Next file: [`super::wire`], which carries bytes.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::TlsConnector;

use super::server::Mistake;
use crate::http_client::{install_crypto, pem};

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
    let mistake = |error: String| Mistake::new(error, cure);
    let mut roots = RootCertStore::empty();
    for certificate in pem::authorities(file).map_err(|error| mistake(error.to_string()))? {
        roots.add(certificate).map_err(|error| mistake(format!("`{file}`: {error}")))?;
    }
    Ok(roots)
}
