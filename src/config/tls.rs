//! Transport security: files with certificates and keys, read once at the start.

use std::path::PathBuf;

use serde::Deserialize;

/// Transport security: certificate and key together, and a client authority when clients must show
/// a certificate too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file with the certificate chain.
    pub certificate_file: Option<PathBuf>,
    /// PEM file with the private key.
    pub key_file: Option<PathBuf>,
    /// PEM file with the authority that client certificates must come from.
    pub client_ca_file: Option<PathBuf>,
}

/// PEM texts of the transport security.
#[derive(Clone)]
pub struct TlsTexts {
    /// Certificate chain.
    pub certificate: String,
    /// Private key.
    pub key: String,
    /// Authority of client certificates.
    pub client_ca: Option<String>,
}

impl std::fmt::Debug for TlsTexts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TlsTexts").finish_non_exhaustive()
    }
}

impl TlsConfig {
    /// Reads the files. None where there is no transport security.
    pub(super) fn check(&self, faults: &mut Vec<String>) -> Option<TlsTexts> {
        let TlsConfig { certificate_file, key_file, client_ca_file } = self;
        let mut read = |name: &str, path: &Option<PathBuf>| {
            let path = path.as_ref()?;
            match std::fs::read_to_string(path) {
                Ok(text) => Some(text),
                Err(error) => {
                    faults.push(format!("tls.{name}: {} cannot be read: {error}", path.display()));
                    None
                }
            }
        };
        let certificate = read("certificate_file", certificate_file);
        let key = read("key_file", key_file);
        let client_ca = read("client_ca_file", client_ca_file);
        if certificate_file.is_some() != key_file.is_some() {
            faults.push("tls: certificate_file and key_file go together".to_owned());
        }
        if client_ca_file.is_some() && certificate_file.is_none() {
            faults.push("tls: client_ca_file needs certificate_file and key_file".to_owned());
        }
        Some(TlsTexts { certificate: certificate?, key: key?, client_ca })
    }
}
