//! Settings of a connection as a request writes them: signing, success, certificates.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::fields::{Fields, kind_of};
use crate::deliver::request::header;
use crate::deliver::sign::scheme::{Algorithm, Custom, Encoding, Signing, TEMPLATE_CHARS_MAX};
use crate::deliver::success::{CONDITION_CHARS_MAX, SuccessRecord};
use crate::deliver::tls::{TlsMaterial, TlsMistake, certificates};
use crate::secret::Secret;

/// Characters of a secret as text.
const SECRET_CHARS_MAX: usize = 256;

/// Characters of certificates or of a key as PEM.
const PEM_CHARS_MAX: usize = 24 << 10;

const SCHEMES: &[&str] = &["standard", "ed25519", "github", "stripe", "custom"];

/// Takes an object, with its place for messages.
fn object(fields: &mut Fields, name: &'static str) -> Option<Fields> {
    match fields.value(name)? {
        Value::Object(map) => Some(inner(name, map)),
        other => fields.wrong(name, format!("must be an object, not {}", kind_of(&other))),
    }
}

fn inner(name: &str, map: Map<String, Value>) -> Fields {
    Fields::of_object(format!("/{name}"), map)
}

/// Takes `signing`: a scheme's name, or an object with `scheme` and what it needs.
pub(super) fn signing(fields: &mut Fields) -> Option<Signing> {
    let named = |fields: &mut Fields, place, name: &str| match name {
        "standard" => Some(Signing::Standard),
        "ed25519" => Some(Signing::Ed25519),
        "github" => Some(Signing::Github),
        "stripe" => Some(Signing::Stripe),
        _ => fields.wrong(place, format!("must be one of: {}", SCHEMES.join(", "))),
    };
    match fields.value("signing")? {
        Value::String(name) => named(fields, "signing", &name),
        Value::Object(map) => {
            let mut inside = inner("signing", map);
            let scheme = inside.needed_text("scheme", 32);
            let signing = match scheme.as_str() {
                "" => None,
                "custom" => custom(&mut inside).map(Signing::Custom),
                other => named(&mut inside, "scheme", other),
            };
            fields.adopt(inside);
            signing
        }
        other => fields.wrong("signing", format!("must be a scheme or an object, not {}", kind_of(&other))),
    }
}

fn custom(fields: &mut Fields) -> Option<Custom> {
    let name = fields.needed_text("header", 64);
    if !name.is_empty()
        && let Err(error) = header(&name, "x")
    {
        fields.wrong::<()>("header", error.to_string());
    }
    let algorithms =
        [("sha256", Algorithm::Sha256), ("sha512", Algorithm::Sha512), ("sha1", Algorithm::Sha1)];
    let algorithm = fields.word("algorithm", &algorithms).unwrap_or(Algorithm::Sha256);
    let encodings = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
    let encoding = fields.word("encoding", &encodings).unwrap_or(Encoding::Hex);
    let signed = fields.needed_text("signed", TEMPLATE_CHARS_MAX);
    if let Some(mistake) = Custom::signed_mistake(&signed).filter(|_| !signed.is_empty()) {
        fields.wrong::<()>("signed", mistake.to_owned());
    }
    let value = fields.needed_text("value", TEMPLATE_CHARS_MAX);
    if let Some(mistake) = Custom::value_mistake(&value).filter(|_| !value.is_empty()) {
        fields.wrong::<()>("value", mistake.to_owned());
    }
    Some(Custom { header: name.into(), algorithm, encoding, signed: signed.into(), value: value.into() })
}

/// Takes `secret`, checked against the scheme that will sign with it.
pub(super) fn secret(fields: &mut Fields, signing: &Signing) -> Option<Secret> {
    let secret = Secret::new(fields.text("secret", SECRET_CHARS_MAX)?.into_bytes());
    match signing.check(&secret) {
        Err(mistake) => fields.wrong("secret", mistake.to_string()),
        Ok(()) => Some(secret),
    }
}

/// Takes `success`. The outer `None` is for a request that does not say; null takes it away.
pub(super) fn success(fields: &mut Fields) -> Option<Option<SuccessRecord>> {
    let given = fields.is_given("success");
    let Some(mut inside) = object(fields, "success") else { return given.then_some(None) };
    let mut record = SuccessRecord::default();
    if inside.is_given("statuses") {
        for status in inside.needed_list("statuses") {
            match status {
                Value::String(text) => record.statuses.push(text.into()),
                Value::Number(number) => record.statuses.push(number.to_string().into()),
                other => {
                    let words = format!("must hold statuses, not {}", kind_of(&other));
                    inside.wrong::<()>("statuses", words);
                }
            }
        }
    } else {
        inside.value("statuses");
    }
    record.condition = inside.text("condition", CONDITION_CHARS_MAX).map(Into::into);
    if let Err((field, words)) = record.ready() {
        inside.wrong::<()>(field, words);
    }
    fields.adopt(inside);
    Some(Some(record).filter(|record| *record != SuccessRecord::default()))
}

/// Takes `tls`: all certificates of the connection. Null takes them away.
pub(super) fn tls(fields: &mut Fields) -> Option<TlsMaterial> {
    let given = fields.is_given("tls");
    let Some(mut inside) = object(fields, "tls") else { return given.then(TlsMaterial::default) };
    let ca = inside.text("ca", PEM_CHARS_MAX);
    let certificate = inside.text("client_certificate", PEM_CHARS_MAX);
    let key = inside.text("client_key", PEM_CHARS_MAX);
    match (&certificate, &key) {
        (Some(_), None) => {
            inside.wrong::<()>("client_key", "is needed with `client_certificate`".to_owned());
        }
        (None, Some(_)) => {
            inside.wrong::<()>("client_certificate", "is needed with `client_key`".to_owned());
        }
        (Some(chain), Some(_)) if certificates(chain).is_err() => {
            inside.wrong::<()>("client_certificate", TlsMistake::Certificates.to_string());
        }
        _ => {}
    }
    let key = key.map(|key| Arc::new(Secret::new(key.into_bytes())));
    let material = TlsMaterial { ca: ca.map(Into::into), client: certificate.map(Into::into).zip(key) };
    if let Err(mistake) = material.profile() {
        let field = match mistake {
            TlsMistake::Certificates | TlsMistake::Authority(_) => "ca",
            TlsMistake::Key | TlsMistake::Pair(_) => "client_key",
        };
        let told = matches!(field, "ca") && material.ca.is_none();
        if !told {
            inside.wrong::<()>(field, mistake.to_string());
        }
    }
    fields.adopt(inside);
    Some(material)
}
