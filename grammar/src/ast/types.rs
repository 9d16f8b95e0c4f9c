//! Types as written in schemas and parameters.

use serde::{Deserialize, Serialize};

use super::{Doc, Text};
use crate::span::{Ident, Span, Spanned};

/// A type as written, with its `?`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TypeExpr {
    /// What it is.
    pub kind: TypeKind,
    /// Whether a `?` follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Its place, the `?` included.
    #[serde(skip)]
    pub span: Span,
}

/// What a type expression says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// `text`, `int`, `any`, `Lead` …
    Named(Ident),
    /// `"a" | "b"`.
    OneOf(Vec<Spanned<Box<str>>>),
    /// `list of T limit n`.
    List {
        /// The elements' type.
        of: Box<TypeExpr>,
        /// The most elements there may be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<Spanned<u64>>,
    },
    /// `map of T`.
    Map(Box<TypeExpr>),
    /// `{ … }`.
    Record(RecordType),
    /// `( T )`.
    Paren(Box<TypeExpr>),
}

/// `{ field: type … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RecordType {
    /// The fields in written order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldType>,
    /// Its place, braces included.
    #[serde(skip)]
    pub span: Span,
}

/// One field of a record type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FieldType {
    /// The `##` lines above it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub docs: Vec<Doc>,
    /// Its name; quoted names are unescaped.
    pub key: Ident,
    /// Its type.
    pub ty: TypeExpr,
    /// Where `sensitive` is written.
    #[serde(with = "crate::span::flag", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<bool>"))]
    pub sensitive: Option<Span>,
    /// `deprecated`, with its advice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecated>,
    /// Its place, docs excluded.
    #[serde(skip)]
    pub span: Span,
}

/// `deprecated "use amount_due"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Deprecated {
    /// What to do instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Text>,
    /// Where it is written.
    #[serde(skip)]
    pub span: Span,
}
