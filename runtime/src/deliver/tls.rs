//! Whom a connection trusts and how it shows itself: public authorities, its own, a client certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::secret::Secret;

/// Hosts whose TLS sessions are remembered, so that they can be taken up again: about as many as lines wait.
const SESSIONS_MAX: usize = 20_000;

/// The same for a connection with certificates of its own, which calls one host.
const OWN_SESSIONS_MAX: usize = 4;

/// Certificates in one text, at most: a chain, or the authorities of one receiver.
const CERTIFICATES_MAX: usize = 16;

/// Certificates of one connection, ready to be used.
#[derive(Debug)]
pub struct TlsProfile {
    /// Tells it from every other one of this process; lines are never shared between profiles.
    pub id: u64,
    /// How TLS is set up.
    pub config: Arc<ClientConfig>,
}

/// What a connection brings along, as PEM (RFC 7468).
#[derive(Clone, Debug, Default)]
pub struct TlsMaterial {
    /// The only authorities that are trusted; `None` for the public ones.
    pub ca: Option<Arc<str>>,
    /// The client's certificate with its chain, and its key.
    pub client: Option<(Arc<str>, Arc<Secret>)>,
}

/// What is wrong with certificates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsMistake {
    /// No certificate could be read.
    #[error("must hold 1 to {CERTIFICATES_MAX} certificates as PEM (`-----BEGIN CERTIFICATE-----`)")]
    Certificates,
    /// A certificate cannot be an authority.
    #[error("holds a certificate that cannot be an authority: {0}")]
    Authority(String),
    /// No key could be read.
    #[error("must be a private key as PEM (PKCS #8, PKCS #1 or SEC 1), without a password")]
    Key,
    /// Key and certificate do not belong together, or are of a kind that is not known.
    #[error("does not fit the client certificate: {0}")]
    Pair(String),
}

/// TLS for connections without certificates of their own.
///
/// # Errors
/// The library does not take its own settings.
pub(super) fn public_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(finished(config.with_root_certificates(roots).with_no_client_auth(), SESSIONS_MAX))
}

impl TlsMaterial {
    /// Whether there is anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ca.is_none() && self.client.is_none()
    }

    /// Makes it ready; `None` when there is nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn profile(&self) -> Result<Option<Arc<TlsProfile>>, TlsMistake> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if self.is_empty() {
            return Ok(None);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsMistake::Pair(error.to_string()))?;
        let roots = match &self.ca {
            None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            Some(pem) => roots(pem)?,
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().map_err(|error| TlsMistake::Authority(error.to_string()))?;
        let builder = builder.with_webpki_verifier(verifier);
        let config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(certificates(chain)?, private_key(key)?)
                .map_err(|error| TlsMistake::Pair(error.to_string()))?,
        };
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Arc::new(TlsProfile { id, config: finished(config, OWN_SESSIONS_MAX) })))
    }
}

fn finished(mut config: ClientConfig, sessions: usize) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(sessions);
    Arc::new(config)
}

/// Reads certificates.
///
/// # Errors
/// [`TlsMistake::Certificates`].
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsMistake> {
    let found = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|_| TlsMistake::Certificates)?;
    if (1..=CERTIFICATES_MAX).contains(&found.len()) { Ok(found) } else { Err(TlsMistake::Certificates) }
}

fn roots(pem: &str) -> Result<RootCertStore, TlsMistake> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| TlsMistake::Authority(error.to_string()))?;
    }
    Ok(roots)
}

fn private_key(pem: &Secret) -> Result<PrivateKeyDer<'static>, TlsMistake> {
    PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| TlsMistake::Key)
}
