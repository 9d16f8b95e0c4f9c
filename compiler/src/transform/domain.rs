//! `domain`: where an address lives.

use super::{Accepts, Section, Transform, eg, output, typing};
use crate::types::Type;
use crate::value::{Value, form};

pub(super) const TRANSFORM: Transform = Transform {
    name: "domain",
    summary: "The domain of an email address or the host of a URL, in lower case, without port; missing when \
              the text is neither.",
    section: Section::Text,
    input: Accepts::Text,
    params: &[],
    output: typed,
    refuses: super::nothing,
    apply,
    examples: &[
        eg(r#""Ada@Example.COM" | domain"#, r#""example.com""#),
        eg(r#""https://user:pw@Shop.Example:8443/a@b?c" | domain"#, r#""shop.example""#),
        eg(r#""https://[2001:DB8::1]:443/" | domain"#, r#""2001:db8::1""#),
        eg(r#""käse@Bücher.example" | domain"#, r#""bücher.example""#),
        eg(r#""example.com" | domain"#, "missing"),
        eg(r#""a@b@" | domain"#, "missing"),
        eg("5 | domain", "missing"),
    ],
};

fn typed(input: &Type, _: &[Type]) -> Type {
    match input {
        Type::Email | Type::Url => Type::Text,
        _ => typing::optional(Type::Text),
    }
}

fn apply<'e>(value: Value<'e>, _: &[Value<'e>]) -> Value<'e> {
    let Some(text) = value.as_text() else { return Value::Missing };
    let domain = match form::host(text) {
        Some(host) => Some(host),
        None if form::is_email(text) => text.rsplit_once('@').map(|(_, domain)| domain),
        None => None,
    };
    domain.map_or(Value::Missing, |domain| output::text(domain.to_lowercase()))
}
