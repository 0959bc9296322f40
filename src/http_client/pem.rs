//! Certificates and keys, read from PEM files.
//!
//! Knows files and their form, not what they are for. A mistake names the file and the cure, and never holds what is in it.
//! Used by [`super::connection`], and by whoever else speaks TLS to a server of the operator's.

use std::fs::File;
use std::io::{self, Read};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// More than all certificate authorities of the world together.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// A file that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read.
    #[error("`{0}`: {1}")]
    Unreadable(String, io::Error),
    /// It is too large to be meant.
    #[error("`{0}` is larger than 4 MiB, which no PEM file of certificates is")]
    TooLarge(String),
    /// It holds no certificate, or one that is broken.
    #[error(
        "`{0}` {1}; it has to be a PEM file, in which each certificate stands between `-----BEGIN CERTIFICATE-----` and `-----END \
         CERTIFICATE-----`"
    )]
    NoCertificate(String, &'static str),
    /// It holds no private key that could be read.
    #[error(
        "`{0}` has no private key that can be read; it has to be a PEM file with `-----BEGIN PRIVATE KEY-----` (or RSA, or EC) and no \
         passphrase"
    )]
    NoKey(String),
}

fn read(path: &str) -> Result<Vec<u8>, PemError> {
    let unreadable = |error| PemError::Unreadable(path.to_owned(), error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 > LARGEST_FILE {
        true => Err(PemError::TooLarge(path.to_owned())),
        false => Ok(bytes),
    }
}

/// All certificates in the file at `path`, in the order written; never none.
///
/// # Errors
/// When the file cannot be read, has none, or has one that is broken.
pub fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let faulty = |what| PemError::NoCertificate(path.to_owned(), what);
    let bytes = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let all = all.map_err(|_| faulty("has a certificate that is broken"))?;
    match all.is_empty() {
        true => Err(faulty("has no certificate in it")),
        false => Ok(all),
    }
}

/// The same where each is one to be trusted.
///
/// # Errors
/// As there, and when nobody could be trusted by one of them.
pub fn authorities(path: &str) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let all = certificates(path)?;
    let mut store = RootCertStore::empty();
    for certificate in &all {
        let added = store.add(certificate.clone());
        added.map_err(|_| PemError::NoCertificate(path.to_owned(), "has a certificate that is broken"))?;
    }
    Ok(all)
}

/// The private key in the file at `path`.
///
/// # Errors
/// When the file cannot be read or has none that is open to us.
pub fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| PemError::NoKey(path.to_owned()))
}
