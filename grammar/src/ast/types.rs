//! Types as written in schemas and parameters.

use serde::{Deserialize, Serialize};

use super::{Doc, Text};
use crate::span::{Ident, Span, Spanned};

/// A type as written, with its `?`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeExpr {
    /// What it is.
    pub kind: TypeKind,
    /// Whether a `?` follows.
    pub optional: bool,
    /// Its place, the `?` included.
    pub span: Span,
}

/// What a type expression says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct RecordType {
    /// The fields in written order.
    pub fields: Vec<FieldType>,
    /// Its place, braces included.
    pub span: Span,
}

/// One field of a record type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldType {
    /// The `##` lines above it.
    pub docs: Vec<Doc>,
    /// Its name; quoted names are unescaped.
    pub key: Ident,
    /// Its type.
    pub ty: TypeExpr,
    /// Where `sensitive` is written.
    pub sensitive: Option<Span>,
    /// `deprecated`, with its advice.
    pub deprecated: Option<Deprecated>,
    /// Its place, docs excluded.
    pub span: Span,
}

/// `deprecated "use amount_due"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deprecated {
    /// What to do instead.
    pub advice: Option<Text>,
    /// Where it is written.
    pub span: Span,
}
