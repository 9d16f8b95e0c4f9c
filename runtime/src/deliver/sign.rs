//! Signatures: Standard Webhooks 1.0 here, and every scheme as data in [`scheme`].

pub mod scheme;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::hmac;

use crate::secret::Secret;

/// What a secret's text begins with.
pub const SECRET_PREFIX: &str = "whsec_";

/// A secret has at least so many bytes (as the standard says).
pub const SECRET_BYTES_MIN: usize = 24;

/// A secret has at most so many bytes (as the standard says).
pub const SECRET_BYTES_MAX: usize = 64;

/// A receiver takes timestamps that are off by at most this.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Why a secret cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not `whsec_` and base64.
    #[error("a signing secret is `whsec_` and base64")]
    Encoding,
    /// Too short or too long.
    #[error("a signing secret has 24 to 64 bytes, this one has {0}")]
    Length(usize),
    /// Not `whsk_` and base64 of an ed25519 seed.
    #[error("a signing key is `whsk_` and base64 of 32 bytes, or of 64 with the public key")]
    PrivateKey,
    /// A text that is too short, too long, or not printable.
    #[error("a signing secret is 16 to 128 printable ASCII characters without blanks")]
    Text,
    /// The scheme's header cannot be written.
    #[error("the signature's header cannot be written")]
    Scheme,
}

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The secret itself is wrong.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The timestamp is no number.
    #[error("the timestamp is not a number of seconds")]
    Timestamp,
    /// The timestamp is too old or lies in the future.
    #[error("the timestamp is off by more than five minutes")]
    Tolerance,
    /// No signature fits.
    #[error("no signature fits")]
    Signature,
}

/// Checks a request as a receiver does: its three headers, its body, and the time.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify(
    secret: &Secret,
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let key = standard_key(secret)?;
    let seconds: i64 = timestamp.parse().map_err(|_| VerifyError::Timestamp)?;
    if now.as_second().abs_diff(seconds) > TOLERANCE.as_secs() {
        return Err(VerifyError::Tolerance);
    }
    let text = signed(id, timestamp, body);
    let fits = |signature: &str| {
        let bytes = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        // `hmac::verify` compares in constant time.
        bytes.is_some_and(|bytes| hmac::verify(&key, &text, &bytes).is_ok())
    };
    if signatures.split(' ').any(fits) { Ok(()) } else { Err(VerifyError::Signature) }
}

/// Checks that a secret can sign.
///
/// # Errors
/// See [`SecretError`].
pub fn check_secret(secret: &Secret) -> Result<(), SecretError> {
    standard_key(secret).map(drop)
}

fn standard_key(secret: &Secret) -> Result<hmac::Key, SecretError> {
    let text = secret.expose_text().and_then(|text| text.strip_prefix(SECRET_PREFIX));
    let decoded = text.and_then(|text| STANDARD.decode(text).ok());
    let bytes = Secret::new(decoded.ok_or(SecretError::Encoding)?);
    let length = bytes.expose().len();
    if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&length) {
        return Err(SecretError::Length(length));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()))
}

fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(id.len() + timestamp.len() + body.len() + 2);
    text.extend_from_slice(id.as_bytes());
    text.push(b'.');
    text.extend_from_slice(timestamp.as_bytes());
    text.push(b'.');
    text.extend_from_slice(body);
    text
}

#[cfg(test)]
mod tests {
    use super::scheme::{Signed, Signing};
    use super::*;

    fn sign<const N: usize>(secrets: [&Secret; N], id: &str, seconds: i64, body: &[u8]) -> String {
        let (_, value) = Signing::Standard.header(secrets, Signed { id, seconds, body }).unwrap().unwrap();
        value.to_str().unwrap().to_owned()
    }

    fn fresh_secret() -> Secret {
        Signing::Standard.fresh_secret().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// The vectors come from an independent implementation; see `tests/data/NOTICE.md`.
    #[test]
    fn known_signatures_are_made_and_verified() {
        let text = include_str!("../../tests/data/standard-webhooks-vectors.json");
        let vectors: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        assert_eq!(vectors.len(), 2);
        for vector in vectors {
            let field = |name: &str| vector[name].as_str().unwrap().to_owned();
            let secret = Secret::new(field("secret"));
            let seconds = vector["timestamp"].as_i64().unwrap();
            let (id, body, expected) = (field("id"), field("body"), field("signature"));
            assert_eq!(sign([&secret], &id, seconds, body.as_bytes()), expected);
            let check = |id: &str, seconds: i64, signature: &str, body: &[u8], now| {
                verify(&secret, id, &seconds.to_string(), signature, body, at(now))
            };
            let (bytes, now) = (body.as_bytes(), seconds + 300);
            assert_eq!(check(&id, seconds, &expected, bytes, now), Ok(()));
            assert_eq!(check(&id, seconds, &format!("v1a,x v1,AAAA {expected}"), bytes, now), Ok(()));
            assert_eq!(check("msg_other", seconds, &expected, bytes, now), Err(VerifyError::Signature));
            assert_eq!(check(&id, seconds + 1, &expected, bytes, now), Err(VerifyError::Signature));
            assert_eq!(check(&id, seconds, &expected, b"{}", now), Err(VerifyError::Signature));
            assert_eq!(check(&id, seconds, &expected, bytes, now + 1), Err(VerifyError::Tolerance));
            assert_eq!(check(&id, seconds, &expected, bytes, seconds - 301), Err(VerifyError::Tolerance));
        }
    }

    #[test]
    fn every_live_secret_signs() {
        let (old, new) = (fresh_secret(), fresh_secret());
        let header = sign([&new, &old], "dlv_1", 1_000, b"body");
        assert_eq!(header.split(' ').count(), 2);
        for secret in [&old, &new] {
            assert_eq!(verify(secret, "dlv_1", "1000", &header, b"body", at(1_000)), Ok(()));
        }
        let stranger = fresh_secret();
        assert_eq!(
            verify(&stranger, "dlv_1", "1000", &header, b"body", at(1_000)),
            Err(VerifyError::Signature)
        );
        assert_eq!(verify(&old, "dlv_1", "soon", &header, b"body", at(1_000)), Err(VerifyError::Timestamp));
    }

    #[test]
    fn a_bad_secret_is_named() {
        let check = |text: &str| check_secret(&Secret::new(text)).unwrap_err();
        assert_eq!(check("secret"), SecretError::Encoding);
        assert_eq!(check("whsec_***"), SecretError::Encoding);
        assert_eq!(check(&format!("whsec_{}", STANDARD.encode([1; 23]))), SecretError::Length(23));
        assert_eq!(check(&format!("whsec_{}", STANDARD.encode([1; 65]))), SecretError::Length(65));
        assert_eq!(format!("{:?}", fresh_secret()), "Secret(…)");
    }
}
