//! How a connection's requests are signed, as data.
//!
//! Standard Webhooks, schemes that are common elsewhere, or a scheme that somebody describes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderName, HeaderValue};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};

use super::{SECRET_PREFIX, SecretError, check_secret, standard_key};
use crate::secret::Secret;

/// What a private ed25519 key begins with (Standard Webhooks).
pub const PRIVATE_KEY_PREFIX: &str = "whsk_";

/// What a public ed25519 key begins with (Standard Webhooks).
pub const PUBLIC_KEY_PREFIX: &str = "whpk_";

/// Bytes of a secret that is a text.
pub const TEXT_SECRET_BYTES: std::ops::RangeInclusive<usize> = 16..=128;

/// Characters of a template, at most.
pub const TEMPLATE_CHARS_MAX: usize = 200;

/// How requests are signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum Signing {
    /// Standard Webhooks 1.0, `v1`: HMAC-SHA256 with a shared secret. Every live secret signs.
    #[default]
    Standard,
    /// Standard Webhooks 1.0, `v1a`: ed25519; receivers have a public key and no secret.
    Ed25519,
    /// `X-Hub-Signature-256: sha256=HEX` over the body, as GitHub does. The newest secret signs.
    Github,
    /// `Stripe-Signature: t=SECONDS,v1=HEX` over time and body, as Stripe does. Every live secret signs.
    Stripe,
    /// As described. The newest secret signs.
    Custom(Custom),
}

/// A described scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custom {
    /// The header with the signature.
    pub header: Box<str>,
    /// The hash.
    pub algorithm: Algorithm,
    /// How the signature is written.
    pub encoding: Encoding,
    /// What is signed: a text with `{body}` at its end and perhaps `{id}` and `{timestamp}` before it.
    pub signed: Box<str>,
    /// The header's value: a text with `{signature}` and perhaps `{timestamp}` and `{id}`.
    pub value: Box<str>,
}

/// The hash of an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-1, for receivers that know nothing else. As an HMAC it is not broken.
    Sha1,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Base64 with padding.
    Base64,
}

/// What one attempt signs.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The delivery's id as its receiver knows it.
    pub id: &'a str,
    /// When, in seconds since 1970.
    pub seconds: i64,
    /// The body.
    pub body: &'a [u8],
}

/// How a scheme writes its header: one row of the table, whoever wrote it.
struct Row<'a> {
    header: &'a str,
    algorithm: Algorithm,
    encoding: Encoding,
    signed: &'a str,
    /// Once, before the signatures.
    first: &'a str,
    /// Once for each secret that signs.
    each: &'a str,
    /// Whether all live secrets sign, or the newest one alone.
    all: bool,
}

const GITHUB: Row<'static> = Row {
    header: "x-hub-signature-256",
    algorithm: Algorithm::Sha256,
    encoding: Encoding::Hex,
    signed: "{body}",
    first: "",
    each: "sha256={signature}",
    all: false,
};

const STRIPE: Row<'static> = Row {
    header: "stripe-signature",
    algorithm: Algorithm::Sha256,
    encoding: Encoding::Hex,
    signed: "{timestamp}.{body}",
    first: "t={timestamp}",
    each: ",v1={signature}",
    all: true,
};

impl Signing {
    /// The header that signs a request; `None` without a secret.
    ///
    /// # Errors
    /// A secret cannot sign by this scheme.
    pub fn header<'s>(
        &self,
        secrets: impl IntoIterator<Item = &'s Secret>,
        what: Signed<'_>,
    ) -> Result<Option<(HeaderName, HeaderValue)>, SecretError> {
        let custom;
        let row = match self {
            Self::Standard | Self::Ed25519 => {
                let value = standard(secrets, what)?;
                return finished("webhook-signature", &value);
            }
            Self::Github => &GITHUB,
            Self::Stripe => &STRIPE,
            Self::Custom(scheme) => {
                let Custom { header, algorithm, encoding, signed, value } = scheme;
                let (algorithm, encoding) = (*algorithm, *encoding);
                custom = Row { header, algorithm, encoding, signed, first: "", each: value, all: false };
                &custom
            }
        };
        let text = filled(row.signed, what, "");
        let mut message = text.replacen("{body}", "", 1).into_bytes();
        message.extend_from_slice(what.body);
        let mut value = String::new();
        for secret in secrets {
            if value.is_empty() {
                value.push_str(&filled(row.first, what, ""));
            }
            let signature = row.algorithm.sign(text_key(secret)?, &message);
            value.push_str(&filled(row.each, what, &row.encoding.write(signature.as_ref())));
            if !row.all {
                break;
            }
        }
        finished(row.header, &value)
    }

    /// Makes a secret for this scheme.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn fresh_secret(&self) -> Result<Secret, ring::error::Unspecified> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes)?;
        let prefix = match self {
            Self::Ed25519 => PRIVATE_KEY_PREFIX,
            Self::Standard | Self::Github | Self::Stripe | Self::Custom(_) => SECRET_PREFIX,
        };
        Ok(Secret::new(format!("{prefix}{}", STANDARD.encode(bytes))))
    }

    /// Checks that a secret can sign by this scheme.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn check(&self, secret: &Secret) -> Result<(), SecretError> {
        match self {
            Self::Standard => check_secret(secret),
            Self::Ed25519 => pair(secret).map(drop),
            Self::Github | Self::Stripe | Self::Custom(_) => text_key(secret).map(drop),
        }
    }

    /// What receivers check a signature with, where that is not the secret itself.
    #[must_use]
    pub fn public_key(&self, secret: &Secret) -> Option<String> {
        match self {
            Self::Ed25519 => {
                let pair = pair(secret).ok()?;
                Some(format!("{PUBLIC_KEY_PREFIX}{}", STANDARD.encode(pair.public_key())))
            }
            Self::Standard | Self::Github | Self::Stripe | Self::Custom(_) => None,
        }
    }
}

impl Custom {
    /// What is wrong with the template of what is signed.
    #[must_use]
    pub fn signed_mistake(text: &str) -> Option<&'static str> {
        if !text.ends_with("{body}") {
            return Some("must end in `{body}`, such as `{timestamp}.{body}`");
        }
        let rest = text.replacen("{id}", "", 1).replacen("{timestamp}", "", 1).replacen("{body}", "", 1);
        rest.contains(['{', '}']).then_some("may hold `{id}`, `{timestamp}` and `{body}`, each once")
    }

    /// What is wrong with the template of the header's value.
    #[must_use]
    pub fn value_mistake(text: &str) -> Option<&'static str> {
        if !text.contains("{signature}") {
            return Some("must hold `{signature}`, such as `t={timestamp},v1={signature}`");
        }
        if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Some("may hold printable ASCII characters");
        }
        let rest = text.replace("{id}", "").replace("{timestamp}", "").replace("{signature}", "");
        rest.contains(['{', '}']).then_some("may hold `{id}`, `{timestamp}` and `{signature}`")
    }
}

impl Algorithm {
    fn sign(self, key: &[u8], message: &[u8]) -> hmac::Tag {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), message)
    }
}

impl Encoding {
    fn write(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::Base64 => STANDARD.encode(bytes),
        }
    }
}

fn filled(template: &str, what: Signed<'_>, signature: &str) -> String {
    let text = template.replace("{timestamp}", &what.seconds.to_string());
    text.replace("{signature}", signature).replace("{id}", what.id)
}

fn finished(header: &str, value: &str) -> Result<Option<(HeaderName, HeaderValue)>, SecretError> {
    if value.is_empty() {
        return Ok(None);
    }
    let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| SecretError::Scheme)?;
    let value = HeaderValue::from_str(value).map_err(|_| SecretError::Scheme)?;
    Ok(Some((header, value)))
}

/// The value of `webhook-signature`: one signature a secret, separated by spaces. A secret's prefix says
/// which kind it is, so that a connection can go from one kind to the other without a gap.
fn standard<'s>(
    secrets: impl IntoIterator<Item = &'s Secret>,
    what: Signed<'_>,
) -> Result<String, SecretError> {
    let message = super::signed(what.id, &what.seconds.to_string(), what.body);
    let mut value = String::new();
    for secret in secrets {
        if !value.is_empty() {
            value.push(' ');
        }
        if secret.expose().starts_with(PRIVATE_KEY_PREFIX.as_bytes()) {
            value.push_str("v1a,");
            STANDARD.encode_string(pair(secret)?.sign(&message), &mut value);
        } else {
            value.push_str("v1,");
            STANDARD.encode_string(hmac::sign(&standard_key(secret)?, &message), &mut value);
        }
    }
    Ok(value)
}

/// A private key: `whsk_` and base64 of the seed, perhaps with the public key after it (RFC 8032).
fn pair(secret: &Secret) -> Result<Ed25519KeyPair, SecretError> {
    let text = secret.expose_text().and_then(|text| text.strip_prefix(PRIVATE_KEY_PREFIX));
    let bytes = Secret::new(text.and_then(|text| STANDARD.decode(text).ok()).ok_or(SecretError::PrivateKey)?);
    let pair = match bytes.expose() {
        seed if seed.len() == 32 => Ed25519KeyPair::from_seed_unchecked(seed),
        both => {
            let (seed, public) = both.split_at_checked(32).ok_or(SecretError::PrivateKey)?;
            Ed25519KeyPair::from_seed_and_public_key(seed, public)
        }
    };
    pair.map_err(|_| SecretError::PrivateKey)
}

/// A secret that signs as the text it is.
fn text_key(secret: &Secret) -> Result<&[u8], SecretError> {
    let bytes = secret.expose();
    if !TEXT_SECRET_BYTES.contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(SecretError::Text);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    fn custom(algorithm: Algorithm, encoding: Encoding, signed: &str, value: &str) -> Signing {
        let header = "x-shop-signature".into();
        Signing::Custom(Custom { header, algorithm, encoding, signed: signed.into(), value: value.into() })
    }

    /// The signatures come from Python's `hmac` and from OpenSSL; the first is GitHub's own example, and
    /// the key pair is the first test vector of RFC 8032.
    #[test]
    fn known_signatures_are_made() {
        use Algorithm::*;
        use Encoding::*;
        let seed = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
        let both =
            "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==";
        let v1a =
            "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==";
        let message = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        let text = "a-secret-of-some-length";
        let rows = [
            (Signing::Ed25519, seed, message, "webhook-signature", v1a),
            (Signing::Ed25519, both, message, "webhook-signature", v1a),
            (
                Signing::Standard,
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                message,
                "webhook-signature",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                Signing::Stripe,
                "whsec_test_secret",
                ("evt_1", 1_614_265_330, r#"{"id":"evt_test"}"#),
                "stripe-signature",
                "t=1614265330,v1=00cd8805b6dfb4317048892c492f8ff769e2075ec20013c6ed546e639a4e20ba",
            ),
            (
                custom(Sha1, Base64, "{timestamp}:{body}", "keyId=1,t={timestamp},sig={signature}"),
                text,
                ("dlv_1", 1_614_265_330, r#"{"a":1}"#),
                "x-shop-signature",
                "keyId=1,t=1614265330,sig=iK0nT4pFM1Ib2P388qfX7JmWyII=",
            ),
            (
                custom(Sha512, Hex, "{id}{body}", "{signature}"),
                text,
                ("dlv_1", 1_614_265_330, r#"{"a":1}"#),
                "x-shop-signature",
                "6c2138d021462032a356bdda61f0d6d29553948f286f0bf393a6ece6140a33dd10a8140e536c1609e15dd7bc5d6b44490053c90c5763784d01553924e0ed173f",
            ),
        ];
        for (signing, secret, (id, seconds, body), header, value) in rows {
            let secret = Secret::new(secret);
            signing.check(&secret).unwrap();
            let what = Signed { id, seconds, body: body.as_bytes() };
            let made = signing.header([&secret], what).unwrap().unwrap();
            assert_eq!((made.0.as_str(), made.1.to_str().unwrap()), (header, value), "{signing:?}");
        }
        let what = Signed { id: "x", seconds: 0, body: b"Hello, World!" };
        let tag = Algorithm::Sha256.sign(b"It's a Secret to Everybody", what.body);
        assert_eq!(
            Encoding::Hex.write(tag.as_ref()),
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
        let made = Signing::Github.header([&Secret::new(text)], what).unwrap().unwrap();
        let tag = Encoding::Hex.write(Algorithm::Sha256.sign(text.as_bytes(), what.body).as_ref());
        assert_eq!(
            (made.0.as_str(), made.1.to_str().unwrap()),
            ("x-hub-signature-256", &*format!("sha256={tag}"))
        );
    }

    #[test]
    fn every_live_secret_signs_where_receivers_can_tell_them_apart() {
        let what = Signed { id: "dlv_1", seconds: 7, body: b"{}" };
        let rows = [
            (Signing::Standard, " v1,", 1),
            (Signing::Ed25519, " v1a,", 1),
            (Signing::Stripe, ",v1=", 2),
            (Signing::Github, "sha256=", 1),
            (custom(Algorithm::Sha256, Encoding::Hex, "{body}", "s={signature}"), "s=", 1),
        ];
        for (signing, mark, count) in rows {
            let (new, old) = (signing.fresh_secret().unwrap(), signing.fresh_secret().unwrap());
            let (_, value) = signing.header([&new, &old], what).unwrap().unwrap();
            assert_eq!(value.to_str().unwrap().matches(mark).count(), count, "{value:?}");
            assert!(signing.header([], what).unwrap().is_none(), "nothing signs without a secret");
        }
    }

    #[test]
    fn a_receiver_needs_only_the_public_key() {
        let secret = Signing::Ed25519.fresh_secret().unwrap();
        let public = Signing::Ed25519.public_key(&secret).unwrap();
        let public = STANDARD.decode(public.strip_prefix(PUBLIC_KEY_PREFIX).unwrap()).unwrap();
        let what = Signed { id: "dlv_1", seconds: 7, body: b"{}" };
        let (_, value) = Signing::Ed25519.header([&secret], what).unwrap().unwrap();
        let signature = STANDARD.decode(value.to_str().unwrap().strip_prefix("v1a,").unwrap()).unwrap();
        UnparsedPublicKey::new(&ED25519, &public).verify(b"dlv_1.7.{}", &signature).unwrap();
        assert!(UnparsedPublicKey::new(&ED25519, &public).verify(b"dlv_1.8.{}", &signature).is_err());
        // From the shared secret to the key pair: for a while both sign.
        let old = Signing::Standard.fresh_secret().unwrap();
        let (_, value) = Signing::Ed25519.header([&secret, &old], what).unwrap().unwrap();
        let value = value.to_str().unwrap();
        assert!(value.starts_with("v1a,") && value.contains(" v1,"), "{value}");
    }

    #[test]
    fn secrets_and_templates_are_checked() {
        let check = |signing: &Signing, text: &str| signing.check(&Secret::new(text)).unwrap_err();
        assert_eq!(check(&Signing::Standard, "0123456789abcdef"), SecretError::Encoding);
        assert_eq!(
            check(&Signing::Ed25519, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            SecretError::PrivateKey
        );
        assert_eq!(check(&Signing::Ed25519, "whsk_AAAA"), SecretError::PrivateKey);
        assert_eq!(check(&Signing::Github, "short"), SecretError::Text);
        assert_eq!(check(&Signing::Stripe, "with a blank in it"), SecretError::Text);
        for good in ["{body}", "{timestamp}.{body}", "{id}.{timestamp}.{body}", "v0:{timestamp}:{body}"] {
            assert_eq!(Custom::signed_mistake(good), None, "{good}");
        }
        for bad in ["", "{timestamp}", "{body}.", "{url}{body}", "{body}{body}", "{{body}"] {
            assert!(Custom::signed_mistake(bad).is_some(), "{bad}");
        }
        for good in ["{signature}", "v0={signature}", "t={timestamp},v1={signature}", "id={id} s={signature}"]
        {
            assert_eq!(Custom::value_mistake(good), None, "{good}");
        }
        for bad in ["", "sha256=", "{signature}\n", "{signature}{x}", "ü{signature}"] {
            assert!(Custom::value_mistake(bad).is_some(), "{bad}");
        }
    }
}
